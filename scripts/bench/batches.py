"""Batches of entities, by size, beside Feast's feature server; and batches of 100 in each format on one connection."""

from __future__ import annotations

import functools
import hashlib
import http.client
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from environments import FEAST, python_with
from load import CONNECTIONS, Load, wrk
from report import FEATURES, Client, Sizes, percentile, spread, table
from server import START_SECONDS_MAX, STOP_SECONDS_MAX, Failure

BATCH_KEYS = 100
BODIES = 50
"""Different batches, in turn."""

FORMATS = {"JSON": "application/json", "Arrow stream": "application/vnd.apache.arrow.stream"}
FEAST_PATH = "/get-online-features"
SIZES = (1, 10, 100, 500)
"""Keys of a request, for the load."""

PAUSING_CONNECTIONS = 64
"""With pauses there are more of them, so that requests come without waiting for one another."""

COMPARED = 100
"""Tracks of which Feast must say the same."""

SHAPED_GOAL = 2 / 3
"""What Feast's route reaches of our own, at least."""

ANSWERS_OF_P999 = 1_000
LOAD_SECONDS_MAX = 60
FILL_SECONDS_MAX = 1_800
FILL = Path(__file__).resolve().with_name("feast_online.py")


@dataclass(frozen=True)
class Measured:
    """The latencies of one format, ordered."""

    name: str
    milliseconds: list[float]
    seconds: float
    bytes_mean: int


@dataclass(frozen=True)
class Loads:
    """One size of batch on one server: as much as it can do, and half of that."""

    keys: int
    full: Load
    half: Load


@dataclass(frozen=True)
class Compared:
    """The formats, and the sizes on both servers."""

    formats: list[Measured]
    ours: list[Loads]
    shaped: list[Loads]
    """Ours, asked as Feast is."""
    feast: list[Loads]


def measure(address: str, keys: list[str], folder: Path, feast: Path, sizes: Sizes, key: str) -> Compared:
    """Everything. What of Feast is to stay for the next time is in the folder `feast`."""
    formats = measure_formats(address, keys, sizes, key)
    ours = measure_load("Rhapsode", address, keys, folder, "/api/features/batch", our_body, sizes, key)
    shaped_body = functools.partial(feast_body, views=views_of_features(address, key))
    shaped = measure_load("Rhapsode, asked as Feast", address, keys, folder, FEAST_PATH, shaped_body, sizes, key)
    python = str(python_with(FEAST))
    store = fill(python, address, feast / "feast-online", key)
    server = FeastServer(python, store, folder / "feast.log")
    try:
        require_same(address, server.address, spread(keys, COMPARED), key)
        theirs = measure_load(FEAST, server.address, keys, folder, FEAST_PATH, feast_body, sizes, None)
    finally:
        server.stop()
    return Compared(formats, ours, shaped, theirs)


def views_of_features(address: str, key: str) -> dict[str, str]:
    """The view of each feature in our release; in Feast's store one has them all."""
    client = Client(address, key)
    catalogue = json.loads(client.send("GET", "/api/features"))
    client.close()
    views = next(entity["views"] for entity in catalogue["entities"] if entity["name"] == "track")
    return {feature["name"]: view["name"] for view in views for feature in view["features"]}


