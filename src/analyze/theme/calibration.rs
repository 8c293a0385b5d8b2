//! Constants fitted by `scripts/fit/theme.py`, which writes this file.

/// Where the keywords stand alone: weight of a theme's share of them, then the intercept.
pub(super) const KEYWORDS: (f64, f64) = (11.65, -2.942);

/// Where the vectors stand alone: weight of a theme's similarity, then the intercept.
pub(super) const VECTORS: (f64, f64) = (18.49, -2.623);

/// Weights of share and similarity together, then the intercept.
pub(super) const JOINED: (f64, f64, f64) = (8.143, 11.03, -2.939);

/// The score from which on a theme is one of the text's: the best F1 of labels, by both.
pub(super) const SCORE_MIN: f64 = 0.3;
