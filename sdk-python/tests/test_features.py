"""Lookups: one key, many keys, and all of them from one release."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import httpx
import numpy
import pandas
import pyarrow as pa
import pytest

import rhapsode
from rhapsode import _batches

from fake import Fake, answers, arrow, asked, lookup, problem


def test_one_key_gives_a_mapping() -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        features = client.features("t1", ["n"], entity="track", release="paper", inputs={"year": 1900})
    assert (features["n"], dict(features), len(features), list(features)) == (2, {"n": 2}, 1, ["n"])
    assert (features.key, features == {"n": 2}, "m" in features, features.get("m")) == ("t1", True, False, None)
    assert asked(fake.requests[0]) == {
        "keys": [["t1"]],
        "features": ["n"],
        "entity": "track",
        "inputs": {"year": 1900},
    }
    assert fake.requests[0].url.query == b"release=paper"
    assert repr(features) == "<rhapsode.Features of 't1', release 7: {'n': 2}>"
    assert "<td>n</td><td>2</td>" in features._repr_html_()


@pytest.mark.parametrize("key", [7, numpy.int64(7), pa.scalar(7)])
def test_a_key_may_be_a_number(key: Any) -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        assert client.features(key)["n"] == 1
    assert asked(fake.requests[0]) == {"keys": [[7]]}


def test_a_tuple_is_one_key_of_several_join_keys() -> None:
    row: dict[str, list[object]] = {"artist": ["a,b"], "year": [2], "title": ["y"], "found": [True]}
    fake = Fake(answers(arrow(pa.table(row))))
    with fake.client() as client:
        features = client.features(("a,b", 2), ["title"])
    assert (asked(fake.requests[0])["keys"], features.key, dict(features)) == ([["a,b", 2]], ("a,b", 2), {"title": "y"})


def test_a_feature_may_be_called_as_a_column_of_ours() -> None:
    table = pa.table([pa.array(["t1"]), pa.array([False]), pa.array([True])], names=["track_id", "found", "found"])
    with Fake(answers(arrow(table))).client() as client:
        assert dict(client.features("t1", "found")) == {"found": False}


def test_an_unknown_key_is_an_error_where_it_is_one_and_a_row_where_it_is_one_of_many() -> None:
    with Fake(lookup).client() as client:
        with pytest.raises(rhapsode.UnknownKeyError) as error:
            client.features("nope")
        assert (error.value.type, error.value.status) == ("/problems/unknown-key", 404)
        assert (error.value.field, error.value.value, error.value.request_id) == ("key", "nope", "served")
        assert client.features(["t1", "nope"]).to_pylist() == [
            {"track_id": "t1", "n": 2, "found": True},
            {"track_id": "nope", "n": None, "found": False},
        ]


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        (["a", "b"], ["a", "b"]),
        ([1, 2], [1, 2]),
        (range(2), [0, 1]),
        ((key for key in "ab"), ["a", "b"]),
        ({"a": 1, "b": 2}.keys(), ["a", "b"]),
        (numpy.array(["a", "b"]), ["a", "b"]),
        (numpy.array([1, 2], numpy.uint8), [1, 2]),
        (list(numpy.array([1, 2])), [1, 2]),
        (pandas.Series(["a", "b"]), ["a", "b"]),
        (pandas.Series([1, 2], dtype="Int64"), [1, 2]),
        (pandas.Series(["a", "b"], dtype=pandas.ArrowDtype(pa.string())), ["a", "b"]),
        (pandas.Index([1, 2]), [1, 2]),
        (pandas.Categorical(["b", "b"]), ["b", "b"]),
        (pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)]), [["a", 1], ["b", 2]]),
        (pandas.DataFrame({"a": ["x"], "b": [1]}).itertuples(index=False, name=None), [["x", 1]]),
        (pa.array(["a", "b"]), ["a", "b"]),
        (pa.chunked_array([[1], [2]]), [1, 2]),
        (pa.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
        ([("a", 1), ["b", 2]], [["a", 1], ["b", 2]]),
        (numpy.array([["a", "b"], ["c", "d"]]), [["a", "b"], ["c", "d"]]),
        (["й,", "\n\0", ""], ["й,", "\n\0", ""]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_keys_come_in_any_column(keys: Iterable[Any], sent: list[Any]) -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        assert len(client.features(keys)) == len(sent)
    assert asked(fake.requests[0])["keys"] == sent


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (b"t1", r"the key is b't1' \(bytes\)"),
        (None, "the key is None"),
        (1.0, r"the key is 1.0 \(float\); a key is a str or an int"),
        (True, r"the key is True \(bool\)"),
        (("a", None), "the key is None"),
        (["a", None], r"keys\[1\] is None"),
        ([1, 2.5], r"keys\[1\] is 2.5"),
        ([("a", 1), ("b", 1.5)], r"keys\[1\] is 1.5"),
        (pandas.Series([1, None]), r"keys\[0\] is 1.0"),
        (pandas.Series([1, None], dtype="Int64"), r"keys\[1\] is <NA>"),
        (pandas.DataFrame({"track_id": ["a"]}), "keys come from one column"),
        (pa.table({"track_id": ["a"]}), "keys come from one column"),
        ({"track_id": "a"}, "keys come from one column"),
        (numpy.array("a"), "a list is needed"),
        (["a\ud800"], "lone surrogate"),
    ],
)
def test_what_is_no_key_is_told_before_anything_is_sent(keys: Any, told: str) -> None:
    fake = Fake(lookup)
    with fake.client() as client, pytest.raises(rhapsode.UsageError, match=told):
        client.features(keys)
    assert fake.requests == []


def test_names_of_features_come_in_a_list_or_in_a_text() -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        client.features(["t1"], "n, m@2,view:*")
        client.features(["t1"], ("n", "m"))
        client.features(["t1"], [])
        client.features(["t1"])
        with pytest.raises(rhapsode.UsageError, match=r"features\[1\] is 2 \(int\)"):
            client.features(["t1"], ["n", 2])  # type: ignore[list-item]
    sent = [asked(request).get("features") for request in fake.requests]
    assert sent == [["n", "m@2", "view:*"], ["n", "m"], [], None]


def test_no_keys_give_a_table_without_rows_and_with_columns() -> None:
    fake = Fake(lookup)
    with fake.client() as client:
        table = client.features([])
    assert (len(table), table.column_names, len(fake.requests)) == (0, ["track_id", "n", "found"], 1)


@pytest.mark.parametrize(("count", "requests"), [(10_000, 1), (10_001, 2), (45_000, 5)])
def test_many_keys_are_split_and_come_back_in_order(count: int, requests: int) -> None:
    fake = Fake(lookup)
    keys = [f"t{index}" for index in range(count)]
    with fake.client() as client:
        table = client.features(keys, ["n"], entity="track")
    assert len(fake.requests) == requests
    assert sorted(len(asked(request)["keys"]) for request in fake.requests)[-1] == 10_000
    assert table.to_arrow()["track_id"].to_pylist() == keys
    assert {json.dumps({**asked(request), "keys": 0}) for request in fake.requests} == {
        '{"keys": 0, "features": ["n"], "entity": "track"}'
    }


def test_all_parts_are_of_the_first_ones_release() -> None:
    latest = 7
    asked_for: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal latest
        asked_for.append(request.url.params.get("release"))
        response = lookup(request, latest)
        # Another release is published while the answer is on its way.
        latest += 1
        return response

    with Fake(handler).client() as client:
        table = client.features(range(45_000))
        assert (table.release, asked_for) == (7, [None, "7", "7", "7", "7"])
        asked_for.clear()
        tagged = client.features(range(25_000), release="paper")
        assert asked_for == ["paper", str(tagged.release), str(tagged.release)]


def test_a_part_of_another_release_is_refused() -> None:
    releases = iter([7, 8])

    def handler(request: httpx.Request) -> httpx.Response:
        return lookup(httpx.Request("POST", "http://a.test", content=request.content), next(releases))

    with Fake(handler).client() as client, pytest.raises(rhapsode.AnswerError, match="from release 8, and 7 was asked"):
        client.features(range(15_000))


def test_batches_are_sent_a_few_at_a_time() -> None:
    at_once = most = 0
    lock, together = threading.Lock(), threading.Barrier(_batches.PARALLEL)

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal at_once, most
        if "release" not in request.url.params:
            return lookup(request)
        with lock:
            at_once += 1
            most = max(most, at_once)
        together.wait(60)
        with lock:
            at_once -= 1
        return lookup(request)

    with Fake(handler).client() as client:
        assert len(client.features(range(10_000 * (1 + 2 * _batches.PARALLEL)))) == 90_000
    assert most == _batches.PARALLEL


def test_one_failing_part_fails_all_and_stops_the_rest() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return problem(500, "internal") if "release" in request.url.params else lookup(request)

    fake = Fake(handler)
    with fake.client() as client, pytest.raises(rhapsode.ServerError):
        client.features(range(1_000_000))
    assert len(fake.requests) < 100


def test_keys_that_are_too_long_for_one_body_are_split_by_their_bytes() -> None:
    fake = Fake(lookup)
    keys = [f"{index:04}" + "й" * 500 for index in range(5_000)]
    with fake.client() as client:
        table = client.features(keys, inputs={"x": list(range(5_000)), "y": 1})
    assert table.to_arrow()["track_id"].to_pylist() == keys
    assert len(fake.requests) == 4
    assert all(len(request.content) <= _batches.BATCH_BYTES_MAX for request in fake.requests)
    assert [asked(request)["inputs"]["x"][0] for request in fake.requests] == [0, 1250, 2500, 3750]
    assert {request.url.params.get("release") for request in fake.requests[1:]} == {"7"}


def test_inputs_go_with_their_keys() -> None:
    fake = Fake(lookup)
    years = pandas.Series(range(25_000))
    with fake.client() as client:
        client.features(range(25_000), inputs={"year": years, "factor": 0.5})
    for request in fake.requests:
        body = asked(request)
        assert (body["inputs"]["year"], body["inputs"]["factor"]) == (body["keys"], 0.5)


def test_inputs_are_values_that_json_has() -> None:
    fake = Fake(lookup)
    day = pandas.Timestamp("2026-01-02T03:04:05.000006Z")
    with fake.client() as client:
        client.features(
            ["t1", "t2"],
            inputs={
                "a": numpy.float32(0.5),
                "b": day,
                "c": [day.date(), None],
                "d": True,
                "e": pa.scalar("x"),
                "f": "й",
            },
        )
    assert asked(fake.requests[0])["inputs"] == {
        "a": 0.5,
        "b": "2026-01-02T03:04:05.000006+00:00",
        "c": ["2026-01-02", None],
        "d": True,
        "e": "x",
        "f": "й",
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1, 2, 3], r"inputs\['x'\] has 3 values for 2 keys"),
        ([1, object()], r"inputs\['x'\]\[1\] is <object"),
        (float("nan"), r"inputs\['x'\] is nan"),
        ([1.0, float("inf")], r"inputs\['x'\]\[1\] is inf"),
        (pandas.NaT, "NaT"),
        (b"x", "bytes"),
    ],
)
def test_what_is_no_input_is_told(value: Any, told: str) -> None:
    with Fake(lookup).client() as client, pytest.raises(rhapsode.UsageError, match=told):
        client.features(["t1", "t2"], inputs={"x": value})


def test_a_client_that_is_closed_says_so() -> None:
    client = Fake(lookup).client()
    with client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.features("t1")
