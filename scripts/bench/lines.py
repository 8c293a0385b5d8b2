"""Search over a million lines of the demo's pieces, each a piece of its own: `make bench-lines` runs it.

python scripts/bench/lines.py --binary rhapsode --out docs/benchmarks-lines.md

The lines are ingested, embedded, indexed and released as any corpus is; then one client asks one query after the other.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench")]
from server import Failure, Server, find_binary, require_packages  # noqa: E402

require_packages("numpy", "lance", "pyarrow")
import lance  # noqa: E402
import numpy  # noqa: E402
import pyarrow  # noqa: E402
from report import Client, percentile, table  # noqa: E402

LINES = 1_000_000
QUERIES = 200
WARM_UP = 20
TOP = 10
MODES = ("keyword", "semantic", "hybrid")
DEFINITIONS = """\
kind: entity
name: line
join_keys: [line_id]
---
kind: source
name: lines
entity: line
columns:
  - { name: line_id, dtype: string }
  - { name: text, dtype: string, licence: public-domain }
  - { name: hundredth, dtype: int32 }
---
kind: feature_view
name: meaning
entity: line
source: lines
embedding: { model: use, text: text }
features: [{ name: meaning, expr: embedding.whole, dtype: "vector[512]", online: off }]
---
kind: search
name: lines_found
entity: line
source: lines
languages: [en, ru]
text: [text]
vectors: [meaning]
filters: [hundredth]
"""
CONDITIONS = {
    "": None,
    ", a filter allows half": "hundredth < 50",
    ", a filter allows a hundredth": "hundredth = 7",
}
"""How each way of asking is filtered: the numbers are dealt at random."""


def main() -> int:
    """Writes the page; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(
        description="Measures search over a million lines."
    )
    parser.add_argument(
        "--binary", help="the rhapsode to measure (default: the one that cargo built)"
    )
    parser.add_argument(
        "--project",
        type=Path,
        default=ROOT / "demo-bench" / "lines",
        help="where the lines are released",
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "benchmarks-lines.md"
    )
    asked = parser.parse_args()
    try:
        binary = find_binary(asked.binary)
        text = measured(binary, asked.project, built(binary, asked.project))
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    return 0


def built(binary: str, project: Path) -> float:
    """Releases the lines, unless they are; the seconds that it took the first time."""
    seconds = project / "seconds.txt"
    if seconds.is_file():
        return float(seconds.read_text())
    (project / "feature_defs").mkdir(parents=True, exist_ok=True)
    (project / "rhapsode.toml").touch()
    (project / "feature_defs" / "lines.yaml").write_text(DEFINITIONS, encoding="utf-8")
    rows = project / "lines.jsonl"
    write_lines(rows)
    began = time.perf_counter()
    for command in (["ingest", "lines", str(rows)], ["build"]):
        if (
            subprocess.run(
                [binary, "--project", str(project), *command], check=False
            ).returncode
            != 0
        ):
            raise Failure(f"`rhapsode {command[0]}` ended badly")
    took = time.perf_counter() - began
    seconds.write_text(str(took))
    return took


def write_lines(file: Path) -> None:
    """A million lines of four words or more of the demo's pieces, drawn at random."""
    source = ROOT / "demo" / "store" / "sources" / "tracks.lance"
    if not source.is_dir():
        raise Failure("there is no demo: `make demo-check` makes it")
    draw = random.Random(1)
    texts = (
        lance.dataset(str(source)).to_table(columns=["lyrics"])["lyrics"].to_pylist()
    )
    lines = {
        line.strip()
        for text in texts
        if text
        for line in text.splitlines()
        if len(line.split()) >= 4
    }
    drawn = sorted(lines)
    draw.shuffle(drawn)
    with file.open("w", encoding="utf-8") as out:
        for number, line in enumerate(drawn[:LINES]):
            row = {
                "line_id": f"{number:07}",
                "text": line,
                "hundredth": draw.randrange(100),
            }
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def measured(binary: str, project: Path, seconds: float) -> str:
    """The page."""
    release = max(
        (project / "store" / "releases").iterdir(), key=lambda file: int(file.stem)
    )
    pin = json.loads(release.read_text())["searches"][0]["rows"]
    path = project / "store" / "searches" / f"{pin['name']}.lance"
    rows = lance.dataset(str(path), version=pin["lance_version"]).to_table(
        columns=["line_id", "search_text_text", "meaning"]
    )
    queries = asked_queries(rows["search_text_text"].to_pylist())
    server = Server(
        binary, project, "127.0.0.1:0", "127.0.0.1:0", project / "serve.log"
    )
    try:
        began = time.perf_counter()
        ask(Client(server.address), {"query": queries[0]})
        first = time.perf_counter() - began
        client = Client(server.address)
        milliseconds, found = timed(client, queries)
        vectors = json.loads(
            client.send(
                "POST", "/api/embeddings/batch", json.dumps({"texts": queries}).encode()
            )
        )["embeddings"]
        memory = resident_mib(server)
    finally:
        server.stop(signal.SIGTERM)
    return page(
        len(rows), seconds, first, memory, milliseconds, recall(rows, vectors, found)
    )