def measure_formats(address: str, keys: list[str], sizes: Sizes, key: str) -> list[Measured]:
    """Sends the batches in each format, after a warm-up."""
    chosen = spread(keys, BATCH_KEYS * BODIES)
    bodies = [json.dumps({"keys": chosen[index::BODIES]}).encode() for index in range(BODIES)]
    client = Client(address, key)
    first = json.loads(client.send("POST", "/api/features/batch", bodies[0]))
    if len(first["rows"]) != BATCH_KEYS or first["missing"]:
        raise Failure(f"a batch of {BATCH_KEYS} has {len(first['rows'])} rows; missing: {first['missing']}")
    measured = []
    for name, media_type in FORMATS.items():
        print(f"bench: batches as {name}", flush=True)
        for index in range(sizes.warm_up):
            client.send("POST", "/api/features/batch", bodies[index % BODIES], media_type)
        milliseconds, size = [], 0
        started = time.perf_counter()
        for index in range(sizes.batches):
            sent = time.perf_counter()
            size += len(client.send("POST", "/api/features/batch", bodies[index % BODIES], media_type))
            milliseconds.append((time.perf_counter() - sent) * 1e3)
        seconds = time.perf_counter() - started
        measured.append(Measured(name, sorted(milliseconds), seconds, size // sizes.batches))
    client.close()
    return measured


def our_body(keys: list[str]) -> dict[str, Any]:
    """A batch, as we are asked for it."""
    return {"entity": "track", "keys": keys, "features": FEATURES}


def feast_body(keys: list[str], views: dict[str, str] | None = None) -> dict[str, Any]:
    """A batch, as Feast is asked for it; all features are in its view `track`, unless `views` says in which."""
    features = [f"{(views or {}).get(feature, 'track')}:{feature}" for feature in FEATURES]
    return {"features": features, "entities": {"track_id": keys}}


def measure_load(
    name: str, address: str, keys: list[str], folder: Path, path: str, body: Any, sizes: Sizes, key: str | None
) -> list[Loads]:
    """Each size, after a warm-up: without pauses, and with such that half of that rate comes."""
    measured = []
    for size in SIZES:
        chosen = spread(keys, size * BODIES)
        requests = folder / f"batches-{size}.txt"
        lines = [f"{path}\t{json.dumps(body(chosen[index::BODIES]))}\n" for index in range(BODIES)]
        requests.write_text("".join(lines), encoding="utf-8")
        settle(address, path, body(chosen[::BODIES]), key)
        wrk(address, requests, max(1, sizes.load_seconds // 5), key)
        settle(address, path, body(chosen[::BODIES]), key)
        seconds = sizes.load_seconds
        while not (full := wrk(address, requests, seconds, key)).requests:
            seconds *= 2
            if seconds > LOAD_SECONDS_MAX:
                raise Failure(f"{name} answers no batch of {size} within {seconds // 2} s")
        settle(address, path, body(chosen[::BODIES]), key)
        # An answer takes about as long as a few of the 128 parts of the pause: the rate is that much lower than half.
        pause = PAUSING_CONNECTIONS / (full.rate / 2) * 1e3
        half = wrk(address, requests, seconds, key, PAUSING_CONNECTIONS, pause)
        measured.append(Loads(size, full, half))
        print(f"bench: {name}, batches of {size}: {full.rate:,.1f} requests/s, and {half.rate:,.1f}", flush=True)
    return measured


def settle(address: str, path: str, body: dict[str, Any], key: str | None) -> None:
    """Waits for answers: a server may still work on requests whose connections the last run closed."""
    client = Client(address, key)
    for _ in range(3):
        client.send("POST", path, json.dumps(body).encode())
    client.close()


def fill(python: str, address: str, folder: Path, key: str) -> Path:
    """A folder with Feast's online store of the release's rows; made only where the rows are others than before."""
    folder.mkdir(parents=True, exist_ok=True)
    downloaded, rows, stamp = folder / "track.parquet", folder / "rows.new.parquet", folder / "stamp"
    client = Client(address, key)
    downloaded.write_bytes(client.send("GET", "/api/dataset/download?dataset=track&format=parquet", accept="*/*"))
    client.close()
    columns = ", ".join(["track_id", "timestamptz '2025-01-01 00:00:00+00' as event_timestamp", *FEATURES])
    duckdb.connect(config={"threads": 1}).execute(
        f"copy (select {columns} from read_parquet('{downloaded}') order by track_id) to '{rows}' (format parquet)"
    )
    downloaded.unlink()
    parts = [FEAST.encode(), FILL.read_bytes(), rows.read_bytes()]
    wanted = hashlib.sha256(b"\0".join(parts)).hexdigest()
    store = folder / "store"
    if stamp.exists() and stamp.read_text() == wanted:
        rows.unlink()
        return store
    print("bench: filling Feast's online store", flush=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir()
    rows.rename(store / "rows.parquet")
    arguments = [python, str(FILL), str(store)]
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FILL_SECONDS_MAX
    )
    if done.returncode != 0:
        raise Failure(f"{FEAST} cannot be filled: {done.stderr[-2_000:]}")
    stamp.write_text(wanted)
    return store


class FeastServer:
    """`feast serve` with one worker, in a session of its own."""

    def __init__(self, python: str, store: Path, log: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        command = [str(Path(python).with_name("feast")), "--chdir", str(store.resolve()), "serve"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-access-log"]
        # By default the worker ends after 1,000 requests.
        command += ["--max-requests", "0", "--max-requests-jitter", "0"]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        try:
            self._wait_until_ready(log)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, log: Path) -> None:
        """Waits until `/health` answers 200."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            connection = http.client.HTTPConnection(self.address, timeout=5)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.2)
        raise Failure(f"Feast's server does not start:\n{log.read_text(errors='replace')[-2_000:]}")

    def stop(self) -> None:
        """Ends the server and its worker."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def require_same(ours: str, feast: str, keys: list[str], key: str) -> None:
    """Ends the benchmark where the servers say different things of the same tracks."""
    found = []
    for address, path, body, shown in (
        (ours, "/api/features/batch", our_body(keys), key),
        (feast, FEAST_PATH, feast_body(keys), None),
    ):
        client = Client(address, shown)
        found.append(json.loads(client.send("POST", path, json.dumps(body).encode())))
        client.close()
    rows = {row["key"]: row["values"] for row in found[0]["rows"]}
    names = found[1]["metadata"]["feature_names"]
    columns = dict(zip(names, (result["values"] for result in found[1]["results"]), strict=True))
    for index, track in enumerate(keys):
        for feature, value in zip(FEATURES, rows[track], strict=True):
            other = columns[feature][index]
            is_close = isinstance(value, float) and other is not None and math.isclose(value, other, rel_tol=1e-9)
            if value != other and not is_close:
                raise Failure(f"{feature} of {track} is {value!r} here and {other!r} in Feast")


def section(measured: Compared) -> str:
    """The sizes, and the formats, as Markdown."""
    head = ["keys", "requests/s", "Feast", "ratio", "p50, ms", "p99, ms", "p99.9, ms", "errors"]
    head += ["requests/s, half", "p99, ms", "errors"]
    rows = []
    for loads, feast in zip(measured.ours, measured.feast, strict=True):
        ratio = loads.full.rate / feast.full.rate
        rows.append([f"{loads.keys}", rate(loads.full), rate(feast.full), f"{ratio:,.0f}", *columns_of(loads)])
    shaped_head = [*head[:2], "share of ours", "goal", *head[4:]]
    shaped_rows = []
    for loads, ours in zip(measured.shaped, measured.ours, strict=True):
        share = [f"{loads.full.rate / ours.full.rate:.2f}", f"≥ {SHAPED_GOAL:.2f}"]
        shaped_rows.append([f"{loads.keys}", rate(loads.full), *share, *columns_of(loads)])
    feast_head = [*head[:2], *head[4:]]
    feast_rows = [[f"{loads.keys}", rate(loads.full), *columns_of(loads)] for loads in measured.feast]
    text = (
        f"`POST /api/features/batch` of {len(FEATURES)} scalar features, as JSON, with a key and quotas as above, and"
        f" `POST /get-online-features` of {FEAST.replace('==', ' ')} (`feast serve`, one worker, SQLite, no keys): the"
        f" same rows and features, the same `wrk -t1 -c{CONNECTIONS}`, {BODIES} different bodies in turn, on the same"
        " cores, one after the other. Latencies at saturation are mostly waiting. Half of saturation:"
        f" {PAUSING_CONNECTIONS} connections, each of which waits a random time after each answer, so that about half"
        " as many requests come; that is not quite an open loop, as a connection whose answer is late sends later, too."
        f" p99.9 is told of {ANSWERS_OF_P999:,} answers and more, p99 of 100 and more."
    )
    return (
        f"## Batches\n\n{text}\n\n{table(head, rows)}\n\nOurs, asked as Feast is (`POST {FEAST_PATH}`):\n\n"
        f"{table(shaped_head, shaped_rows)}\n\nFeast:\n\n{table(feast_head, feast_rows)}\n\n"
        f"{section_of_formats(measured.formats)}"
    )


def rate(load: Load) -> str:
    """Requests per second, with a place more where they are few."""
    return f"{load.rate:,.1f}" if load.rate < 100 else f"{load.rate:,.0f}"


def columns_of(loads: Loads) -> list[str]:
    """Latencies and errors of one size."""
    full, half = loads.full, loads.half
    return [
        f"{full.p50 / 1e3:,.2f}",
        told(full.p99, full.requests, 100),
        told(full.p999, full.requests, ANSWERS_OF_P999),
        f"{full.errors:,}",
        rate(half),
        told(half.p99, half.requests, 100),
        f"{half.errors:,}",
    ]


def told(microseconds: int, answers: int, answers_min: int) -> str:
    """Milliseconds; nothing where too few answers carry the figure."""
    return f"{microseconds / 1e3:,.2f}" if answers >= answers_min else "–"


def section_of_formats(measured: list[Measured]) -> str:
    """The formats as Markdown."""
    rows = [
        [
            of.name,
            f"{percentile(of.milliseconds, 0.5):.2f}",
            f"{percentile(of.milliseconds, 0.99):.2f}",
            f"{len(of.milliseconds) / of.seconds:,.0f}",
            f"{of.bytes_mean:,}",
            "none set",
        ]
        for of in measured
    ]
    head = ["", "p50, ms", "p99, ms", "requests/s", "bytes", "goal"]
    text = (
        f"`POST /api/features/batch` of {BATCH_KEYS} keys, all scalar features: {len(measured[0].milliseconds):,}"
        " requests of each format on one connection of Python's `http.client`, its own time included, after a warm-up."
    )
    return f"### Batches of {BATCH_KEYS}, by format\n\n{text}\n\n{table(head, rows)}\n"
