"""What it costs that statements run in processes of their own: the same statements there and in the server's own."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from beside import served
from queries import same_row
from report import Client, Sizes, spread, table
from server import Failure

WORKERS = (0, 2)
"""None, and as many as there are by default."""

STATEMENTS = {
    "one track by its key": "select title_clean, artist, decade, mtld, {run} as run from track where track_id = '{track}'",
    "count": "select count(*) as n from track where mtld > {run}e-9",
    "group by": "select decade, count(*) as n, avg(mtld) as mtld from track where tokens > {run}e-9 group by decade order by decade",
    "the ten largest": "select track_id, mtld, {run} as run from track order by mtld desc nulls last, track_id limit 10",
    "all columns of 1,000": "select *, {run} as run from track order by track_id limit 1000",
}
"""A number in each is another each time, so that no answer is kept."""


@dataclass(frozen=True)
class Measured:
    """Milliseconds of each statement: in the server's own process, and in workers."""

    milliseconds: dict[str, tuple[list[float], list[float]]]
    bytes: dict[str, int]


def measure(binary: str, project: Path, keys: list[str], sizes: Sizes) -> Measured:
    """Asks both servers in turn, each time the other one first; both must say the same."""
    settings = [f"[sql]\nworkers = {workers}\n" for workers in WORKERS]
    milliseconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in STATEMENTS}
    bytes_of = {}
    warm_up = sizes.warm_up // 20 + 1
    tracks = [track for track in spread(keys, warm_up + sizes.queries) if "'" not in track] or keys[:1]
    print("bench: statements in the server's own process and in workers", flush=True)
    with (
        served(binary, project, "in-process", settings[0]) as (here, key_here),
        served(binary, project, "in-workers", settings[1]) as (there, key_there),
    ):
        clients = [Client(here.address, key_here), Client(there.address, key_there)]
        for run in range(warm_up + sizes.queries):
            for name, template in STATEMENTS.items():
                query = template.format(run=run, track=tracks[run % len(tracks)])
                answers = {}
                for side in (0, 1) if run % 2 == 0 else (1, 0):
                    began = time.perf_counter()
                    answers[side] = clients[side].send("POST", "/api/sql", json.dumps({"query": query}).encode())
                    if run >= warm_up:
                        milliseconds[name][side].append((time.perf_counter() - began) * 1e3)
                if not same(answers[0], answers[1]):
                    raise Failure(f"a worker answers otherwise than the server itself: `{query}`")
                bytes_of[name] = len(answers[0])
        for client in clients:
            client.close()
    return Measured(milliseconds, bytes_of)


def same(left: bytes, right: bytes) -> bool:
    """Whether two answers have the same rows, floats to nine digits: sums depend on their order."""
    rows = [[tuple(row.values()) for row in json.loads(answer)] for answer in (left, right)]
    return len(rows[0]) == len(rows[1]) and all(map(same_row, *rows))


def section(measured: Measured) -> str:
    """The medians as Markdown."""
    rows = []
    for name, (here, there) in measured.milliseconds.items():
        medians = statistics.median(here), statistics.median(there)
        cells = [f"{measured.bytes[name]:,}", *(f"{median:.2f}" for median in medians)]
        rows.append([name, *cells, f"{medians[1] / medians[0]:.2f}", f"{medians[1] - medians[0]:+.2f}", "none set"])
    runs = len(next(iter(measured.milliseconds.values()))[0])
    statements = "\n".join(query.format(run="N", track="…") for query in STATEMENTS.values())
    text = (
        f"The same statements to a server with `sql.workers = {WORKERS[1]}` and to one with {WORKERS[0]}, which runs them"
        f" itself: {runs} runs of each, in turn, after a warm-up; N is another number each time, and no answer is one that"
        " was kept. Round trips over HTTP, answers as JSON; both servers answered each the same."
    )
    head = ["", "bytes", "own process, ms", "workers, ms", "ratio", "difference, ms", "goal"]
    return f"## What workers cost a statement\n\n{text}\n\n```sql\n{statements}\n```\n\n{table(head, rows)}\n"
