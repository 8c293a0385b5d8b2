"""What the sections share: how much is measured, requests on one connection, tables."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import Failure


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    builds: int = 3
    pairs: int = 7
    pair_seconds: int = 5
    batches: int = 2_000
    queries: int = 100
    tracks: tuple[int, ...] = (5_700, 57_000, 570_000)
    embedded: int = 8_000
    warm_up: int = 200


QUICK = Sizes(builds=1, pairs=2, pair_seconds=1, batches=50, queries=5, tracks=(570,), embedded=200, warm_up=5)
"""Enough to see that the script works; the figures mean nothing."""


class Client:
    """One connection that is kept open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=120)
        self._connection.connect()

    def send(self, method: str, path: str, body: bytes | None = None, accept: str = "application/json") -> bytes:
        """The body of the answer; another status than 200 ends the benchmark."""
        headers = {"accept": accept, "content-type": "application/json"} if body else {"accept": accept}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise Failure(f"{method} {path} answers {response.status}: {answer[:500]!r}")
        return answer

    def sql(self, query: str) -> list[dict[str, Any]]:
        """The rows of a statement."""
        rows: list[dict[str, Any]] = json.loads(self.send("POST", "/api/sql", json.dumps({"query": query}).encode()))
        return rows

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def without_vectors(definitions: Path) -> None:
    """Takes songs and vectors away, as in earlier figures: vectors have figures of their own."""
    (definitions / "song.yaml").unlink()
    (definitions / "meaning.yaml").unlink()
    for file in definitions.glob("*.yaml"):
        file.write_text(file.read_text(encoding="utf-8").replace(", vectors: meaning }", " }"), encoding="utf-8")


def spread(items: Sequence[str], count: int) -> list[str]:
    """`count` of the items, evenly from all of them."""
    return [items[index * len(items) // count] for index in range(count)]


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by `share` of the values (nearest rank)."""
    rank = max(1, -(-len(sorted_values) * round(share * 1_000) // 1_000))
    return sorted_values[rank - 1]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown; the first column is words, the others are figures."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, marks, *rows])
