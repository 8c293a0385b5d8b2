"""What tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import rhapsode

from served import Server, served


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the variables of whoever runs it."""
    monkeypatch.delenv("RHAPSODE_URL", raising=False)
    monkeypatch.delenv("RHAPSODE_KEY", raising=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, for all tests that need one."""
    with served(tmp_path_factory.mktemp("project")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[rhapsode.Client]:
    """A client of the real server."""
    with server.client() as client:
        yield client
