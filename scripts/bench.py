"""Measures the whole system on the demo's corpus, and writes docs/benchmarks.md, -serving.md and -guarding.md.

python scripts/bench.py                   everything, more than an hour
python scripts/bench.py --part serving    one of the pages
python scripts/bench.py --quick           small counts, to try the script; writes demo-bench/ instead of docs/
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "bench"))
from server import Failure, Server, find_binary, make_key, require_packages  # noqa: E402

require_packages("duckdb", "numpy", "pandas", "py3langid")
import analyzers  # noqa: E402
import batches  # noqa: E402
import builds  # noqa: E402
import embeddings  # noqa: E402
import hostile  # noqa: E402
import load  # noqa: E402
import lookups  # noqa: E402
import queries  # noqa: E402
import rebuilds  # noqa: E402
import sandbox  # noqa: E402
import slow_clients  # noqa: E402
from report import QUICK, Client, Sizes, table, without_vectors  # noqa: E402

PROJECT = ROOT / "demo-bench"
CORPUS = ROOT / "demo" / "data" / "tracks.jsonl"
TRACKS_MIN = 57_000


def main() -> int:
    """Writes the pages; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(description="Measures the whole system, and writes its figures to docs/.")
    parser.add_argument("--binary", help="the rhapsode to measure (default: the one that cargo built)")
    parser.add_argument("--part", choices=sorted(PARTS), help="one page alone")
    parser.add_argument("--quick", action="store_true", help="small counts, to try the script; docs/ is left alone")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    try:
        load.require_wrk()
        binary = find_binary(options.binary)
        make_project()
        for part in [options.part] if options.part else PARTS:
            name, title, measure = PARTS[part]
            text = "\n".join([head(title, part, sizes), *measure(binary, sizes)])
            out = (PROJECT if options.quick else ROOT / "docs") / name
            out.write_text(text, encoding="utf-8")
            print(f"\n{text}\nbench: wrote `{os.path.relpath(out)}`", flush=True)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    return 0


def building(binary: str, sizes: Sizes) -> list[str]:
    """What it costs to make releases."""
    runs = builds.measure(binary, PROJECT, CORPUS, sizes.builds)
    texts = analyzers.measure(binary, PROJECT / "analyzers", ROOT / "feature_defs", sizes)
    vectors = embeddings.measure(binary, PROJECT / "vectors", ROOT / "feature_defs", CORPUS, sizes)
    changes = rebuilds.measure(binary, PROJECT / "changes", ROOT / "feature_defs", sizes)
    return [
        builds.section(runs),
        analyzers.section(texts),
        embeddings.section(vectors),
        rebuilds.section(changes),
    ]


def serving(binary: str, sizes: Sizes) -> list[str]:
    """What it costs to answer from one."""
    require_release(binary)
    with tempfile.TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        server = Server(binary, PROJECT, "127.0.0.1:0", "127.0.0.1:0", Path(folder) / "serve.log", True)
        try:
            key = make_key(binary, PROJECT, "bench", "bench")
            keys = all_keys(server.address, key)
            return [
                lookups.section(lookups.measure(server.address, keys, Path(folder), sizes, key)),
                batches.section(batches.measure(server.address, keys, Path(folder), PROJECT, sizes, key)),
                queries.section(queries.measure(server.address, Path(folder), sizes, key)),
            ]
        finally:
            server.stop(signal.SIGTERM)


def guarding(binary: str, sizes: Sizes) -> list[str]:
    """What it costs to keep callers from each other; each with servers of its own."""
    require_release(binary)
    with tempfile.TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        server = Server(binary, PROJECT, "127.0.0.1:0", "127.0.0.1:0", Path(folder) / "serve.log", True)
        try:
            keys = all_keys(server.address, make_key(binary, PROJECT, "bench", "bench"))
        finally:
            server.stop(signal.SIGTERM)
    return [
        sandbox.section(sandbox.measure(binary, PROJECT, keys, sizes)),
        hostile.section(hostile.measure(binary, PROJECT, keys, sizes)),
        slow_clients.section(slow_clients.measure(binary, PROJECT, keys, sizes)),
    ]


