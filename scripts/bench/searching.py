"""Search beside LanceDB's Python client and bm25s, on the rows of the demo: `make bench-search` runs it.

python scripts/bench/searching.py --binary rhapsode --out docs/benchmarks-search.md

One client, one query after the other, each side in turn. Ours is the whole HTTP round trip, the query's vector computed in
it; LanceDB and bm25s are called in this process, and LanceDB is given the vector.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench")]
from server import Failure, Server, find_binary, require_packages  # noqa: E402

require_packages("lancedb", "bm25s", "Stemmer", "numpy", "lance")
import bm25s  # noqa: E402
import lance  # noqa: E402
import lancedb  # noqa: E402
import numpy  # noqa: E402
import Stemmer  # noqa: E402
from load import CONNECTIONS, require_wrk, wrk_without_errors  # noqa: E402
from report import Client, percentile, table  # noqa: E402

PROJECT = ROOT / "demo"
QUERIES = 300
WARM_UP = 30
FILTER = "decade >= 1850"
TOP = 10
AS_OTHERS = {"limit": TOP, "at_most": {}}
"""Copies are not collapsed, since the others do not, and the ten nearest in truth are those with their copies."""
LOAD_QUERIES = 20_000
"""Each is asked once, so that no answer is one that is kept."""
LOAD_SECONDS = 10
MODES = ("keyword", "semantic", "hybrid")


def main() -> int:
    """Writes the page; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(description="Measures search beside LanceDB and bm25s.")
    parser.add_argument("--binary", help="the rhapsode to measure (default: the one that cargo built)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks-search.md")
    asked = parser.parse_args()
    try:
        text = measured(find_binary(asked.binary))
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    return 0


def measured(binary: str) -> str:
    """The page."""
    releases = PROJECT / "store" / "releases"
    if not releases.is_dir():
        raise Failure("there is no demo: `make demo-check` makes it")
    newest = max(releases.iterdir(), key=lambda file: int(file.stem))
    pin = json.loads(newest.read_text())["searches"][0]["rows"]
    dataset = lance.dataset(str(PROJECT / "store" / "searches" / f"{pin['name']}.lance"), version=pin["lance_version"])
    columns = ["track_id", "decade", "meaning"]
    rows = dataset.to_table(columns=columns).sort_by("track_id")
    source = lance.dataset(str(PROJECT / "store" / "sources" / "tracks.lance")).to_table(columns=["track_id", "title", "lyrics"])
    texts = dict(zip(source["track_id"].to_pylist(), zip(source["title"].to_pylist(), source["lyrics"].to_pylist(), strict=True), strict=True))
    keys = rows["track_id"].to_pylist()
    words = [f"{texts[key][0] or ''}\n{texts[key][1] or ''}" for key in keys]
    queries = asked_queries(words, QUERIES + WARM_UP)
    require_wrk()
    server = Server(binary, PROJECT, "127.0.0.1:0", "127.0.0.1:0", PROJECT / "bench-search.log")
    try:
        milliseconds, found = timed(server.address, queries, rows.append_column("words", [words]), words)
        return page(len(keys), milliseconds, found, saturated(server.address, words))
    finally:
        server.stop(signal.SIGTERM)


def asked_queries(words: list[str], wanted: int, seed: int = 1) -> list[str]:
    """Three to five words that stand beside one another in a text."""
    draw = random.Random(seed)
    queries: list[str] = []
    while len(queries) < wanted:
        found = re.findall(r"[a-z]{3,}", draw.choice(words).lower())
        count = draw.randint(3, 5)
        if len(found) > count:
            at = draw.randrange(len(found) - count)
            queries.append(" ".join(found[at : at + count]))
    return queries


