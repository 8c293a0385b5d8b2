"""A thousand hostile statements from a few callers: what they are answered, and what an ordinary client notices."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from beside import PAUSE_MILLISECONDS, Pair, Sampler, Watched, measure_pair, pairs_table, served, write_lookups
from hostile_statements import FAMILIES, Statement, statements
from load import CONNECTIONS
from report import Client, Sizes, table
from server import Failure, make_key

STATEMENTS = 1_000
SEED = 1
CALLERS = 4
ROWS_MAX = 10_000
MEMORY_MIB = 256
SLACK_MIB = 1_024
"""What a worker may have besides (`SANDBOX_SLACK_BYTES` in `src/limits.rs`)."""

SERVER_GROWTH_MIB_MAX = 4 * CALLERS * MEMORY_MIB
"""Of the server: an answer as rows and as text, twice that while they grow."""

SETTINGS = f"""\
[sql]
time_limit_seconds = 1
memory_mib = {MEMORY_MIB}
rows_max = {ROWS_MAX}
workers = 2
[serve]
cache_mib = 16
"""
ANSWER_SECONDS_MAX = 90
SETTLE_SECONDS = 2
"""For workers to be started anew."""

FAULTS_TOLD = 20
SQL_CHARS_TOLD = 300
PACED, SATURATED = "2,000 lookups/s", "as many as it can do"


@dataclass(frozen=True)
class Outcome:
    """An answer: 0 is the status where there was none."""

    statement: Statement
    status: int
    kind: str
    seconds: float
    fault: str

    def told(self) -> str:
        """A fault, with its statement."""
        return f"{self.statement.family}: {self.fault}: {self.statement.sql[:SQL_CHARS_TOLD]!r}"


@dataclass(frozen=True)
class Measured:
    """What came of the statements, and the pairs by kind of load; memory in MiB, before and at most."""

    outcomes: list[Outcome]
    pairs: dict[str, list[Pair]]
    server_mib: tuple[float, float]
    worker_mib: tuple[float, float]


class Onslaught:
    """Statements from several callers at once, as long as this is entered or until there are no more."""

    def __init__(self, address: str, keys: list[str], queue: list[Statement]) -> None:
        self.left = deque(queue)
        self.outcomes: list[Outcome] = []
        self._address, self._keys = address, keys
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(len(keys))
        self._callers: list[Future[None]] = []

    def __enter__(self) -> Onslaught:
        self._over.clear()
        self._callers = [self._pool.submit(self._call, key) for key in self._keys]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.wait()

    def wait(self) -> None:
        """Waits for the callers."""
        for caller in self._callers:
            caller.result()

    def _call(self, key: str) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=ANSWER_SECONDS_MAX)
        while not self._over.is_set():
            try:
                statement = self.left.popleft()
            except IndexError:
                break
            self.outcomes.append(ask(connection, key, statement))
        connection.close()


def ask(connection: http.client.HTTPConnection, key: str, statement: Statement) -> Outcome:
    """Sends a statement, and judges the answer."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "accept": "application/json"}
    # As UTF-8, which is shorter: the server's bound on bodies is not what is tried here.
    body = json.dumps({"query": statement.sql}, ensure_ascii=False).encode()
    began = time.perf_counter()
    try:
        connection.request("POST", "/api/sql", body, headers)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return Outcome(statement, 0, "", time.perf_counter() - began, f"no answer ({error!r})")
    seconds = time.perf_counter() - began
    kind, fault = judge(statement, response, answer)
    return Outcome(statement, response.status, kind, seconds, fault)


def judge(statement: Statement, response: http.client.HTTPResponse, answer: bytes) -> tuple[str, str]:
    """The kind of a problem, and what is wrong with the answer; either may be empty."""
    status, media_type = response.status, response.headers.get("content-type", "")
    try:
        found = json.loads(answer)
    except ValueError:
        return "", f"status {status} with what is no JSON: {answer[:200]!r}"
    if status == 200:
        if statement.is_refused:
            return "", f"it is answered: {answer[:200]!r}"
        if not isinstance(found, list) or len(found) > ROWS_MAX:
            return "", f"rows beyond the limit: {answer[:200]!r}"
        is_wrong = statement.rows is not None and found != statement.rows
        return "", f"another answer than {statement.rows!r:.100}: {answer[:200]!r}" if is_wrong else ""
    is_problem = media_type == "application/problem+json" and isinstance(found, dict)
    if not is_problem or found.get("status") != status or not found.get("detail") or not found.get("request_id"):
        return "", f"status {status} without a problem: {answer[:200]!r}"
    kind = str(found["type"]).removeprefix("/problems/")
    is_deliberate = status == 503 and "retry-after" in response.headers
    return kind, "" if 400 <= status < 500 or is_deliberate else f"status {status}: {found['detail']}"


