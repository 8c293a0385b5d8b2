"""What `batches.py` runs in the environment that has Feast: writes rows to its online store.

python feast_online.py FOLDER    FOLDER has rows.parquet, whose columns are track_id, event_timestamp and features
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Bool, Float64, Int32, Int64, String

STORE = """\
project: bench
provider: local
registry: registry.db
online_store:
  type: sqlite
  path: online.db
offline_store:
  type: file
entity_key_serialization_version: 3
"""
KEYS = ("track_id", "event_timestamp")
TYPES = {pa.string(): String, pa.int32(): Int32, pa.int64(): Int64, pa.float64(): Float64, pa.bool_(): Bool}


def main() -> None:
    """Defines one view of all features, and writes all rows."""
    folder = Path(sys.argv[1]).resolve()
    (folder / "feature_store.yaml").write_text(STORE, encoding="utf-8")
    store = FeatureStore(repo_path=str(folder))
    schema = pq.read_schema(folder / "rows.parquet")
    fields = [Field(name=field.name, dtype=TYPES[field.type]) for field in schema if field.name not in KEYS]
    source = FileSource(name="tracks", path=str(folder / "rows.parquet"), timestamp_field="event_timestamp")
    track = Entity(name="track", join_keys=["track_id"], value_type=ValueType.STRING)
    view = FeatureView(name="track", entities=[track], schema=fields, source=source, ttl=None)
    store.apply([track, view])
    moments = pq.read_table(folder / "rows.parquet", columns=["event_timestamp"])["event_timestamp"]
    moment = moments[0].as_py()
    store.materialize(start_date=moment.replace(year=moment.year - 1), end_date=moment.replace(year=moment.year + 1))


if __name__ == "__main__":
    main()
