"""Makes a project of real verse in demo/, serves it, and shows each call with its answer.

    python scripts/demo.py            serves until Ctrl-C
    python scripts/demo.py --check    runs the same examples, checks their answers and stops

A second run does only what is left to do.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
from examples import Answer, Checks, Example, examples
from server import Failure, Server, find_binary, is_free, make_key, require_packages

DEMO = ROOT / "demo"
CORPUS = DEMO / "data" / "tracks.jsonl"
CHINOOK = DEMO / "data" / "chinook"
DOWNLOADS = DEMO / "downloads"
KEY = DEMO / "key"
"""The demo's key, readable by its owner alone."""
RECORD = DEMO / ".demo.json"
"""What this script did before: the files it copied, and what it ingested."""

SETTINGS = """# The demo's settings; `rhapsode init` writes a file that explains every key.
[store]
url = "./store"
"""
METRICS_PORT = 9464
CURL_SETTINGS = 'silent\nshow-error\nnoproxy = "*"\nwrite-out = "%{stderr}%{http_code} %{content_type}\\n"\n'
"""Brings status and media type without changing the line that is shown. It stands in for the person's own file."""

COMMAND_SECONDS_MAX = 120
SHOWN_CHARS_MAX = 140
LINE_CHARS_MAX = 100


def main() -> int:
    """Runs the demo; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(description="Makes a project of real verse in demo/ and serves it.")
    parser.add_argument("--check", action="store_true", help="check the answers of the examples, then stop")
    parser.add_argument("--binary", help="the rhapsode to use (default: the one that cargo built)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default: %(default)s)")
    options = parser.parse_args()
    for stopping in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stopping, signal.default_int_handler)
    try:
        return demo(find_binary(options.binary), options.port, options.check)
    except (Failure, OSError) as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130


def demo(binary: str, port: int, check: bool) -> int:
    """Prepares, serves, shows; then stops, or serves on until somebody stops it."""
    if shutil.which("curl") is None:
        raise Failure("the examples need `curl`, which is not installed (Debian: `apt-get install curl`)")
    if not is_free(port):
        raise Failure(
            f"port {port} is taken; stop what listens there, or take another: `--port {port + 1}`, `--port 0`"
        )
    prepare(binary)
    # Two demos may run side by side; the second one's metrics are then on any free port.
    metrics = METRICS_PORT if is_free(METRICS_PORT) else 0
    server = Server(binary, DEMO, f"127.0.0.1:{port}", f"127.0.0.1:{metrics}", DEMO / "serve.log", with_keys=True)
    checks = Checks()
    stopped_by_hand = False
    try:
        show(
            examples(
                f"http://{server.address}", shown(binary), relative(DEMO), DOWNLOADS, relative(DOWNLOADS), relative(KEY)
            ),
            checks,
        )
        for failure in checks.failures:
            print(f"demo: {failure}", file=sys.stderr)
        if not check:
            print(
                f"\nServing on http://{server.address}, described on http://{server.address}/docs; Ctrl-C stops.",
                flush=True,
            )
            raise Failure(
                f"the server stopped with exit code {server.wait()}; its log is `{relative(DEMO / 'serve.log')}`"
            )
    except KeyboardInterrupt:
        stopped_by_hand = True
        print()
    finally:
        code = server.stop(signal.SIGINT if stopped_by_hand else signal.SIGTERM)
    if stopped_by_hand and not check:
        return 0
    checks.that(code == 0, f"the server stops within 30 s of a SIGTERM with exit code 0, not {code}")
    if stopped_by_hand or checks.failures:
        print(f"demo: {len(checks.failures)} checks failed, {checks.passed} passed", file=sys.stderr)
        return 1
    print(f"demo: {checks.passed} checks passed")
    return 0


def show(shown_examples: list[Example], checks: Checks) -> None:
    """Runs the examples as a person would, prints each with its answer, and checks it."""
    bold, dim, plain = ("\033[1m", "\033[2m", "\033[0m") if colours() else ("", "", "")
    DOWNLOADS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rhapsode-") as folder:
        (Path(folder) / ".curlrc").write_text(CURL_SETTINGS)
        for example in shown_examples:
            print(f"\n{dim}# {example.title}{plain}\n{bold}{example.command}{plain}", flush=True)
            answer = ask(example, folder)
            print(shortened(answer, example.shown_lines), flush=True)
            checks.of(example, answer)


def ask(example: Example, curl_home: str) -> Answer:
    """What the shell answers to the very line that is shown."""
    if example.file is not None:
        example.file.unlink(missing_ok=True)
    done = subprocess.run(
        example.command,
        shell=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "CURL_HOME": curl_home},
        timeout=COMMAND_SECONDS_MAX,
    )
    errors = done.stderr.decode(errors="replace").strip()
    status, _, media_type = errors.rpartition("\n")[2].partition(" ")
    by_http = example.command.startswith("curl ") and status.isdigit()
    body = done.stdout
    if example.file is not None and example.file.exists():
        body = example.file.read_bytes()
    return Answer(
        exit_code=done.returncode,
        status=int(status) if by_http else None,
        media_type=media_type if by_http else "",
        body=body,
        errors="" if by_http else errors,
        file=example.file,
    )


def shortened(answer: Answer, lines_max: int) -> str:
    """The answer for a person: JSON laid out, long lists and texts cut, files by their size."""
    if answer.file is not None:
        return f"{relative(answer.file)}: {len(answer.body):,} bytes"
    text = answer.body.decode(errors="replace").rstrip() or answer.errors
    with contextlib.suppress(ValueError):
        text = laid_out(cut(json.loads(text)))
    lines = [line if len(line) <= SHOWN_CHARS_MAX else f"{line[:SHOWN_CHARS_MAX]}…" for line in text.splitlines()]
    more = len(lines) - lines_max
    return "\n".join([*lines[:lines_max], f"… {more} more lines"] if more > 1 else lines)


def laid_out(value: Any, indent: str = "") -> str:
    """JSON as people write it: on one line what fits on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= LINE_CHARS_MAX or not isinstance(value, (dict, list)):
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {laid_out(item, inner)}" for name, item in value.items()]
    else:
        items = [laid_out(item, inner) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}{last}"


