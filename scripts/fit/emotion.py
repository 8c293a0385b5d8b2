"""Fits the linear models of the analyzer `emotion` and prints cross-validated figures of each step.

    rhapsode eval emotion --gold GOLD --dump gold.jsonl
    rhapsode eval emotion --gold scripts/fit/emotion --dump prototypes.jsonl
    python scripts/fit/emotion.py gold.jsonl prototypes.jsonl src/analyze/emotion

Each line of a dump is a line of verse: `id`, `label` (-1, 0, 1), `features` of its words, its `vector` by the default
model. The prototypes are sentences of our own in five moods, English and Russian; their ids begin with the mood. Writes
calibration.rs and weights.bin.
"""

import json
import sys
from pathlib import Path

import numpy as np

CLASSES = (-1, 0, 1)
NEGATIVE, NEUTRAL, POSITIVE = range(3)
MOODS = ("joyful", "tender", "sad", "tense", "neutral")
EXCITED, CALM = ("joyful", "tense"), ("tender", "sad")

# Ridge penalties: of the vector's 512 numbers, and of the few numbers that are not noise by themselves.
PENALTY_VECTOR = 1.0
PENALTY_FEW = 0.1

# Weight of a prototype beside a line of the gold. They carry what the gold has little of: Russian, and strong feeling.
PROTOTYPE_WEIGHT = 0.5

# Cosines lie close together; so scaled, their spread is that of the other features.
SIMILARITY_SCALE = 4.0

# Added to the log odds of the two small classes, which a likelihood neglects and macro F1 does not. The curve is flat
# from 0 to 0.4.
SHIFT = 0.2

FOLDS, SEEDS = 10, 5


def read(dump):
    rows = [json.loads(line) for line in Path(dump).read_text(encoding="utf-8").splitlines()]
    labels, features, vectors = ([row[name] for row in rows] for name in ("label", "features", "vector"))
    return np.array(features), np.array(vectors, dtype=float), np.array(labels) + 1, [row["id"] for row in rows]


def softmax(logits):
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def fit(inputs, classes, penalties, weights):
    """Multinomial logistic regression with a ridge, by Böhning's bound (1992) and Nesterov's acceleration."""
    inputs = np.c_[inputs, np.ones(len(inputs))]
    penalties = np.r_[penalties, 1e-3][:, None]
    wanted = np.eye(3)[classes]
    weights = weights[:, None]
    step = np.linalg.inv(0.5 * (inputs * weights).T @ inputs + np.diagflat(penalties))
    old = ahead = np.zeros((inputs.shape[1], 3))
    momentum = 1.0
    for _ in range(150):
        gradient = inputs.T @ (weights * (softmax(inputs @ ahead) - wanted)) + penalties * ahead
        new = ahead - step @ gradient
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / next_momentum * (new - old)
        old, momentum = new, next_momentum
    old = old - old[:, [NEUTRAL]]
    old[-1] += np.array([SHIFT, 0, SHIFT])
    return old


def predict(model, inputs):
    return (np.c_[inputs, np.ones(len(inputs))] @ model).argmax(1)


def macro_f1(gold, given):
    scores = []
    for label in range(3):
        either = (gold == label).sum() + (given == label).sum()
        scores.append(2 * ((gold == label) & (given == label)).sum() / either if either else 0.0)
    return float(np.mean(scores))


def cross_validated(inputs, classes, penalties, more):
    """Mean and deviation of macro F1 over shuffles into ten folds. `more` is fitted on in every fold."""
    scores = []
    for seed in range(SEEDS):
        folds = np.random.RandomState(seed).permutation(len(classes)) % FOLDS
        given = np.zeros(len(classes), int)
        for fold in range(FOLDS):
            held = folds == fold
            given[held] = predict(fit_with(inputs[~held], classes[~held], penalties, more), inputs[held])
        scores.append(macro_f1(classes, given))
    return np.mean(scores), np.std(scores)


def fit_with(inputs, classes, penalties, more):
    weights = np.ones(len(classes))
    if more is not None:
        inputs, classes = np.r_[inputs, more[0]], np.r_[classes, more[1]]
        weights = np.r_[weights, np.full(len(more[1]), PROTOTYPE_WEIGHT)]
    return fit(inputs, classes, penalties, weights)


