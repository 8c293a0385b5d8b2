"""Training sets: the point-in-time join of rows at moments with three histories, beside DuckDB and Feast.

`measure` and `section` are for `bench.py`; by itself, this writes its section to a file:

python scripts/bench/training.py --scale 100 --out training.md
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from builds import command
from environments import FEAST, python_with
from report import table
from server import Failure, find_binary
from training_steps import AT_AN_EVENT, EVENTS, FEATURES, ROWS, events_file

HEAD = """\
# Training sets

`make bench-training` writes this page; edit `scripts/bench/training.py` instead. The machine and the profile are those of
[benchmarks.md](benchmarks.md). Goals: within 1 GiB; no slower than DuckDB's `asof join` on events that are stored sorted, in less memory.

"""
STEPS = Path(__file__).resolve().with_name("training_steps.py")
LIMIT = ("timeout", "--foreground", "--signal=KILL", "300")
"""Seconds of one command."""

MEMORY_MIB = 1_024
DUCKDB_MEMORY = "1GB"
RUNS = 3
FEAST_SCALES = (100, 20)
FEAST_MEMORY = "10GB"

DEFINITIONS = """\
kind: entity
name: item
join_keys: [item_id]
---
kind: source
name: items
entity: item
columns:
  - { name: item_id, dtype: int64 }
  - { name: weight, dtype: float64 }
"""
HISTORY = """\
---
kind: source
name: {source}
entity: item
timestamp_field: at
columns:
  - {{ name: item_id, dtype: int64 }}
  - {{ name: at, dtype: timestamp }}
  - {{ name: value, dtype: float64 }}
---
kind: feature_view
name: {feature}_history
entity: item
timestamp_field: at
sql: select item_id, at, value as {feature} from {source}
features:
  - {{ name: {feature}, dtype: float64 }}
