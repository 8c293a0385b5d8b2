"""A real server over a project in a temporary folder."""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

import rhapsode

COMMAND_SECONDS_MAX = 600
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30

ROWS = 25_000
"""More than two batches have."""

DEFINITIONS = """\
kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: string }
  - { name: title, dtype: string, licence: CC0-1.0 }
  - { name: secret, dtype: string }
  - { name: flag, dtype: bool }
  - { name: small, dtype: int32 }
  - { name: large, dtype: int64 }
  - { name: single, dtype: float32 }
  - { name: double, dtype: float64 }
  - { name: day, dtype: date }
  - { name: moment, dtype: timestamp }
  - { name: words, dtype: list<string>, licence: CC0-1.0 }
  - { name: vector, dtype: "vector[3]" }
  - { name: pair, dtype: "struct{a: int64, b: float32}" }
---
kind: feature_view
name: values
entity: track
sql: |
  select track_id, title, secret, flag, small, large, single, double, day, moment, words, vector, pair,
         case when flag then vector end as sparse
  from tracks
features:
  - { name: title, dtype: string }
  - { name: secret, dtype: string }
  - { name: flag, dtype: bool }
  - { name: small, dtype: int32, unit: year, description: A small number. }
  - { name: large, dtype: int64 }
  - { name: single, dtype: float32 }
  - { name: double, dtype: float64 }
  - { name: day, dtype: date }
  - { name: moment, dtype: timestamp }
  - { name: words, dtype: list<string> }
  - { name: vector, dtype: "vector[3]" }
  - { name: pair, dtype: "struct{a: int64, b: float32}" }
  - { name: sparse, dtype: "vector[3]", description: The vector where the flag is set. }
---
kind: feature_view
name: asked
entity: track
on_request:
  inputs:
    - { name: asked_year, dtype: int32 }
    - { name: asked_day, dtype: date }
features:
  - { name: years_since, dtype: int32, expr: asked_year - small }
  - { name: is_later, dtype: bool, expr: asked_day > day }
---
kind: entity
name: edition
join_keys: [artist, number]
---
kind: source
name: editions
entity: edition
columns:
  - { name: artist, dtype: string }
  - { name: number, dtype: int32 }
  - { name: pages, dtype: int32 }
---
kind: feature_view
name: sizes
entity: edition
sql: select artist, number, pages from editions
features:
  - { name: pages, dtype: int32 }
"""

FEATURES = ["title", "flag", "small", "large", "single", "double", "day", "moment", "words", "vector", "pair"]

AWKWARD = ["", ".", "..", "a/b", "a,b", "100%", "%2C", "?#&+ ", "й\u0301", "\U0001f3b6", "quote'\"", "new\nline"]
"""Keys that a URL or a statement could stumble over."""


def tracks() -> pa.Table:
    """The rows that are ingested, as Arrow."""
    keys = [*AWKWARD, *(f"t{index}" for index in range(ROWS - len(AWKWARD)))]
    count = range(len(keys))
    epoch = datetime.datetime(1970, 1, 1)

    def every(nth: int, values: Iterator[object]) -> list[object]:
        """Null in every `nth` row."""
        return [None if row % nth == 1 else value for row, value in enumerate(values)]

    pair = pa.struct([("a", pa.int64()), ("b", pa.float32())])
    columns: dict[str, tuple[pa.DataType, list[object]]] = {
        "track_id": (pa.string(), list(keys)),
        "title": (pa.string(), every(7, (f"№{row} \0" for row in count))),
        "secret": (pa.string(), every(7, ("hidden" for _ in count))),
        "flag": (pa.bool_(), every(5, (row % 2 == 0 for row in count))),
        "small": (pa.int32(), every(3, (1800 + row % 200 for row in count))),
        "large": (pa.int64(), every(4, ((-1) ** row * (2**62 + row) for row in count))),
        "single": (pa.float32(), every(6, (row / 7 for row in count))),
        "double": (pa.float64(), every(8, (row / 7 for row in count))),
        "day": (pa.date32(), every(9, (datetime.date(1, 1, 1) + datetime.timedelta(97 * row) for row in count))),
        "moment": (pa.timestamp("us"), every(10, (epoch + datetime.timedelta(0, 86_399 * row, row) for row in count))),
        "words": (pa.list_(pa.string()), every(11, ([f"w{word}" for word in range(row % 3)] for row in count))),
        # Without nulls, which not every pyarrow writes to Parquet, or reads from it, in a list of fixed size.
        "vector": (pa.list_(pa.float32(), 3), [[row / 3, 0, -1] for row in count]),
        "pair": (pair, every(13, ({"a": 2**62 + row, "b": None if row % 2 else row / 7} for row in count))),
    }
    return pa.table({name: pa.array(values, data_type) for name, (data_type, values) in columns.items()})


