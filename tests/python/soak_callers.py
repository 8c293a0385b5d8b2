"""The callers of the soak: what each of them asks, what every answer must be like, and the ledger that they keep."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))
from server import require_packages

require_packages("httpx", "pyarrow")
import httpx  # noqa: E402
import pyarrow.csv  # noqa: E402
import pyarrow.ipc  # noqa: E402
import pyarrow.json  # noqa: E402
import pyarrow.parquet  # noqa: E402

ITEMS = 4_000
"""Numbers that every generation has."""
ITEMS_A_GENERATION = 10
BATCH_ITEMS = 200
STATEMENT_ROWS = 500
REQUEST_SECONDS_MAX = 120

LOOKUP, BATCH, DOWNLOAD = "/api/features/{key}", "/api/features/batch", "/api/dataset/download"
FEATURES = ["number", "generation", "worth", "rated_generation", "mark"]
STATEMENT = """select number, generation, worth, rated_generation, mark from facts join ratings using (item_id)
where number >= $1 order by number limit $2"""
ARROW_STREAM = "application/vnd.apache.arrow.stream"
READERS: dict[str, Callable[[io.BytesIO], pyarrow.Table]] = {
    "parquet": pyarrow.parquet.read_table,
    "arrow": lambda file: pyarrow.ipc.open_file(file).read_all(),
    "csv": pyarrow.csv.read_csv,
    "jsonl": pyarrow.json.read_json,
}

Row = dict[str, Any]


def item(number: int, generation: int) -> Row:
    """What every reader finds of an item in a generation."""
    worth, mark = number * 1_000 + generation, number / 8
    return dict(zip(FEATURES, (number, generation, worth, generation, mark), strict=True))


def items_of(generation: int) -> range:
    """The numbers of a generation's items."""
    return range(ITEMS + ITEMS_A_GENERATION * generation)


class Ledger:
    """What was asked and answered, and what was not as it should be. All threads write into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.refusals: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """By what they are: the last part of a problem's `type`."""
        self.releases: defaultdict[str, set[int]] = defaultdict(set)
        self.used: Counter[tuple[str, str, str]] = Counter()
        """By key, route and unit: what the account of usage must come to."""
        self.unsure: Counter[str] = Counter()
        """By key: requests that the server may have counted or not."""
        self.violations: dict[str, tuple[int, str]] = {}
        """How often, and the first example."""

    def violated(self, what: str, example: object) -> None:
        """Counts something that may not be."""
        with self._lock:
            times, first = self.violations.get(what, (0, str(example)[:600]))
            self.violations[what] = (times + 1, first)

    def answered(self, kind: str, status: str, seconds: float) -> None:
        """Counts an answer, or what came in place of one."""
        with self._lock:
            self.statuses[kind][status] += 1
            self.seconds[kind].append(seconds)

    def refused(self, kind: str, why: str) -> None:
        """Counts a refusal that is allowed."""
        with self._lock:
            self.refusals[kind][why] += 1

    def use(self, key: str, route: str, unit: str, amount: int) -> None:
        """Counts what the server should have counted. A key is called by its first twelve characters."""
        with self._lock:
            self.used[key[:12], route, unit] += amount

    def doubt(self, key: str) -> None:
        """Counts a request that nobody knows the fate of."""
        with self._lock:
            self.unsure[key[:12]] += 1


class Caller:
    """Somebody with a key and a connection, who looks at what every answer must have."""

    def __init__(self, ledger: Ledger, address: str, kind: str, key: str, allowed: tuple[int, ...] = (200,)) -> None:
        self.ledger, self.kind, self.key, self.allowed = ledger, kind, key, allowed
        self.random = random.Random(kind)
        self.release = 0
        self.account: dict[tuple[str, str, str, str], int] = {}
        """By day, key, route and unit: what `/api/usage` told last."""
        self._http = httpx.Client(base_url=f"http://{address}", timeout=REQUEST_SECONDS_MAX)

    def ask(self, method: str, route: str, path: str = "", token: str = "", **request: Any) -> httpx.Response | None:
        """The answer, where its status is allowed. `path` is the route, filled in; a token stands for the key."""
        headers = {"authorization": f"Bearer {token or self.key}"} | request.pop("headers", {})
        begun = time.perf_counter()
        try:
            answer = self._http.request(method, path or route, headers=headers, **request)
        except httpx.HTTPError as error:
            self.ledger.answered(self.kind, type(error).__name__, time.perf_counter() - begun)
            self.ledger.doubt(self.key)
            self.ledger.violated(f"{self.kind}: the connection fails", repr(error))
            return None
        status, told = answer.status_code, answer.headers
        self.ledger.answered(self.kind, str(status), time.perf_counter() - begun)
        example = f"{method} {answer.request.url}: {status} {dict(told)}"
        if status >= 400 and told.get("content-type") != "application/problem+json":
            self.ledger.violated(f"{self.kind}: {status} is no problem document", example)
        if status in (429, 503) and not told.get("retry-after", "").isdigit():
            self.ledger.violated(f"{self.kind}: {status} without Retry-After", f"{example} {answer.text}")
        if status == 503:
            self.ledger.doubt(self.key)
            return None
        if status != 401:
            self.ledger.use(self.key, route, "requests", 1)
        if status not in self.allowed:
            self.ledger.violated(f"{self.kind}: {status} is not among {self.allowed}", f"{example} {answer.text}")
            return None
        if "x-rhapsode-release" in told:
            self._moves_to(int(told["x-rhapsode-release"]))
        return answer

    def _moves_to(self, release: int) -> None:
        if release < self.release:
            self.ledger.violated(f"{self.kind}: releases go backwards", f"{self.release}, then {release}")
        self.release = release
        self.ledger.releases[self.kind].add(release)

    def check(self, rows: list[Row], numbers: Sequence[int], named: int | None = None) -> None:
        """The rows are those of the release that the answer's header names, and its body where that names one."""
        release, found = self.release, [row["number"] for row in rows]
        if named not in (None, release):
            self.ledger.violated(f"{self.kind}: header and body name two releases", f"{release} and {named}")
        if found != list(numbers):
            example = f"release {release}: {len(found)} rows, not {len(numbers)}: {found[:5]}… {found[-5:]}"
            self.ledger.violated(f"{self.kind}: other rows than were asked for", example)
        for row in rows:
            if {name: row[name] for name in FEATURES} != item(row["number"], release):
                self.ledger.violated(f"{self.kind}: values of another release", f"release {release}: {row}")


