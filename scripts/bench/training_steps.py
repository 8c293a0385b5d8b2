"""What `training.py` runs in processes of their own, so that the memory of each is its alone.

Each step prints a JSON object. The step `feast` runs in the environment that has Feast, all others in ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ITEMS = 1_000_000
EVENTS = 10_000_000
ROWS = 1_000_000
SEED = 1
FEATURES = {"clicks": "click", "prices": "price", "ratings": "rating"}
"""The feature that is made of the values of each source."""

START_MICROS = 1_735_689_600_000_000
"""The first moment, 2025-01-01."""

SPAN_MICROS = 365 * 24 * 3_600 * 1_000_000
AT_AN_EVENT = 10
"""One row in so many is at the very moment of an event, which counts."""

ROW_GROUP_ROWS = 122_880
"""What DuckDB itself writes."""


def main() -> None:
    """Runs one step."""
    parser = argparse.ArgumentParser(description="One step of the benchmark of training sets.")
    parser.add_argument("step", choices=[step.__name__ for step in STEPS])
    parser.add_argument("folder", type=Path, help="where the files are")
    parser.add_argument("--scale", type=int, default=1, help="all sizes are divided by it")
    parser.add_argument("--events", help="which events: `sorted` or `shuffled`")
    parser.add_argument("--memory", help="what DuckDB or Feast may use, such as `1GB`")
    parser.add_argument("--out", type=Path, help="the file to write")
    parser.add_argument("--found", type=Path, help="the file to compare")
    parser.add_argument("--wanted", type=Path, help="the file to compare it with")
    options = parser.parse_args()
    step = next(step for step in STEPS if step.__name__ == options.step)
    print(json.dumps(step(options)))


def data(options: argparse.Namespace) -> dict[str, Any]:
    """Makes items, events (shuffled, and sorted by item and time) and rows."""
    import numpy as np
    import pyarrow as pa

    items, events, rows = (size // options.scale for size in (ITEMS, EVENTS, ROWS))
    weights = np.random.default_rng([SEED, 0]).random(items)
    write(options.folder / "items.parquet", {"item_id": pa.array(np.arange(items)), "weight": pa.array(weights)})
    at_events = None
    for index, name in enumerate(FEATURES):
        random = np.random.default_rng([SEED, 1 + index])
        item, at, value = random.integers(0, items, events), moments(random, events), random.random(events)
        at_events = (item[: rows // AT_AN_EVENT], at[: rows // AT_AN_EVENT]) if at_events is None else at_events
        columns = {"item_id": pa.array(item), "at": timestamps(at), "value": pa.array(value)}
        write(events_file(options.folder, name, "shuffled"), columns)
        order = sorted_order(item, at)
        columns = {"item_id": pa.array(item[order]), "at": timestamps(at[order]), "value": pa.array(value[order])}
        write(events_file(options.folder, name, "sorted"), columns)
    assert at_events is not None
    random = np.random.default_rng([SEED, 100])
    random_rows = rows - len(at_events[0])
    item = np.concatenate([at_events[0], random.integers(0, items, random_rows)])
    at = np.concatenate([at_events[1], moments(random, random_rows)])
    sorted_order(item, at)
    order = random.permutation(rows)
    write(options.folder / "rows.parquet", {"item_id": pa.array(item[order]), "event_timestamp": timestamps(at[order])})
    return {"items": items, "events": events, "rows": rows}


def moments(random: np.random.Generator, count: int) -> np.ndarray:
    """Moments of the year, in microseconds."""
    return START_MICROS + random.integers(0, SPAN_MICROS, count)


def timestamps(micros: np.ndarray) -> Any:
    """A column of times."""
    import pyarrow as pa

    return pa.array(micros).cast(pa.timestamp("us", tz="UTC"))


def sorted_order(item: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The order by item and time, of which no two are the same."""
    import numpy as np

    order = np.lexsort((at, item))
    item, at = item[order], at[order]
    twice = int(((item[1:] == item[:-1]) & (at[1:] == at[:-1])).sum())
    if twice:
        raise SystemExit(f"{twice} rows have an item and a time that another one has; another seed gives others")
    return order


def write(path: Path, columns: dict[str, Any]) -> None:
    """Writes a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, row_group_size=ROW_GROUP_ROWS)


def events_file(folder: Path, name: str, order: str) -> Path:
    """The file of a source's events."""
    return folder / f"{name}-{order}.parquet"


