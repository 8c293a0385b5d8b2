"""Feast's own, unmodified client reads from Rhapsode: its SDK in an environment of its own, a local registry, a key as its token.

    python tests/python/feast_client.py [--binary PATH]
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from environments import FEAST, python_with  # noqa: E402
from server import Failure, Server, find_binary, make_key, printed  # noqa: E402

DEFINITIONS = """kind: entity
name: track
join_keys: [track_id]
---
kind: source
name: tracks
entity: track
columns:
  - { name: track_id, dtype: int64 }
  - { name: title, dtype: string, access: open, licence: public-domain }
  - { name: year, dtype: int32 }
  - { name: score, dtype: float64 }
  - { name: tags, dtype: list<string>, access: open, licence: public-domain }
---
kind: source
name: moods
entity: track
timestamp_field: at
columns:
  - { name: track_id, dtype: int64 }
  - { name: at, dtype: timestamp }
  - { name: mood, dtype: string, access: open, licence: public-domain }
---
kind: feature_view
name: facts
entity: track
sql: select track_id, title, year, score, tags, year > 1950 as is_new from tracks
features:
  - { name: title, dtype: string }
  - { name: year, dtype: int32 }
  - { name: score, dtype: float64 }
  - { name: tags, dtype: list<string> }
  - { name: is_new, dtype: bool }
---
kind: feature_view
name: feelings
entity: track
timestamp_field: at
ttl: 30d
sql: select track_id, at, mood from moods
features:
  - { name: mood, dtype: string }
