"""An ordinary client's lookups with and without trouble beside it, in pairs; and the server that it asks, watched."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from load import CONNECTIONS, TIER, Load, wrk
from report import FEATURES, spread, table
from server import Server, make_key

KEYS = 1_000
PAUSE_MILLISECONDS = 8
"""Of each connection after each answer, on average: 16 of them ask 2,000 times a second, and the server is not busy."""

Trouble = Callable[[], AbstractContextManager[object]]
"""What begins the trouble that lasts as long as it is entered."""

SAMPLE_SECONDS = 0.25
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Watched(Server):
    """A server whose process is looked at. Where the system has no `/proc`, nothing is seen of it."""

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return self._process.poll() is None

    def memory_mib(self) -> float:
        """What it holds in memory."""
        return resident_mib(self.pid)

    def connections(self) -> int:
        """Sockets that it has open."""
        found = 0
        with contextlib.suppress(FileNotFoundError):
            for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    found += os.readlink(descriptor).startswith("socket:")
        return found

    def worker_mib(self) -> float:
        """What the largest of its children holds in memory, without the pages of its program's file."""
        found = [0.0]
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == self.pid:
                    found.append(own_mib(int(folder.name)))
        return max(found)


def resident_mib(pid: int) -> float:
    """The memory of a process; none where it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 2**20
    return 0.0


def own_mib(pid: int) -> float:
    """The memory of a process that is of no file; none where it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        _, resident, of_files, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(of_files)) * PAGE_BYTES / 2**20
    return 0.0


class Sampler:
    """The most that a server and each of its workers held while this was entered, sampled."""

    def __init__(self, server: Watched) -> None:
        self.server_mib = server.memory_mib()
        self.worker_mib = server.worker_mib()
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        """Looks until it is over, and once more."""
        is_over = False
        while not is_over:
            is_over = self._over.wait(SAMPLE_SECONDS)
            self.server_mib = max(self.server_mib, self._server.memory_mib())
            self.worker_mib = max(self.worker_mib, self._server.worker_mib())


@contextlib.contextmanager
def served(binary: str, project: Path, name: str, settings: str) -> Iterator[tuple[Watched, str]]:
    """A server over the store of `project`, with settings and keys of its own, and a key of the tier `bench`."""
    own = project / name
    own.mkdir(exist_ok=True)
    (own / "rhapsode.toml").write_text(f'[store]\nurl = "../store"\n{TIER}{settings}', encoding="utf-8")
    server = Watched(binary, own, "127.0.0.1:0", "127.0.0.1:0", own / "serve.log", True)
    try:
        yield server, make_key(binary, own, "bench", "bench")
    finally:
        server.stop(signal.SIGTERM)


@dataclass(frozen=True)
class Pair:
    """Lookups without trouble and with it, one right after the other."""

    without: Load
    beside: Load

    @property
    def factor(self) -> float:
        """The 99th percentile with trouble over the one without."""
        return self.beside.p99 / self.without.p99


def write_lookups(keys: list[str], file: Path) -> Path:
    """The requests of the ordinary client."""
    paths = (f"/api/features/{quote(key, safe='')}?entity=track" for key in spread(keys, KEYS))
    file.write_text("".join(f"{path}&features={','.join(FEATURES)}\n" for path in paths))
    return file


def measure_pair(address: str, lookups: Path, key: str, seconds: int, pause: float, trouble: Trouble) -> Pair:
    """Lookups alone, and then while `trouble` is entered."""
    without = wrk(address, lookups, seconds, key, CONNECTIONS, pause)
    with trouble():
        return Pair(without, wrk(address, lookups, seconds, key, CONNECTIONS, pause))


def median_factor(pairs: list[Pair]) -> float:
    """The median of the factors of the pairs."""
    return statistics.median(pair.factor for pair in pairs)


def pairs_table(kinds: dict[str, list[Pair]], goals: dict[str, str]) -> str:
    """Medians of the pairs of each kind, as Markdown."""
    rows = []
    for name, pairs in kinds.items():
        loads = ([pair.without for pair in pairs], [pair.beside for pair in pairs])
        cells = [f"{statistics.median(load.rate for load in side):,.0f}" for side in loads]
        cells += [f"{statistics.median(load.p50 for load in side):,.0f}" for side in loads]
        cells += [f"{statistics.median(load.p99 for load in side):,.0f}" for side in loads]
        factors = [pair.factor for pair in pairs]
        cells += [f"{median_factor(pairs):.2f}", f"{min(factors):.2f} to {max(factors):.2f}"]
        errors = [sum(load.errors for load in side) for side in loads]
        rows.append([name, f"{len(pairs)}", *cells, f"{errors[0]} / {errors[1]}", goals.get(name, "none set")])
    head = ["", "pairs", "1/s alone", "beside", "p50 alone, µs", "beside", "p99 alone, µs", "beside"]
    return table([*head, "factor, median", "from, to", "errors", "goal"], rows)
