//! Constants fitted by `scripts/fit/structure.py`, which writes this file.

/// By feature of a gap, in the order of `gaps.rs`.
pub(super) const GAP_WEIGHTS: [f64; 19] = [
    -5.2391, 6.0087, 3.9140, 3.9191, 0.2288, 1.4607, -0.7816, -0.0169, 0.0458, 0.4303, 0.9089, -1.1684, -1.0092,
    0.5741, 0.2717, 0.2944, 1.4372, 1.3650, -1.2330,
];
