"""Files that appear whole or not at all, and the record of what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from package import sha256

HERE = Path(__file__).resolve().parent


def to_json(record: dict[str, Any]) -> str:
    """One line of JSON Lines; the keys stay in the order in which they were written."""
    return json.dumps(record, ensure_ascii=False) + "\n"


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` when it is whole, and leaves nothing behind when it is not."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def script_digest(*names: str) -> str:
    """The SHA-256 of these files. A script's own text is its version: nobody has to remember to raise a number."""
    script = hashlib.sha256()
    for name in names:
        script.update((HERE / name).read_bytes())
    return script.hexdigest()


def read_record(record: Path, origin: dict[str, Any], *outputs: Path) -> dict[str, Any] | None:
    """The summary of an earlier run, if it was made from `origin` and its files are as it left them."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["origin"] == origin and known["outputs"] == digests(*outputs):
            summary: dict[str, Any] = known["summary"]
            return summary
    except (OSError, ValueError, KeyError, TypeError):
        pass  # No record, or one of another version: the work is done again.
    return None


def write_record(record: Path, origin: dict[str, Any], summary: dict[str, Any], *outputs: Path) -> None:
    """What `read_record` looks for. It is written last, so that a run cut short is made good by the next."""
    with replacing(record) as stream:
        json.dump({"origin": origin, "outputs": digests(*outputs), "summary": summary}, stream, indent=2)
        stream.write("\n")


def digests(*paths: Path) -> dict[str, str]:
    """The SHA-256 of each file, by its name."""
    return {path.name: sha256(path) for path in paths}