"""


@dataclass(frozen=True)
class Timed:
    """A command: what it printed, its seconds with start and end, and its peak memory."""

    answer: dict[str, Any]
    wall: float
    memory_mib: float


@dataclass(frozen=True)
class Join:
    """Several runs of one join; `fault` says why there are none."""

    name: str
    runs: list[Timed]
    fault: str = ""

    def median(self) -> float:
        """Seconds of the join, without the start of the process."""
        return statistics.median(run.answer["seconds"] for run in self.runs)

    def wall(self) -> float:
        """Seconds of the process."""
        return statistics.median(run.wall for run in self.runs)

    def memory_mib(self) -> float:
        """The most of all runs."""
        return max(run.memory_mib for run in self.runs)


@dataclass(frozen=True)
class Size:
    """All joins of one size, the first of them ours, and what was done before it."""

    scale: int
    ingests: list[Timed]
    build: Timed
    joins: list[Join]
    with_null: int | None
    left_out: int = 0
    """Rows that Feast does not return."""


@dataclass(frozen=True)
class Measured:
    """The whole size, and those that Feast holds."""

    whole: Size
    feast: list[Size]


def measure(binary: str, folder: Path, scale: int, keep: bool = False) -> Measured:
    """Joins everything at the size that `scale` divides, and then with Feast at sizes that it holds."""
    shutil.rmtree(folder / "sizes", ignore_errors=True)
    python = str(python_with(FEAST))
    whole = one(binary, folder / "sizes" / "whole", scale, None)
    scales = sorted({max(scale, feast_scale) for feast_scale in FEAST_SCALES}, reverse=True)
    feast = [one(binary, folder / "sizes" / f"feast-{scale}", scale, python) for scale in scales]
    if not keep:
        shutil.rmtree(folder / "sizes")
    return Measured(whole, feast)


def one(binary: str, folder: Path, scale: int, feast: str | None) -> Size:
    """One size: with the Python of Feast beside Feast, and without it beside DuckDB in every way."""
    print(f"bench: training sets of {sizes_of(scale)}", flush=True)
    folder.mkdir(parents=True)
    step("data", folder, "--scale", str(scale))
    project, ingests, build = make_project(binary, folder)
    # What was written would be on its way to the disk meanwhile.
    os.sync()
    out = {name: folder / f"{name}.parquet" for name in ("ours", "sorted", "shuffled", "unbounded", "feast")}
    ours = [binary, "--project", str(project), "training-set", "--rows", str(folder / "rows.parquet")]
    ours += ["--features", ",".join(FEATURES.values()), "--out", str(out["ours"]), "--json"]

    def in_duckdb(events: str, name: str, *more: str) -> Callable[[], Timed]:
        return lambda: step("duck", folder, "--events", events, "--out", str(out[name]), *more)

    bounded = ("--memory", DUCKDB_MEMORY)
    joins = {
        "Rhapsode": lambda: timed(*ours),
        f"DuckDB within {DUCKDB_MEMORY}, events sorted": in_duckdb("sorted", "sorted", *bounded),
    }
    if feast is None:
        joins[f"DuckDB within {DUCKDB_MEMORY}, events shuffled"] = in_duckdb("shuffled", "shuffled", *bounded)
        joins["DuckDB within its default, events sorted"] = in_duckdb("sorted", "unbounded")
    found = in_turn(joins, RUNS)
    if displaced := step("ordered", folder, "--found", str(out["ours"])).answer["displaced"]:
        raise Failure(f"{displaced:,} rows of the training set are not where they were given")
    duckdb = [out[name] for name in ("sorted", "shuffled", "unbounded") if out[name].exists()]
    with_null = [require_same(folder, path, out["ours"]) for path in duckdb]
    left_out = 0
    if feast is not None:
        arguments = [feast, str(STEPS), "feast", str(folder), "--memory", FEAST_MEMORY, "--out", str(out["feast"])]
        found += in_turn({FEAST.replace("==", " "): lambda: timed(*arguments)}, 1)
        left_out = 0 if found[-1].fault else require_explained(folder, out["feast"], out["ours"])
    return Size(scale, ingests, build, found, with_null[0] if with_null else None, left_out)


def in_turn(joins: Mapping[str, Callable[[], Timed]], runs: int) -> list[Join]:
    """Runs everyone once, and so on: the machine is not equally fast at all times. Who failed does not run again."""
    found = {name: Join(name, []) for name in joins}
    for _ in range(runs):
        for name, run in joins.items():
            if found[name].fault:
                continue
            try:
                found[name].runs.append(run())
            except Failure as failure:
                if name == "Rhapsode":
                    raise
                found[name] = Join(name, [], fault_of(failure))
    return list(found.values())


def fault_of(failure: Failure) -> str:
    """The line that says what is wrong."""
    said = str(failure).strip().splitlines()
    errors = [line for line in said if "Error" in line or "Exception" in line]
    return (errors or said)[-1][:200]


def make_project(binary: str, folder: Path) -> tuple[Path, list[Timed], Timed]:
    """A project with everything ingested, the events shuffled, and built."""
    project = folder / "project"
    (project / "feature_defs").mkdir(parents=True)
    (project / "rhapsode.toml").write_text(f"[build]\nmemory_mib = {MEMORY_MIB}\n", encoding="utf-8")
    histories = [HISTORY.format(source=source, feature=feature) for source, feature in FEATURES.items()]
    (project / "feature_defs" / "all.yaml").write_text("".join([DEFINITIONS, *histories]), encoding="utf-8")
    files = {"items": folder / "items.parquet"} | {name: events_file(folder, name, "shuffled") for name in FEATURES}
    ingests = []
    for source, path in files.items():
        ingests.append(timed(binary, "--project", str(project), "ingest", source, str(path), "--json"))
        if ingests[-1].answer["rejected"]:
            raise Failure(f"the ingest of {source} rejected {ingests[-1].answer['rejected']} rows")
    build = timed(binary, "--project", str(project), "build", "--json")
    if not build.answer["published"]:
        raise Failure("the build published nothing")
    return project, ingests, build


def require_same(folder: Path, found: Path, wanted: Path) -> int:
    """Ends the benchmark where two training sets differ; returns how many rows have a null."""
    told = step("compare", folder, "--found", str(found), "--wanted", str(wanted)).answer
    if told["only_found"] or told["only_wanted"] or told["rows"] != told["wanted"]:
        raise Failure(f"{found.stem} and {wanted.stem} differ: {told}")
    return int(told["with_null"])


def require_explained(folder: Path, found: Path, wanted: Path) -> int:
    """Ends the benchmark where Feast has a row that we have not, or lacks one for another reason than the known one."""
    told = step("compare", folder, "--found", str(found), "--wanted", str(wanted)).answer
    missing = step("left_out", folder, "--found", str(found), "--wanted", str(wanted)).answer
    explained = missing["of_later_events"]
    if told["only_found"] or told["only_wanted"] != explained or missing["missing"] != explained:
        raise Failure(f"{found.stem} and {wanted.stem} differ: {told}, {missing}")
    return int(missing["missing"])


def step(name: str, folder: Path, *arguments: str) -> Timed:
    """A step in a Python of its own."""
    return timed(sys.executable, str(STEPS), name, str(folder), *arguments)


def timed(*arguments: str) -> Timed:
    """Runs a command that prints JSON."""
    started = time.perf_counter()
    answer, memory_mib = command(*LIMIT, *arguments)
    return Timed(answer, time.perf_counter() - started, memory_mib)


def section(measured: Measured) -> str:
    """The sizes as Markdown."""
    whole = measured.whole
    head = ["", "process, s", "join, s", "input rows/s", "peak memory, MiB", "Rhapsode's time over it"]
    nulls = "" if whole.with_null is None else f" {whole.with_null:,} rows have a null."
    text = (
        f"{sizes_of(whole.scale)}. Each row is an item at a random moment, one in {AT_AN_EVENT} at the moment of an "
        "event, and gets the last value at or before it from each history. Parquet in, Parquet out, all of it in the "
        f"system's cache; medians of {RUNS} processes in turn, the memory is the most of them. Input rows are rows and "
        f"events together, over the seconds of the join.{nulls} The results are compared row by row; Rhapsode's are in "
        f"the order in which the rows were given, the others in none. Rhapsode's `build.memory_mib` is {MEMORY_MIB:,}. "
        f"DuckDB {version('duckdb')} has 2 threads, and three `asof left join` in one statement over Parquet that is "
        "sorted by item and time, or shuffled."
    )
    parts = [f"## Training sets\n\n{text}\n\n{table(head, lines(whole))}\n", before(whole)]
    for size in measured.feast:
        title = f"{sizes_of(size.scale)}, beside Feast's file offline store, run once."
        if size.left_out:
            title += f" It leaves out {size.left_out:,} rows: those of an item whose events in a history are all later."
            title += " The others are the same."
        parts.append(f"{title}\n\n{table(head, lines(size))}\n")
    return "\n".join(parts)


def lines(size: Size) -> list[list[str]]:
    """The joins of one size."""
    inputs = (ROWS + len(FEATURES) * EVENTS) // size.scale
    ours = size.joins[0]
    rows = []
    for join in size.joins:
        if join.fault:
            rows.append([f"{join.name}: {join.fault}", "", "", "", "", ""])
            continue
        row = [join.name, f"{join.wall():.2f}", f"{join.median():.2f}", f"{inputs / join.median():,.0f}"]
        rows.append([*row, f"{join.memory_mib():,.0f}", "" if join is ours else f"{ours.median() / join.median():.2f}"])
    return rows


def before(size: Size) -> str:
    """What was done once before the joins."""
    build = size.build.answer
    events = len(FEATURES) * EVENTS // size.scale
    timed_sources = [made for made in build["sources"] if made["name"] in FEATURES]
    sources, views = (sum(made["seconds"] for made in kind) for kind in (timed_sources, build["views"]))
    ingested = sum(run.wall for run in size.ingests)
    rows = [
        ["ingest of four sources", f"{ingested:.1f}", "", f"{max(run.memory_mib for run in size.ingests):,.0f}"],
        ["build", f"{size.build.wall:.1f}", "", f"{size.build.memory_mib:,.0f}"],
        ["of the build, the sources of events", f"{sources:.1f}", f"{events / sources:,.0f}", ""],
        ["of the build, the views", f"{views:.1f}", f"{events / views:,.0f}", ""],
    ]
    text = (
        "Rhapsode sorts once, in the build, and not in the join: the events were ingested shuffled, and the build puts "
        "sources and views in the order of key and time. DuckDB sorts in each join."
    )
    return f"{text}\n\n{table(['before the join', 's', 'events/s', 'peak memory, MiB'], rows)}\n"


def sizes_of(scale: int) -> str:
    """How much there is of everything."""
    return f"{ROWS // scale:,} rows, {len(FEATURES)} histories of {EVENTS // scale:,} events"


def main() -> int:
    """Measures, and writes the section to a file."""
    parser = argparse.ArgumentParser(description="Measures training sets.")
    parser.add_argument("--binary", help="the rhapsode to measure (default: the one that cargo built)")
    parser.add_argument("--folder", type=Path, default=Path("demo-bench/training"), help="where everything is made")
    parser.add_argument("--scale", type=int, default=1, help="all sizes are divided by it")
    parser.add_argument("--out", type=Path, default=Path("training.md"), help="the file to write")
    parser.add_argument("--keep", action="store_true", help="leaves the data and the projects there")
    options = parser.parse_args()
    try:
        text = section(measure(find_binary(options.binary), options.folder, options.scale, options.keep))
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    options.out.write_text(f"{HEAD}{text}", encoding="utf-8")
    print(f"\n{text}\nbench: wrote `{os.path.relpath(options.out)}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
