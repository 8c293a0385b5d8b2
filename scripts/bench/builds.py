"""Ingest and build of the whole corpus into a fresh store: seconds, rows per second, peak memory."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import table
from server import Failure

COMMAND_SECONDS_MAX = 1_800


@dataclass(frozen=True)
class Run:
    """One ingest and one build."""

    ingest: dict[str, Any]
    ingest_memory_mib: float
    build: dict[str, Any]
    build_memory_mib: float


def measure(binary: str, project: Path, corpus: Path, runs: int) -> list[Run]:
    """Ingests and builds `runs` times, each time into a store that is not there before."""
    measured = []
    for index in range(runs):
        shutil.rmtree(project / "store", ignore_errors=True)
        print(f"bench: build {index + 1} of {runs}", flush=True)
        ingest, ingest_memory = command(binary, "--project", str(project), "ingest", "tracks", str(corpus), "--json")
        build, build_memory = command(binary, "--project", str(project), "build", "--json")
        if ingest["rejected"] or not build["published"]:
            raise Failure(f"the ingest rejected {ingest['rejected']} rows, the build published: {build['published']}")
        measured.append(Run(ingest, ingest_memory, build, build_memory))
    return measured


def command(*arguments: str) -> tuple[dict[str, Any], float]:
    """The JSON object that a command prints, and its peak memory in MiB (`ru_maxrss` of the child alone)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        killer = threading.Timer(COMMAND_SECONDS_MAX, child.kill)
        killer.start()
        _, status, usage = os.wait4(child.pid, 0)
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if child.returncode != 0:
            said = errors.read().decode(errors="replace")[-2_000:]
            raise Failure(f"`{' '.join(arguments)}` ended with {child.returncode}:\n{said}")
        # Linux counts in KiB.
        return json.load(out), usage.ru_maxrss / 1_024


def section(runs: list[Run]) -> str:
    """The runs as Markdown."""
    rows = runs[0].ingest["rows"]
    lines = [
        line("ingest, s", [run.ingest["seconds"] for run in runs], "{:.2f}"),
        line("ingest, rows/s", [rows / run.ingest["seconds"] for run in runs], "{:,.0f}"),
        line("ingest, peak memory, MiB", [run.ingest_memory_mib for run in runs], "{:,.0f}"),
        line("build, s", [run.build["seconds"] for run in runs], "{:.2f}"),
        line("build, rows/s", [rows / run.build["seconds"] for run in runs], "{:,.0f}"),
        line("build, peak memory, MiB", [run.build_memory_mib for run in runs], "{:,.0f}"),
    ]
    for kind in ("sources", "views"):
        for index, made in enumerate(runs[0].build[kind]):
            seconds = [run.build[kind][index]["seconds"] for run in runs]
            name = f"of the build, {kind[:-1]} `{made['name']}` ({made['rows']:,} rows), s"
            lines.append(line(name, seconds, "{:.2f}"))
    head = ["figure", *[f"run {index + 1}" for index in range(len(runs))], "median", "goal"]
    text = f"{rows:,} tracks of verse, ingested from JSON Lines and built into a store that was not there before."
    return f"## Build\n\n{text}\n\n{table(head, lines)}\n"


def line(name: str, values: list[float], form: str) -> list[str]:
    """A figure of every run, and their median."""
    return [name, *[form.format(value) for value in values], form.format(statistics.median(values)), "none set"]
