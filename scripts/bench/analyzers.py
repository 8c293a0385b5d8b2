"""Analyzers: texts per second of each, and of all of them side by side, without vectors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from builds import command
from rebuilds import ingest
from report import Sizes, table, without_vectors

ANALYZERS = ("emotion", "lexical", "rhyme", "structure", "theme")
TEXTS_A_SECOND_GOAL = 5_000


@dataclass(frozen=True)
class Measured:
    """Seconds of the view of each analyzer in one build, and of the views of all of them, one after the other."""

    tracks: int
    seconds: dict[str, float]


def measure(binary: str, project: Path, definitions: Path, sizes: Sizes) -> Measured:
    """Builds a synthetic corpus of the middle size with the views of the analyzers."""
    tracks = sizes.tracks[len(sizes.tracks) // 2]
    print(f"bench: analyzers of {tracks:,} tracks", flush=True)
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(definitions, project / "feature_defs")
    without_vectors(project / "feature_defs")
    for file in (project / "feature_defs").glob("*.yaml"):
        if file.stem not in (*ANALYZERS, "themes", "track"):
            file.unlink()
    (project / "rhapsode.toml").write_text('[store]\nurl = "./store"\n', encoding="utf-8")
    corpus = project / "tracks.jsonl"
    make = ["corpus", "make", "--tracks", str(tracks), "--seed", "1", "--no-faults", "--out", str(corpus), "--json"]
    command(binary, *make)
    ingest(binary, project, corpus)
    done, _ = command(binary, "--project", str(project), "build", "--json")
    shutil.rmtree(project)
    return Measured(tracks, {view["name"]: view["seconds"] for view in done["views"]})


def section(measured: Measured) -> str:
    """The figures as Markdown."""
    seconds = {name: measured.seconds[name] for name in ANALYZERS}
    rows = [[f"`{name}`", f"{measured.tracks / of:,.0f}", "none set"] for name, of in seconds.items()]
    rows.append(["all five", f"{measured.tracks / sum(seconds.values()):,.0f}", f"{TEXTS_A_SECOND_GOAL:,}"])
    text = (
        f"{measured.tracks:,} synthetic tracks; a build of the five views without vectors, one after the other on all "
        "cores, writing and statistics included."
    )
    return f"## Analyzers\n\n{text}\n\n{table(['', 'texts/s', 'goal'], rows)}\n"
