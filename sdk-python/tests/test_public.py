"""What is public, and that the drawn tree of errors is the real one."""

from __future__ import annotations

import importlib.metadata
import inspect
import pickle
import re
from pathlib import Path

import pytest

import rhapsode


def test_all_is_what_the_package_offers() -> None:
    named = {name: value for name, value in vars(rhapsode).items() if not name.startswith("_")}
    offered = {name for name, value in named.items() if not inspect.ismodule(value)}
    assert set(rhapsode.__all__) == offered | {"__version__"}
    assert rhapsode.__all__ == sorted(rhapsode.__all__)


def test_every_module_is_private() -> None:
    folder = Path(rhapsode.__file__).parent
    assert [path.name for path in folder.glob("*.py") if not path.name.startswith("_")] == []
    assert (folder / "py.typed").exists()


def test_public_things_say_that_they_are_public() -> None:
    assert rhapsode.UnknownKeyError.__module__ == "rhapsode"
    assert rhapsode.__version__ == importlib.metadata.version("rhapsode")


def test_everything_public_is_documented() -> None:
    for name in rhapsode.__all__:
        value = getattr(rhapsode, name)
        if not isinstance(value, type):
            continue
        assert inspect.getdoc(value), name
        for member, what in vars(value).items():
            if not member.startswith("_") and (callable(what) or isinstance(what, property)):
                assert inspect.getdoc(what), f"{name}.{member}"


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (inspect.getdoc(rhapsode.RhapsodeError) or "").splitlines():
        if found := re.match(r"    ((?:[│ ]   )*)(?:├── |└── )?(\w+Error)\b", line):
            depth = (line.index(found[2]) - 4) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else None
    real = {
        name: next((base.__name__ for base in value.__bases__ if issubclass(base, rhapsode.RhapsodeError)), None)
        for name, value in vars(rhapsode).items()
        if isinstance(value, type) and issubclass(value, rhapsode.RhapsodeError)
    }
    assert drawn == real


PROBLEM = rhapsode.Problem("/problems/unknown-key", "Unknown key", 404, "there is none", "key", "x", "look", "id1")


@pytest.mark.parametrize(
    "error",
    [
        rhapsode.UsageError("wrong"),
        rhapsode.MissingPackageError("not there"),
        rhapsode.TimedOutError("late", "id1"),
        rhapsode.UnknownKeyError(PROBLEM),
    ],
)
def test_errors_survive_pickling(error: rhapsode.RhapsodeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.request_id) == (type(error), str(error), error.request_id)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(rhapsode.UsageError, ValueError)
    assert issubclass(rhapsode.MissingPackageError, ImportError)
