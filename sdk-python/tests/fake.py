"""A server that is a function, a client over it, and time that does not pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyarrow as pa

import rhapsode
from rhapsode._retry import Waiting
from rhapsode._session import Session
from rhapsode._settings import settings

KEY = "rhp_Abcdefgh_thisIsASecretThatNobodyMaySee0000000000000000000"

Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Fake:
    """A client over a handler; what was asked, and how long it waited."""

    handler: Handler
    retries: int = 3
    key: str | None = None
    chance: float = 1.0
    """Waits are the longest by default."""
    requests: list[httpx.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def client(self) -> rhapsode.Client:
        """It raises where something leaves it open."""
        made = settings("http://rhapsode.test", self.key, 5.0, self.retries, {})
        waiting = Waiting(self.retries, self.waits.append, lambda: self.chance)
        return rhapsode.Client._over(Session(made, transport=httpx.MockTransport(self._handle), waiting=waiting))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.handler(request)


def answers(*responses: httpx.Response | Exception) -> Handler:
    """One after the other; an exception is raised."""
    left = list(responses)

    def handler(request: httpx.Request) -> httpx.Response:
        response = left.pop(0)
        if isinstance(response, httpx.RequestError):
            response.request = request
        if isinstance(response, Exception):
            raise response
        return response

    return handler


def arrow(table: pa.Table, release: int = 7, status: int = 200) -> httpx.Response:
    """An Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {
        "content-type": "application/vnd.apache.arrow.stream",
        "x-rhapsode-release": str(release),
        "x-request-id": "served",
    }
    return httpx.Response(status, headers=headers, content=sink.getvalue().to_pybytes())


def problem(status: int, kind: str, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    """A problem document."""
    document = {
        "type": f"/problems/{kind}",
        "title": kind.replace("-", " ").capitalize(),
        "status": status,
        "detail": f"this is {kind}",
        "request_id": "served",
        **members,
    }
    sent = {"content-type": "application/problem+json", "x-request-id": "served", **(headers or {})}
    return httpx.Response(status, headers=sent, content=json.dumps(document).encode())


def asked(request: httpx.Request) -> dict[str, Any]:
    """The JSON body of a request."""
    body: dict[str, Any] = json.loads(request.content)
    return body


def lookup(request: httpx.Request, release: int = 7) -> httpx.Response:
    """What a server with every key but `nope` answers to a batch: `n` is the length of the key.

    Its tags and `latest` are `release`, and it has every number.
    """
    named = request.url.params.get("release", "latest")
    keys = ["".join(map(str, key)) if isinstance(key, list) else str(key) for key in asked(request)["keys"]]
    found = [key != "nope" for key in keys]
    return arrow(
        pa.table(
            {
                "track_id": pa.array(keys, pa.string()),
                "n": pa.array([len(key) if ok else None for key, ok in zip(keys, found, strict=True)], pa.int32()),
                "found": pa.array(found, pa.bool_()),
            }
        ),
        int(named) if named.isdecimal() else release,
    )
