//! Constants fitted by `scripts/fit/emotion.py`, which writes this file.

/// Weights of the line's features for positive and negative against neutral.
pub(super) const FEATURE_WEIGHTS: [[f64; 4]; 2] = [[3.0666, 1.6652, 3.0634, -0.966], [-0.9158, 1.2181, 1.6295, 7.4957]];

/// Of positive and negative against neutral.
pub(super) const INTERCEPTS: [f64; 2] = [-4.59, -5.3167];

/// The same where the vector stands alone.
pub(super) const VECTOR_INTERCEPTS: [f64; 2] = [-3.1152, -4.5999];

/// The weights where the words stand alone.
pub(super) const WORDS_WEIGHTS: [[f64; 4]; 2] = [[2.5988, 3.0473, 5.7016, -0.966], [-1.0986, 2.1837, 2.1254, 9.8816]];

/// The intercepts where the words stand alone.
pub(super) const WORDS_INTERCEPTS: [f64; 2] = [-4.0008, -3.0846];

/// The product of a vector with the direction of arousal that counts as 0, and how far from it lie -1 and 1.
pub(super) const VECTOR_AROUSAL: (f64, f64) = (-0.0085, 0.2118);
