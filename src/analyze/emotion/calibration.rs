//! Constants fitted by `scripts/fit/emotion.py`, which writes this file.

/// Weights of the line's features for positive and negative against neutral.
pub(super) const FEATURE_WEIGHTS: [[f64; 4]; 2] = [[3.4, 2.0802, 2.8772, -0.0545], [-1.2204, 1.2269, 2.2292, 6.8133]];

/// Of positive and negative against neutral.
pub(super) const INTERCEPTS: [f64; 2] = [-4.8462, -5.0244];

/// The same where the vector stands alone.
pub(super) const VECTOR_INTERCEPTS: [f64; 2] = [-3.064, -4.5375];

/// The weights where the words stand alone.
pub(super) const WORDS_WEIGHTS: [[f64; 4]; 2] = [[3.0264, 2.9345, 5.0869, 0.6446], [-1.3222, 2.3306, 2.2134, 8.6762]];

/// The intercepts where the words stand alone.
pub(super) const WORDS_INTERCEPTS: [f64; 2] = [-4.1334, -2.7832];

/// The product of a vector with the direction of arousal that counts as 0, and how far from it lie -1 and 1.
pub(super) const VECTOR_AROUSAL: (f64, f64) = (-0.0085, 0.2118);
