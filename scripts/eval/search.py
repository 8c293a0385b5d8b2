"""Measures search on collections whose answers are known, beside bm25s (PyPI, MIT): `make eval GOLD=DIR` runs it.

    python scripts/eval/search.py --binary rhapsode --gold DIR [--only cranfield] [--folder DIR]

Each collection of DIR/ir goes through the commands that any corpus does: definitions (scripts/eval/search.yaml), `ingest`,
`build`, `eval search`. bm25s has the same texts, its English stop words and the Snowball stemmer of the language.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from math import log2
from pathlib import Path

import bm25s
import Stemmer

DEFINITIONS = Path(__file__).with_suffix(".yaml")
TOP = 10


@dataclass(frozen=True)
class Collection:
    """Documents, the queries that are asked of them by what they are called, and the stemmer that bm25s has."""

    name: str
    corpus: str
    queries: dict[str, str]
    language: str


COLLECTIONS = (
    Collection("hymn themes", "hymn_themes", {"hymn themes": "hymn_themes"}, "english"),
    Collection("cranfield", "cranfield", {"cranfield": "cranfield"}, "english"),
    Collection("xquad en", "xquad_en_ru/en", {"xquad English": "xquad_en_ru/en"}, "english"),
    Collection(
        "xquad ru",
        "xquad_en_ru/ru",
        {"xquad Russian": "xquad_en_ru/ru", "xquad English to Russian": "xquad_en_ru/en"},
        "russian",
    ),
)


def run(arguments: list[str | Path]) -> str:
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done.stdout


def documents(collection: Collection, gold: Path) -> list[dict[str, str]]:
    """Without the titles of XQuAD, which are those of English articles, whatever the language of the paragraph."""
    with gzip.open(gold / collection.corpus / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    with_title = not collection.corpus.startswith("xquad")
    return [{"_id": row["_id"], "title": row["title"] if with_title else "", "text": row["text"]} for row in rows]


def build(binary: Path, project: Path, collection: Collection, gold: Path) -> None:
    (project / "feature_defs").mkdir(parents=True)
    (project / "rhapsode.toml").write_text("")
    shutil.copy(DEFINITIONS, project / "feature_defs")
    file = project / "documents.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in documents(collection, gold)), encoding="utf-8")
    run([binary, "--project", project, "ingest", "documents", file])
    run([binary, "--project", project, "build"])


def ours(binary: Path, project: Path, gold: Path, queries: str, more: list[str]) -> dict:
    files = ["--queries", gold / queries / "queries.jsonl", "--qrels", gold / queries / "qrels/test.tsv"]
    return json.loads(run([binary, "--project", project, "eval", "search", *files, "--steps", "--json", *more]))


def ndcg(ranked: list[str], judged: dict[str, float]) -> float:
    gains = sorted((gain for gain in judged.values() if gain > 0), reverse=True)
    ideal = sum(gain / log2(rank + 2) for rank, gain in enumerate(gains[:TOP]))
    return sum(judged.get(key, 0) / log2(rank + 2) for rank, key in enumerate(ranked[:TOP])) / ideal if ideal else 0.0


def theirs(collection: Collection, gold: Path, queries: str) -> float:
    stemmer = Stemmer.Stemmer(collection.language)
    rows = documents(collection, gold)
    texts = [f"{row['title']}\n{row['text']}" for row in rows]
    words = {"stemmer": stemmer, "stopwords": "en" if collection.language == "english" else None, "show_progress": False}
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, **words), show_progress=False)
    asked = [json.loads(line) for line in (gold / queries / "queries.jsonl").read_text().splitlines()]
    judged: dict[str, dict[str, float]] = {}
    for line in (gold / queries / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, key, gain = line.split("\t")
        judged.setdefault(query, {})[key] = float(gain)
    asked = [query for query in asked if query["_id"] in judged]
    tokens = bm25s.tokenize([query["text"] for query in asked], **words)
    found, _ = index.retrieve(tokens, k=TOP, show_progress=False)
    scores = [
        ndcg([rows[place]["_id"] for place in places], judged[query["_id"]])
        for query, places in zip(asked, found, strict=True)
    ]
    return sum(scores) / len(scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--only", help="one collection")
    parser.add_argument("--folder", type=Path, help="keeps the projects there, and takes those that are there")
    asked, more = parser.parse_known_args()
    folder = asked.folder or Path(tempfile.mkdtemp())
    gold = asked.gold / "ir"
    for collection in COLLECTIONS:
        if asked.only not in (None, collection.name):
            continue
        project = folder / collection.name.replace(" ", "-")
        if not project.exists():
            build(asked.binary, project, collection, gold)
        for name, queries in collection.queries.items():
            measured = ours(asked.binary, project, gold, queries, more)
            print(f"{name}: {measured['queries']} queries")
            print(f"  {'bm25s':17} nDCG@10 {theirs(collection, gold, queries):.4f}")
            for mode in measured["modes"]:
                figures = "  ".join(f"{f['name']} {f['value']:.4f} [{f['low']:.3f}, {f['high']:.3f}]" for f in mode["figures"])
                print(f"  {mode['mode']:17} {figures}")
    if asked.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
