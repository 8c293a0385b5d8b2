"""Clients that take their time, all in this one process: slow_client.py ADDRESS CLIENTS FILE

FILE holds the keys of entities that large batches ask for, BENCH_KEY in the environment is the key that is shown. It
says `ready` once all of them have sent what they send at once, goes on until its standard input ends, and then prints
what became of each kind, as JSON. Whoever is turned away comes back after a second. It sees the server's ends of the
connections in `/proc`, so that both must be on one machine with Linux.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TURN_SECONDS = 1
"""Between two bytes, and before a new attempt."""

START_SECONDS = 2
"""In which all of them come."""

BEGIN_SECONDS_MAX = 20
STATUS_LINE_BYTES = len("HTTP/1.1 200")
DOWNLOAD = "/api/dataset/download?dataset=track&format=jsonl"
TABLE = Path("/proc/net/tcp")
TABLE_SECONDS = 0.5
"""How old what is known of the server's ends may be."""

OPEN_STATES = {"01", "08"}
"""Of the server's end of a connection that it has not closed: ESTABLISHED, CLOSE_WAIT."""


@dataclass(frozen=True)
class Kind:
    """What a client sends at once, and what it does then."""

    first: bytes
    closes_half: bool = False
    sends: bytes = b""
    """Every turn."""
    reads: bool = False
    """A byte every turn, through a window as small as it can be; whoever does not read here never reads."""


@dataclass
class Outcome:
    """What became of the clients of a kind."""

    attempts: int = 0
    closed_after: list[float] = field(default_factory=list)
    """Seconds until the server closed them."""
    statuses: Counter[str] = field(default_factory=Counter)
    """What had been answered on the connections that the server closed."""
    open: dict[int, float] = field(default_factory=dict)
    """When those began that are open, by client."""


def kinds(key: str, entities: list[str]) -> dict[str, Kind]:
    """A third trickles, a third closes half or sends half, a third hardly reads."""
    head = f"Host: bench\r\nAuthorization: Bearer {key}\r\n"
    get = f"GET /api/features/{entities[0]}?entity=track HTTP/1.1\r\n{head}\r\n".encode()
    body = json.dumps({"entity": "track", "keys": entities}).encode()
    typed = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    post = f"POST /api/features/batch HTTP/1.1\r\n{typed}".encode()
    half = post + body[: len(body) // 2]
    return {
        "a head, a byte a second": Kind(get[: get.index(b"\r\n") + 2] + b"X-Slow: ", sends=b"a"),
        "a byte a second of the next head": Kind(get + b"GET /", sends=b"a"),
        "a request, half closed, never read": Kind(get, closes_half=True),
        "half a body, then half closed": Kind(half, closes_half=True),
        "half a body, then nothing": Kind(half),
        "a download, read by the byte": Kind(f"GET {DOWNLOAD} HTTP/1.1\r\n{head}\r\n".encode(), reads=True),
        "a batch, read by the byte": Kind(post + body, reads=True),
    }


SHARES = {
    "a head, a byte a second": 4,
    "a byte a second of the next head": 2,
    "a request, half closed, never read": 2,
    "half a body, then half closed": 2,
    "half a body, then nothing": 2,
    "a download, read by the byte": 3,
    "a batch, read by the byte": 3,
}
"""Parts of all clients."""


class ServerEnds:
    """Which connections the server has not closed: whoever does not read cannot see it of his own end."""

    def __init__(self, port: int) -> None:
        self._port = f"{port:04X}"
        self._read_at = 0.0
        self._open: set[int] = set()

    def has(self, connection: socket.socket) -> bool:
        """Whether the server holds that connection open."""
        if time.monotonic() - self._read_at > TABLE_SECONDS:
            rows = (line.split() for line in TABLE.read_text().splitlines()[1:])
            ends = ((row[1].partition(":")[2], row[2].partition(":")[2], row[3]) for row in rows)
            self._open = {int(theirs, 16) for own, theirs, state in ends if own == self._port and state in OPEN_STATES}
            self._read_at = time.monotonic()
        return connection.getsockname()[1] in self._open


async def live(
    client: int, kind: Kind, ends: ServerEnds, address: tuple[str, int], outcome: Outcome, arrived: Callable[[], None]
) -> None:
    """One client, again and again."""
    await asyncio.sleep(START_SECONDS * (client % 1_000) / 1_000)
    while True:
        with socket.socket() as connection:
            connection.setblocking(False)
            if kind.reads:
                # The system makes it as small as it may be.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            began = time.monotonic()
            outcome.attempts += 1
            try:
                await asyncio.wait_for(begin(connection, kind, address), BEGIN_SECONDS_MAX)
                outcome.open[client] = began
                arrived()
                read = await suffer(connection, kind, ends)
            except (OSError, asyncio.TimeoutError):
                read = b""
            arrived()
            outcome.open.pop(client, None)
            outcome.closed_after.append(time.monotonic() - began)
            outcome.statuses[status(read or rest(connection))] += 1
        await asyncio.sleep(TURN_SECONDS)


async def begin(connection: socket.socket, kind: Kind, address: tuple[str, int]) -> None:
    """Sends what the kind sends at once."""
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, address)
    await loop.sock_sendall(connection, kind.first)
    if kind.closes_half:
        connection.shutdown(socket.SHUT_WR)


