"""What the client says of the server, against the server itself."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

import rhapsode

from served import AWKWARD, EDITIONS, FEATURES, ROWS, Server, changed_track, cutting, tracks


@pytest.fixture(scope="module")
def ingested() -> pa.Table:
    """What release 1 holds of what the API shows, in the order of ingestion."""
    return tracks().drop_columns(["secret"])


def test_arrow_in_is_arrow_out(client: rhapsode.Client, ingested: pa.Table) -> None:
    """Every value of every type through a build, three batches and the join of them."""
    keys = ingested["track_id"].to_pylist()
    table = client.features(keys, FEATURES, entity="track", release=1)
    got = table.to_arrow()
    assert (table.release, got.column_names) == (1, ["track_id", *FEATURES, "found"])
    assert all(got["found"].to_pylist())
    for name in ("track_id", *FEATURES):
        sent = ingested[name]
        assert got[name].combine_chunks().equals(sent.combine_chunks().cast(got[name].type)), name
        assert names_of(got[name].type) == names_of(sent.type), name
    assert table.to_pandas()["large"].tolist()[:1] == [2**62]


def test_a_vector_may_be_null(client: rhapsode.Client, ingested: pa.Table) -> None:
    got = client.features(ingested["track_id"], ["flag", "vector", "sparse"], entity="track", release=1).to_pylist()
    assert [row["sparse"] for row in got] == [row["vector"] if row["flag"] else None for row in got]


def names_of(data_type: pa.DataType) -> str:
    """A type by its words: a list's item and a zone of time may be called otherwise."""
    text = str(data_type).replace("element: ", "item: ").replace(" not null", "")
    return text.replace(", tz=UTC", "").replace(", tz=+00:00", "")


def test_sql_and_downloads_have_the_values_of_lookups(
    client: rhapsode.Client, ingested: pa.Table, tmp_path: Path
) -> None:
    columns = ["track_id", *FEATURES]
    looked_up = client.features(ingested["track_id"], FEATURES, entity="track").to_arrow().sort_by("track_id")
    looked_up = looked_up.select(columns).combine_chunks()
    selected = client.sql(f"select {', '.join(columns)} from track order by track_id")
    assert selected.to_arrow().combine_chunks().cast(looked_up.schema).equals(looked_up)
    path = client.download("track", tmp_path / "track.parquet", columns=columns)
    assert pyarrow.parquet.read_table(path).sort_by("track_id").cast(looked_up.schema).equals(looked_up)
    path = client.download("track", tmp_path / "track.arrow", format="arrow", columns=columns)
    with pa.memory_map(str(path)) as file:
        assert pyarrow.ipc.open_file(file).read_all().sort_by("track_id").cast(looked_up.schema).equals(looked_up)


def test_one_key_has_the_types_of_many(client: rhapsode.Client, ingested: pa.Table) -> None:
    for row in [*range(len(AWKWARD)), 13, 14, 15]:
        sent = ingested.slice(row, 1).to_pylist()[0]
        features = client.features(sent["track_id"], FEATURES, entity="track", release=1)
        many = client.features([sent["track_id"]], FEATURES, entity="track", release=1).to_pylist()[0]
        assert (features.key, features.release) == (sent["track_id"], 1)
        assert dict(features) == {name: many[name] for name in FEATURES}
        assert {name: features[name] for name in ("title", "large", "day", "words")} == {
            name: sent[name] for name in ("title", "large", "day", "words")
        }


def test_by_default_all_scalars_that_may_be_read_are_answered(client: rhapsode.Client) -> None:
    scalars = ["title", "flag", "small", "large", "single", "double", "day", "moment"]
    assert set(client.features("t1", entity="track")) == set(scalars)
    assert set(client.features("t1", "values:*", entity="track")) == {*FEATURES, "sparse"}


def test_several_join_keys_are_a_tuple(client: rhapsode.Client) -> None:
    assert client.features(("a,b", 2), entity="edition") == {"pages": 20}
    keys = [(artist, number) for artist, number, _ in EDITIONS]
    table = client.features([*keys, ("nope", 1)], entity="edition")
    assert table.to_pylist() == [
        *({"artist": a, "number": n, "pages": p, "found": True} for a, n, p in EDITIONS),
        {"artist": "nope", "number": 1, "pages": None, "found": False},
    ]
    frame = pandas.DataFrame(keys, columns=["artist", "number"])
    assert len(client.features(frame.itertuples(index=False, name=None), entity="edition")) == 3
    with pytest.raises(rhapsode.InvalidRequestError) as error:
        client.features("a,b", entity="edition")
    assert error.value.type == "/problems/malformed-key"


def test_repeated_and_unknown_keys_keep_their_rows(client: rhapsode.Client) -> None:
    rows = client.features(["t3", "nope", "t3"], "small@1", entity="track").to_pylist()
    assert [(row["track_id"], row["found"]) for row in rows] == [("t3", True), ("nope", False), ("t3", True)]
    assert client.features([], "small", entity="track").column_names == ["track_id", "small", "found"]


