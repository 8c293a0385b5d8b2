"""Lookups of one entity, as a share of what the same server and client do on `/healthz`."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from load import CONNECTIONS, DAILY_ENTITIES, Load, wrk_without_errors
from report import FEATURES, Client, Sizes, spread, table
from server import Failure

KEYS = 1_000
SHARE_GOAL = 0.8
ALL_PAIRS = 3
"""Pairs for all scalar features."""


@dataclass(frozen=True)
class Pair:
    """One measurement of each, right after one another."""

    healthz: Load
    lookups: Load

    @property
    def share(self) -> float:
        """Lookups per second over answers of `/healthz` per second."""
        return self.lookups.rate / self.healthz.rate


@dataclass(frozen=True)
class Kind:
    """All pairs of one kind of lookup, and how large the answers are."""

    pairs: list[Pair]
    features: int
    bytes_mean: int


@dataclass(frozen=True)
class Measured:
    """Lookups of some features, and of all."""

    some: Kind
    all: Kind


def measure(address: str, keys: list[str], folder: Path, sizes: Sizes, key: str) -> Measured:
    """Both kinds; everything shows the same key, `/healthz` too."""
    healthz = folder / "healthz.txt"
    healthz.write_text("/healthz\n" * KEYS)
    paths = [f"/api/features/{quote(track, safe='')}?entity=track" for track in spread(keys, KEYS)]
    named = [f"{path}&features={','.join(FEATURES)}" for path in paths]
    some = measure_kind(address, named, healthz, folder / "lookups.txt", sizes.pairs, sizes, key)
    if some.features != len(FEATURES):
        raise Failure(f"a lookup of {len(FEATURES)} features has {some.features}")
    every = min(ALL_PAIRS, sizes.pairs)
    return Measured(some, measure_kind(address, paths, healthz, folder / "all.txt", every, sizes, key))


def measure_kind(
    address: str, paths: list[str], healthz: Path, lookups: Path, count: int, sizes: Sizes, key: str
) -> Kind:
    """Interleaved pairs, each time in the other order, after a warm-up."""
    lookups.write_text("\n".join(paths) + "\n")
    client = Client(address, key)
    answers = [client.send("GET", path) for path in paths]
    client.close()
    features = len(json.loads(answers[0])["features"])
    for warmed in (healthz, lookups):
        wrk_without_errors(address, warmed, sizes.pair_seconds, key)
    pairs = []
    for index in range(count):
        order = [healthz, lookups] if index % 2 == 0 else [lookups, healthz]
        results = {path: wrk_without_errors(address, path, sizes.pair_seconds, key) for path in order}
        pairs.append(Pair(results[healthz], results[lookups]))
        print(f"bench: lookups of {features} features, pair {index + 1} of {count}: {pairs[-1].share:.3f}", flush=True)
    return Kind(pairs, features, sum(map(len, answers)) // len(answers))


def section(measured: Measured) -> str:
    """The pairs as Markdown."""
    some, every = measured.some, measured.all
    rows = [line(f"pair {index + 1}", [pair], "") for index, pair in enumerate(some.pairs)]
    rows.append(line("**median**", some.pairs, f"≥ {SHARE_GOAL}"))
    name = f"all {every.features} scalar features, median of {len(every.pairs)} pairs"
    rows.append(line(name, every.pairs, "none set"))
    head = ["", "/healthz, 1/s", "lookups, 1/s", "lookup p50, µs", "lookup p99, µs", "share", "goal"]
    text = (
        f"`GET /api/features/{{key}}?entity=track&features=…`: {some.features} scalar features of one track,"
        f" {some.bytes_mean:,} bytes on average ({every.bytes_mean:,} for all scalar features), {KEYS:,} keys in turn,"
        " as a share of `GET /healthz`. The server asks for keys and counts: rates that are out of reach, and a quota of"
        f" {DAILY_ENTITIES:,} entities a day, of which it leases a hundredth at a time. `/healthz` is open, and is sent"
        f" the same `Authorization`. Same server, script and client (`wrk -t1 -c{CONNECTIONS}`), and the same cores for"
        " both. The pairs are interleaved, after a warm-up."
    )
    return f"## Lookups of one entity\n\n{text}\n\n{table(head, rows)}\n"


def line(name: str, pairs: list[Pair], goal: str) -> list[str]:
    """The medians of some pairs."""
    healthz = statistics.median(pair.healthz.rate for pair in pairs)
    lookups = statistics.median(pair.lookups.rate for pair in pairs)
    p50 = statistics.median(pair.lookups.p50 for pair in pairs)
    p99 = statistics.median(pair.lookups.p99 for pair in pairs)
    share = statistics.median(pair.share for pair in pairs)
    return [name, f"{healthz:,.0f}", f"{lookups:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}", f"{share:.3f}", goal]
