"""What is asked again, when, and how often."""

from __future__ import annotations

import httpx
import pyarrow as pa
import pytest

import rhapsode
from rhapsode._retry import Patience, Waiting

from fake import Fake, answers, arrow, lookup, problem

ONE = pa.table({"track_id": ["t1"], "n": pa.array([2], pa.int32()), "found": [True]})


@pytest.mark.parametrize(
    "failure",
    [
        problem(503, "busy"),
        problem(429, "over-rate"),
        httpx.Response(503, content=b"<html>no upstream</html>"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("nobody"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("peer closed"),
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again(failure: httpx.Response | Exception) -> None:
    fake = Fake(answers(failure, failure, arrow(ONE)))
    with fake.client() as client:
        assert dict(client.features("t1")) == {"n": 2}
    assert fake.waits == [0.25, 0.5]
    assert [request.content for request in fake.requests] == [fake.requests[0].content] * 3
    # The log of the server has all attempts under one id.
    assert len({request.headers["x-request-id"] for request in fake.requests}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 416, 422, 500, 502, 504])
def test_what_stays_is_not(status: int) -> None:
    fake = Fake(answers(problem(status, "whatever")))
    with fake.client() as client, pytest.raises(rhapsode.ProblemError) as error:
        client.features("t1")
    assert (error.value.status, fake.waits, len(fake.requests)) == (status, [], 1)


def test_a_request_that_timed_out_is_not_sent_twice() -> None:
    fake = Fake(answers(httpx.ReadTimeout("silent")))
    with fake.client() as client, pytest.raises(rhapsode.TimedOutError) as error:
        client.sql("select 1")
    assert (fake.waits, error.value.request_id) == ([], fake.requests[0].headers["x-request-id"])


def test_retries_end() -> None:
    fake = Fake(answers(*[httpx.ConnectError("refused")] * 3), retries=2)
    with fake.client() as client, pytest.raises(rhapsode.TransportError, match="rhapsode serve") as error:
        client.features("t1")
    assert len(fake.requests) == 3
    assert error.value.request_id == fake.requests[0].headers["x-request-id"]
    never = Fake(answers(problem(503, "busy")), retries=0)
    with never.client() as client, pytest.raises(rhapsode.UnavailableError):
        client.features("t1")
    assert never.waits == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Thu, 26 Nov 2026 19:00:05 GMT", "date": "Thu, 26 Nov 2026 19:00:00 GMT"}, 5.0),
        ({"retry-after": "Thu, 26 Nov 2026 18:00:00 GMT", "date": "Thu, 26 Nov 2026 19:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "1e999"}, 0.0),
    ],
)
def test_the_server_is_given_the_time_that_it_asks_for(headers: dict[str, str], seconds: float) -> None:
    fake = Fake(answers(problem(429, "over-rate", headers), arrow(ONE)))
    with fake.client() as client:
        client.features("t1")
    # And a random time besides.
    assert fake.waits == [pytest.approx(seconds + 0.25)]


def test_who_is_to_come_back_tomorrow_is_told_so_now() -> None:
    fake = Fake(answers(problem(429, "over-quota", {"retry-after": "40000"})))
    with fake.client() as client, pytest.raises(rhapsode.OverQuotaError) as error:
        client.features("t1")
    assert (error.value.retry_after, fake.waits) == (40_000.0, [])


def test_all_waits_of_a_request_together_are_bounded() -> None:
    fake = Fake(answers(*[problem(503, "busy", {"retry-after": "25"})] * 5), retries=9)
    with fake.client() as client, pytest.raises(rhapsode.UnavailableError):
        client.features("t1")
    assert fake.waits == [25.25, 25.5]


def test_waits_grow_to_a_bound_and_are_random() -> None:
    waits: list[float] = []
    error = rhapsode.TransportError("gone")
    patience = Patience(Waiting(9, waits.append, lambda: 1.0))
    for _ in range(9):
        patience.wait_after(error, passes=True)
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    with pytest.raises(rhapsode.TransportError):
        patience.wait_after(error, passes=True)
    shorter: list[float] = []
    Patience(Waiting(1, shorter.append, lambda: 0.1)).wait_after(error, passes=True)
    assert shorter == [0.025]


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"ARROW"
            raise httpx.RemoteProtocolError("peer closed connection")

    whole = arrow(ONE)
    fake = Fake(answers(httpx.Response(200, headers=whole.headers, stream=Broken()), whole))
    with fake.client() as client:
        assert client.features("t1")["n"] == 2
    assert len(fake.requests) == 2


def test_many_batches_are_each_asked_again() -> None:
    refused: set[bytes] = set()

    def handler(request: httpx.Request) -> httpx.Response:
        if request.content not in refused:
            refused.add(request.content)
            return problem(429, "over-rate", {"retry-after": "1"})
        return lookup(request)

    fake = Fake(handler)
    with fake.client() as client:
        assert len(client.features(range(35_000))) == 35_000
    assert (len(fake.requests), sorted(fake.waits)) == (8, [1.25] * 4)
