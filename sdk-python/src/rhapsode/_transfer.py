"""A file from the server to the disk: whole or not at all, whatever breaks on the way."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from ._errors import DigestError, InvalidRequestError, ProblemError, TimedOutError, TransportError, UsageError
from ._progress import Bar, progress
from ._retry import may_pass
from ._session import Parameters, Session, new_request_id, release_of, told, unexpected

PATH = "/api/dataset/download"

CHUNK_BYTES = 1 << 20

BEGINNINGS_MAX = 3
"""How often a file is begun. A release's files do not change: the second beginning is good."""


@dataclass
class _File:
    """What is known of the file on the server."""

    etag: str | None = None
    digest: bytes | None = None
    """SHA-256 of the whole."""


class _Another(Exception):
    """What is on the disk is no beginning of what the server has."""


def download(session: Session, parameters: Parameters, path: Path) -> Path:
    """Fetches a file to `path`, by way of `path` + `.part`."""
    if path.is_dir():
        raise UsageError(f"`{path}` is a folder; name the file in it")
    part = path.with_name(path.name + ".part")
    request_id = new_request_id()
    for _ in range(BEGINNINGS_MAX):
        # What an earlier call left may be of another file; then the digest tells.
        is_begun = part.exists() and part.stat().st_size > 0
        try:
            digest = _fetch(session, dict(parameters), part, request_id)
        except _Another:
            part.unlink()
            continue
        except BaseException:
            # What has begun to come stays, for a later call to go on with.
            if part.exists() and part.stat().st_size == 0:
                part.unlink()
            raise
        if _sha256(part) == digest:
            os.replace(part, path)
            return path
        part.unlink()
        if not is_begun:
            break
    raise DigestError(f"what came for `{path}` is not the file that the server names by its digest", request_id)


def _fetch(session: Session, parameters: dict[str, str], part: Path, request_id: str) -> bytes:
    """Brings `part` to its end, and returns the digest that it should have."""
    file = _File()
    patience = session.patience()
    with part.open("ab") as out, progress(part.name.removesuffix(".part"), "B") as bar:
        while True:
            begin = out.seek(0, os.SEEK_END)
            try:
                _continue(session, parameters, file, out, request_id, bar)
            except (TransportError, ProblemError) as error:
                if out.seek(0, os.SEEK_END) > begin:
                    patience.renew()
                # A connection that falls silent is a broken one, once the file has begun to come.
                is_silent = isinstance(error, TimedOutError) and file.digest is not None
                patience.wait_after(error, passes=is_silent or may_pass(error))
                continue
            out.flush()
            os.fsync(out.fileno())
            assert file.digest is not None, "an answer without one is refused"
            return file.digest


def _continue(
    session: Session, parameters: dict[str, str], file: _File, out: BinaryIO, request_id: str, bar: Bar
) -> None:
    """Asks for what is missing of the file, and appends it."""
    begin = out.tell()
    # As it lies there: neither ranges nor the digest hold of a compressed answer.
    headers = {"accept": "*/*", "accept-encoding": "identity"}
    if begin:
        headers["range"] = f"bytes={begin}-"
        if file.etag:
            headers["if-range"] = file.etag
    try:
        with session.attempt("GET", PATH, parameters, headers, request_id) as response:
            _take_note(response, file, begin)
            # `latest` may move before the rest is fetched.
            parameters["release"] = str(release_of(response))
            if response.status_code == 200:
                begin = out.truncate(0)
            rest = response.headers.get("content-length", "")
            bar.reach(begin, begin + int(rest) if rest.isdigit() else None)
            with told(request_id):
                # In whatever pieces they come: of larger ones, the bytes before a break would be lost.
                for chunk in response.iter_raw():
                    out.write(chunk)
                    bar.advance(len(chunk))
    except InvalidRequestError as error:
        if error.status == 416:
            raise _Another from error
        raise


def _take_note(response: httpx.Response, file: _File, begin: int) -> None:
    """What an answer's headers say of the file."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise unexpected(response, "the file is compressed on its way, though that was declined")
    digest = re.search(r"\bsha-256=:([A-Za-z0-9+/]{43}=):", response.headers.get("repr-digest", ""))
    if digest is None:
        raise unexpected(response, "the file has no `repr-digest` with its SHA-256")
    of_whole = base64.b64decode(digest[1])
    if response.status_code == 206:
        at = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("content-range", ""))
        if at is None or int(at[1]) != begin or file.digest not in (None, of_whole):
            raise _Another
    elif response.status_code != 200:
        raise unexpected(response, f"it has the status {response.status_code}")
    file.etag, file.digest = response.headers.get("etag"), of_whole


def _sha256(path: Path) -> bytes:
    """Of what is on the disk, not of what was meant to be."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
