"""From problem documents to errors."""

from __future__ import annotations

import httpx
import pyarrow as pa
import pytest

import rhapsode

from fake import Fake, answers, arrow, lookup, problem


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "unknown-feature", rhapsode.UnknownFeatureError),
        (400, "malformed-feature", rhapsode.UnknownFeatureError),
        (400, "unknown-view", rhapsode.UnknownFeatureError),
        (400, "missing-input", rhapsode.InputError),
        (400, "unknown-input", rhapsode.InputError),
        (400, "invalid-input", rhapsode.InputError),
        (400, "statement", rhapsode.StatementError),
        (400, "malformed-key", rhapsode.InvalidRequestError),
        (400, "unknown-release", rhapsode.UnknownReleaseError),
        (400, "of-a-later-server", rhapsode.InvalidRequestError),
        (401, "no-key", rhapsode.UnauthenticatedError),
        (401, "expired-key", rhapsode.UnauthenticatedError),
        (403, "missing-scope", rhapsode.ForbiddenError),
        (404, "unknown-key", rhapsode.UnknownKeyError),
        (404, "unknown-entity", rhapsode.UnknownEntityError),
        (404, "unknown-release", rhapsode.UnknownReleaseError),
        (404, "unknown-dataset", rhapsode.UnknownDatasetError),
        (404, "feature-version-not-in-release", rhapsode.FeatureVersionError),
        (404, "unknown-path", rhapsode.NotFoundError),
        (408, "statement-timeout", rhapsode.StatementTimeoutError),
        (409, "store", rhapsode.ConflictError),
        (413, "too-many-keys", rhapsode.TooLargeError),
        (413, "statement-too-large", rhapsode.TooLargeError),
        (422, "whatever", rhapsode.InvalidRequestError),
        (429, "over-rate", rhapsode.RateLimitedError),
        (429, "too-many-at-once", rhapsode.RateLimitedError),
        (429, "over-quota", rhapsode.OverQuotaError),
        (500, "internal", rhapsode.ServerError),
        (503, "busy", rhapsode.UnavailableError),
    ],
)
def test_a_problem_has_an_error_by_its_type_or_status(
    status: int, kind: str, expected: type[rhapsode.ProblemError]
) -> None:
    fake = Fake(answers(problem(status, kind)), retries=0)
    with fake.client() as client, pytest.raises(rhapsode.ProblemError) as error:
        client.features("t1")
    assert type(error.value) is expected


def test_an_error_has_every_member_of_the_document() -> None:
    document = problem(400, "unknown-feature", field="features[0]", value="moood", remedy="did you mean `mood`?")
    fake = Fake(answers(document))
    with fake.client() as client, pytest.raises(rhapsode.UnknownFeatureError) as caught:
        client.features("t1", ["moood"])
    error = caught.value
    assert (error.type, error.title, error.status) == ("/problems/unknown-feature", "Unknown feature", 400)
    assert (error.field, error.value, error.remedy) == ("features[0]", "moood", "did you mean `mood`?")
    assert (error.detail, error.request_id, error.retry_after) == ("this is unknown-feature", "served", None)
    assert str(error) == (
        "this is unknown-feature (in `features[0]`: `moood`); did you mean `mood`? "
        "[unknown-feature, 400, request served]"
    )


@pytest.mark.parametrize(
    "body",
    [b"<html>bad gateway</html>", b"", b"[1]", b'{"type": 1, "detail": null}', b"{" + b" " * 100_000],
)
def test_a_refusal_that_is_no_problem_document_is_an_error_too(body: bytes) -> None:
    for media_type in ("text/html", "application/problem+json"):
        fake = Fake(answers(httpx.Response(502, headers={"content-type": media_type}, content=body)))
        with fake.client() as client, pytest.raises(rhapsode.ServerError) as error:
            client.features("t1")
        assert error.value.type == "about:blank"
        assert error.value.request_id == fake.requests[0].headers["x-request-id"]
        assert "502" in str(error.value)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (httpx.Response(200, content=b"<html>hello</html>"), "no Arrow stream"),
        (arrow(pa.table({"a": [1]})), "other rows and columns"),
        (arrow(pa.table({"a": [1, 2], "found": [True, True]})), "other rows and columns"),
        (httpx.Response(200, headers=arrow(pa.table({})).headers, content=b"no arrow"), "read as an Arrow stream"),
        (httpx.Response(200, headers={"content-type": "application/vnd.apache.arrow.stream"}), "read as an Arrow"),
    ],
)
def test_an_answer_of_something_else_is_told(response: httpx.Response, told: str) -> None:
    fake = Fake(answers(response))
    with fake.client() as client, pytest.raises(rhapsode.AnswerError, match=told) as error:
        client.features("t1")
    assert "is `url` right" in str(error.value)
    assert error.value.request_id


def test_an_answer_without_a_release_is_told() -> None:
    response = lookup(httpx.Request("POST", "http://a.test", content=b'{"keys": ["t1"]}'))
    del response.headers["x-rhapsode-release"]
    with Fake(answers(response)).client() as client, pytest.raises(rhapsode.AnswerError, match="x-rhapsode-release"):
        client.features("t1")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff"])
def test_a_catalogue_that_is_none_is_told(body: bytes) -> None:
    with Fake(lambda _: httpx.Response(200, content=body)).client() as client:
        for ask in (client.catalogue, client.releases):
            with pytest.raises(rhapsode.AnswerError, match="JSON"):
                ask()
