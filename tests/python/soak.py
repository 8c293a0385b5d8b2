"""A soak of a real server: lookups, batches, statements, downloads and accounts, while releases and keys change.

    python tests/python/soak.py [--binary PATH] [--seconds 60] [--json]

Makes a project of invented rows in a temporary folder. Release n has generation n in every row of both views, so that
an answer that mixes two releases, or names another one than it comes from, is found out. The exit code is 0 where
nothing was violated. Latencies are told and judged by nobody. Memory is read from `/proc`, so this needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from soak_callers import Caller, Ledger, account, batch, download, item, items_of, lookup, statement

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from server import Failure, Server, find_binary, make_key, printed  # noqa: E402

LONG_SECONDS = 300
"""From here on releases change every 20 s and not every 10, and memory is held to more."""
GROWTH_SHARE = {"long": 0.15, "short": 0.30}
GROWTH_MIB = {"long": 32, "short": 64}
"""What memory may grow by from the second quarter to the last: a share of it, and so much more."""
SAMPLE_SECONDS = 0.5
REVOKED_ELSEWHERE_SECONDS = 2.0
"""Running servers know within a second what `rhapsode keys revoke` ended; another one for a machine that is busy."""
NEWEST_SECONDS_MAX = 60
"""Until a server that looks for releases every five seconds must have moved to the newest."""
RATIONED_PER_SECOND, RATIONED_BURST, RATIONED_ENTITIES = 5, 10, 100

DEFINITIONS = """kind: entity
name: item
join_keys: [item_id]
---
kind: source
name: items
entity: item
columns: [{ name: item_id, dtype: string }, { name: number, dtype: int64 }, { name: generation, dtype: int64 }]
---
kind: source
name: marks
entity: item
columns: [{ name: item_id, dtype: string }, { name: mark, dtype: float64 }, { name: generation, dtype: int64 }]
---
kind: feature_view
name: facts
entity: item
sql: select item_id, number, generation, number * 1000 + generation as worth from items
features: [{ name: number, dtype: int64 }, { name: generation, dtype: int64 }, { name: worth, dtype: int64 }]
---
kind: feature_view
name: ratings
entity: item
sql: select item_id, mark, generation as rated_generation from marks
features: [{ name: mark, dtype: float64 }, { name: rated_generation, dtype: int64 }]
"""
SETTINGS = f"""[gc]
keep_releases = 4
grace_seconds = 20

[serve]
cache_mib = 4

[tiers.soak]
scopes = ["features", "sql", "download"]
lookup = {{ per_second = 5000, burst = 10000 }}
query = {{ per_second = 500, burst = 1000 }}
concurrent = 1
daily = {{ entities = 50000000, rows = 10000000000, bytes = 100000000000 }}