def cut(value: Any) -> Any:
    """JSON with two items of each list and the beginning of each text."""
    if isinstance(value, dict):
        return {name: cut(inner) for name, inner in value.items()}
    if isinstance(value, list) and len(value) > 3:
        return [*map(cut, value[:2]), f"… {len(value) - 2} more"]
    if isinstance(value, list):
        return list(map(cut, value))
    return f"{value[:80]}…" if isinstance(value, str) and len(value) > 80 else value


def prepare(binary: str) -> None:
    """Brings demo/ to the state in which it can be served: project, corpus, release."""
    require_packages("numpy", "pandas", "py3langid")
    DEMO.mkdir(exist_ok=True)
    settings = DEMO / "rhapsode.toml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    record = read_record()
    record["copied"] = copy_definitions(record.get("copied", []))
    write_record(record)
    run(sys.executable, relative(ROOT / "scripts" / "corpus" / "verse.py"), "--out", relative(CORPUS))
    run(sys.executable, relative(ROOT / "scripts" / "corpus" / "chinook.py"), "--out", relative(CHINOOK))
    corpora = {"tracks": CORPUS, "songs": CHINOOK / "songs.jsonl", "purchases": CHINOOK / "purchases.jsonl"}
    # Which columns enter is said by the definitions, and where to by the settings.
    digests = [digest(path) for path in [*corpora.values(), settings, *(DEMO / name for name in record["copied"])]]
    ingested = hashlib.sha256("".join(digests).encode()).hexdigest()
    project = ["--project", relative(DEMO)]
    if record.get("ingested") != ingested or not (DEMO / "store").is_dir():
        for source, corpus in corpora.items():
            run(shown(binary), *project, "ingest", source, relative(corpus))
        write_record({**record, "ingested": ingested})
    run(shown(binary), *project, "build")
    keep_key(binary)


def keep_key(binary: str) -> None:
    """A key for the examples, made once: anew where what is known of keys is gone."""
    if KEY.exists() and (DEMO / "state.sqlite").exists() and (DEMO / "secret").exists():
        return
    KEY.unlink(missing_ok=True)
    key = make_key(binary, DEMO, "demo", "pro")
    with open(os.open(KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(f"{key}\n")


def run(*command: str) -> None:
    """Runs a step whose output is for the person who watches."""
    print(f"$ {shlex.join(command)}", flush=True)
    code = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    if code != 0:
        raise Failure(f"`{shlex.join(command)}` failed with exit code {code}")


def copy_definitions(copied_before: list[str]) -> list[str]:
    """Copies what changed of feature_defs/ and schemas/, removes what is gone, and leaves what others put there."""
    files = sorted(
        path for folder in ("feature_defs", "schemas") for path in (ROOT / folder).rglob("*") if path.is_file()
    )
    names = [str(path.relative_to(ROOT)) for path in files]
    for gone in set(copied_before) - set(names):
        (DEMO / gone).unlink(missing_ok=True)
    for name in names:
        copy = DEMO / name
        if not copy.exists() or not filecmp.cmp(ROOT / name, copy, shallow=False):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy)
    return names


def read_record() -> dict[str, Any]:
    """The record of earlier runs; empty where there is none."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        return record if isinstance(record, dict) else {}
    except (OSError, ValueError):
        return {}


def write_record(record: dict[str, Any]) -> None:
    """Keeps the record for the next run."""
    part = RECORD.with_suffix(".part")
    part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    part.replace(RECORD)


def digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()


def relative(path: Path) -> str:
    """The shorter way to write `path`, for lines that people copy."""
    return min(os.path.relpath(path), str(path), key=len)


def shown(binary: str) -> str:
    """How a person here would call the binary."""
    on_path = shutil.which("rhapsode")
    if on_path is not None and os.path.samefile(on_path, binary):
        return "rhapsode"
    shorter = relative(Path(binary))
    return shorter if os.sep in shorter else os.path.join(".", shorter)


def colours() -> bool:
    """Whether the output is a terminal that may be coloured."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    sys.exit(main())