def test_inputs_of_features_on_request(client: rhapsode.Client, ingested: pa.Table) -> None:
    small, day = (ingested[name][ingested["track_id"].to_pylist().index("t3")].as_py() for name in ("small", "day"))
    inputs = {"asked_year": 2000, "asked_day": datetime.date(2000, 1, 1)}
    features = client.features("t3", "asked:*", entity="track", inputs=inputs)
    assert features == {"years_since": 2000 - small, "is_later": datetime.date(2000, 1, 1) > day}
    keys = ingested["track_id"].slice(0, 12_000)
    years = pandas.Series(range(12_000))
    table = client.features(keys, ["years_since", "small"], entity="track", inputs={"asked_year": years}).to_arrow()
    expected = [None if small is None else year - small for year, small in enumerate(table["small"].to_pylist())]
    assert table["years_since"].to_pylist() == expected
    with pytest.raises(rhapsode.InputError) as error:
        client.features("t3", "years_since", entity="track")
    assert (error.value.type, error.value.field) == ("/problems/missing-input", "inputs.asked_year")
    assert error.value.remedy


def test_a_release_can_be_read_again(client: rhapsode.Client) -> None:
    releases = client.releases()
    assert (releases["latest"], [entry["release"] for entry in releases["releases"]]) == (2, [2, 1])
    assert releases["releases"][1]["tags"] == ["paper"]
    first = client.features("t1", "small", entity="track", release=1)
    assert client.features("t1", "small", entity="track", release="paper") == first
    newest = client.features("t1", "small", entity="track")
    assert (dict(newest), newest.release, first.release) == ({"small": changed_track()["small"][0].as_py()}, 2, 1)
    assert first != newest
    assert client.sql("select small from track where track_id = 't1'", release="paper").to_pylist() == [dict(first)]
    many = client.features([f"t{index}" for index in range(20_001)], "small", entity="track", release="paper")
    assert (many.release, many.to_arrow()["small"][1].as_py()) == (1, first["small"])
    for release in (99, "nope", "?"):
        with pytest.raises(rhapsode.UnknownReleaseError) as error:
            client.sql("select 1", release=release)
        assert error.value.field == "release"


def test_parameters_of_statements(client: rhapsode.Client) -> None:
    query = "select $1 as a, $2 as b, $3 as c, $4 as d, $5 as e"
    assert client.sql(query, ["it's", 2**53 + 1, 0.1, True, None]).to_pylist() == [
        {"a": "it's", "b": 2**53 + 1, "c": 0.1, "d": True, "e": None}
    ]
    day = datetime.date(2, 1, 1)
    rows = client.sql("select count(*) as n from track where day < cast($1 as date)", [day])
    assert rows.to_pylist() == [{"n": 3}]


def test_an_answer_without_rows_has_columns(client: rhapsode.Client) -> None:
    empty = client.sql("select small, words from track where false")
    assert (len(empty), [str(field.type) for field in empty.schema]) == (0, ["int32", "list<item: string>"])


