//! Constants fitted by `scripts/fit/structure.py`, which writes this file.

/// By feature of a gap, in the order of `gaps.rs`.
pub(super) const GAP_WEIGHTS: [f64; 19] = [
    -3.6, 5.79, 3.65, 3.71, 0.01, 1.15, -1.04, -0.02, -1.38, 0.41, 0.92, -1.16, -1.03, 0.59, 0.18, 0.27, 1.23, 1.24,
    -0.98,
];
