"""Any number of keys, as batches that the server takes, put together to one table of one release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pyarrow as pa

from . import _wire
from ._errors import Problem, UnknownKeyError
from ._progress import Bar, progress
from ._session import Parameters, Session, release_of, request_id_of, unexpected
from ._table import Features, Table

PATH = "/api/features/batch"

BATCH_KEYS_MAX = 10_000
"""Keys that the server takes at once."""

BATCH_BYTES_MAX = 2_000_000
"""Of a body. The server takes 2 MiB."""

PARALLEL = 4
"""Batches on their way at once: while one is read, others are computed. More would take cores from others."""


@dataclass(frozen=True)
class Batch:
    """Some keys, and what is asked about them."""

    keys: Sequence[_wire.KeyParts]
    question: Mapping[str, Any]
    """`features` and `entity`, where they are given."""
    inputs: Mapping[str, _wire.Scalar | list[_wire.Scalar]]

    def part(self, begin: int, end: int) -> Batch:
        """Some of its keys, with their inputs."""
        inputs = {name: value[begin:end] if isinstance(value, list) else value for name, value in self.inputs.items()}
        return replace(self, keys=self.keys[begin:end], inputs=inputs)

    def parts(self) -> list[Batch]:
        """Batches that the server takes by their count, in order; one where there are no keys."""
        begins = range(0, max(len(self.keys), 1), BATCH_KEYS_MAX)
        return [self.part(begin, begin + BATCH_KEYS_MAX) for begin in begins]

    def body(self) -> bytes:
        """The body of a request for all its keys."""
        inputs = {"inputs": self.inputs} if self.inputs else {}
        return _wire.body({"keys": self.keys, **self.question, **inputs})

    def bodies(self) -> Iterator[bytes]:
        """Bodies that the server takes by their size, in order: one, unless keys are very long."""
        body = self.body()
        half = len(self.keys) // 2
        if len(body) <= BATCH_BYTES_MAX or half == 0:
            yield body
            return
        yield from self.part(0, half).bodies()
        yield from self.part(half, len(self.keys)).bodies()


def one(session: Session, batch: Batch, key: Any, parameters: Parameters) -> Features:
    """The features of the only key of `batch`, as typed as those of many."""
    (parts,) = batch.keys
    response = session.ask_arrow(PATH, parameters, batch.body())
    table, release = _read(response), release_of(response)
    key_columns = len(parts) if isinstance(parts, list) else 1
    if table.num_rows != 1 or table.num_columns <= key_columns or table.column_names[-1] != "found":
        raise unexpected(response, "it has other rows and columns than were asked for")
    *values, found = (column[0].as_py() for column in table.columns[key_columns:])
    if not found:
        raise _unknown_key(parts, request_id_of(response))
    return Features(key, release, dict(zip(table.column_names[key_columns:-1], values, strict=True)))


def _unknown_key(parts: _wire.KeyParts, request_id: str | None) -> UnknownKeyError:
    """As `GET /api/features/{key}` answers. A batch says it by `found`."""
    shown = ",".join(map(str, parts)) if isinstance(parts, list) else str(parts)
    problem = Problem(
        type="/problems/unknown-key",
        title="Unknown key",
        status=404,
        detail=f"there is no entity with the key `{shown[:200]}`",
        field="key",
        value=shown[:200],
        remedy="`client.sql` with a `select` of the join keys lists them",
        request_id=request_id,
    )
    return UnknownKeyError(problem)


def many(session: Session, batch: Batch, parameters: Parameters) -> Table:
    """The features of all keys, a row for each in the order asked."""
    first, *rest = batch.parts()
    tables, release = _ask(session, first, parameters, None)
    if rest:
        # `latest` and tags may move meanwhile; a number does not.
        pinned = {**parameters, "release": str(release)}
        with progress("features", "key") as bar:
            bar.reach(len(first.keys), len(batch.keys))
            tables += _ask_all(session, rest, pinned, release, bar)
    # What differs in type would be of two releases, which cannot be.
    return Table(pa.concat_tables(tables), release)


def _ask_all(session: Session, batches: Sequence[Batch], pinned: Parameters, release: int, bar: Bar) -> list[pa.Table]:
    pool = ThreadPoolExecutor(min(PARALLEL, len(batches)), thread_name_prefix="rhapsode")
    try:
        futures = {pool.submit(_ask, session, batch, pinned, release): batch for batch in batches}
        for future in as_completed(futures):
            future.result()
            bar.advance(len(futures[future].keys))
        return [table for future in futures for table in future.result()[0]]
    finally:
        # Where one failed, or a person lost patience, what has not begun need not begin, and nobody waits for the rest.
        pool.shutdown(wait=False, cancel_futures=True)


def _ask(session: Session, batch: Batch, parameters: Parameters, pinned: int | None) -> tuple[list[pa.Table], int]:
    """The tables of a batch in order, and their release: `pinned`, or that of the first answer."""
    tables: list[pa.Table] = []
    for body in batch.bodies():
        response = session.ask_arrow(PATH, parameters, body)
        tables.append(_read(response))
        release = release_of(response)
        if pinned is None:
            pinned = release
            parameters = {**parameters, "release": str(release)}
        if release != pinned:
            raise unexpected(response, f"it is from release {release}, and {pinned} was asked for")
    assert pinned is not None, "a batch has a body"
    return tables, pinned


def table(session: Session, path: str, parameters: Parameters, body: bytes) -> Table:
    """The rows that a path answers."""
    response = session.ask_arrow(path, parameters, body)
    return Table(_read(response), release_of(response))


def _read(response: httpx.Response) -> pa.Table:
    try:
        with pa.ipc.open_stream(response.content) as reader:
            return reader.read_all()
    except pa.ArrowException as error:
        raise unexpected(response, "it cannot be read as an Arrow stream") from error
