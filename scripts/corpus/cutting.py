"""Says which lines make which poem, and cuts the lines between the poems into pieces. No I/O but the index."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from package import CorpusError

PIECE_LINES = 40
"""A piece is as long as a long poem of the index: nine in ten of those have at most 72 lines, half at most 24."""

PIECE_LINES_MIN = 16
"""A shorter remainder is a scrap between two poems: seven in ten have fewer than ten lines."""

PROSE_PERCENT = 40
"""Of the lines of a piece. Verse in print begins its lines with capitals; notes and prefaces do not."""

INDEX_COLUMNS = (
    "poem_id", "stanzas", "title", "author", "author_birth", "author_death",
    "year", "year_source", "book_title", "gutenberg_id", "anthology", "books",
)  # fmt: skip

Span = tuple[int, int]
"""The number of the first line, and of the first line after."""


@dataclass(frozen=True)
class Poem:
    """One row of the index: a poem's facts, and its stanzas in order. Poems may share lines: a cycle and its parts."""

    poem_id: str
    title: str | None
    author: str
    year: int
    year_source: str
    book_title: str
    stanzas: tuple[Span, ...]


def read_index(path: Path) -> list[Poem]:
    """The poems of the index, ordered by their first line."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tuple(reader.fieldnames or ()) != INDEX_COLUMNS:
            raise CorpusError(f"`{path}` has the columns {reader.fieldnames}; expected {list(INDEX_COLUMNS)}")
        return [
            Poem(
                poem_id=row["poem_id"],
                title=row["title"] or None,
                author=row["author"],
                year=int(row["year"]),
                year_source=row["year_source"],
                book_title=row["book_title"],
                stanzas=decode_stanzas(row["stanzas"]),
            )
            for row in reader
        ]


def decode_stanzas(text: str) -> tuple[Span, ...]:
    """Turns `skip+length,skip+length` into spans.

    The first skip counts from line 0, every other from the end of the stanza before, so that `0+4` is a stanza
    break with nothing between.
    """
    spans: list[Span] = []
    end = 0
    for pair in text.split(","):
        match = re.fullmatch(r"(\d+)\+([1-9]\d*)", pair)
        if match is None:
            raise CorpusError(f"`{pair}` in the index is no stanza; expected `skip+length`")
        start = end + int(match[1])
        end = start + int(match[2])
        spans.append((start, end))
    return tuple(spans)


def coverage(lines: int, poems: Iterable[Poem]) -> bytearray:
    """For each line, the number of poems that hold it."""
    covered = bytearray(lines)
    for poem in poems:
        if poem.stanzas[-1][1] > lines:
            raise CorpusError(f"poem `{poem.poem_id}` ends after the last line; the index is of another package")
        for start, end in poem.stanzas:
            for line in range(start, end):
                covered[line] += 1
    return covered


def uncovered_runs(covered: bytearray) -> Iterator[Span]:
    """The longest runs of lines that no poem holds, in file order."""
    return (match.span() for match in re.finditer(rb"\0+", covered))


def cut(run: Span) -> Iterator[Span]:
    """Pieces of `PIECE_LINES` lines in file order; the last may be shorter: `is_remainder`."""
    start, end = run
    return ((line, min(line + PIECE_LINES, end)) for line in range(start, end, PIECE_LINES))


def is_remainder(span: Span) -> bool:
    """Whether a piece is too short to keep."""
    return span[1] - span[0] < PIECE_LINES_MIN


def is_prose(lines: list[str]) -> bool:
    """Whether so many lines start in lower case that this is prose."""
    lower = sum(line[:1].islower() for line in lines)
    return 100 * lower >= PROSE_PERCENT * len(lines)
