"""Fits the constants of `rhyme` and writes them.

Reads the JSON Lines that `rhapsode eval rhyme --dump FILE` writes: one object for each pattern of features
(`features`, pairs that do not rhyme `no`, that do `yes`), one for each scheme (`scheme`, `count`).

    python scripts/fit/rhyme.py DUMP src/analyze/rhyme
"""

import json
import sys
from pathlib import Path

import numpy as np

RIDGE = 1.0
DISTANCES, SIZES, STEPS, REACH = 7, 3, 4, 16
JOINS = 0.02
SCHEME_LINES_MAX = 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def logistic(patterns: list[dict], features: int) -> np.ndarray:
    """Weights by Newton's method; the base rate is taken out of the first."""
    design = np.zeros((len(patterns), features), dtype=np.float64)
    for row, pattern in enumerate(patterns):
        design[row, pattern["features"]] = 1.0
    no = np.array([pattern["no"] for pattern in patterns])
    yes = np.array([pattern["yes"] for pattern in patterns])
    base = np.log(yes.sum() / no.sum())
    weights = np.zeros(features)
    weights[0] = base
    ridge = np.full(features, RIDGE)
    ridge[0] = 0.0
    for _ in range(12):
        probability = 1.0 / (1.0 + np.exp(-design @ weights))
        gradient = design.T @ ((no + yes) * probability - yes) + ridge * weights
        curve = (no + yes) * probability * (1.0 - probability)
        hessian = design.T @ (design * curve[:, None]) + np.diag(np.maximum(ridge, 1e-6))
        weights -= np.linalg.solve(hessian, gradient)
    weights[0] -= base
    return weights


def choices(scheme: list[int]):
    """For each line the classes that it may join, with the number of the weight of each, and the class that it has."""
    last: list[int] = []
    size: list[int] = []
    step = 0
    for line, chosen in enumerate(scheme):
        options = []
        for known, at in enumerate(last):
            if line - at <= REACH:
                grown = min(size[known], SIZES) - 1
                options.append((known, (step * SIZES + grown) * DISTANCES + min(line - at, DISTANCES) - 1))
        yield options, chosen
        if chosen == len(last):
            last.append(line)
            size.append(1)
            step = 0
        else:
            step = min(line - last[chosen], STEPS - 1)
            last[chosen] = line
            size[chosen] += 1


def process(schemes: list[tuple[list[int], float]]) -> np.ndarray:
    """Weights of joining a class, relative to beginning one, by iterative scaling."""
    steps = [(options, chosen, count) for scheme, count in schemes for options, chosen in choices(scheme)]
    weights = np.full(DISTANCES * SIZES * STEPS, 0.2)
    for _ in range(30):
        joined = np.full(weights.shape, JOINS)
        expected = np.full(weights.shape, JOINS)
        for options, chosen, count in steps:
            total = 1.0 + sum(weights[number] for _, number in options)
            for known, number in options:
                expected[number] += count * weights[number] / total
                if known == chosen:
                    joined[number] += count
        weights = np.clip(weights * joined / expected, 1e-4, 1e3)
    return weights


def numbers(values, digits: int, width: int = 12) -> str:
    rows = [values[at : at + width] for at in range(0, len(values), width)]
    return "".join("    " + ", ".join(f"{value:.{digits}f}" for value in row) + ",\n" for row in rows)


def main(dump: str, folder: str) -> None:
    rows = [json.loads(line) for line in Path(dump).read_text().splitlines()]
    features = next(row["features_total"] for row in rows if "features_total" in row)
    patterns = [row for row in rows if "features" in row]
    schemes = [row for row in rows if "scheme" in row]
    weights = logistic(patterns, features)
    written = (
        "//! The weight of each feature of a pair of line ends; written by `scripts/fit/rhyme.py`.\n\n"
        "/// Logistic regression on the pairs of lines, at most eight apart, of the stanzas of the Chicago Rhyming Poetry\n"
        "/// Corpus (Reddy & Knight 2011), with a ridge of one and the base rate taken out. In the order of `features.rs`.\n"
        f"#[rustfmt::skip]\npub(super) const WEIGHTS: &[f32; {features}] = &[\n{numbers(weights, 3)}];\n"
    )
    Path(folder, "english", "weights.rs").write_text(written)
    steps = process([(row["scheme"], row["count"]) for row in schemes])
    short = [row for row in schemes if len(row["scheme"]) <= SCHEME_LINES_MAX]
    short.sort(key=lambda row: (len(row["scheme"]), -row["count"], row["scheme"]))
    table = "".join(f'    ("{"".join(LETTERS[c] for c in row["scheme"])}", {row["count"]:.2f}),\n' for row in short)
    written = (
        "//! How often poets use each scheme; written by `scripts/fit/rhyme.py`.\n\n"
        "use super::process;\n\n"
        "/// Schemes of up to sixteen lines of the Chicago Rhyming Poetry Corpus (Reddy & Knight 2011): the sum over its poets\n"
        "/// of the square root of the stanzas that have it. A letter for each line.\n"
        f"#[rustfmt::skip]\npub(super) const FREQUENCIES: &[(&str, f32)] = &[\n{table}];\n\n"
        "/// How likely a line joins each class; by what the line before did, the lines of the class, their distance.\n"
        f"#[rustfmt::skip]\npub(super) const PROCESS: [f32; process::WEIGHTS] = [\n{numbers(steps, 4, 7)}];\n"
    )
    Path(folder, "scheme", "frequencies.rs").write_text(written)


if __name__ == "__main__":
    main(*sys.argv[1:])
