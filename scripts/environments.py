"""Programs whose packages are not ours, each in an environment of its own, for all checkouts of a user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from server import Failure

FEAST = "feast==0.67.0"
SCHEMATHESIS = "schemathesis==4.32.5"
FOLDER = Path.home() / ".cache" / "rhapsode"


def python_with(requirement: str) -> Path:
    """The Python of an environment that has `name==version`; made where it is not there or is not whole."""
    name, _, version = requirement.partition("==")
    folder = FOLDER / f"{name}-{version}"
    python = folder / "bin" / "python"
    is_there = [str(python), "-c", f"import importlib.metadata as m; assert m.version('{name}') == '{version}'"]
    if python.exists() and subprocess.run(is_there, stderr=subprocess.DEVNULL).returncode == 0:
        return python
    print(f"installing {requirement} into an environment of its own", flush=True)
    make = [sys.executable, "-m", "venv", "--clear", str(folder)]
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    for arguments in (make, install):
        if subprocess.run(arguments, stdin=subprocess.DEVNULL).returncode != 0:
            raise Failure(f"{requirement} cannot be installed: `{' '.join(arguments)}` says why")
    return python