def require_release(binary: str) -> None:
    """Builds one where there is none."""
    if not (PROJECT / "store" / "releases").exists():
        builds.measure(binary, PROJECT, CORPUS, 1)


PARTS = {
    "building": ("benchmarks.md", "Benchmarks: building", building),
    "serving": ("benchmarks-serving.md", "Benchmarks: serving", serving),
    "guarding": ("benchmarks-guarding.md", "Benchmarks: guarding", guarding),
}
"""The file of a page, its title, and what measures it."""


def all_keys(address: str, key: str) -> list[str]:
    """The keys of every track, ordered."""
    client = Client(address, key)
    keys = [row["track_id"] for row in client.sql("select track_id from track order by track_id")]
    client.close()
    if len(keys) < TRACKS_MIN:
        raise Failure(f"the release has {len(keys)} tracks, fewer than {TRACKS_MIN}")
    return keys


def make_project() -> None:
    """A project with the repository's definitions, and the demo's corpus."""
    PROJECT.mkdir(exist_ok=True)
    (PROJECT / "rhapsode.toml").write_text(f'[store]\nurl = "./store"\n{load.TIER}', encoding="utf-8")
    shutil.rmtree(PROJECT / "feature_defs", ignore_errors=True)
    shutil.copytree(ROOT / "feature_defs", PROJECT / "feature_defs")
    without_vectors(PROJECT / "feature_defs")
    verse = [sys.executable, str(ROOT / "scripts" / "corpus" / "verse.py"), "--out", str(CORPUS)]
    if subprocess.run(verse, stdin=subprocess.DEVNULL).returncode != 0:
        raise Failure(
            "the corpus cannot be made; `python -m pip install -r scripts/requirements.txt` brings the packages"
        )


def head(title: str, part: str, sizes: Sizes) -> str:
    """When, how and on what it was measured."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    quick = " --quick" if sizes == QUICK else ""
    rows = [
        ["date", today],
        ["command", f"`python scripts/bench.py --part {part}{quick}`" if quick else f"`make bench PART={part}`"],
        ["processor", f"{processor()}, {os.cpu_count()} cores"],
        ["memory", f"{memory_gib():.1f} GiB"],
        ["system", f"{system()}, Linux {platform.release()}" if sys.platform == "linux" else platform.platform()],
        ["rustc", version("rustc", "--version")],
        ["profile", "`dev`, as it is tuned in `Cargo.toml`"],
        ["client", f"Python {platform.python_version()}, {version('wrk', '-v')}"],
    ]
    warning = "\n**Small counts, to try the script: the figures mean nothing.**\n" if quick else ""
    intro = (
        "`make bench` writes this page; edit `scripts/bench.py` instead. Server and clients share the machine's cores."
    )
    return f"# {title}\n\n{intro}\n{warning}\n{table(['', 'measured'], rows).replace('---:', '---')}\n"


def processor() -> str:
    """The model of the processor."""
    for line in lines_of(Path("/proc/cpuinfo")):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def memory_gib() -> float:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def system() -> str:
    """The name of the distribution."""
    names = [
        line.partition("=")[2].strip('"')
        for line in lines_of(Path("/etc/os-release"))
        if line.startswith("PRETTY_NAME=")
    ]
    return names[0] if names else platform.system()


def lines_of(path: Path) -> list[str]:
    """The lines of a file; none where it is not there."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def version(*command: str) -> str:
    """The first line that a tool says about itself."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError:
        return "not installed"
    said = (done.stdout or done.stderr).splitlines()
    return said[0].partition(" Copyright")[0] if said else "unknown"


if __name__ == "__main__":
    sys.exit(main())
