"""Every route of a served project, asked by schemathesis: what /openapi.json says and what is answered must agree.

    python tests/python/schema_fuzz.py [--binary PATH] [--examples N] [--report FILE]

Makes a small project in a temporary folder, builds and serves it. The exit code is 0 where schemathesis found nothing;
what it found is printed with a `curl` for each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from environments import SCHEMATHESIS, python_with  # noqa: E402
from server import Failure, Server, find_binary, make_key, printed  # noqa: E402

RUN_SECONDS_MAX = 1_800

DEFINITIONS = """kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: string, from: [track_id, id] }
  - { name: title, dtype: string, licence: public-domain }
  - { name: year, dtype: int32 }
  - { name: secret, dtype: string }
  - { name: lyrics, dtype: string, licence: public-domain }
---
kind: source
name: ranks
entity: track
timestamp_field: at
columns:
  - { name: track_id, dtype: string }
  - { name: at, dtype: timestamp }
  - { name: rank, dtype: int32 }
---
kind: feature_view
name: metadata
entity: track
sql: select track_id, title, secret, year / 10 * 10 as decade, cast(year as double) / 7 as ratio from tracks
features:
  - { name: title, dtype: string }
  - { name: secret, dtype: string }
  - { name: decade, dtype: int32, description: The decade. }
  - { name: ratio, dtype: float32 }
---
kind: feature_view
name: standing
entity: track
timestamp_field: at
sql: select track_id, at, rank from ranks
features:
  - { name: rank, dtype: int32 }
---
kind: feature_view
name: lexical
entity: track
source: tracks
analyzer: { name: lexical, text: lyrics }
features:
  - { name: tokens, dtype: int32 }
  - { name: mtld, dtype: float64 }
---
kind: feature_view
name: asked
entity: track
description: What depends on who asks.
on_request:
  inputs:
    - { name: asked_year, dtype: int32, description: Where one stands. }
    - { name: factor, dtype: float64 }
features:
  - { name: years_since, dtype: int32, expr: asked_year - decade }
  - { name: weighted, dtype: float64, expr: tokens * factor }
---
kind: feature_view
name: meaning
entity: track
source: tracks
embedding: { model: use, text: lyrics }
features:
  - { name: meaning, dtype: "vector[512]", expr: embedding.whole }
---
kind: search
name: found
entity: track
source: tracks
languages: [en]
text: [title, lyrics]
vectors: [meaning]
filters: [year, decade, title]
facets: [decade]
"""

ROWS = {
    "tracks": [
        {"id": "t1", "title": "One", "year": 1843, "secret": "s1", "lyrics": "one two three\nfour"},
        {"id": "t2", "title": "Two", "year": None, "secret": "s2", "lyrics": ""},
        {"id": "t3", "year": 1850, "secret": "s3", "lyrics": "five\n\nsix seven"},
    ],
    "ranks": [
        {"track_id": "t1", "at": "2001-01-01T00:00:00Z", "rank": 3},
        {"track_id": "t1", "at": "2002-01-01T00:00:00Z", "rank": 1},
        {"track_id": "t2", "at": "2002-01-01T00:00:00Z", "rank": 2},
    ],
}

SETTINGS = """[tiers.fuzz]
scopes = ["features", "search", "insight", "sql", "download", "analyze", "ingest", "restricted", "admin"]
lookup = { per_second = 1000000, burst = 1000000 }
query = { per_second = 1000000, burst = 1000000 }
analyze = { per_second = 1000000, burst = 1000000 }
manage = { per_second = 1000000, burst = 1000000 }
concurrent = 64
"""

HOOKS = '''
import os
import schemathesis


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what would end the key that all requests are sent with; keys made on the way may be ended."""
    return os.environ["FUZZ_KEY"] not in str(case.path_parameters.get("id", ""))


@schemathesis.check
def form_acceptance(ctx, response, case):
    """What has the form that the document gives is not refused for its form."""
    if case.meta is None or case.meta.generation.mode.value != "positive" or response.status_code != 400:
        return
    kind = response.json()["type"]
    assert kind.removeprefix("/problems/") not in {
        "invalid-body", "malformed-json", "invalid-parameter", "unknown-parameter", "missing-parameter"
    }, f"the document allows this request, and the answer is `{kind}`"
'''


def main() -> int:
    """The exit code of schemathesis."""
    parser = argparse.ArgumentParser(description="Asks every route what /openapi.json allows and what it does not.")
    parser.add_argument("--binary", help="the rhapsode to test (default: the one that cargo built)")
    parser.add_argument("--examples", type=int, default=30, help="requests of each route and phase, at most")
    parser.add_argument("--report", type=Path, help="where every request and answer is written too, as NDJSON")
    asked = parser.parse_args()
    binary = find_binary(asked.binary)
    program = python_with(SCHEMATHESIS).with_name("schemathesis")
    with tempfile.TemporaryDirectory(prefix="rhapsode-schema-") as folder:
        project = Path(folder) / "project"
        key = make_project(binary, project)
        server = Server(binary, project, "127.0.0.1:0", "127.0.0.1:0", Path(folder) / "serve.log", with_keys=True)
        try:
            code = fuzz(program, server.address, key, asked.examples, asked.report, Path(folder))
        finally:
            stopped = server.stop(signal.SIGTERM)
        if stopped != 0:
            print(f"the server stops with {stopped}, not 0; the end of its log:\n{server.log_end()}", file=sys.stderr)
    return code or int(stopped != 0)


def fuzz(program: Path, address: str, key: str, examples: int, report: Path | None, folder: Path) -> int:
    """Runs schemathesis with all checks and phases; the same requests each time."""
    command = [str(program), "run", f"http://{address}/openapi.json", "--header", f"Authorization: Bearer {key}"]
    command += ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]
    # A request of the right form may name a feature, a release or a tier that is not there, or hold no SQL: no schema
    # says that, and the answer is 400. `form_acceptance` looks at the rest.
    command += ["--exclude-checks", "positive_data_acceptance"]
    command += ["--max-examples", str(examples), "--generation-deterministic", "--workers", "1"]
    command += ["--request-timeout", "60", "--no-color"]
    # Keys of entities are no secrets, and the key of this run ends with it.
    command += ["--output-sanitize", "false"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(report)] if report else []
    (folder / "hooks.py").write_text(HOOKS, encoding="utf-8")
    # How the key begins, by which the API calls it: `rhp_` and eight characters.
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(folder), "FUZZ_KEY": key[:12]}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, timeout=RUN_SECONDS_MAX, cwd=folder, env=environ
    ).returncode


def make_project(binary: str, project: Path) -> str:
    """A project with a release, and a key that may do everything."""
    project.mkdir()
    printed(binary, "--project", str(project), "init")
    for example in (project / "feature_defs").glob("**/*.yaml"):
        example.unlink()
    (project / "feature_defs").mkdir(exist_ok=True)
    (project / "feature_defs" / "all.yaml").write_text(DEFINITIONS, encoding="utf-8")
    with (project / "rhapsode.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n{SETTINGS}")
    for source, rows in ROWS.items():
        path = project / f"{source}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        printed(binary, "--project", str(project), "ingest", source, str(path))
    printed(binary, "--project", str(project), "build")
    return make_key(binary, project, "schemathesis", "fuzz")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"schema_fuzz: {failure}")
