"""Load from `wrk`: as many requests as its connections get through, or fewer with pauses; and the key that it shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from server import Failure

SCRIPT = Path(__file__).resolve().parent / "requests.lua"
CONNECTIONS = 16
ANSWER_SECONDS_MAX = 30
"""What takes longer is an error."""

DAILY_ENTITIES = 100_000_000
TIER = f"""\
[tiers.bench]
scopes = ["features", "sql", "download"]
lookup = {{ per_second = 1000000, burst = 1000000 }}
query = {{ per_second = 1000000, burst = 1000000 }}
analyze = {{ per_second = 1000000, burst = 1000000 }}
manage = {{ per_second = 1000000, burst = 1000000 }}
concurrent = 8
daily = {{ entities = {DAILY_ENTITIES} }}
monthly = {{ entities = {10 * DAILY_ENTITIES} }}
"""
"""Everything is counted and nothing is refused. A lease is a hundredth of a day, and more than one of them is spent."""


@dataclass(frozen=True)
class Load:
    """What came of a run of `wrk`; latencies in microseconds."""

    requests: int
    microseconds: int
    errors: int
    p50: int
    p99: int
    p999: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.microseconds * 1e6


def require_wrk() -> None:
    """Says how to get `wrk` where it is missing."""
    if shutil.which("wrk") is None:
        raise Failure("`wrk` is not installed (Debian: `apt-get install wrk`)")


def wrk(
    address: str, requests: Path, seconds: int, key: str | None = None, connections: int = CONNECTIONS, pause: float = 0
) -> Load:
    """Sends the requests of a file; with a `pause`, each connection rests for so many milliseconds on average."""
    arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={ANSWER_SECONDS_MAX}s"]
    arguments += ["-s", str(SCRIPT), f"http://{address}", "--", str(requests), f"{pause:.3f}"]
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_KEY"}
    # Not among the arguments: everybody on the machine can read those.
    environment |= {"BENCH_KEY": key} if key else {}
    seconds_max = seconds + ANSWER_SECONDS_MAX + 30
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds_max, env=environment)
    if done.returncode != 0:
        raise Failure(f"`{' '.join(arguments)}` failed: {done.stdout}{done.stderr}")
    return Load(**json.loads(done.stdout.strip().rpartition("\n")[2]))


def wrk_without_errors(address: str, requests: Path, seconds: int, key: str | None = None) -> Load:
    """The same; an answer that is an error ends the benchmark."""
    load = wrk(address, requests, seconds, key)
    if load.errors or not load.requests:
        raise Failure(f"{load.errors} errors and {load.requests} answers of the requests in `{requests}`")
    return load
