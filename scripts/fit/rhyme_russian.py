"""Fits the constants of the Russian half of `rhyme` and writes them.

Reads the JSON Lines that the Russian evaluation writes with `--dump FILE`: one object for each pattern of features
(`features`, pairs that do not rhyme `no`, that do `yes`), one for each scheme (`scheme`, `count`).

    python scripts/fit/rhyme_russian.py DUMP src/analyze/rhyme
"""

import json
import sys
from pathlib import Path

from rhyme import LETTERS, SCHEME_LINES_MAX, logistic, numbers, process


def main(dump: str, folder: str) -> None:
    rows = [json.loads(line) for line in Path(dump).read_text().splitlines()]
    features = next(row["features_total"] for row in rows if "features_total" in row)
    weights = logistic([row for row in rows if "features" in row], features)
    schemes = [row for row in rows if "scheme" in row]
    Path(folder, "russian", "weights.rs").write_text(
        "//! The weight of each feature of a pair of Russian words; written by `scripts/fit/rhyme_russian.py`.\n\n"
        "/// Logistic regression on the pairs of lines, at most eight apart, of stanzas of the Rifma data set (MIT), each\n"
        "/// three times: stress as marked, from a dictionary (where the evaluation had one), by suffix. A ridge of one; the\n"
        "/// base rate taken out.\n"
        '#[rustfmt::skip]\n#[allow(clippy::approx_constant, reason = "what is fitted may lie near a constant")]\n'
        f"pub(super) const WEIGHTS: &[f32] = &[\n{numbers(weights, 3, 16)}];\n"
    )
    steps = process([(row["scheme"], row["count"]) for row in schemes])
    short = [row for row in schemes if len(row["scheme"]) <= SCHEME_LINES_MAX]
    short.sort(key=lambda row: (len(row["scheme"]), -row["count"], row["scheme"]))
    table = "".join(f'    ("{"".join(LETTERS[c] for c in row["scheme"])}", {row["count"]:.0f}.0),\n' for row in short)
    Path(folder, "scheme", "russian.rs").write_text(
        "//! How often Russian poets use each scheme; written by `scripts/fit/rhyme_russian.py`.\n\n"
        "use super::process;\n\n"
        "/// Schemes of up to sixteen lines of the Rifma data set (MIT): the stanzas that have it. A letter for each line.\n"
        f"#[rustfmt::skip]\npub(super) const FREQUENCIES: &[(&str, f32)] = &[\n{table}];\n\n"
        "/// How likely a line joins each class; by what the line before did, the lines of the class, their distance.\n"
        f"#[rustfmt::skip]\npub(super) const PROCESS: [f32; process::WEIGHTS] = [\n{numbers(steps, 4, 7)}];\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
