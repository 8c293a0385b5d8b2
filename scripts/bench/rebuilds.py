"""What a change costs: an edited feature and 100 changed rows, beside the full build, by the size of the corpus."""

from __future__ import annotations

import json
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builds import command
from report import Sizes, table, without_vectors
from server import Failure

CHANGED_ROWS = 100
DECADE = "floor(year / 10.0) * 10"
EDITS = ["floor(year / 100.0) * 100", "floor(year / 50.0) * 50", "floor(year / 20.0) * 20"]
SECONDS_SHARE_GOAL = 50
BYTES_SHARE_GOAL = 100


@dataclass(frozen=True)
class Cost:
    """Seconds of a build, and bytes that it added to the store's datasets."""

    seconds: float
    bytes: int


@dataclass(frozen=True)
class Measured:
    """One size of the corpus: a full build, and several of each change."""

    tracks: int
    full: Cost
    edits: list[Cost]
    rows: list[Cost]


def measure(binary: str, project: Path, definitions: Path, sizes: Sizes) -> list[Measured]:
    """Builds a synthetic corpus of each size, and then changes it."""
    return [one(binary, project, definitions, tracks) for tracks in sizes.tracks]


def one(binary: str, project: Path, definitions: Path, tracks: int) -> Measured:
    """One size, in a project of its own."""
    print(f"bench: changes of {tracks:,} tracks", flush=True)
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(definitions, project / "feature_defs")
    without_vectors(project / "feature_defs")
    (project / "rhapsode.toml").write_text('[store]\nurl = "./store"\n', encoding="utf-8")
    corpus = project / "tracks.jsonl"
    make = ["corpus", "make", "--tracks", str(tracks), "--seed", "1", "--no-faults", "--out", str(corpus), "--json"]
    command(binary, *make)
    ingest(binary, project, corpus)
    # The source, and the views of which each edit changes one.
    kinds = [file.read_text(encoding="utf-8").count("kind: feature_view") for file in (project / "feature_defs").glob("*.yaml")]
    kept = sum(kinds)
    full = build(binary, project, ["whole"] * (kept + 1))
    written = next(path for path in (project / "feature_defs").glob("*.yaml") if DECADE in path.read_text())
    original = written.read_text(encoding="utf-8")
    edits = []
    for edit in EDITS:
        written.write_text(original.replace(DECADE, edit), encoding="utf-8")
        edits.append(build(binary, project, ["columns"] + ["keep"] * kept))
    rows = []
    for turn in range(len(EDITS)):
        changed = project / "changed.jsonl"
        changed.write_text("".join(changed_rows(corpus, tracks, turn)), encoding="utf-8")
        ingest(binary, project, changed)
        rows.append(build(binary, project, ["rows"] * (kept + 1)))
    shutil.rmtree(project)
    return Measured(tracks, full, edits, rows)


def changed_rows(corpus: Path, tracks: int, turn: int) -> list[str]:
    """Rows from all over the corpus, each with another text."""
    step = tracks // CHANGED_ROWS
    rows = []
    with corpus.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % step == turn and len(rows) < CHANGED_ROWS:
                row = json.loads(line)
                row["lyrics"] = f"{row['lyrics']}\nchanged {turn}"
                rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    return rows


def ingest(binary: str, project: Path, rows: Path) -> None:
    """Ingests rows of which none is rejected."""
    done, _ = command(binary, "--project", str(project), "ingest", "tracks", str(rows), "--json")
    if done["rejected"]:
        raise Failure(f"the ingest rejected {done['rejected']} rows")


def build(binary: str, project: Path, expected: list[str]) -> Cost:
    """Builds, after the plan said that it will do what is measured."""
    plan: dict[str, Any] = command(binary, "--project", str(project), "plan", "--json")[0]
    actions = sorted(step["action"] for step in plan["steps"])
    if actions != sorted(expected):
        raise Failure(f"the plan is {actions}, not {sorted(expected)}")
    before = stored(project)
    done, _ = command(binary, "--project", str(project), "build", "--json")
    return Cost(done["seconds"], stored(project) - before)


def stored(project: Path) -> int:
    """Bytes of the datasets and releases: all but what was ingested and waits."""
    folders = [project / "store" / name for name in ("sources", "views", "releases")]
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def section(measured: list[Measured]) -> str:
    """The sizes as Markdown."""
    head = ["tracks", "full build, s", "MB", "edited feature, s", "of the full", "kB", "of the full"]
    head += [f"{CHANGED_ROWS} rows, s", "of the full", "kB", "of the full"]
    rows = []
    for size in measured:
        row = [f"{size.tracks:,}", f"{size.full.seconds:.2f}", f"{size.full.bytes / 1e6:,.1f}"]
        for costs in (size.edits, size.rows):
            seconds = statistics.median(cost.seconds for cost in costs)
            added = statistics.median(cost.bytes for cost in costs)
            row += [f"{seconds:.3f}", f"1/{size.full.seconds / seconds:,.0f}"]
            row += [f"{added / 1e3:,.1f}", f"1/{size.full.bytes / added:,.0f}"]
        rows.append(row)
    text = (
        "Synthetic tracks. An edited SQL feature is computed for all rows, the files of all other columns stay; "
        f"{CHANGED_ROWS} rows from all over the corpus get another text, which all views read. Medians of "
        f"{len(EDITS)} builds each; bytes are what the build added to sources, views and releases. Goals at 57,000: "
        f"less than 1/{SECONDS_SHARE_GOAL} of the full build's seconds and 1/{BYTES_SHARE_GOAL} of its bytes; for the "
        "rows, the same bytes at every size."
    )
    return f"## Changes\n\n{text}\n\n{table(head, rows)}\n"