EDITIONS = [("a,b", 1, 10), ("a,b", 2, 20), ("100%", 1, 30)]


def binary() -> str:
    """The program that is tested. Without one the tests fail; they do not pass by leaving everything out."""
    targets = [os.environ.get("CARGO_TARGET_DIR"), Path.home() / ".cache" / "rhapsode" / "target"]
    built = [Path(target) / "debug" / "rhapsode" for target in targets if target]
    named = os.environ.get("RHAPSODE_BINARY")
    candidates = [Path(named)] if named else built
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate.resolve())
    tried = ", ".join(f"`{candidate}`" for candidate in candidates)
    pytest.fail(f"there is no program at {tried}: build it with `cargo build`, or name it in RHAPSODE_BINARY")


@dataclass
class Project:
    """A folder with definitions and a store."""

    program: str
    folder: Path

    def run(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        command = [self.program, "--project", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=COMMAND_SECONDS_MAX)
        assert done.returncode == 0, f"rhapsode {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def ingest(self, source: str, rows: pa.Table) -> None:
        """Rows as Parquet into a source."""
        path = self.folder / f"{source}.parquet"
        pyarrow.parquet.write_table(rows, path)
        told = json.loads(self.run("ingest", source, str(path), "--json"))
        assert "rejected" not in told or told["rejected"] == 0, told

    def create_key(self) -> str:
        """A key of the tier `pro`."""
        key: str = json.loads(self.run("keys", "create", "sdk", "--tier", "pro", "--json"))["key"]
        return key


@dataclass
class Server:
    """A server that answers."""

    project: Project
    url: str
    key: str

    def client(self) -> rhapsode.Client:
        """A client with the server's key."""
        return rhapsode.Client(self.url, self.key)


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server over two releases: in the first, `t1` is small; release 1 is tagged `paper`."""
    project = Project(binary(), folder)
    (folder / "feature_defs").mkdir()
    (folder / "rhapsode.toml").write_text("")
    (folder / "feature_defs" / "all.yaml").write_text(DEFINITIONS, encoding="utf-8")
    project.ingest("tracks", tracks())
    artists, numbers, pages = zip(*EDITIONS, strict=True)
    columns = {
        "artist": pa.array(artists),
        "number": pa.array(numbers, pa.int32()),
        "pages": pa.array(pages, pa.int32()),
    }
    project.ingest("editions", pa.table(columns))
    project.run("build")
    project.run("releases", "tag", "1", "paper")
    project.ingest("tracks", changed_track())
    project.run("build")
    key = project.create_key()
    port_file, log = folder / "address", folder / "serve.log"
    command = [project.program, "--project", str(folder), "serve", "--listen", "127.0.0.1:0"]
    command += ["--metrics-listen", "127.0.0.1:0", "--port-file", str(port_file)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        try:
            yield Server(project, f"http://{_address(process, port_file, log)}", key)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def changed_track() -> pa.Table:
    """The row of `t1` in the second release."""
    rows = tracks()
    row = rows["track_id"].to_pylist().index("t1")
    position = rows.column_names.index("small")
    return rows.slice(row, 1).set_column(position, "small", pa.array([-1], pa.int32()))


def _address(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> str:
    """Where the server answers, once `/readyz` is 200."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        address = port_file.read_text().strip() if port_file.exists() else ""
        if ":" in address and _is_ready(address):
            return address
        time.sleep(0.05)
    pytest.fail(f"the server is not ready (exit code {process.poll()}); its log:\n{log.read_text()[-2_000:]}")


def _is_ready(address: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


@contextmanager
def cutting(url: str, cuts: list[int]) -> Iterator[tuple[str, list[int]]]:
    """A way to the server that breaks off: its n-th connection after `cuts[n]` bytes of answers, later ones not at all.

    Gives its URL and, when it is over, the bytes that each connection let through.
    """
    host, port = url.removeprefix("http://").split(":")
    let_through: list[int] = []
    threads: list[threading.Thread] = []

    def pump(source: socket.socket, target: socket.socket, number: int | None) -> None:
        left = cuts[number] if number is not None and number < len(cuts) else None
        try:
            while data := source.recv(65_536):
                data = data if left is None else data[:left]
                target.sendall(data)
                if number is not None:
                    let_through[number] += len(data)
                if left is not None and (left := left - len(data)) == 0:
                    break
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)))
            let_through.append(0)
            for arguments in ((near, far, None), (far, near, len(let_through) - 1)):
                thread = threading.Thread(target=pump, args=arguments)
                thread.start()
                threads.append(thread)
            sockets.extend((near, far))

    sockets: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept, args=(listener,))
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", let_through
        finally:
            # Closing a listener does not wake who waits on it.
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()
            for end in sockets:
                end.close()
