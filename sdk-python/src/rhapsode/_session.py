"""Requests and their answers: the only module that knows HTTP's errors."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ._errors import AnswerError, Problem, ProblemError, TimedOutError, TransportError, problem_error
from ._retry import Patience, Waiting, may_pass
from ._settings import Key, Settings
from ._version import __version__

JSON = "application/json"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
PROBLEM = "application/problem+json"

RELEASE = "x-rhapsode-release"
REQUEST_ID = "x-request-id"

CONNECT_SECONDS_MAX = 5.0
"""A server that does not take a connection by then is not there."""

PROBLEM_BYTES_MAX = 64 << 10
"""Of a refusal's body. A problem document has a few hundred bytes; more comes from something else."""

Parameters = Mapping[str, str]


class Session:
    """A pool of connections to one server. Safe to share between threads."""

    def __init__(
        self, settings: Settings, *, transport: httpx.BaseTransport | None = None, waiting: Waiting | None = None
    ) -> None:
        self.settings = settings
        self._waiting = waiting or Waiting(settings.retries)
        self._http = httpx.Client(
            base_url=settings.url,
            auth=None if settings.key is None else _Bearer(settings.key),
            headers={"user-agent": f"rhapsode-python/{__version__}"},
            timeout=httpx.Timeout(settings.timeout, connect=min(settings.timeout, CONNECT_SECONDS_MAX)),
            # A redirection would take the key to another server.
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def patience(self) -> Patience:
        """That of a new request."""
        return self._waiting.patience()

    def read_json(self, path: str, parameters: Parameters, *, accept: str = JSON) -> dict[str, Any]:
        """The JSON object at a path."""
        return _object(self._whole("GET", path, parameters, accept=accept, body=None))

    def ask_json(self, path: str, parameters: Parameters, body: bytes) -> dict[str, Any]:
        """The JSON object that answers a JSON body. Such requests read only, so they may be sent again."""
        return _object(self._whole("POST", path, parameters, accept=JSON, body=body))

    def ask_arrow(self, path: str, parameters: Parameters, body: bytes) -> httpx.Response:
        """An Arrow stream, the answer to a JSON body. Such requests read only, so they may be sent again."""
        response = self._whole("POST", path, parameters, accept=ARROW_STREAM, body=body)
        if media_type(response) != ARROW_STREAM:
            raise unexpected(response, "it is no Arrow stream")
        return response

    def _whole(
        self, method: str, path: str, parameters: Parameters, *, accept: str, body: bytes | None
    ) -> httpx.Response:
        request_id = new_request_id()
        headers = {"accept": accept}
        if body is not None:
            headers["content-type"] = JSON
        if self.settings.is_local:
            # Within a machine, compressing takes longer than what it saves.
            headers["accept-encoding"] = "identity"
        patience = self.patience()
        while True:
            try:
                with self.attempt(method, path, parameters, headers, request_id, body) as response, told(request_id):
                    response.read()
                    return response
            except (TransportError, ProblemError) as error:
                patience.wait_after(error, passes=may_pass(error))

    @contextmanager
    def attempt(
        self,
        method: str,
        path: str,
        parameters: Parameters,
        headers: Mapping[str, str],
        request_id: str,
        body: bytes | None = None,
    ) -> Generator[httpx.Response, None, None]:
        """One request, once, and its answer (2xx) with the body yet to be read. Raises what else may come.

        The block reads the body within [`told`].
        """
        request = self._http.build_request(
            method, path, params=dict(parameters), headers={**headers, REQUEST_ID: request_id}, content=body
        )
        with told(request_id):
            response = self._http.send(request, stream=True)
        try:
            if not response.is_success:
                raise _refusal(response, request_id)
            yield response
        finally:
            response.close()


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise unexpected(response, "it is no JSON object")
    return answer


class _Bearer(httpx.Auth):
    """Sends the key. It is not among the client's headers, which show in more places."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._key.reveal()}"
        yield request


@contextmanager
def told(request_id: str) -> Iterator[None]:
    """Errors of the transport as ours."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise TransportError(f"{_server(error)} does not take a connection; is it running?", request_id) from error
    except httpx.TimeoutException as error:
        detail = f"{_server(error)} sent nothing for the client's `timeout`; ask for less, or give it longer"
        raise TimedOutError(detail, request_id) from error
    except httpx.ConnectError as error:
        detail = f"{_server(error)} cannot be reached: {error}; is `rhapsode serve` running there?"
        raise TransportError(detail, request_id) from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise TransportError(f"the connection to {_server(error)} broke off: {error}", request_id) from error


def _server(error: httpx.RequestError) -> str:
    url = error.request.url
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


def new_request_id() -> str:
    """The client's, so that a request which never arrives has one too, and all its attempts have the same."""
    return uuid.uuid4().hex


def request_id_of(response: httpx.Response) -> str | None:
    """As the server logged it."""
    answered: str | None = response.headers.get(REQUEST_ID)
    return answered or response.request.headers.get(REQUEST_ID)


def media_type(response: httpx.Response) -> str:
    """The type of an answer's body, without parameters."""
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower()


def release_of(response: httpx.Response) -> int:
    """The release that an answer was read from."""
    text = response.headers.get(RELEASE, "")
    if not (text.isascii() and text.isdecimal()):
        raise unexpected(response, f"it has no `{RELEASE}`")
    return int(text)


def unexpected(response: httpx.Response, why: str) -> AnswerError:
    """The error of an answer that Rhapsode does not give."""
    url = response.request.url
    detail = f"what {url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path} answers is not Rhapsode's: {why}"
    return AnswerError(f"{detail}; is `url` right, and does a proxy stand between?", request_id_of(response))


def _refusal(response: httpx.Response, request_id: str) -> Exception:
    """What an answer other than 2xx means."""
    if response.status_code < 400:
        return unexpected(response, f"it has the status {response.status_code}")
    document: Any = None
    if media_type(response) == PROBLEM:
        with told(request_id):
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > PROBLEM_BYTES_MAX:
                    break
        try:
            document = json.loads(body)
        except ValueError:
            document = None
    if not isinstance(document, dict):
        document = {}

    def text(name: str) -> str | None:
        value = document.get(name)
        return value if isinstance(value, str) else None

    return problem_error(
        Problem(
            type=text("type") or "about:blank",
            title=text("title") or response.reason_phrase,
            status=response.status_code,
            detail=text("detail") or f"the server, or a proxy before it, answered {response.status_code}",
            field=text("field"),
            value=text("value"),
            remedy=text("remedy"),
            request_id=request_id_of(response),
            retry_after=_retry_after(response),
        )
    )


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; the header has them, or a date (RFC 9110, section 10.2.3), which is taken by the server's clock."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text[0].isdigit() else _date_seconds(text, response.headers.get("date"))
    except (ValueError, TypeError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _date_seconds(text: str, now: str | None) -> float:
    begin = datetime.now(timezone.utc) if now is None else parsedate_to_datetime(now)
    return (parsedate_to_datetime(text) - begin).total_seconds()
