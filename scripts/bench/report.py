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
    load_seconds: int = 10
    queries: int = 100
    tracks: tuple[int, ...] = (5_700, 57_000, 570_000)
    embedded: int = 8_000
    warm_up: int = 200


FEATURES = (
    *("title_clean", "artist", "year", "decade", "completeness"),
    *("tokens", "types", "lines", "syllables", "mtld", "hdd", "type_token_ratio", "line_length_mean"),
    *("word_length_mean", "detected_language", "readability", "valence", "arousal", "ending_valence", "mood"),
)
"""Twenty scalar features of all kinds: what lookups and batches ask for."""

QUICK = Sizes(
    builds=1, pairs=2, pair_seconds=1, batches=50, load_seconds=3, queries=5, tracks=(570,), embedded=200, warm_up=5
)
"""Enough to see that the script works; the figures mean nothing."""


class Client:
    """One connection that is kept open, and the key that it shows."""

    def __init__(self, address: str, key: str | None = None) -> None:
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._connection = http.client.HTTPConnection(address, timeout=120)
        self._connection.connect()

    def send(self, method: str, path: str, body: bytes | None = None, accept: str = "application/json") -> bytes:
        """The body of the answer; another status than 200 ends the benchmark."""
        headers = self._headers | {"accept": accept} | ({"content-type": "application/json"} if body else {})
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
    """Takes songs, vectors and what searches by them away, as in earlier figures: vectors have figures of their own."""
    (definitions / "song.yaml").unlink()
    (definitions / "meaning.yaml").unlink()
    (definitions / "search.yaml").unlink()
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