[tiers.rationed]
scopes = ["features"]
lookup = {{ per_second = {RATIONED_PER_SECOND}, burst = {RATIONED_BURST} }}
daily = {{ entities = {RATIONED_ENTITIES} }}
"""


class Soak:
    """A served project, and what happens to it until the time is over."""

    def __init__(self, binary: str, project: Path, address: str, seconds: int, ledger: Ledger) -> None:
        self.binary, self.project, self.address, self.seconds, self.ledger = binary, project, address, seconds, ledger
        # Nothing else was started.
        [self._server] = [pid for pid, (parent, _) in processes().items() if parent == os.getpid()]
        self._over = threading.Event()
        self.newest, self.revoked = 1, 0
        self.samples: list[tuple[float, float, float]] = []
        """Seconds since the begin; MiB of the server, and of its workers together."""
        self._admin = self._caller("keys", "operator", (200, 201))
        self._accountant = self._caller("usage", "operator")

    def _caller(self, kind: str, tier: str, allowed: tuple[int, ...] = (200,)) -> Caller:
        return Caller(self.ledger, self.address, kind, make_key(self.binary, self.project, kind, tier), allowed)

    def run(self) -> None:
        """Everything at once, then what must hold at the end."""
        turns: list[tuple[Callable[[], object], float]] = [
            *((partial(lookup, self._caller("lookup", "soak")), 0.01) for _ in range(2)),
            (partial(batch, self._caller("batch, JSON", "soak"), is_arrow=False), 0.05),
            (partial(batch, self._caller("batch, Arrow", "soak"), is_arrow=True), 0.05),
            *((partial(statement, self._caller("statement", "soak")), 0.05) for _ in range(3)),
            (partial(download, self._caller("download", "soak")), 0.25),
            (partial(lookup, self._caller("rationed", "rationed", (200, 429))), 0.05),
            (partial(account, self._accountant), 1.0),
            (self._change_keys, 3.0),
            (self._change_release, 20.0 if self.seconds >= LONG_SECONDS else 10.0),
            (self._sample, SAMPLE_SECONDS),
        ]
        self._begun, day = time.monotonic(), datetime.now(timezone.utc).date()
        threads = [threading.Thread(target=self._repeat, args=turn, daemon=True) for turn in turns]
        for thread in threads:
            thread.start()
        self._over.wait(self.seconds)
        self._over.set()
        for thread in threads:
            thread.join()
        self._check_rations(time.monotonic() - self._begun, (datetime.now(timezone.utc).date() - day).days + 1)
        self._check_newest_is_served(self._caller("at the end", "soak"))
        self._check_account()
        self._check_was_tried()

    def _repeat(self, turn: Callable[[], object], period: float) -> None:
        """Begins a turn every `period` seconds until the time is over, or at once where the last one took longer."""
        took = 0.0
        while not self._over.wait(max(0.0, period - took)):
            begun = time.monotonic()
            try:
                turn()
            except Exception as error:
                self.ledger.violated(f"a turn fails: {type(error).__name__}", error)
            took = time.monotonic() - begun

    def _change_release(self) -> None:
        publish(self.binary, self.project, self.newest + 1)
        self.newest += 1

    def _change_keys(self) -> None:
        """A key is made, it and a token of it are used without a break, and it is revoked in one of two ways."""
        if (made := self._admin.ask("POST", "/api/keys", json={"name": "revoked", "tier": "pro"})) is None:
            return
        user = Caller(self.ledger, self.address, "revoked", made.json()["key"], (200, 401))
        if (exchanged := user.ask("POST", "/api/auth/token", json={"scopes": ["features"]})) is None:
            return
        token = exchanged.json()["token"]
        seen: list[tuple[float, float, int | None]] = []
        enough = threading.Event()

        def use() -> None:
            for credentials in ("", token):
                sent = time.monotonic()
                status = lookup(user, credentials)
                seen.append((sent, time.monotonic(), status))

        def use_on() -> None:
            while not enough.is_set():
                use()

        use()
        thread = threading.Thread(target=use_on, daemon=True)
        thread.start()
        time.sleep(0.5)
        begun, key, is_elsewhere = time.monotonic(), user.key[:12], self.revoked % 2 == 1
        if is_elsewhere:
            printed(self.binary, "--project", str(self.project), "keys", "revoke", key)
        else:
            self._admin.ask("DELETE", "/api/keys/{id}", f"/api/keys/{key}")
        ended = time.monotonic() + (REVOKED_ELSEWHERE_SECONDS if is_elsewhere else 0)
        time.sleep(max(0.0, ended - time.monotonic()) + 0.2)
        enough.set()
        thread.join()
        use()
        where = "from the command line" if is_elsewhere else "through the API"
        if early := sum(status == 401 for _, received, status in seen if received < begun):
            self.ledger.violated("keys: refused before they were revoked", f"{early} times")
        if late := [sent - ended for sent, _, status in seen if sent > ended and status != 401]:
            self.ledger.violated(f"keys: not refused after they were revoked {where}", f"{max(late):.3f} s too late")
        self.revoked += 1

    def _sample(self) -> None:
        now = processes()
        workers = sum(mib for parent, mib in now.values() if parent == self._server)
        self.samples.append((time.monotonic() - self._begun, now[self._server][1], workers))

    def _check_rations(self, seconds: float, days: int) -> None:
        found, why = self.ledger.statuses["rationed"]["200"], self.ledger.refusals["rationed"]
        if found > min(RATIONED_BURST + RATIONED_PER_SECOND * seconds + 1, RATIONED_ENTITIES * days):
            self.ledger.violated("limits: more was answered than the tier allows", f"{found} in {seconds:.0f} s")
        if "over-quota" in why and found < RATIONED_ENTITIES:
            self.ledger.violated("limits: refused before the quota was spent", f"{found} of {RATIONED_ENTITIES}")
        if set(why) != {"over-rate", "over-quota"}:
            self.ledger.violated("limits: not refused for rate and quota, and these alone", dict(why))

    def _check_newest_is_served(self, caller: Caller) -> None:
        end = time.monotonic() + NEWEST_SECONDS_MAX
        while caller.release < self.newest and time.monotonic() < end:
            lookup(caller)
            time.sleep(SAMPLE_SECONDS)
        if caller.release != self.newest:
            self.ledger.violated("releases: the newest is not served", f"{caller.release}, not {self.newest}")

    def _check_account(self) -> None:
        """The account comes to what was asked; what is just being written down is told a moment later."""
        differences: list[str] = []
        for _ in range(10):
            account(self._accountant)
            told: Counter[tuple[str, str, str]] = Counter()
            for (_, key, route, unit), amount in self._accountant.account.items():
                told[key, route, unit] += amount
            used, unsure = self.ledger.used, self.ledger.unsure
            wrong = [what for what in used if not used[what] <= told[what] <= used[what] + unsure[what[0]]]
            differences = [f"{what}: {told[what]}, not {used[what]}" for what in wrong]
            if not differences:
                return
            time.sleep(SAMPLE_SECONDS)
        self.ledger.violated("usage: the account is not what was asked", "; ".join(differences))

    def _check_was_tried(self) -> None:
        """A soak in which nothing changes, or nobody asks, says nothing."""
        for kind in ("lookup", "batch, JSON", "batch, Arrow", "statement", "download"):
            if len(self.ledger.releases[kind]) < 2:
                self.ledger.violated(f"{kind}: saw less than two releases", self.ledger.releases[kind])
        why = self.ledger.refusals["revoked"]
        if self.revoked < 2 or set(why) != {"revoked-key"}:
            self.ledger.violated("keys: not revoked in both ways", f"{self.revoked} revoked, {dict(why)}")


def publish(binary: str, project: Path, generation: int) -> None:
    """Ingests the rows of a generation and builds the release of that number."""
    rows = [{"item_id": f"i{number}"} | item(number, generation) for number in items_of(generation)]
    columns_of = {"items": ["item_id", "number", "generation"], "marks": ["item_id", "mark", "generation"]}
    for source, columns in columns_of.items():
        path = project / f"{source}.jsonl"
        path.write_text("".join(json.dumps({name: row[name] for name in columns}) + "\n" for row in rows))
        printed(binary, "--project", str(project), "ingest", source, str(path))
    release = json.loads(printed(binary, "--project", str(project), "build", "--json"))["release"]
    if release != generation:
        raise Failure(f"the build of generation {generation} published release {release}")


def processes() -> dict[int, tuple[int, float]]:
    """The parent of every process, and the MiB of memory that it has."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program is in parentheses and may hold any character; what follows begins with field 3.
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = (int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
    return found


def memory(soak: Soak) -> dict[str, list[float]]:
    """MiB: the medians of the four quarters, and the most. Growth past what is allowed is a violation."""
    form = "long" if soak.seconds >= LONG_SECONDS else "short"
    told = {}
    for place, whose in ((1, "server"), (2, "workers")):
        quarters: list[list[float]] = [[], [], [], []]
        for sample in soak.samples:
            quarters[min(3, int(4 * sample[0] / soak.seconds))].append(sample[place])
        medians = [statistics.median(quarter or [0.0]) for quarter in quarters]
        if not 0 < medians[3] <= medians[1] * (1 + GROWTH_SHARE[form]) + GROWTH_MIB[form]:
            example = f"{medians[1]:.0f} MiB in the second quarter, {medians[3]:.0f} MiB in the last"
            soak.ledger.violated(f"memory: that of the {whose} grows, or is not there", example)
        told[whose] = [round(mib, 1) for mib in (*medians, max(sample[place] for sample in soak.samples))]
    return told


def report(soak: Soak, log: list[dict[str, Any]]) -> dict[str, Any]:
    """What the soak came to, for machines."""
    ledger, requests = soak.ledger, {}
    for kind, seconds in sorted(ledger.seconds.items()):
        ordered, statuses = sorted(seconds), dict(sorted(ledger.statuses[kind].items()))
        p50, p99 = (round(1_000 * ordered[int(share * (len(ordered) - 1))], 1) for share in (0.50, 0.99))
        refusals = dict(sorted(ledger.refusals[kind].items()))
        requests[kind] = {"statuses": statuses, "refusals": refusals, "p50_ms": p50, "p99_ms": p99}
    for line in log:
        if line["level"] not in ("INFO", "WARN"):
            ledger.violated("log: an error", line)
    told = {"seconds": soak.seconds, "releases": soak.newest, "keys_revoked": soak.revoked, "requests": requests}
    told |= {"memory_mib": memory(soak), "warnings": [line for line in log if line["level"] == "WARN"]}
    violations = sorted(ledger.violations.items())
    return told | {"violations": [{"what": what, "times": n, "first": first} for what, (n, first) in violations]}


def show(told: dict[str, Any]) -> None:
    """The same for people."""
    print(f"{told['seconds']} s, {told['releases']} releases, {told['keys_revoked']} keys revoked\n")
    print(f"{'':18}{'p50 ms':>9}{'p99 ms':>9}  answers")
    for kind, row in told["requests"].items():
        answers = ", ".join(f"{what}: {count:,}" for what, count in (row["statuses"] | row["refusals"]).items())
        print(f"{kind:18}{row['p50_ms']:9,.1f}{row['p99_ms']:9,.1f}  {answers}")
    print(f"\n{'memory, MiB':18}" + "".join(f"{name:>9}" for name in ("1st", "2nd", "3rd", "4th", "most")))
    for whose, series in told["memory_mib"].items():
        print(f"{whose:18}" + "".join(f"{mib:9,.0f}" for mib in series))
    print(f"\n{len(told['warnings'])} warnings in the log" + "".join(f"\n  {line}" for line in told["warnings"][:5]))
    print(f"{len(told['violations']) or 'nothing'} violated")
    for violation in told["violations"]:
        print(f"- {violation['what']}: {violation['times']} times, first: {violation['first']}")


def main() -> int:
    """Runs the soak; the exit code is 0 where nothing was violated."""
    parser = argparse.ArgumentParser(description="Everything at once while releases and keys change.")
    parser.add_argument("--binary", help="the rhapsode to test (default: the one that cargo built)")
    parser.add_argument("--seconds", type=int, default=60, help=f"from {LONG_SECONDS} on memory is held to more")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.seconds < 40:
        parser.error("less than 40 seconds say nothing: releases change every ten")
    binary, ledger = find_binary(asked.binary), Ledger()
    with tempfile.TemporaryDirectory(prefix="rhapsode-soak-") as folder:
        project, log = Path(folder) / "project", Path(folder) / "serve.log"
        (project / "feature_defs").mkdir(parents=True)
        (project / "rhapsode.toml").write_text(SETTINGS)
        (project / "feature_defs" / "all.yaml").write_text(DEFINITIONS)
        publish(binary, project, generation=1)
        server = Server(binary, project, "127.0.0.1:0", "127.0.0.1:0", log, with_keys=True)
        try:
            soak = Soak(binary, project, server.address, asked.seconds, ledger)
            soak.run()
        finally:
            stopped = server.stop(signal.SIGTERM)
        if stopped != 0:
            ledger.violated("the server does not stop as it should", f"exit code {stopped}; {server.log_end()}")
        told = report(soak, [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")])
    if asked.json:
        print(json.dumps(told, indent=2))
    else:
        show(told)
    return int(bool(told["violations"]))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"soak: {failure}")