def asked_queries(lines: list[str]) -> list[str]:
    """Three to five words that stand beside one another in a line."""
    draw = random.Random(2)
    queries: list[str] = []
    while len(queries) < QUERIES + WARM_UP:
        words = re.findall(r"[a-z]{3,}", draw.choice(lines).lower())
        count = draw.randint(3, 5)
        if len(words) > count:
            at = draw.randrange(len(words) - count)
            queries.append(" ".join(words[at : at + count]))
    return queries


def ask(client: Client, request: dict[str, object]) -> list[str]:
    """The keys of what is found."""
    body = json.dumps({"limit": TOP, **request}).encode()
    return [
        hit["key"]
        for hit in json.loads(client.send("POST", "/api/search", body))["hits"]
    ]


def timed(
    client: Client, queries: list[str]
) -> tuple[dict[str, list[float]], list[list[str]]]:
    """Milliseconds of each way of asking, by its name; and what was found by meaning, without a filter."""
    milliseconds: dict[str, list[float]] = {
        mode + name: [] for mode in MODES for name in CONDITIONS
    }
    found: list[list[str]] = []
    for number, query in enumerate(queries):
        for mode in MODES:
            for name, condition in CONDITIONS.items():
                request = {"query": query, "mode": mode} | (
                    {"filter": condition} if condition else {}
                )
                began = time.perf_counter()
                keys = ask(client, request)
                if number >= WARM_UP:
                    milliseconds[mode + name].append(
                        (time.perf_counter() - began) * 1e3
                    )
                if mode == "semantic" and condition is None:
                    found.append(keys)
    return milliseconds, found


def recall(
    rows: pyarrow.Table, vectors: list[list[float]], found: list[list[str]]
) -> float:
    """Share of the ten that are nearest in truth which were found."""
    keys = rows["line_id"].to_pylist()
    asked = numpy.asarray(vectors, dtype=numpy.float32).T
    parts = []
    for batch in rows.select(["meaning"]).to_batches(max_chunksize=50_000):
        column = batch.column(0)
        parts.append(
            column.flatten()
            .to_numpy(zero_copy_only=False)
            .reshape(-1, column.type.list_size)
            @ asked
        )
    scores = numpy.concatenate(parts)
    right = 0
    for query, hits in enumerate(found):
        # Equal lines were taken once, and no two are equally near but by chance.
        nearest = {
            keys[row] for row in numpy.argpartition(-scores[:, query], TOP)[:TOP]
        }
        right += len(nearest & set(hits))
    return right / (TOP * len(found))


def resident_mib(server: Server) -> int:
    """Memory of the server's process."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024  # type: ignore[index]


def page(
    rows: int,
    seconds: float,
    first: float,
    memory: int,
    milliseconds: dict[str, list[float]],
    found: float,
) -> str:
    """What was measured, as Markdown."""
    lines = []
    for name, values in milliseconds.items():
        ordered = sorted(values)
        lines.append(
            [
                name,
                *(
                    f"{value:.1f}"
                    for value in (statistics.median(ordered), percentile(ordered, 0.95))
                ),
            ]
        )
    return "\n".join(
        [
            "# Benchmarks: search over a million lines",
            "",
            "`make bench-lines` writes this page; edit `scripts/bench/lines.py` instead. The machine and the profile are those of",
            "[benchmarks-serving.md](benchmarks-serving.md).",
            "",
            f"{rows:,} different lines of the demo's pieces, each a piece of its own; ingested, embedded and indexed in {seconds:,.0f} s. The",
            f"server takes {memory:,} MiB with their vectors in memory; the first answer comes {first:.1f} s after it is ready. {QUERIES} queries of three to",
            f"five words that stand beside one another in a line, one client, the first {TOP} hits; what is measured is the whole HTTP round trip with the",
            "query's vector. Milliseconds:",
            "",
            table(["", "p50", "p95"], lines),
            "",
            f"By meaning {found:.3f} of the {TOP} that are nearest in truth are found (the goals are 0.95, and 50 ms at p95).",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
