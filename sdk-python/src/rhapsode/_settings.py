"""Where the server is and with which key: from arguments, then from the environment, which nothing else looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from ._errors import UsageError

URL_VARIABLE = "RHAPSODE_URL"
KEY_VARIABLE = "RHAPSODE_KEY"
URL_DEFAULT = "http://127.0.0.1:8080"


class Key:
    """A key that does not show: neither in a repr, nor in a log, nor in what a debugger prints of its owner."""

    __slots__ = ("reveal",)

    reveal: Callable[[], str]
    """The key itself, for the header that it goes into."""

    def __init__(self, text: str) -> None:
        # A closure rather than an attribute, so that tools that print attributes do not print it.
        self.reveal = lambda: text

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere; make the client anew where it is needed")


@dataclass(frozen=True)
class Settings:
    """Checked settings."""

    url: str
    """Without a `/` at its end."""
    key: Key | None
    timeout: float
    """Seconds."""
    retries: int
    is_local: bool = field(default=False)
    """Whether the server is on this machine."""


def settings(
    url: str | None, key: str | None, timeout: float, retries: int, environment: Mapping[str, str]
) -> Settings:
    """Settings from arguments and, for what is none, from `environment`. Raises `UsageError`."""
    # Zero is refused, since HTTP libraries disagree whether it means none or for ever.
    if not timeout > 0:
        raise UsageError(f"`timeout` is in seconds and above 0, not {timeout!r}")
    if retries < 0:
        raise UsageError(f"`retries` is 0 or more, not {retries!r}")
    parsed = _url(url or environment.get(URL_VARIABLE) or URL_DEFAULT)
    return Settings(
        url=str(parsed).rstrip("/"),
        key=_key(key if key is not None else environment.get(KEY_VARIABLE)),
        timeout=timeout,
        retries=retries,
        is_local=parsed.host in ("localhost", "127.0.0.1", "::1"),
    )


def _url(text: str) -> httpx.URL:
    what = "`url` is such as `https://rhapsode.example.org` or `http://127.0.0.1:8080`"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, TypeError):
        raise UsageError(f"{what}; what was given is no URL") from None
    # What was given is in no message: a password may stand there, or a key by mistake.
    if url.userinfo:
        raise UsageError(f"{what}, without a user or a password; the key goes into `key` or {KEY_VARIABLE}")
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"{what}; what was given lacks `http://` or `https://`, or the host")
    if url.query or url.fragment:
        raise UsageError(f"{what}, without `?` and `#`")
    return url


def _key(text: str | None) -> Key | None:
    text = (text or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise UsageError("`key` has characters that no key has; it is a text such as `rhp_…`, without blanks or quotes")
    return Key(text)
