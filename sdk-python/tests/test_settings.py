"""Where the server is, and the key that nobody sees."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import httpx
import pytest

import rhapsode
from rhapsode._settings import settings

from fake import KEY, Fake, answers, lookup, problem


def test_arguments_come_before_the_environment_and_that_before_defaults() -> None:
    environment = {"RHAPSODE_URL": "https://a.test/", "RHAPSODE_KEY": " rhp_1\n"}
    given = settings("http://b.test/base/", "rhp_2", 1.0, 0, environment)
    assert (given.url, given.key and given.key.reveal()) == ("http://b.test/base", "rhp_2")
    by_environment = settings(None, None, 1.0, 0, environment)
    assert (by_environment.url, by_environment.key and by_environment.key.reveal()) == ("https://a.test", "rhp_1")
    by_default = settings(None, None, 1.0, 0, {"RHAPSODE_URL": "", "RHAPSODE_KEY": ""})
    assert (by_default.url, by_default.key) == ("http://127.0.0.1:8080", None)
    # An empty key is none, even where the environment has one.
    assert settings(None, "", 1.0, 0, environment).key is None


def test_the_client_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_URL", "https://a.test")
    monkeypatch.setenv("RHAPSODE_KEY", KEY)
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return lookup(request)

    with rhapsode.Client(transport=httpx.MockTransport(handler)) as client:
        assert client.url == "https://a.test"
        assert client.features("t1")["n"] == 2
    assert str(requests[0].url) == "https://a.test/api/features/batch"
    assert requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert requests[0].headers["user-agent"] == f"rhapsode-python/{rhapsode.__version__}"


@pytest.mark.parametrize(
    ("url", "key", "timeout", "retries", "told"),
    [
        ("rhapsode.test", None, 1.0, 0, "lacks `http://`"),
        ("ftp://rhapsode.test", None, 1.0, 0, "lacks `http://`"),
        ("http://", None, 1.0, 0, "or the host"),
        ("rhp_hidden", None, 1.0, 0, "lacks `http://`"),
        ("rhp_hidden://x", None, 1.0, 0, "lacks `http://`"),
        ("http://a.test/?x=1", None, 1.0, 0, "without `?` and `#`"),
        ("http://a.test:port", None, 1.0, 0, "no URL"),
        ("http://user:hidden@a.test", None, 1.0, 0, "without a user or a password"),
        (None, "rhp_hidden two", 1.0, 0, "characters that no key has"),
        (None, "rhp_hiddenй", 1.0, 0, "characters that no key has"),
        (None, None, 0.0, 0, "`timeout`"),
        (None, None, float("nan"), 0, "`timeout`"),
        (None, None, 1.0, -1, "`retries`"),
    ],
)
def test_wrong_settings_are_refused(url: str | None, key: str | None, timeout: float, retries: int, told: str) -> None:
    with pytest.raises(rhapsode.UsageError) as error:
        settings(url, key, timeout, retries, {})
    assert told in str(error.value)
    assert "hidden" not in "".join(traceback.format_exception(error.value))


def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake = Fake(answers(problem(401, "invalid-key", remedy="send one"), *[httpx.ConnectError("refused")] * 4), key=KEY)
    with fake.client() as client:
        shown = [repr(client), str(client), repr(vars(client)), repr(vars(client._session))]
        shown += [repr(vars(client._session.settings)), repr(client._session.settings)]
        shown += [repr(vars(client._session._http._auth)), repr(client._session._http.headers)]
        for kind in (rhapsode.UnauthenticatedError, rhapsode.TransportError):
            with pytest.raises(kind) as caught:
                client.features("t1")
            error = caught.value
            shown += [str(error), repr(error), repr(vars(error)), repr(error.args)]
            shown += traceback.format_exception(error)
            cause = error.__cause__
            if isinstance(cause, httpx.RequestError):
                shown += [repr(cause), repr(cause.request), repr(cause.request.headers)]
        shown += [record.getMessage() for record in caplog.records]
        for written in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError):
                written(client._session.settings.key)
    assert fake.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert [text for text in shown if "SecretThat" in text] == []
    assert shown[0] == "<rhapsode.Client of http://rhapsode.test, with a key>"


def test_without_a_key_none_is_sent() -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        client.features("t1")
        assert repr(client) == "<rhapsode.Client of http://rhapsode.test, without a key>"
    assert "authorization" not in fake.requests[0].headers


def test_a_redirection_does_not_take_the_key_along() -> None:
    fake = Fake(answers(httpx.Response(302, headers={"location": "https://elsewhere.test/"})), key=KEY)
    with fake.client() as client, pytest.raises(rhapsode.AnswerError, match="302"):
        client.features("t1")
    assert [request.url.host for request in fake.requests] == ["rhapsode.test"]
