"""One scan-and-aggregate statement: `POST /api/sql` beside DuckDB on the same release."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from report import Client, Sizes, table
from server import Failure

QUERY = (
    "select decade, count(*) as n, avg(mtld) as mtld, avg(tokens) as tokens, max(line_length_mean) as longest"
    " from track group by decade order by decade"
)
THREADS = 2
RATIO_GOAL = 1.0
TOLERANCE = 1e-9
"""Relative; sums of floats depend on their order."""

RHAPSODE = "Rhapsode, `POST /api/sql`"
PARQUET = "DuckDB on Parquet"
MEMORY = "DuckDB on its own table"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Measured:
    """The medians in milliseconds, by name."""

    medians: dict[str, float]
    runs: int
    groups: int


def measure(address: str, folder: Path, sizes: Sizes, key: str) -> Measured:
    """Asks everyone in turn, after all gave the same answer."""
    client = Client(address, key)
    parquet = folder / "track.parquet"
    parquet.write_bytes(client.send("GET", "/api/dataset/download?dataset=track&format=parquet", accept="*/*"))
    on_parquet = duckdb.connect(config={"threads": THREADS})
    on_parquet.execute(f"create view track as select * from read_parquet('{parquet}')")
    in_memory = duckdb.connect(config={"threads": THREADS})
    in_memory.execute(f"create table track as select * from read_parquet('{parquet}')")
    askers: dict[str, Callable[[], list[Row]]] = {
        RHAPSODE: lambda: [tuple(row.values()) for row in client.sql(QUERY)],
        PARQUET: lambda: on_parquet.execute(QUERY).fetchall(),
        MEMORY: lambda: in_memory.execute(QUERY).fetchall(),
    }
    wanted = askers[PARQUET]()
    for name, asker in askers.items():
        require_same(name, asker(), wanted)
    milliseconds: dict[str, list[float]] = {name: [] for name in askers}
    print("bench: queries", flush=True)
    for run in range(sizes.warm_up // 10 + 1 + sizes.queries):
        for name, asker in askers.items():
            started = time.perf_counter()
            asker()
            if run >= sizes.warm_up // 10 + 1:
                milliseconds[name].append((time.perf_counter() - started) * 1e3)
    client.close()
    medians = {name: statistics.median(values) for name, values in milliseconds.items()}
    return Measured(medians, sizes.queries, len(wanted))


def require_same(name: str, found: list[Row], wanted: list[Row]) -> None:
    """Ends the benchmark where two answers differ: then their times say nothing."""
    if len(found) != len(wanted) or not all(map(same_row, found, wanted)):
        differing = [pair for pair in zip(found, wanted, strict=False) if not same_row(*pair)][:3]
        raise Failure(f"{name} has {len(found)} rows, {PARQUET} {len(wanted)}; they differ in {differing}")


def same_row(left: Row, right: Row) -> bool:
    """Whether two rows hold the same, floats to nine digits."""

    def same(a: Any, b: Any) -> bool:
        return a == b or (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=TOLERANCE))

    return len(left) == len(right) and all(map(same, left, right))


def section(measured: Measured) -> str:
    """The medians as Markdown."""
    own = measured.medians[RHAPSODE]
    rows = []
    for name, median in measured.medians.items():
        goal = f"≤ {RATIO_GOAL}" if name == PARQUET else "" if name == RHAPSODE else "none set"
        rows.append([name, f"{median:.2f}", "" if name == RHAPSODE else f"{own / median:.2f}", goal])
    head = ["", "median, ms", "Rhapsode's time over it", "goal"]
    text = (
        f"```sql\n{QUERY}\n```\n\n{measured.groups} groups. Rhapsode's time is the whole HTTP round trip with the"
        f" JSON parsed; DuckDB {duckdb.__version__} runs in the client's process with {THREADS} threads, on"
        f" the Parquet downloaded from the same release, or on a table in memory made from it. {measured.runs} runs"
        " each, in turn, after a warm-up, and after all three gave the same answer."
    )
    return f"## A query\n\n{text}\n\n{table(head, rows)}\n"
