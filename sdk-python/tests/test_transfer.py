"""Downloads: whole or not at all, whatever breaks on the way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import rhapsode

from fake import Fake, problem

CONTENT = bytes(range(256)) * 20_000


class Breaking(httpx.SyncByteStream):
    """A body that ends with an error after so many bytes."""

    def __init__(self, content: bytes, error: Exception) -> None:
        self._content = content
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise self._error


class Files:
    """A server of one file, which follows RFC 9110, and breaks off after each of `breaks` bytes, once."""

    def __init__(
        self,
        content: bytes = CONTENT,
        breaks: tuple[int, ...] = (),
        error: type[httpx.TransportError] = httpx.ReadError,
    ) -> None:
        self.content = content
        self.breaks = list(breaks)
        self.error = error
        self.headers: dict[str, str] = {}
        self.sent_bytes = 0
        self.sends_ranges = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        etag = '"' + hashlib.sha256(self.content).hexdigest() + '"'
        digest = base64.b64encode(hashlib.sha256(self.content).digest()).decode()
        headers = {
            "etag": etag,
            "repr-digest": f"sha-256=:{digest}:",
            "accept-ranges": "bytes",
            "x-rhapsode-release": request.url.params.get("release", "7").replace("paper", "7"),
            **self.headers,
        }
        begin, status = 0, 200
        asked = request.headers.get("range")
        if asked and self.sends_ranges and request.headers.get("if-range", etag) == etag:
            begin, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            if begin >= len(self.content):
                return problem(416, "unsatisfiable-range", {"content-range": f"bytes */{len(self.content)}"})
            headers["content-range"] = f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}"
        headers["content-length"] = str(len(self.content) - begin)
        if self.breaks:
            end = begin + self.breaks.pop(0)
            self.sent_bytes += end - begin
            return httpx.Response(status, headers=headers, stream=Breaking(self.content[begin:end], self.error("gone")))
        self.sent_bytes += len(self.content) - begin
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(self.content[begin:]))


def ranges(fake: Fake) -> list[str | None]:
    return [request.headers.get("range") for request in fake.requests]


def test_a_file_comes_whole_and_what_was_asked_for_is_in_the_url(tmp_path: Path) -> None:
    fake = Fake(Files())
    with fake.client() as client:
        path = client.download(
            "track",
            tmp_path / "track.csv",
            format="csv",
            columns=["track_id", "mtld"],
            filter="decade >= 1800 and title <> 'a&b'",
            release="paper",
        )
        assert client.download("track", str(tmp_path / "all.parquet")) == tmp_path / "all.parquet"
    assert (path, path.read_bytes()) == (tmp_path / "track.csv", CONTENT)
    assert dict(fake.requests[0].url.params) == {
        "dataset": "track",
        "format": "csv",
        "release": "paper",
        "columns": "track_id,mtld",
        "filter": "decade >= 1800 and title <> 'a&b'",
    }
    assert dict(fake.requests[1].url.params) == {"dataset": "track", "format": "parquet"}
    assert fake.requests[0].headers["accept-encoding"] == "identity"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["all.parquet", "track.csv"]


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])
def test_a_broken_connection_is_resumed_where_it_broke(tmp_path: Path, error: type[httpx.TransportError]) -> None:
    files = Files(breaks=(1_000_000, 0, 2_000_001), error=error)
    fake = Fake(files)
    with fake.client() as client:
        path = client.download("track", tmp_path / "a")
    assert path.read_bytes() == CONTENT
    assert ranges(fake) == [None, "bytes=1000000-", "bytes=1000000-", "bytes=3000001-"]
    assert files.sent_bytes == len(CONTENT)
    etag = '"' + hashlib.sha256(CONTENT).hexdigest() + '"'
    assert [request.headers.get("if-range") for request in fake.requests] == [None, etag, etag, etag]
    # Even if `latest` moves meanwhile.
    assert [request.url.params.get("release") for request in fake.requests] == [None, "7", "7", "7"]
    # Progress renews the patience.
    assert fake.waits == [0.25, 0.5, 0.25]


def test_a_refusal_while_resuming_is_waited_for(tmp_path: Path) -> None:
    files = Files(breaks=(1_000,))
    refusals = [problem(503, "busy", {"retry-after": "2"})]

    def handler(request: httpx.Request) -> httpx.Response:
        return refusals.pop() if refusals and "range" in request.headers else files(request)

    fake = Fake(handler)
    with fake.client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == CONTENT
    assert ranges(fake) == [None, "bytes=1000-", "bytes=1000-"]


def test_a_server_without_ranges_sends_the_whole_again(tmp_path: Path) -> None:
    files = Files(breaks=(1_000,))
    files.sends_ranges = False
    with Fake(files).client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == CONTENT


def test_a_file_that_changed_is_begun_anew(tmp_path: Path) -> None:
    files = Files(breaks=(1_000,))
    changed: list[Callable[[], None]] = [lambda: setattr(files, "content", b"another" * 1_000), lambda: None]

    def handler(request: httpx.Request) -> httpx.Response:
        response = files(request)
        changed.pop(0)()
        return response

    fake = Fake(handler)
    with fake.client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == b"another" * 1_000
    assert ranges(fake) == [None, "bytes=1000-"]


def test_ranges_of_another_file_are_not_put_together(tmp_path: Path) -> None:
    """A server that does not honour `if-range`."""
    files = Files(breaks=(1_000,))
    contents = [CONTENT, b"another" * 1_000, b"another" * 1_000]

    def handler(request: httpx.Request) -> httpx.Response:
        files.content = contents.pop(0)
        request.headers.pop("if-range", None)
        return files(request)

    fake = Fake(handler)
    with fake.client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == b"another" * 1_000
    assert [request.headers.get("range") for request in fake.requests] == [None, "bytes=1000-", None]


def test_retries_end_and_a_later_call_goes_on(tmp_path: Path) -> None:
    files = Files(breaks=(1_000, 0, 0))
    fake = Fake(files, retries=1)
    path = tmp_path / "a"
    with fake.client() as client:
        with pytest.raises(rhapsode.TransportError) as error:
            client.download("track", path)
        assert error.value.request_id == fake.requests[0].headers["x-request-id"]
        assert not path.exists() and (tmp_path / "a.part").read_bytes() == CONTENT[:1_000]
        fake.requests.clear()
        files.breaks.clear()
        assert client.download("track", path).read_bytes() == CONTENT
    assert ranges(fake) == ["bytes=1000-"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("left", [b"of another file", b"x" * (len(CONTENT) + 1), CONTENT])
def test_what_another_download_left_is_not_put_into_the_file(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "a.part").write_bytes(left)
    with Fake(Files()).client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == CONTENT
    assert [found.name for found in tmp_path.iterdir()] == ["a"]


def test_other_bytes_than_those_of_the_digest_are_no_file(tmp_path: Path) -> None:
    files = Files()
    files.headers["repr-digest"] = f"sha-512=:AAAA:, sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    path = tmp_path / "a"
    path.write_bytes(b"what was there")
    fake = Fake(files)
    with fake.client() as client, pytest.raises(rhapsode.DigestError) as error:
        client.download("track", path)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"what was there", [path])
    assert error.value.request_id == fake.requests[0].headers["x-request-id"]
    assert len(fake.requests) == 1


def test_what_was_left_before_gives_a_wrong_digest_one_more_chance(tmp_path: Path) -> None:
    files = Files()
    files.headers["repr-digest"] = f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    (tmp_path / "a.part").write_bytes(b"left")
    fake = Fake(files)
    with fake.client() as client, pytest.raises(rhapsode.DigestError):
        client.download("track", tmp_path / "a")
    assert ranges(fake) == ["bytes=4-", None]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"repr-digest": ""}, "repr-digest"),
        ({"repr-digest": "sha-512=:AAAA:"}, "repr-digest"),
        ({"repr-digest": "sha-256=:A:"}, "repr-digest"),
        ({"content-encoding": "gzip"}, "compressed"),
        ({"x-rhapsode-release": ""}, "x-rhapsode-release"),
    ],
)
def test_an_answer_that_cannot_be_checked_is_refused(tmp_path: Path, headers: dict[str, str], told: str) -> None:
    files = Files()
    files.headers.update(headers)
    with Fake(files).client() as client, pytest.raises(rhapsode.AnswerError, match=told):
        client.download("track", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with Fake(Files(b"")).client() as client:
        assert client.download("track", tmp_path / "a").read_bytes() == b""


def test_a_problem_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    refusal = problem(404, "unknown-dataset", field="dataset", value="trak", remedy="did you mean `track`?")
    with Fake(lambda _: refusal).client() as client, pytest.raises(rhapsode.UnknownDatasetError, match="did you mean"):
        client.download("trak", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with Fake(Files()).client() as client:
        with pytest.raises(rhapsode.UsageError, match="is a folder"):
            client.download("track", tmp_path)
        with pytest.raises(FileNotFoundError):
            client.download("track", tmp_path / "none" / "a")


def test_a_first_answer_that_never_comes_is_not_asked_for_twice(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silent", request=request)

    fake = Fake(handler)
    with fake.client() as client, pytest.raises(rhapsode.TimedOutError):
        client.download("track", tmp_path / "a")
    assert len(fake.requests) == 1
