"""The binary as child processes of the demo, the benchmarks and the tests: found, run to its end, served and stopped."""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
COMMAND_SECONDS_MAX = 300


class Failure(Exception):
    """Something that a person has to mend; the message says what."""


def require_packages(*modules: str) -> None:
    """Ends the script with a message where one of the packages is not installed."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        hint = "`python -m pip install -r scripts/requirements.txt` brings them"
        sys.exit(f"missing packages: {', '.join(missing)}; {hint}")


class Server:
    """`rhapsode serve` in a session of its own: a Ctrl-C of the terminal reaches it only through [`stop`]."""

    def __init__(
        self, binary: str, project: Path, listen: str, metrics_listen: str, log: Path, with_keys: bool = False
    ) -> None:
        self._log = log
        self._folder = tempfile.TemporaryDirectory(prefix="rhapsode-")
        port_file = Path(self._folder.name) / "address"
        command = [binary, "--project", str(project), "serve", "--listen", listen]
        command += ["--metrics-listen", metrics_listen, "--port-file", str(port_file)]
        command += [] if with_keys else ["--open"]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        try:
            self.address = self._wait_until_ready(port_file)
        except BaseException:
            self.stop(signal.SIGTERM)
            raise

    def _wait_until_ready(self, port_file: Path) -> str:
        """The address, once `/readyz` answers 200."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                raise Failure(f"the server stopped with exit code {code}; the end of `{self._log}`:\n{self.log_end()}")
            address = port_file.read_text().strip() if port_file.exists() else ""
            if re.fullmatch(r"\S+:\d+", address) and is_ready(address):
                return address
            time.sleep(0.05)
        raise Failure(
            f"the server is not ready after {START_SECONDS_MAX} s; the end of `{self._log}`:\n{self.log_end()}"
        )

    def log_end(self) -> str:
        """The last lines of the server's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])

    def wait(self) -> int:
        """Waits until the server ends by itself, and returns its exit code."""
        return self._process.wait()

    def stop(self, how: signal.Signals) -> int | None:
        """Sends `how` and returns the exit code; none where the server had to be killed."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        finally:
            self._folder.cleanup()


def printed(*command: str) -> str:
    """What a command prints, run to its end; what it says is shown where it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS_MAX)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise Failure(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{said}")
    return done.stdout.decode().strip()


def make_key(binary: str, project: Path, name: str, tier: str) -> str:
    """A new key."""
    return printed(binary, "--project", str(project), "keys", "create", name, "--tier", tier)


def is_ready(address: str) -> bool:
    """Whether the server at `address` answers from a release."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def find_binary(given: str | None) -> str:
    """The binary that was named, or the one that cargo built, or the one on the path."""
    targets = [os.environ.get("CARGO_TARGET_DIR"), ROOT / "target", Path.home() / ".cache" / "rhapsode" / "target"]
    built = [str(Path(target) / "debug" / "rhapsode") for target in targets if target]
    for candidate in [given] if given else [*built, "rhapsode"]:
        if (found := shutil.which(candidate)) is not None:
            return os.path.abspath(found)
    raise Failure(
        f"there is no `{given}`" if given else "there is no `rhapsode`; build it or name it with `--binary PATH`"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of this machine."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
