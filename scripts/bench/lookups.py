"""Lookups of one entity, as a share of what the same server and client do on `/healthz`."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from report import Client, Sizes, spread, table
from server import Failure

SCRIPT = Path(__file__).resolve().parent / "lookup.lua"
KEYS = 1_000
SHARE_GOAL = 0.8


@dataclass(frozen=True)
class Pair:
    """One measurement of each, right after one another."""

    healthz: dict[str, Any]
    lookups: dict[str, Any]

    @property
    def share(self) -> float:
        """Lookups per second over answers of `/healthz` per second."""
        return rate(self.lookups) / rate(self.healthz)


@dataclass(frozen=True)
class Measured:
    """All pairs, and how large the answers are."""

    pairs: list[Pair]
    features: int
    bytes_mean: int


def require_wrk() -> None:
    """Says how to get `wrk` where it is missing."""
    if shutil.which("wrk") is None:
        raise Failure("`wrk` is not installed (Debian: `apt-get install wrk`)")


def measure(address: str, keys: list[str], folder: Path, sizes: Sizes) -> Measured:
    """Interleaved pairs, each time in the other order, after a warm-up."""
    paths = [f"/api/features/{quote(key, safe='')}" for key in spread(keys, KEYS)]
    lookups, healthz = folder / "lookups.txt", folder / "healthz.txt"
    lookups.write_text("\n".join(paths) + "\n")
    healthz.write_text("/healthz\n" * KEYS)
    client = Client(address)
    answers = [client.send("GET", path) for path in paths]
    client.close()
    for warmed in (healthz, lookups):
        wrk(address, warmed, sizes.pair_seconds)
    pairs = []
    for index in range(sizes.pairs):
        order = [healthz, lookups] if index % 2 == 0 else [lookups, healthz]
        results = {path: wrk(address, path, sizes.pair_seconds) for path in order}
        pairs.append(Pair(results[healthz], results[lookups]))
        print(f"bench: lookups, pair {index + 1} of {sizes.pairs}: {pairs[-1].share:.3f}", flush=True)
    features = len(json.loads(answers[0])["features"])
    return Measured(pairs, features, sum(map(len, answers)) // len(answers))


def wrk(address: str, paths: Path, seconds: int) -> dict[str, Any]:
    """What the script reports; an answer that is an error ends the benchmark."""
    arguments = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(SCRIPT), f"http://{address}", "--", str(paths)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds + 30)
    if done.returncode != 0:
        raise Failure(f"`{' '.join(arguments)}` failed: {done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    if result["errors"]:
        raise Failure(f"{result['errors']} errors in `{' '.join(arguments)}`:\n{done.stdout}")
    return result


def rate(result: dict[str, Any]) -> float:
    """Answers per second."""
    requests, microseconds = int(result["requests"]), int(result["microseconds"])
    return requests / microseconds * 1e6


def section(measured: Measured) -> str:
    """The pairs as Markdown."""
    rows = [
        [
            f"pair {index + 1}",
            f"{rate(pair.healthz):,.0f}",
            f"{rate(pair.lookups):,.0f}",
            f"{pair.lookups['p50']:,}",
            f"{pair.lookups['p99']:,}",
            f"{pair.share:.3f}",
            "",
        ]
        for index, pair in enumerate(measured.pairs)
    ]
    share = statistics.median(pair.share for pair in measured.pairs)
    rates = [
        statistics.median(rate(pair.healthz) for pair in measured.pairs),
        statistics.median(rate(pair.lookups) for pair in measured.pairs),
    ]
    p50, p99 = (statistics.median(pair.lookups[name] for pair in measured.pairs) for name in ("p50", "p99"))
    medians = [f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}", f"{share:.3f}"]
    rows.append(["**median**", *medians, f"≥ {SHARE_GOAL}"])
    head = ["", "/healthz, 1/s", "lookups, 1/s", "lookup p50, µs", "lookup p99, µs", "share", "goal"]
    text = (
        f"`GET /api/features/{{key}}`: {measured.features} scalar features of one track, {measured.bytes_mean:,} bytes"
        f" on average, {KEYS:,} keys in turn, as a share of `GET /healthz`. Same server and client (`wrk -t1 -c16`),"
        " and the same cores for both. The pairs are interleaved, after a warm-up."
    )
    return f"## Lookups of one entity\n\n{text}\n\n{table(head, rows)}\n"