"""

ROWS = [
    {"track_id": 1, "title": "One", "year": 1900, "score": 2.0, "tags": ["a", "b"]},
    {"track_id": 2, "title": "Два", "year": None, "score": 0.1, "tags": []},
    {"track_id": 3},
]
MOODS = [
    {"track_id": 1, "at": "2001-01-01T00:00:00Z", "mood": "glad"},
    {"track_id": 2, "at": "2999-01-01T00:00:00Z", "mood": "calm"},
]

CLIENT = '''
import datetime, json, sys
from pathlib import Path
import pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Array, Bool, Float64, Int32, Int64, String

folder, address, key, wrong = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]

def store(token):
    (folder / "feature_store.yaml").write_text(
        f"project: rhapsode\\nprovider: local\\nregistry: {folder}/registry.db\\n"
        f"online_store: {{type: remote, path: 'http://{address}'}}\\n"
        f"auth: {{type: oidc, token: {token}}}\\nentity_key_serialization_version: 3\\n"
    )
    return FeatureStore(repo_path=str(folder))

def view(name, fields):
    source = FileSource(name=name, path=str(folder / "none.parquet"), timestamp_field="at")
    return FeatureView(name=name, entities=[track], schema=[Field(name="track_id", dtype=Int64), *fields], source=source,
                       ttl=datetime.timedelta(days=0))

pandas.DataFrame({"track_id": [1], "at": [pandas.Timestamp.now(tz="UTC")]}).to_parquet(folder / "none.parquet")
track = Entity(name="track", join_keys=["track_id"], value_type=ValueType.INT64)
facts = view("facts", [Field(name="title", dtype=String), Field(name="year", dtype=Int32), Field(name="score", dtype=Float64),
                       Field(name="tags", dtype=Array(String)), Field(name="is_new", dtype=Bool)])
feelings = view("feelings", [Field(name="mood", dtype=String)])
feast = store(key)
feast.registry.apply_entity(track, "rhapsode")
for each in (facts, feelings):
    feast.registry.apply_feature_view(each, "rhapsode")
feast.registry.commit()
names = ["facts:title", "facts:year", "facts:score", "facts:tags", "facts:is_new", "feelings:mood"]
rows = [{"track_id": number} for number in (1, 2, 3, 9)]
answer = feast.get_online_features(features=names, entity_rows=rows)
full = feast.get_online_features(features=["facts:year"], entity_rows=rows[:1], full_feature_names=True)
statuses = {name: [FieldStatus.Name(status) for status in vector.statuses]
            for name, vector in zip(answer.proto.metadata.feature_names.val, answer.proto.results)}
keys = [EntityKey(join_keys=["track_id"], entity_values=[Value(int64_val=number)]) for number in (1, 9)]
read = feast._get_provider().online_read(feast.config, facts, keys, ["year", "score"])
read = [{name: None if value.WhichOneof("val") is None else getattr(value, value.WhichOneof("val"))
         for name, value in values.items()} for _, values in read]
try:
    store(wrong).get_online_features(features=["facts:year"], entity_rows=rows[:1])
    refused = "answered"
except Exception as error:
    refused = f"{type(error).__name__}: {error}"
print(json.dumps({"values": answer.to_dict(), "full": full.to_dict(), "statuses": statuses, "read": read, "refused": refused}))
'''


def main() -> int:
    """Runs the client; the exit code is 0 where all is as it should be."""
    parser = argparse.ArgumentParser(description="Feast's own client reads from Rhapsode.")
    parser.add_argument("--binary", help="the rhapsode to test (default: the one that cargo built)")
    binary = find_binary(parser.parse_args().binary)
    try:
        with tempfile.TemporaryDirectory(prefix="rhapsode-feast-") as folder:
            check(ask(binary, Path(folder), str(python_with(FEAST))))
    except (AssertionError, Failure) as failure:
        print(f"feast: {failure}", file=sys.stderr)
        return 1
    print("feast: its client reads values and statuses, and hears why not")
    return 0


def ask(binary: str, folder: Path, python: str) -> dict[str, object]:
    """What the client reads from a small project."""
    (folder / "feature_defs").mkdir()
    (folder / "rhapsode.toml").write_text("")
    (folder / "feature_defs" / "all.yaml").write_text(DEFINITIONS)
    (folder / "feast").mkdir()
    for name, rows in (("tracks", ROWS), ("moods", MOODS)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        printed(binary, "--project", str(folder), "ingest", name, str(folder / f"{name}.jsonl"))
    printed(binary, "--project", str(folder), "build")
    key, revoked = (make_key(binary, folder, name, "pro") for name in ("feast", "revoked"))
    printed(binary, "--project", str(folder), "keys", "revoke", revoked)
    server = Server(binary, folder, "127.0.0.1:0", "127.0.0.1:0", folder / "serve.log", with_keys=True)
    try:
        command = [python, "-W", "ignore", "-c", CLIENT, str(folder / "feast"), server.address, key, revoked]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    finally:
        server.stop(signal.SIGTERM)
    assert done.returncode == 0, f"the client fails:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    answer: dict[str, object] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return answer


def check(answer: dict[str, object]) -> None:
    """Compares what the client read with the rows."""
    equal(
        answer["values"],
        {
            "track_id": [1, 2, 3, 9],
            "title": ["One", "Два", None, None],
            "year": [1900, None, None, None],
            "score": [2.0, 0.1, None, None],
            "tags": [["a", "b"], None, None, None],
            "is_new": [False, None, None, None],
            "mood": [None, "calm", None, None],
        },
    )
    present, null, missing, outdated = "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"
    statuses = answer["statuses"]
    assert isinstance(statuses, dict)
    equal(statuses["track_id"], [present] * 4)
    equal(statuses["year"], [present, null, null, missing])
    equal(statuses["tags"], [present, null, null, missing])
    equal(statuses["mood"], [outdated, present, missing, missing])
    equal(answer["full"], {"track_id": [1], "facts__year": [1900]})
    equal(answer["read"], [{"year": 1900, "score": 2.0}, {"year": None, "score": None}])
    refused = str(answer["refused"])
    assert "revoked" in refused and "401" in refused, f"the client is not told why: {refused}"


def equal(found: object, wanted: object) -> None:
    """Fails with both."""
    assert found == wanted, f"{found!r} is not {wanted!r}"


if __name__ == "__main__":
    sys.exit(main())
