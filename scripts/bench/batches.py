"""Batches of 100 entities, as JSON and as an Arrow stream, one after the other on one connection."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from report import Client, Sizes, percentile, spread, table
from server import Failure

BATCH_KEYS = 100
BODIES = 50
"""Different batches, in turn."""

FORMATS = {"JSON": "application/json", "Arrow stream": "application/vnd.apache.arrow.stream"}


@dataclass(frozen=True)
class Measured:
    """The latencies of one format, ordered."""

    name: str
    milliseconds: list[float]
    seconds: float
    bytes_mean: int


def measure(address: str, keys: list[str], sizes: Sizes) -> list[Measured]:
    """Sends the batches in each format, after a warm-up."""
    chosen = spread(keys, BATCH_KEYS * BODIES)
    bodies = [json.dumps({"keys": chosen[index::BODIES]}).encode() for index in range(BODIES)]
    client = Client(address)
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


def section(measured: list[Measured]) -> str:
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
    return f"## Batches of {BATCH_KEYS}\n\n{text}\n\n{table(head, rows)}\n"