def means(vectors, moods):
    rows = [vectors[[mood in wanted for mood in moods]].mean(0) for wanted in [(mood,) for mood in MOODS]]
    return np.array([row / np.linalg.norm(row) for row in rows])


def main(gold, prototypes, out):
    features, vectors, classes, _ = read(gold)
    own_features, own_vectors, own_classes, ids = read(prototypes)
    moods = [name.split("-")[0] for name in ids]
    centres = means(own_vectors, moods)

    def similarities(rows):
        return SIMILARITY_SCALE * rows @ centres.T

    few = np.full(features.shape[1], PENALTY_FEW)
    many = np.full(vectors.shape[1], PENALTY_VECTOR)
    near = np.full(len(MOODS), PENALTY_FEW)
    steps = {
        "words": (features, own_features, few),
        "similarity to prototypes": (similarities(vectors), similarities(own_vectors), near),
        "vector": (vectors, own_vectors, many),
        "vector, similarity": (
            np.c_[vectors, similarities(vectors)], np.c_[own_vectors, similarities(own_vectors)], np.r_[many, near]),
        "words, similarity": (
            np.c_[features, similarities(vectors)], np.c_[own_features, similarities(own_vectors)], np.r_[few, near]),
        "words, vector": (np.c_[vectors, features], np.c_[own_vectors, own_features], np.r_[many, few]),
        "words, vector, similarity": (
            np.c_[vectors, similarities(vectors), features],
            np.c_[own_vectors, similarities(own_vectors), own_features], np.r_[many, near, few]),
    }
    for name, (inputs, own, penalties) in steps.items():
        bare = cross_validated(inputs, classes, penalties, None)
        more = cross_validated(inputs, classes, penalties, (own, own_classes))
        print(f"{name:28} macro F1 {bare[0]:.3f} ± {bare[1]:.3f}, prototypes fitted too {more[0]:.3f} ± {more[1]:.3f}")

    models = {name: fit_with(inputs, classes, penalties, (own, own_classes))
              for name, (inputs, own, penalties) in steps.items()}
    words, alone, joined = models["words"], models["vector, similarity"], models["words, vector, similarity"]
    size = vectors.shape[1]

    def directions(model):
        """A similarity is linear in the vector, so its weight adds to the vector's."""
        return model[:size] + SIMILARITY_SCALE * centres.T @ model[size:size + len(MOODS)]

    excited = centres[[MOODS.index(mood) for mood in EXCITED]].mean(0)
    calm = centres[[MOODS.index(mood) for mood in CALM]].mean(0)
    arousal = excited - calm
    centre = (excited + calm) @ arousal / 2
    spread = np.std(own_vectors @ arousal)
    rows = [directions(joined)[:, POSITIVE], directions(joined)[:, NEGATIVE],
            directions(alone)[:, POSITIVE], directions(alone)[:, NEGATIVE], arousal]
    np.array(rows, "<f4").tofile(Path(out) / "weights.bin")
    tail = size + len(MOODS)
    Path(out, "calibration.rs").write_text(constants(
        FEATURE_WEIGHTS=("Weights of the line's features for positive and negative against neutral.", joined[tail:-1]),
        INTERCEPTS=("Of positive and negative against neutral.", joined[-1]),
        VECTOR_INTERCEPTS=("The same where the vector stands alone.", alone[-1]),
        WORDS_WEIGHTS=("The weights where the words stand alone.", words[:-1]),
        WORDS_INTERCEPTS=("The intercepts where the words stand alone.", words[-1]),
        arousal=(float(centre), float(2 * spread)),
    ), encoding="utf-8")


def constants(arousal, **values):
    text = "//! Constants fitted by `scripts/fit/emotion.py`, which writes this file.\n"
    for name, (doc, value) in values.items():
        sides = value.T[[POSITIVE, NEGATIVE]]
        kind = f"[[f64; {sides.shape[1]}]; 2]" if sides.ndim == 2 else "[f64; 2]"
        text += f"\n/// {doc}\npub(super) const {name}: {kind} = {json.dumps(np.round(sides, 4).tolist())};\n"
    text += "\n/// The product of a vector with the direction of arousal that counts as 0, and how far from it lie"
    text += " -1 and 1.\n"
    return text + f"pub(super) const VECTOR_AROUSAL: (f64, f64) = ({arousal[0]:.4f}, {arousal[1]:.4f});\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
