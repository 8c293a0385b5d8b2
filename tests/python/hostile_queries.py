"""Hostile statements to a small project: each is answered rightly or refused with a reason, and the server lives on.

    python tests/python/hostile_queries.py [--binary PATH] [--statements N] [--seed N]

The statements are those of the benchmarks (`scripts/bench/hostile_statements.py`). How long they take decides nothing:
260 take some forty seconds on two cores, a thousand two and a half minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench")]
from beside import Sampler, served  # noqa: E402
from hostile import CALLERS, SEED, SETTINGS, Measured, Onslaught, require_sound, summary  # noqa: E402
from hostile_statements import statements  # noqa: E402
from report import Client  # noqa: E402
from server import Failure, find_binary, make_key, printed  # noqa: E402

TRACKS = 500
STATEMENTS = 260


def main() -> int:
    """The exit code is 0 where every answer is as it should be."""
    parser = argparse.ArgumentParser(description="Sends hostile statements to a small project.")
    parser.add_argument("--binary", help="the rhapsode to test (default: the one that cargo built)")
    parser.add_argument("--statements", type=int, default=STATEMENTS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="rhapsode-hostile-") as folder:
            measured = run(find_binary(asked.binary), Path(folder), asked.seed, asked.statements)
    except Failure as failure:
        print(f"hostile: {failure}", file=sys.stderr)
        return 1
    print(summary(measured.outcomes))
    faults = sum(bool(outcome.fault) for outcome in measured.outcomes)
    print(f"hostile: {len(measured.outcomes)} statements, {faults} answers that should not be")
    return int(faults > 0)


def run(binary: str, folder: Path, seed: int, count: int) -> Measured:
    """Makes a project, and sends the statements while an ordinary client looks a track up."""
    project = folder / "project"
    project.mkdir()
    make_project(binary, project)
    with served(binary, project, "served", SETTINGS) as (server, key):
        callers = [make_key(binary, project / "served", f"caller {index}", "bench") for index in range(CALLERS)]
        before = server.memory_mib(), server.worker_mib()
        onslaught = Onslaught(server.address, callers, statements(seed, count, TRACKS))
        with Sampler(server) as sampler, Lookups(server.address, key):
            with onslaught:
                onslaught.wait()
        measured = Measured(onslaught.outcomes, {}, (before[0], sampler.server_mib), (before[1], sampler.worker_mib))
        require_sound(server, key, TRACKS, measured)
    return measured


def make_project(binary: str, project: Path) -> None:
    """The project that `rhapsode init` makes, with invented tracks."""
    tracks, command = project / "invented.jsonl", [binary, "--project", str(project)]
    printed(*command, "init")
    printed(*command, "corpus", "make", "--tracks", str(TRACKS), "--seed", "1", "--no-faults", "--out", str(tracks))
    printed(*command, "ingest", "tracks", str(tracks))
    printed(*command, "build")


class Lookups:
    """An ordinary client, while this is entered: the same track is always answered the same."""

    def __init__(self, address: str, key: str) -> None:
        self._client = Client(address, key)
        [row] = self._client.sql("select track_id from track order by track_id limit 1")
        self._path = f"/api/features/{row['track_id']}?entity=track"
        self._wanted = json.loads(self._client.send("GET", self._path))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._failure: Failure | OSError | None = None

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()
        if self._failure:
            raise Failure(f"beside hostile statements, a lookup fails: {self._failure}")

    def _look(self) -> None:
        try:
            while not self._over.wait(0.01):
                if (found := json.loads(self._client.send("GET", self._path))) != self._wanted:
                    raise Failure(f"{found} instead of {self._wanted}")
        except (Failure, OSError) as failure:
            self._failure = failure


if __name__ == "__main__":
    sys.exit(main())