def measure(binary: str, project: Path, keys: list[str], sizes: Sizes) -> Measured:
    """Pairs of lookups without and with hostile statements, until all statements are answered."""
    with served(binary, project, "hostile", SETTINGS) as (server, key):
        own = project / "hostile"
        lookups = write_lookups(keys, own / "lookups.txt")
        callers = [make_key(binary, own, f"caller {index}", "bench") for index in range(CALLERS)]
        queue = statements(SEED, min(STATEMENTS, sizes.batches), len(keys))
        onslaught = Onslaught(server.address, callers, queue)
        pairs: dict[str, list[Pair]] = {PACED: [], SATURATED: []}
        before = server.memory_mib(), server.worker_mib()
        with Sampler(server) as sampler:
            while onslaught.left:
                name, pause = [(PACED, PAUSE_MILLISECONDS), (SATURATED, 0)][len(pairs[PACED]) > len(pairs[SATURATED])]
                pair = measure_pair(server.address, lookups, key, 2 * sizes.pair_seconds, pause, lambda: onslaught)
                pairs[name].append(pair)
                print(f"bench: hostile statements, {len(onslaught.left)} left, {name}: {pair.factor:.2f}", flush=True)
                time.sleep(SETTLE_SECONDS)
        measured = Measured(
            onslaught.outcomes, pairs, (before[0], sampler.server_mib), (before[1], sampler.worker_mib)
        )
        require_sound(server, key, len(keys), measured)
    return measured


def require_sound(server: Watched, key: str, tracks: int, measured: Measured) -> None:
    """Ends it where the server does not live on as before."""
    if not server.is_alive():
        raise Failure(f"hostile statements end the server:\n{server.log_end()}")
    client = Client(server.address, key)
    if (rows := client.sql("select count(*) as n from track")) != [{"n": tracks}]:
        raise Failure(f"after hostile statements there are {rows} tracks, not {tracks}")
    client.close()
    for name, (before, most), growth in (
        ("server", measured.server_mib, SERVER_GROWTH_MIB_MAX),
        ("worker", measured.worker_mib, MEMORY_MIB + SLACK_MIB),
    ):
        if most > before + growth:
            raise Failure(f"a hostile statement takes the {name} from {before:,.0f} MiB to {most:,.0f}")


def summary(outcomes: list[Outcome]) -> str:
    """Statuses and seconds by family, and what is wrong, as Markdown."""
    statuses = sorted({outcome.status for outcome in outcomes})
    rows = []
    for family in [*FAMILIES, "all"]:
        of = [outcome for outcome in outcomes if family in (outcome.statement.family, "all")]
        counts = Counter(outcome.status for outcome in of)
        seconds = [outcome.seconds for outcome in of] or [0.0]
        cells = [f"{len(of):,}", *(f"{counts[status]:,}" if counts[status] else "" for status in statuses)]
        cells += [f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}", f"{sum(bool(o.fault) for o in of)}"]
        rows.append([family, *cells])
    head = ["", "statements", *(str(status) if status else "no answer" for status in statuses)]
    faults = [f"- {outcome.told()}\n" for outcome in outcomes if outcome.fault]
    return f"{table([*head, 'median, s', 'longest, s', 'wrong'], rows)}\n\n{''.join(faults[:FAULTS_TOLD])}"


def section(measured: Measured) -> str:
    """The pairs, and what the statements were answered, as Markdown."""
    text = (
        f"{len(measured.outcomes):,} statements of {len(FAMILIES)} families from {CALLERS} callers with keys, each sent"
        f" when the last was answered, to a server that gives a statement 1 s, {MEMORY_MIB} MiB and {ROWS_MAX:,} rows,"
        " in two workers; an ordinary client looks entities up with another key"
        f" (`wrk -t1 -c{CONNECTIONS}`; at 2,000 a second each connection waits {PAUSE_MILLISECONDS} ms on average). Pairs"
        " without and with them, until all were answered. Right is what was known beforehand, else any rows within the"
        " limits, a problem of status 4xx, or 503 with `retry-after`; what writes, or reaches outside of the release,"
        " must be refused."
    )
    figures = [
        ["the server, MiB", *(f"{value:,.0f}" for value in measured.server_mib)],
        ["the largest worker, MiB", *(f"{value:,.0f}" for value in measured.worker_mib)],
    ]
    return (
        f"## Hostile statements\n\n{text}\n\n{pairs_table(measured.pairs, {})}\n\n"
        f"{summary(measured.outcomes)}\n{table(['', 'before', 'at most'], figures)}\n"
    )