def rows_of_stream(body: bytes) -> list[Row]:
    """The rows of an answer in Arrow."""
    rows: list[Row] = pyarrow.ipc.open_stream(body).read_all().to_pylist()
    return rows


def lookup(caller: Caller, token: str = "") -> int | None:
    """One item; the status of the answer. Why somebody is refused is counted."""
    number = caller.random.randrange(ITEMS)
    answer = caller.ask("GET", LOOKUP, f"/api/features/i{number}", token, params={"features": ",".join(FEATURES)})
    if answer is None:
        return None
    if answer.status_code == 200:
        caller.ledger.use(caller.key, LOOKUP, "entities", 1)
        caller.check([answer.json()["features"]], [number], answer.json()["release"])
    else:
        caller.ledger.refused(caller.kind, answer.json()["type"].rpartition("/")[2])
    return answer.status_code


def batch(caller: Caller, is_arrow: bool) -> None:
    """Many items, and one that nobody has."""
    numbers = [caller.random.randrange(ITEMS) for _ in range(BATCH_ITEMS)]
    body = {"keys": [*(f"i{number}" for number in numbers), "nobody"], "features": FEATURES}
    headers = {"accept": ARROW_STREAM} if is_arrow else {}
    if (answer := caller.ask("POST", BATCH, json=body, headers=headers)) is None:
        return
    caller.ledger.use(caller.key, BATCH, "entities", len(numbers))
    if is_arrow:
        caller.check([row for row in rows_of_stream(answer.content) if row["found"]], numbers)
    else:
        told = answer.json()
        rows = [dict(zip(told["features"], row["values"], strict=True)) for row in told["rows"]]
        caller.check(rows, numbers, told["release"])


def statement(caller: Caller) -> None:
    """Rows of two views, as JSON or as Arrow; some statements come again and are answered from memory."""
    first, is_arrow = caller.random.randrange(0, ITEMS - STATEMENT_ROWS, 100), caller.random.random() < 0.5
    headers = {"accept": ARROW_STREAM} if is_arrow else {}
    body = {"query": STATEMENT, "params": [first, STATEMENT_ROWS]}
    if (answer := caller.ask("POST", "/api/sql", json=body, headers=headers)) is not None:
        rows = rows_of_stream(answer.content) if is_arrow else answer.json()
        caller.check(rows, range(first, first + STATEMENT_ROWS))


def download(caller: Caller) -> None:
    """The whole dataset in one of the formats, or the part of it that a condition names."""
    file_format, first = caller.random.choice(list(READERS)), caller.random.choice([0, 0, ITEMS // 2])
    parameters = {"dataset": "item", "format": file_format} | ({"filter": f"number >= {first}"} if first else {})
    if (answer := caller.ask("GET", DOWNLOAD, params=parameters)) is None:
        return
    caller.ledger.use(caller.key, DOWNLOAD, "bytes", len(answer.content))
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(answer.content).digest()).decode()}:"
    if (told := answer.headers.get("repr-digest")) != digest:
        caller.ledger.violated(f"download: {file_format} has another digest", f"{digest}, and the header has {told}")
    rows = READERS[file_format](io.BytesIO(answer.content)).sort_by("number").to_pylist()
    caller.check(rows, items_of(caller.release)[first:])


def account(caller: Caller) -> None:
    """What all keys used; no amount of it is ever less than before."""
    if (answer := caller.ask("GET", "/api/usage", params={"key": "all", "days": 2})) is None:
        return
    told = {(row["day"], row["key"], row["route"], row["unit"]): row["amount"] for row in answer.json()["usage"]}
    for what, amount in caller.account.items():
        if told.get(what, 0) < amount:
            caller.ledger.violated("usage: an amount went down", f"{what}: {amount}, then {told.get(what)}")
    caller.account = told