@pytest.mark.parametrize(
    ("ask", "expected", "field"),
    [
        (lambda c: c.features("nope", entity="track"), rhapsode.UnknownKeyError, "key"),
        (lambda c: c.features("t1"), rhapsode.InvalidRequestError, "entity"),
        (lambda c: c.features("t1", entity="trak"), rhapsode.UnknownEntityError, "entity"),
        (lambda c: c.features("t1", ["small", "smal"], entity="track"), rhapsode.UnknownFeatureError, "features[1]"),
        (lambda c: c.features("t1", "a@b@c", entity="track"), rhapsode.UnknownFeatureError, "features[0]"),
        (lambda c: c.features("t1", "valus:*", entity="track"), rhapsode.UnknownFeatureError, "features[0]"),
        (lambda c: c.features("t1", "small@9", entity="track"), rhapsode.FeatureVersionError, "features[0]"),
        (lambda c: c.features(["t1", 2**70], entity="track"), rhapsode.InvalidRequestError, "keys[1]"),
        (lambda c: c.features("t1", entity="track", inputs={"x": 1}), rhapsode.InputError, "inputs.x"),
        (lambda c: c.sql("select smal from track"), rhapsode.StatementError, "query:1:8"),
        (lambda c: c.sql("select '" + "x" * 70_000 + "'"), rhapsode.TooLargeError, "query"),
        (lambda c: c.download("trak", "unused"), rhapsode.UnknownDatasetError, "dataset"),
        (lambda c: c.download("track", "unused", format="xlsx"), rhapsode.InvalidRequestError, "format"),
        (lambda c: c.download("track", "unused", columns="smal"), rhapsode.InvalidRequestError, "columns[0]"),
        (lambda c: c.download("track", "unused", filter="smal > 1"), rhapsode.StatementError, "filter"),
    ],
)
def test_mistakes_are_errors_that_name_the_field(
    client: rhapsode.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Any,
    expected: type[rhapsode.ProblemError],
    field: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(rhapsode.ProblemError) as error:
        ask(client)
    assert (type(error.value), error.value.field) == (expected, field), str(error.value)
    assert error.value.request_id and error.value.detail and error.value.title
    assert list(tmp_path.iterdir()) == []


def test_downloads_in_every_format(client: rhapsode.Client, tmp_path: Path) -> None:
    columns, filter = ["track_id", "small", "words"], "small >= 1990 and track_id <> 't1'"
    rows = client.sql(f"select {', '.join(columns)} from track where {filter} order by track_id").to_pylist()

    def download(format: Any) -> Path:
        return client.download("track", tmp_path / f"track.{format}", format=format, columns=columns, filter=filter)

    assert pyarrow.parquet.read_table(download("parquet")).to_pylist() == rows
    assert json.loads(download("json").read_text(encoding="utf-8")) == rows
    assert [json.loads(line) for line in download("jsonl").read_text(encoding="utf-8").splitlines()] == rows
    with download("csv").open(encoding="utf-8", newline="") as file:
        assert [row["track_id"] for row in csv.DictReader(file)] == [row["track_id"] for row in rows]
    assert len(list(tmp_path.iterdir())) == 4
    old = client.download("track", tmp_path / "old.parquet", columns=columns, release="paper")
    assert pyarrow.parquet.read_table(old).num_rows == ROWS


def test_a_download_over_a_connection_that_breaks(client: rhapsode.Client, server: Server, tmp_path: Path) -> None:
    whole = client.download("track", tmp_path / "whole.csv", format="csv").read_bytes()
    assert len(whole) > 2_000_000
    with cutting(server.url, [500_000, 600_000, 100, 700_000]) as (url, let_through):
        with rhapsode.Client(url, server.key, retries=5) as broken:
            path = broken.download("track", tmp_path / "broken.csv", format="csv")
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(whole).digest()
    assert len(let_through) == 5 and let_through[:4] == [500_000, 600_000, 100, 700_000]
    # Nothing came twice but the heads of answers.
    assert sum(let_through) < len(whole) + 10_000


def test_lookups_over_a_connection_that_breaks(server: Server) -> None:
    with cutting(server.url, [1_000, 0]) as (url, let_through):
        with rhapsode.Client(url, server.key, retries=5) as broken:
            assert len(broken.features([f"t{index}" for index in range(15_000)], "title", entity="track")) == 15_000
    assert len(let_through) > 2


def test_the_catalogue_says_what_there_is(client: rhapsode.Client) -> None:
    catalogue = client.catalogue()
    entities = {entity["name"]: entity for entity in catalogue["entities"]}
    assert (catalogue["release"], entities["edition"]["join_keys"]) == (2, ["artist", "number"])
    (view,) = (view for view in entities["track"]["views"] if view["name"] == "values")
    small = next(feature for feature in view["features"] if feature["name"] == "small")
    assert (small["dtype"], small["unit"], small["version"]) == ("int32", "year", 1)
    assert small["statistics"] is not None and small["statistics"]["count"] > 0
    assert [view["name"] for view in entities["track"]["on_request"]] == ["asked"]
    assert client.catalogue(release="paper")["release"] == 1


def test_the_members_of_the_catalogue_are_those_that_are_declared(client: rhapsode.Client) -> None:
    catalogue, releases = client.catalogue(), client.releases()
    entity = next(entity for entity in catalogue["entities"] if entity["name"] == "track")
    view, asked = next(view for view in entity["views"] if view["name"] == "values"), entity["on_request"][0]
    pairs: list[tuple[Any, Any]] = [
        (catalogue, rhapsode.Catalogue),
        (entity, rhapsode.CatalogueEntity),
        (view, rhapsode.CatalogueView),
        (view["features"][0], rhapsode.CatalogueFeature),
        (asked, rhapsode.CatalogueOnRequest),
        (asked["inputs"][0], rhapsode.CatalogueInput),
        (releases, rhapsode.Releases),
        (releases["releases"][0], rhapsode.ReleaseEntry),
        (releases["releases"][0]["views"][0], rhapsode.ReleaseRows),
    ]
    for answered, declared in pairs:
        assert set(answered) == set(declared.__annotations__), declared.__name__


def test_a_request_has_the_clients_id(client: rhapsode.Client) -> None:
    with pytest.raises(rhapsode.StatementError) as error:
        client.sql("select")
    assert error.value.request_id is not None and len(error.value.request_id) == 32


def test_nobody_listens(server: Server) -> None:
    with cutting(server.url, []) as (url, _):
        pass
    with rhapsode.Client(url, retries=0) as client, pytest.raises(rhapsode.TransportError, match="rhapsode serve"):
        client.releases()


def test_the_key_is_in_no_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with server.client() as client:
        client.features("t1", entity="track")
    logged = [record.getMessage() for record in caplog.records]
    assert any("/api/features/batch" in line for line in logged)
    assert [line for line in logged if server.key in line or server.key[4:] in line] == []


def test_a_wrong_key_is_refused(server: Server) -> None:
    for key in ("", "rhp_wrong", server.key[:-1] + ("a" if server.key[-1] != "a" else "b")):
        with rhapsode.Client(server.url, key) as client, pytest.raises(rhapsode.UnauthenticatedError) as error:
            client.features("t1", entity="track")
        assert error.value.remedy and (not key or key not in str(error.value))
