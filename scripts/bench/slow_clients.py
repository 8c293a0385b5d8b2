"""A thousand slow clients at once, and what an ordinary one notices of them."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beside import PAGE_BYTES, PAUSE_MILLISECONDS, Pair, Sampler, Watched, measure_pair, pairs_table, served, write_lookups
from load import CONNECTIONS
from report import Client, Sizes, spread, table
from server import Failure, make_key
from slow_client import DOWNLOAD, raise_open_files

CLIENTS = 1_000
PAIRS = 5
BATCH_ENTITIES = 1_000
"""Of the batches that are hardly read: some 800 kB of JSON."""

WATCH_SECONDS = 100
"""Longer than whatever the server waits for."""

SETTLE_SECONDS = 3
"""For the server to have dealt with those that came, or to see that they are gone."""

START_SECONDS_MAX = 60
FACTOR_GOAL = 2.0
PACED, SATURATED = "2,000 lookups/s", "as many as it can do"
SOCKETS = Path("/proc/net/sockstat")
SCRIPT = Path(__file__).resolve().with_name("slow_client.py")
TIER = """\
[tiers.slow]
scopes = ["features", "download"]
lookup = { per_second = 1000000, burst = 1000000 }
query = { per_second = 1000000, burst = 1000000 }
concurrent = 1000
"""
"""Nothing but slowness is refused."""


@dataclass(frozen=True)
class Measured:
    """The pairs by kind of load; what became of slow clients, by kind; what was held before, with them and after."""

    pairs: dict[str, list[Pair]]
    outcomes: dict[str, Any]
    seconds: float
    processor_share: float
    memory_mib: tuple[float, float, float]
    connections: tuple[int, int, int]
    buffers_mib: tuple[float, float, float]


def measure(binary: str, project: Path, keys: list[str], sizes: Sizes) -> Measured:
    """Pairs of a few seconds, then a longer look at how the server treats slow clients, which have their own key."""
    raise_open_files()
    with served(binary, project, "slow-clients", TIER) as (server, key):
        own = project / "slow-clients"
        lookups = write_lookups(keys, own / "lookups.txt")
        entities = own / "entities.json"
        entities.write_text(json.dumps(spread(keys, BATCH_ENTITIES)))
        slow_key = make_key(binary, own, "slow", "slow")
        client = Client(server.address, slow_key)
        client.send("GET", DOWNLOAD, accept="*/*")
        client.close()

        def slow() -> contextlib.AbstractContextManager[SlowClients]:
            return slow_clients(server.address, slow_key, entities)

        pairs: dict[str, list[Pair]] = {PACED: [], SATURATED: []}
        for index in range(min(PAIRS, sizes.pairs)):
            for name, pause in ((PACED, PAUSE_MILLISECONDS), (SATURATED, 0)):
                pair = measure_pair(server.address, lookups, key, sizes.pair_seconds, pause, slow)
                pairs[name].append(pair)
                time.sleep(SETTLE_SECONDS)
                print(f"bench: beside slow clients, {name}, pair {index + 1}: {pair.factor:.2f}", flush=True)
        return watch(server, slow, pairs, min(WATCH_SECONDS, WATCH_SECONDS * sizes.pair_seconds // 5))


def watch(server: Watched, slow: Any, pairs: dict[str, list[Pair]], seconds: int) -> Measured:
    """Lets slow clients be, and looks at what the server holds."""
    print(f"bench: slow clients for {seconds} s", flush=True)
    memory, connections, buffers = server.memory_mib(), server.connections(), buffers_mib()
    began = time.monotonic()
    with Sampler(server) as sampler, slow() as running:
        time.sleep(seconds)
        with_them, buffers_with_them = server.connections(), buffers_mib()
        processor_share = running.processor_seconds() / (time.monotonic() - began)
    time.sleep(SETTLE_SECONDS)
    if not server.is_alive():
        raise Failure(f"slow clients end the server:\n{server.log_end()}")
    return Measured(
        pairs,
        running.outcomes,
        time.monotonic() - began - SETTLE_SECONDS,
        processor_share,
        (memory, sampler.server_mib, server.memory_mib()),
        (connections, with_them, server.connections()),
        (buffers, buffers_with_them, buffers_mib()),
    )


def buffers_mib() -> float:
    """What the system holds for TCP, in all: what was sent and not taken."""
    fields = next(line for line in SOCKETS.read_text().splitlines() if line.startswith("TCP:")).split()
    return int(fields[fields.index("mem") + 1]) * PAGE_BYTES / 2**20


class SlowClients:
    """The process that they are in; what became of them is known when it has ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.outcomes: dict[str, Any] = {}
        self._process = process

    def processor_seconds(self) -> float:
        """The time of a processor that they have taken."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else []
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def slow_clients(address: str, key: str, entities: Path) -> Iterator[SlowClients]:
    """All of them at once, in a process of their own."""
    environment = os.environ | {"BENCH_KEY": key}
    command = [sys.executable, str(SCRIPT), address, str(CLIENTS), str(entities)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise Failure("the slow clients do not start")
        time.sleep(SETTLE_SECONDS)
        running = SlowClients(process)
        yield running
        said, _ = process.communicate(timeout=START_SECONDS_MAX)
        running.outcomes = json.loads(said)
    finally:
        process.kill()
        process.wait()


def section(measured: Measured) -> str:
    """The pairs, and what became of the slow clients, as Markdown."""
    rows = [line(name, outcome) for name, outcome in measured.outcomes.items()]
    head = ["", "connections", "closed by the server", "median after, s", "longest, s", "open at the end", "statuses"]
    figures = [
        ["memory of the server, MiB", *(f"{value:,.0f}" for value in measured.memory_mib)],
        ["buffers of TCP of the whole system, MiB", *(f"{value:,.0f}" for value in measured.buffers_mib)],
        ["sockets of the server", *(f"{value:,}" for value in measured.connections)],
    ]
    text = (
        f"{CLIENTS:,} clients in one process that show a key of a tier without limits, while an ordinary client looks"
        f" entities up with another key (`wrk -t1 -c{CONNECTIONS}`, as above; at 2,000 a second each connection waits"
        f" {PAUSE_MILLISECONDS} ms on average). Pairs of a few seconds without and with them, which have all come"
        f" {SETTLE_SECONDS} s before: while they come, asking for megabytes all at once, the ordinary client waits longer,"
        " and that is not in the figures. Medians; the factor is that of the 99th percentiles. On these cores the slow"
        f" clients take {measured.processor_share:.2f} of one themselves."
    )
    then = (
        f"What became of them in {measured.seconds:.0f} s. Whoever is turned away comes back after a second; statuses"
        f" are of connections that the server closed. Batches are of {BATCH_ENTITIES:,} entities with all scalar"
        " features, downloads of the whole corpus."
    )
    goals = {PACED: f"≤ {FACTOR_GOAL:.0f}", SATURATED: f"≤ {FACTOR_GOAL:.0f}"}
    tables = [pairs_table(measured.pairs, goals), then, table(head, rows), table(["", "before", "with them", "after"], figures)]
    return "\n\n".join(["## Slow clients", text, *tables]) + "\n"


def line(name: str, outcome: dict[str, Any]) -> list[str]:
    """What became of the clients of a kind."""
    closed = outcome["closed_after"]
    after = f"{statistics.median(closed):.1f}" if closed else "–"
    longest = max([outcome["oldest"], *closed])
    statuses = ", ".join(f"{status}: {count:,}" for status, count in outcome["statuses"].items())
    cells = [f"{outcome['attempts']:,}", f"{len(closed):,}", after, f"{longest:.1f}", f"{outcome['open']:,}"]
    return [name, *cells, statuses or "–"]
