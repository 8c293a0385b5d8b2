"""Measures RhymeTagger (PyPI `rhymetagger` 1.0.0, MIT; Plechac 2018) on the stanzas of `rhapsode eval`.

    python scripts/eval/rhymetagger.py --gold DIR                      its figures
    python scripts/eval/rhymetagger.py --gold DIR --binary rhapsode    and ours beside them, from the same run
    python scripts/eval/rhymetagger.py --gold DIR --json               as `rhapsode eval --json` prints them

Counting is that of src/evaluate/schemes.rs. A stanza is exact where every line has its class, a fragment where every
stanza of it has. Pairs of lines are counted within a stanza, over all stanzas together; a line that rhymes with none is
a class of its own. Intervals are 95 %, by the same bootstrap with the same seed: over authors, and over fragments.

What is given to RhymeTagger: its own models, which its package holds (they were learnt from 40,000 English and 45,000
Russian poems, those that are judged here probably among them); each stanza as a stanza, rhymes sought within it only;
the settings below, the best of which counts, for each language the one with the most exact schemes on this very gold;
lines that it links through others count as linked, which is a little better than its own `output_format=3`. Russian
gold has the ends of lines only: they are given as lines of a word or two, without the marks of stress, since espeak-ng
does not read these; it knows the stress of words by its dictionary.

Needs espeak-ng (GPL-3.0, a program that is run here to measure, and never shipped): `apt-get install espeak-ng`. The
Python packages go to a virtual environment of their own.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

# nltk 3.10 cuts lines into words for RhymeTagger, ujson reads its models.
PACKAGES = ("rhymetagger==1.0.0", "nltk==3.10.4", "ujson==6.1.0")
ENVIRONMENT = Path.home() / ".cache" / "rhapsode" / "peers" / "rhymetagger-1.0.0"
# Stanzas of one call: starting espeak-ng takes longer than the stanza does. Arguments of a program may have 128 KiB.
BATCH_STANZAS = 16
SAMPLES = 2_000
MASK = (1 << 64) - 1

# What was tried before, on every sixth English stanza and on the Russian fragments: each probability at 0.5, 0.8 and 0.99
# (Russian rhymes at 0.3 and 0.65 too), a window of 40 lines for 5, no n-grams, American for British English, and the
# same word as a rhyme. These did best.
SETTINGS = {
    "as shipped": {},
    "rhymes from 0.8, n-grams from 0.5, same words rhyme": {
        "prob_ipa_min": 0.8, "prob_ngram_min": 0.5, "same_words": True,
    },
    "rhymes and n-grams from 0.5, same words rhyme": {
        "prob_ipa_min": 0.5, "prob_ngram_min": 0.5, "same_words": True,
    },
}


@dataclass
class Text:
    """What is judged as one: the lines and the known classes of its stanzas, and the unit of the bootstrap."""

    unit: str
    stanzas: list[list[str]]
    known: list[list[int]]


@dataclass
class Score:
    """Counts, as `Score` in src/evaluate/schemes.rs has them."""

    texts: int = 0
    exact: int = 0
    both: int = 0
    found: int = 0
    truth: int = 0

    def add(self, other: Score) -> None:
        self.texts += other.texts
        self.exact += other.exact
        self.both += other.both
        self.found += other.found
        self.truth += other.truth

    def exact_share(self) -> float:
        return self.exact / max(self.texts, 1)

    def pair_f1(self) -> float:
        return 2 * self.both / max(self.found + self.truth, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures RhymeTagger on the gold of `rhapsode eval`.")
    parser.add_argument("--gold", required=True, type=Path, help="the folder with the gold files (docs/evaluation.md)")
    parser.add_argument("--binary", help="the rhapsode to measure beside it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each n-th text only, to try the script")
    options = parser.parse_args()
    if shutil.which("espeak-ng") is None:
        print("espeak-ng is missing: `apt-get install espeak-ng` installs it", file=sys.stderr)
        return 1
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        return in_environment()
    try:
        tasks = [
            ("en", "rhyme", english(options.gold), "each stanza alone"),
            ("ru", "rhyme-russian", russian(options.gold), "stress by rule"),
        ]
    except OSError as error:
        print(f"the gold cannot be read: {error}", file=sys.stderr)
        return 1
    report = {}
    for language, what, texts, condition in tasks:
        report[what] = measured(language, texts[:: options.every], condition)
        if options.binary:
            report[what]["ours"] = ours(options.binary, what, options.gold)
    print(json.dumps(report, indent=2, ensure_ascii=False) if options.json else table(report))
    return 0


def in_environment() -> int:
    """Runs this script again in an environment that has the packages; makes it where it is missing."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "packages"
    if not done.exists() or done.read_text(encoding="utf-8") != "\n".join(PACKAGES):
        print(f"installing {' '.join(PACKAGES)} into {ENVIRONMENT}", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        if subprocess.run(install, stdout=sys.stderr).returncode != 0:
            print("pip could not install the packages", file=sys.stderr)
            return 1
        done.write_text("\n".join(PACKAGES), encoding="utf-8")
    return subprocess.run([str(python), *sys.argv]).returncode


def rows(file: Path) -> list[dict]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def canonical(labels: list) -> list[int]:
    """Classes from 0 in the order of their first lines."""
    known: dict = {}
    return [known.setdefault(label, len(known)) for label in labels]


def english(gold: Path) -> list[Text]:
    return [Text(row["author"], [row["lines"]], [canonical(row["scheme"])]) for row in rows(gold / "rhyme_en.jsonl.gz")]


def russian(gold: Path) -> list[Text]:
    texts = []
    for number, row in enumerate(rows(gold / "rhyme_ru.jsonl.gz")):
        text = Text(str(number), [], [])
        start = 0
        for size in row["stanza_sizes"]:
            words, labels = row["end_words"][start : start + size], row["labels"][start : start + size]
            start += size
            text.stanzas.append(["".join(c for c in word if c not in "\u0300\u0301") for word in words])
            # Each line that rhymes with none is a class of its own.
            text.known.append(canonical([at if label == "-" else label for at, label in enumerate(labels)]))
        texts.append(text)
    return texts


def measured(language: str, texts: list[Text], condition: str) -> dict:
    """The figures of the best setting, called as ours beside them are, and the values of all."""
    tagger = Tagger(language)
    tried = {}
    for name, setting in SETTINGS.items():
        found = iter(tagger.classes([stanza for text in texts for stanza in text.stanzas], setting))
        units: dict[str, Score] = {}
        for text in texts:
            units.setdefault(text.unit, Score()).add(score(text.known, [next(found) for _ in text.known]))
        tried[name] = list(units.values())
        print(f"{language}: {name}: {total(tried[name])}", file=sys.stderr)
    best = max(tried, key=lambda name: total(tried[name]).exact_share())
    sum_of_best = total(tried[best])
    intervals = bootstrap(tried[best])
    names = (f"schemes exact, {condition}", f"pairs of lines F1, {condition}")
    values = (sum_of_best.exact_share(), sum_of_best.pair_f1())
    figures = [
        {"name": name, "value": value, "low": low, "high": high, "goal": None}
        for name, value, (low, high) in zip(names, values, intervals)
    ]
    others = [
        {"setting": name, "exact": total(units).exact_share(), "pair_f1": total(units).pair_f1()}
        for name, units in tried.items()
    ]
    return {"texts": sum_of_best.texts, "figures": figures, "setting": best, "tried": others}


def score(known: list[list[int]], found: list[list[int]]) -> Score:
    counts = Score(texts=1, exact=int(known == found))
    for truth, classes in zip(known, found):
        for earlier, later in combinations(range(len(truth)), 2):
            is_found, is_so = classes[earlier] == classes[later], truth[earlier] == truth[later]
            counts.both += is_found and is_so
            counts.found += is_found
            counts.truth += is_so
    return counts


def total(units: list[Score]) -> Score:
    whole = Score()
    for unit in units:
        whole.add(unit)
    return whole


def bootstrap(units: list[Score]) -> list[tuple[float, float]]:
    """The intervals of both figures, by the draws of src/evaluate/bootstrap.rs."""
    seed = 1
    values: tuple[list[float], list[float]] = ([], [])
    for _ in range(SAMPLES):
        sample = Score()
        for _ in units:
            seed = (seed + 0x9E3779B97F4A7C15) & MASK
            mixed = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
            sample.add(units[(mixed ^ (mixed >> 31)) % len(units)])
        values[0].append(sample.exact_share())
        values[1].append(sample.pair_f1())
    return [(sorted(one)[int(0.025 * SAMPLES)], sorted(one)[int(0.975 * SAMPLES)]) for one in values]


class Tagger:
    """RhymeTagger with a model of its own; what espeak-ng says is asked for once."""

    def __init__(self, language: str) -> None:
        import nltk

        # RhymeTagger would fetch a model that finds sentences; a line is cut into words without it.
        nltk.download = lambda *_, **__: False
        nltk.tokenize.word_tokenize = functools.partial(nltk.tokenize.word_tokenize, preserve_line=True)
        # This script has the name of the package; its folder must not stand before the environment's.
        sys.path = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]
        from rhymetagger import RhymeTagger

        self._tagger = RhymeTagger()
        self._tagger.load_model(language, verbose=False)
        self._tagger._transcription = functools.cache(self._tagger._transcription)
        names = ("window", "same_words", "ngram", "stanza_limit", "prob_ipa_min", "prob_ngram_min")
        self._shipped = {name: getattr(self._tagger, name) for name in names}

    def classes(self, stanzas: list[list[str]], setting: dict) -> list[list[int]]:
        """The class of each line of each stanza."""
        found = []
        for start in range(0, len(stanzas), BATCH_STANZAS):
            found.extend(self._tagged(stanzas[start : start + BATCH_STANZAS], setting))
        return found

    def _tagged(self, batch: list[list[str]], setting: dict) -> list[list[int]]:
        # A tagger keeps what it was told last.
        told = {**self._shipped, **setting, "stanza_limit": True}
        try:
            linked = self._tagger.tag([list(stanza) for stanza in batch], output_format=1, fast_ipa=True, **told)
        except IndexError:
            # espeak-ng drew two lines together; then fewer at once, at last line by line.
            if len(batch) > 1:
                return [classes for stanza in batch for classes in self._tagged([stanza], setting)]
            linked = self._tagger.tag([list(batch[0])], output_format=1, fast_ipa=False, **told)
        starts = [0]
        for stanza in batch:
            starts.append(starts[-1] + len(stanza))
        return [joined([[line - start for line in links] for links in linked[start:end]])
                for start, end in zip(starts, starts[1:])]


def joined(links: list[list[int]]) -> list[int]:
    """The classes of lines that are linked, directly or through others."""
    classes = list(range(len(links)))
    for line, others in enumerate(links):
        for other in others:
            one, two = sorted((classes[line], classes[other]))
            classes = [one if known == two else known for known in classes]
    return canonical(classes)


def ours(binary: str, what: str, gold: Path) -> dict:
    command = [binary, "eval", what, "--gold", str(gold), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def table(report: dict) -> str:
    written = ["| what | RhymeTagger 1.0.0 | ours |", "|---|---|---|"]
    for what, of in report.items():
        own = {figure["name"]: figure for figure in of.get("ours", {}).get("figures", [])}
        for figure in of["figures"]:
            beside = own.get(figure["name"])
            written.append(f"| {what}: {figure['name']} | {cell(figure)} | {cell(beside) if beside else ''} |")
    written += ["", *(f"{what}: {of['texts']} texts, setting: {of['setting']}" for what, of in report.items())]
    return "\n".join(written)


def cell(figure: dict) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