def timed(address: str, queries: list[str], rows: Any, words: list[str]) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of each way of asking, by its name; and the recall of our index."""

    def ours(mode: str, condition: str | None = None) -> Callable[[str, Any], Any]:
        def send(query: str, _: Any) -> Any:
            body = {"query": query, "mode": mode, **AS_OTHERS} | ({"filter": condition} if condition else {})
            return json.loads(client.send("POST", "/api/search", json.dumps(body).encode()))["hits"]

        return send

    print("bench: vectors of the queries", flush=True)
    client, vectors = Client(address), []
    for start in range(0, len(queries), 100):
        body = json.dumps({"texts": queries[start : start + 100]}).encode()
        vectors += json.loads(client.send("POST", "/api/embeddings/batch", body))["embeddings"]
    print("bench: LanceDB's table and indexes", flush=True)
    base = lancedb.connect(tempfile.mkdtemp()).create_table("rows", rows)
    base.create_fts_index("words", use_tantivy=False, language="English", stem=True)
    base.create_index("cosine", vector_column_name="meaning", index_type="IVF_HNSW_SQ", num_partitions=1)
    print("bench: bm25s", flush=True)
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(words, stemmer=stemmer, stopwords="en", show_progress=False), show_progress=False)
    # The server closes connections that rest for as long as this took.
    client = Client(address)

    def by_bm25s(query: str, _: Any) -> Any:
        tokens = bm25s.tokenize([query], stemmer=stemmer, stopwords="en", show_progress=False)
        return index.retrieve(tokens, k=TOP, show_progress=False)

    def fts(query: str) -> Any:
        return base.search(query, query_type="fts", fts_columns="words").select(["track_id"])

    sides: dict[str, Callable[[str, Any], Any]] = {
        "Rhapsode, keyword": ours("keyword"),
        "LanceDB, full text": lambda query, _: fts(query).limit(TOP).to_list(),
        "bm25s": by_bm25s,
        "Rhapsode, keyword under a filter": ours("keyword", FILTER),
        "LanceDB, full text under a filter": lambda query, _: fts(query).where(FILTER, prefilter=True).limit(TOP).to_list(),
        "Rhapsode, semantic": ours("semantic"),
        "LanceDB, HNSW, the vector given": lambda _, vector: base.search(vector, vector_column_name="meaning")
        .select(["track_id"])
        .limit(TOP)
        .to_list(),
        "Rhapsode, hybrid": ours("hybrid"),
        "Rhapsode, hybrid under a filter": ours("hybrid", FILTER),
        "Rhapsode, the vector of a query alone": lambda query, _: client.send(
            "POST", "/api/embeddings/batch", json.dumps({"texts": [query]}).encode()
        ),
    }
    milliseconds: dict[str, list[float]] = {name: [] for name in sides}
    found: list[list[str]] = []
    for number, (query, vector) in enumerate(zip(queries, vectors, strict=True)):
        order = list(sides) if number % 2 else list(reversed(sides))
        for name in order:
            began = time.perf_counter()
            answer = sides[name](query, numpy.asarray(vector, dtype=numpy.float32))
            if number >= WARM_UP:
                milliseconds[name].append((time.perf_counter() - began) * 1e3)
            if name == "Rhapsode, semantic":
                found.append([hit["key"] for hit in answer])
    return milliseconds, recall(rows, vectors, found)


def saturated(address: str, words: list[str]) -> dict[str, float]:
    """Answers per second of each mode, as many as there can be."""
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed, mode in enumerate(MODES, 2):
            print(f"bench: saturation, {mode}", flush=True)
            bodies = ({"query": query, "mode": mode, **AS_OTHERS} for query in asked_queries(words, LOAD_QUERIES, seed))
            requests = Path(folder) / f"{mode}.txt"
            requests.write_text("".join(f"/api/search\t{json.dumps(body)}\n" for body in bodies), encoding="utf-8")
            rates[mode] = wrk_without_errors(address, requests, LOAD_SECONDS).rate
    return rates


def recall(rows: Any, vectors: list[list[float]], found: list[list[str]]) -> float:
    """Share of the ten that are nearest in truth which were found."""
    keys = rows["track_id"].to_pylist()
    stored = rows["meaning"].combine_chunks()
    matrix = stored.flatten().to_numpy(zero_copy_only=False).reshape(-1, stored.type.list_size)
    kept = [key for key, valid in zip(keys, stored.is_valid().to_pylist(), strict=True) if valid]
    right = 0
    for vector, hits in zip(vectors, found, strict=True):
        scores = matrix @ numpy.asarray(vector, dtype=numpy.float32)
        nearest = {kept[place] for place in numpy.argpartition(-scores, TOP)[:TOP]}
        right += len(nearest & set(hits))
    return right / (TOP * len(found))


def page(rows: int, milliseconds: dict[str, list[float]], found: float, rates: dict[str, float]) -> str:
    """What was measured, as Markdown."""
    lines = []
    for name, values in milliseconds.items():
        ordered = sorted(values)
        figures = [statistics.median(ordered), percentile(ordered, 0.95), percentile(ordered, 0.99)]
        lines.append([name, *(f"{value:.2f}" for value in figures)])
    peers = f"lancedb {version('lancedb')}, bm25s {version('bm25s')}"
    return "\n".join(
        [
            "# Benchmarks: search",
            "",
            "`make bench-search` writes this page; edit `scripts/bench/searching.py` instead. The machine and the profile are those of",
            "[benchmarks-serving.md](benchmarks-serving.md).",
            "",
            f"{rows:,} pieces of the demo, {len(next(iter(milliseconds.values())))} queries of three to five words that stand beside one",
            f"another in a piece, the first {TOP} hits; {peers}. One client, every way of asking in turn for each query,",
            "after a warm-up. Ours is the whole HTTP round trip, the query's vector computed in it; LanceDB and bm25s run in the",
            f"client's process, LanceDB is given the vector. Copies are not collapsed. The filter is `{FILTER}`. Milliseconds:",
            "",
            table(["", "p50", "p95", "p99"], lines),
            "",
            f"At saturation (`wrk -t1 -c{CONNECTIONS}` on the same cores, {LOAD_SECONDS} s, every query another one) a second brings "
            + ", ".join(f"{rate:,.0f} answers by {mode}" for mode, rate in rates.items())
            + ".",
            "",
            f"By meaning {found:.3f} of the {TOP} that are nearest in truth are found (the goal is 0.95): so many vectors are all compared, by",
            "numbers of eight bits first.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