def duck(options: argparse.Namespace) -> dict[str, Any]:
    """The join in DuckDB: one statement, from Parquet to Parquet."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute(f"set temp_directory = '{options.folder / 'duckdb-spilled'}'")
    if options.memory:
        connection.execute(f"set memory_limit = '{options.memory}'")
    selected = ", ".join(f"{name}.value as {feature}" for name, feature in FEATURES.items())
    joins = " ".join(
        f"asof left join read_parquet('{events_file(options.folder, name, options.events)}') as {name}"
        f" on rows.item_id = {name}.item_id and rows.event_timestamp >= {name}.at"
        for name in FEATURES
    )
    rows = f"read_parquet('{options.folder / 'rows.parquet'}') as rows"
    select = f"select rows.item_id, rows.event_timestamp, {selected} from {rows} {joins}"
    started = time.perf_counter()
    connection.execute(f"copy ({select}) to '{options.out}' (format parquet)")
    return {"seconds": time.perf_counter() - started}


def feast(options: argparse.Namespace) -> dict[str, Any]:
    """The join in Feast's file offline store."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    if options.memory:
        bytes_max = int(options.memory.removesuffix("GB")) * 10**9
        resource.setrlimit(resource.RLIMIT_DATA, (bytes_max, bytes_max))
    folder = options.folder / "feast"
    folder.mkdir(exist_ok=True)
    config = RepoConfig(
        project="training",
        provider="local",
        registry=str(folder / "registry.db"),
        offline_store={"type": "file"},
        online_store=None,
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.INT64)
    views = []
    for name, feature in FEATURES.items():
        path = str(events_file(options.folder, name, "sorted").resolve())
        source = FileSource(name=name, path=path, timestamp_field="at", field_mapping={"value": feature})
        schema = [Field(name=feature, dtype=Float64)]
        views.append(FeatureView(name=f"{feature}_history", entities=[item], schema=schema, source=source, ttl=None))
    store.apply([item, *views])
    rows = pd.read_parquet(options.folder / "rows.parquet")
    features = [f"{feature}_history:{feature}" for feature in FEATURES.values()]
    started = time.perf_counter()
    found = store.get_historical_features(entity_df=rows, features=features).to_df()
    found[["item_id", "event_timestamp", *FEATURES.values()]].to_parquet(options.out, index=False)
    return {"seconds": time.perf_counter() - started}


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """How many rows of one training set the other one lacks, and what the comparison rests on."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    columns = ", ".join(["item_id", "event_timestamp::timestamptz as event_timestamp", *FEATURES.values()])
    for name, path in (("found", options.found), ("wanted", options.wanted)):
        connection.execute(f"create table {name} as select {columns} from read_parquet('{path}')")

    def count(query: str) -> int:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    is_empty = " or ".join(f"{feature} is null" for feature in FEATURES.values())
    return {
        "rows": count("select count(*) from found"),
        "wanted": count("select count(*) from wanted"),
        "only_found": count("select count(*) from (from found except all from wanted)"),
        "only_wanted": count("select count(*) from (from wanted except all from found)"),
        "with_null": count(f"select count(*) from wanted where {is_empty}"),
    }


def ordered(options: argparse.Namespace) -> dict[str, Any]:
    """How many rows of a training set are not where they were given."""
    import duckdb

    row = duckdb.execute(
        f"select count(*) from read_parquet('{options.folder / 'rows.parquet'}') as given"
        f" positional join read_parquet('{options.found}') as found"
        " where given.item_id is distinct from found.item_id"
        " or given.event_timestamp::timestamptz is distinct from found.event_timestamp::timestamptz"
    ).fetchone()
    assert row is not None
    return {"displaced": int(row[0])}


def left_out(options: argparse.Namespace) -> dict[str, Any]:
    """How many of the rows that a training set lacks have an item with events that are all later."""
    import duckdb

    later = " or ".join(
        f"(wanted.{feature} is null and wanted.item_id in"
        f" (select item_id from read_parquet('{events_file(options.folder, name, 'sorted')}')))"
        for name, feature in FEATURES.items()
    )
    row = duckdb.execute(
        f"with missing as (select wanted.* from read_parquet('{options.wanted}') as wanted"
        f" anti join read_parquet('{options.found}') as found"
        " on wanted.item_id = found.item_id"
        " and wanted.event_timestamp::timestamptz = found.event_timestamp::timestamptz)"
        f" select count(*), count(*) filter (where {later.replace('wanted.', 'missing.')}) from missing"
    ).fetchone()
    assert row is not None
    return {"missing": int(row[0]), "of_later_events": int(row[1])}


STEPS = [data, duck, feast, compare, ordered, left_out]

if __name__ == "__main__":
    main()