async def suffer(connection: socket.socket, kind: Kind, ends: ServerEnds) -> bytes:
    """Takes its turns until the server closes the connection; returns the beginning of what was read."""
    read = b""
    await asyncio.sleep(TURN_SECONDS)
    while ends.has(connection):
        if kind.sends:
            connection.send(kind.sends)
        if kind.reads:
            try:
                got = connection.recv(1 if read else STATUS_LINE_BYTES)
            except BlockingIOError:
                got = b""
            read = read or got
        await asyncio.sleep(TURN_SECONDS)
    return read


def rest(connection: socket.socket) -> bytes:
    """The beginning of what was not read."""
    try:
        return connection.recv(STATUS_LINE_BYTES)
    except OSError:
        return b""


def status(answer: bytes) -> str:
    """The status of an answer."""
    parts = answer.decode(errors="replace").split(" ")
    return parts[1] if len(parts) == 2 and len(parts[1]) == 3 else "none"


async def run(address: tuple[str, int], clients: int, key: str, entities: list[str]) -> dict[str, object]:
    """All clients, until standard input ends."""
    chosen, ends = kinds(key, entities), ServerEnds(address[1])
    outcomes = {name: Outcome() for name in chosen}
    turns = [name for name, share in SHARES.items() for _ in range(share)]
    waiting, ready = set(range(clients)), asyncio.Event()

    def arrived(client: int) -> None:
        waiting.discard(client)
        if not waiting:
            ready.set()

    tasks = []
    for client in range(clients):
        name = turns[client % len(turns)]
        task = live(client, chosen[name], ends, address, outcomes[name], lambda client=client: arrived(client))
        tasks.append(asyncio.create_task(task))
    await ready.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    now = time.monotonic()
    # Ended tasks would count what is open as closed.
    report = {name: told(outcome, now) for name, outcome in outcomes.items()}
    if failed := [task for task in tasks if task.done()]:
        failed[0].result()
    for task in tasks:
        task.cancel()
    return report


def told(outcome: Outcome, now: float) -> dict[str, object]:
    """An outcome as JSON."""
    ages = [now - began for began in outcome.open.values()]
    return {
        "attempts": outcome.attempts,
        "closed_after": sorted(outcome.closed_after),
        "statuses": dict(sorted(outcome.statuses.items())),
        "open": len(ages),
        "oldest": max(ages, default=0.0),
    }


def raise_open_files() -> None:
    """Asks for as many open files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Runs until standard input ends."""
    address, clients, file = sys.argv[1:]
    host, _, port = address.rpartition(":")
    raise_open_files()
    entities = json.loads(Path(file).read_text())
    print(json.dumps(asyncio.run(run((host, int(port)), int(clients), os.environ["BENCH_KEY"], entities))))


if __name__ == "__main__":
    main()
