"""A project that is built and served, what its API answers, and how the values of two readers are compared."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lance
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from server import Failure, printed  # noqa: E402

TRACKS = 500
"""Invented tracks; the awkward ones come on top."""

AWKWARD: list[dict[str, Any]] = [
    {"track_id": 'ключ, "1" / 100%', "title": 'One, "two";\nthree', "artist": "Ба́шня, А.", "lyrics": "Да.\nНет."},
    {"track_id": "no lyrics", "title": None, "artist": None, "year": -1, "lyrics": None},
    {"track_id": "only a key"},
]
"""What a format may trip over: separators, quotes, line breaks, other alphabets, nulls."""

KEY = "track_id"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

Bytes = tuple[int, dict[str, str], bytes]
"""Status, headers by lower-case name, body."""


@dataclass
class World:
    """A served project, and what is known about it."""

    address: str
    project: Path
    tracks: list[dict[str, Any]]
    """The ingested rows, as they were written."""
    reference: pyarrow.Table
    """The batch answer as Arrow, all keys and all columns of the dataset `track`, in the order of the keys."""
    columns: list[str]
    """The names of the features, in the order of the dataset."""
    parquet: bytes

    @property
    def keys(self) -> list[str]:
        """All keys, ordered."""
        return sorted(track[KEY] for track in self.tracks)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Bytes:
        """One request; header names are written with `_` for `-`."""
        return ask(self.address, method, path, body, **headers)

    def download(self, dataset: str, file_format: str, **headers: str) -> Bytes:
        """A dataset as a file."""
        return self.ask("GET", f"/api/dataset/download?dataset={dataset}&format={file_format}", **headers)

    def lance(self, name: str) -> pyarrow.Table:
        """A Lance dataset of the store, read by pylance without any help of ours."""
        return lance.dataset(str(self.project / "store" / f"{name}.lance")).to_table()


def make_project(binary: str, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """A project with the repository's definitions and a built release, and the rows that it was made from."""
    project, corpus = folder / "project", folder / "tracks.jsonl"
    project.mkdir()
    printed(binary, "--project", str(project), "init")
    shutil.rmtree(project / "feature_defs", ignore_errors=True)
    shutil.copytree(ROOT / "feature_defs", project / "feature_defs")
    # One entity, so that requests need not name it.
    (project / "feature_defs" / "song.yaml").unlink()
    printed(binary, "corpus", "make", "--tracks", str(TRACKS), "--seed", "7", "--no-faults", "--out", str(corpus))
    with corpus.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{json.dumps(track, ensure_ascii=False)}\n" for track in AWKWARD)
    printed(binary, "--project", str(project), "ingest", "tracks", str(corpus))
    printed(binary, "--project", str(project), "build")
    return project, [json.loads(line) for line in corpus.read_text(encoding="utf-8").split("\n") if line]


def ask(address: str, method: str, path: str, body: Any = None, **headers: str) -> Bytes:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {**sent, "content-type": "application/json"} if text else sent)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def look(address: str, project: Path, tracks: list[dict[str, Any]]) -> World:
    """Fetches what every check compares with: the batch answer for all columns of the dataset."""
    status, _, parquet = ask(address, "GET", "/api/dataset/download?dataset=track&format=parquet")
    if status != 200:
        raise Failure(f"the download of `track` answers {status}: {parquet[:500]!r}")
    columns = [name for name in pyarrow.parquet.read_schema(io.BytesIO(parquet)).names if name != KEY]
    body = {"keys": sorted(track[KEY] for track in tracks), "features": columns}
    status, _, stream = ask(address, "POST", "/api/features/batch", body, accept=ARROW_STREAM)
    if status != 200:
        raise Failure(f"the batch answers {status}: {stream[:500]!r}")
    reference = pyarrow.ipc.open_stream(stream).read_all()
    return World(address, project, tracks, reference, columns, parquet)


def compare(found: pyarrow.Table, wanted: pyarrow.Table, what: str) -> None:
    """Every column of `wanted` is in `found`, with the same values for the same keys: floats exactly, nulls too."""
    assert found.num_rows == wanted.num_rows, f"{what} has {found.num_rows} rows, the API {wanted.num_rows}"
    missing = set(wanted.column_names) - set(found.column_names)
    assert not missing, f"{what} lacks the columns {sorted(missing)}"
    found = found.sort_by(KEY)
    keys = wanted[KEY].to_pylist()
    for name in wanted.column_names:
        for key, left, right in zip(keys, found[name].to_pylist(), wanted[name].to_pylist(), strict=True):
            same = type(left) is type(right) and left == right
            assert same, f"`{name}` of `{key}` is {left!r} in {what}, {right!r} by the API"


def features(world: World) -> pyarrow.Table:
    """The reference without what is not in the dataset."""
    return world.reference.select([KEY, *world.columns])


def from_rows(rows: list[dict[str, Any]], schema: pyarrow.Schema) -> pyarrow.Table:
    """JSON rows as a table of `schema`. A float32 is rounded from the text's value, as any reader of JSON would."""
    assert all(set(row) == set(schema.names) for row in rows), "each row has the columns of the dataset and no others"

    def value(value: Any, dtype: pyarrow.DataType) -> Any:
        if value is None or not pyarrow.types.is_float32(dtype):
            return value
        return struct.unpack("f", struct.pack("f", value))[0]

    columns = {field.name: [value(row[field.name], field.type) for row in rows] for field in schema}
    return pyarrow.table(columns, schema=schema)
