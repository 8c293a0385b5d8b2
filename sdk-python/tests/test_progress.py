"""The bar: only where somebody looks on and tqdm is there."""

from __future__ import annotations

import builtins
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import tqdm.auto

import rhapsode
from rhapsode import _progress

from fake import Fake, lookup
from test_transfer import CONTENT, Files


class Recorded:
    """In place of tqdm's bar."""

    made: list[Recorded]

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.n = 0
        self.total: int | None = None
        self.is_closed = False
        Recorded.made.append(self)

    def update(self, part: int) -> None:
        self.n += part

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """The bars that were shown, on a terminal."""
    Recorded.made = []
    monkeypatch.setattr(tqdm.auto, "tqdm", Recorded)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return Recorded.made


def test_many_batches_have_a_bar(bars: list[Recorded]) -> None:
    with Fake(lookup).client() as client:
        client.features(range(25_000))
        client.features(range(10_000))
        client.features("t1")
    assert [(bar.n, bar.total, bar.is_closed, bar.options["unit"]) for bar in bars] == [(25_000, 25_000, True, "key")]


def test_a_download_has_a_bar_that_knows_where_it_is(bars: list[Recorded], tmp_path: Path) -> None:
    with Fake(Files(breaks=(1_000_000,))).client() as client:
        client.download("track", tmp_path / "a")
    assert [(bar.n, bar.total, bar.is_closed) for bar in bars] == [(len(CONTENT), len(CONTENT), True)]


def test_a_bar_goes_when_the_work_fails(bars: list[Recorded], tmp_path: Path) -> None:
    with Fake(Files(breaks=(1, 0)), retries=0).client() as client, pytest.raises(rhapsode.TransportError):
        client.download("track", tmp_path / "a")
    assert [bar.is_closed for bar in bars] == [True]


def test_without_tqdm_there_is_none(bars: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.split(".")[0] == "tqdm":
            raise ModuleNotFoundError("no tqdm")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with Fake(lookup).client() as client:
        assert len(client.features(range(25_000))) == 25_000
    assert bars == []


def test_where_nobody_looks_on_there_is_none(bars: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with Fake(lookup).client() as client:
        client.features(range(25_000))
    assert bars == []


def test_a_notebook_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    shell = type("ZMQInteractiveShell", (), {})()
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert _progress.is_watched()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not _progress.is_watched()


def test_the_real_bar_is_quiet_and_takes_what_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _progress.Bar(_progress._shown("features", "key"))
    shown.reach(10, 100)
    shown.advance(50)
    shown.reach(0, 100)
    shown._shown.close()
    # What is over within half a second shows nothing.
    assert capsys.readouterr().err.strip() == ""
