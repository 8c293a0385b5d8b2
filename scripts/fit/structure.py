"""Fits the weights of `structure` and writes them.

Reads the JSON Lines that `rhapsode eval structure --dump FILE` writes: an object for each pattern of what is seen of a
gap (`features`, the numbers of those that hold), with how often no section ends there (`no`) and one does (`yes`).

    python scripts/fit/structure.py DUMP src/analyze/structure/calibration.rs
"""

import json
import sys
from pathlib import Path

import numpy as np

FEATURES = 19
RIDGE = 1.0
STEPS = 30


def weights(patterns: list[dict]) -> np.ndarray:
    """Of a logistic regression, by Newton's method; the first, of what always holds, is not held back."""
    design = np.zeros((len(patterns), FEATURES))
    for row, pattern in enumerate(patterns):
        design[row, pattern["features"]] = 1.0
    no = np.array([pattern["no"] for pattern in patterns])
    yes = np.array([pattern["yes"] for pattern in patterns])
    ridge = np.full(FEATURES, RIDGE)
    ridge[0] = 1e-6
    fitted = np.zeros(FEATURES)
    for _ in range(STEPS):
        probability = 1.0 / (1.0 + np.exp(-design @ fitted))
        gradient = design.T @ ((no + yes) * probability - yes) + ridge * fitted
        hessian = design.T @ (design * ((no + yes) * probability * (1.0 - probability))[:, None]) + np.diag(ridge)
        fitted -= np.linalg.solve(hessian, gradient)
    return fitted


def main() -> None:
    dump, out = sys.argv[1:]
    fitted = weights([json.loads(line) for line in Path(dump).read_text().splitlines()])
    rows = "\n".join(f"    {weight:.4f}," for weight in fitted)
    Path(out).write_text(
        "//! Constants fitted by `scripts/fit/structure.py`, which writes this file.\n\n"
        "/// By feature of a gap, in the order of `gaps.rs`.\n"
        f"pub(super) const GAP_WEIGHTS: [f64; {FEATURES}] = [\n{rows}\n];\n"
    )


if __name__ == "__main__":
    main()
