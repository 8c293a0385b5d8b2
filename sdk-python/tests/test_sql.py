"""Statements, the catalogue and releases."""

from __future__ import annotations

import datetime
from typing import Any

import httpx
import numpy
import pyarrow as pa
import pytest

import rhapsode

from fake import Fake, answers, arrow, asked, problem

ROWS = pa.table({"decade": pa.array([1840, None], pa.int32())})


def test_a_statement_goes_with_its_parameters_and_comes_back_as_a_table() -> None:
    fake = Fake(answers(arrow(ROWS), arrow(ROWS)))
    with fake.client() as client:
        table = client.sql("select $1", [1, "a", None, 0.5, True, numpy.int32(3), datetime.date(2026, 1, 2)], release=7)
        client.sql("select 1", numpy.array([1, 2]))  # type: ignore[arg-type]
    assert (table.to_arrow(), table.release) == (ROWS, 7)
    request = fake.requests[0]
    assert (request.method, request.url.path, request.url.query) == ("POST", "/api/sql", b"release=7")
    assert asked(request) == {"query": "select $1", "params": [1, "a", None, 0.5, True, 3, "2026-01-02"]}
    assert asked(fake.requests[1]) == {"query": "select 1", "params": [1, 2]}
    assert request.headers["accept"] == "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("a", "`params` is a list"),
        ({"a": 1}, "`params` is a list"),
        ([[1]], r"params\[0\] is \[1\] \(list\)"),
        ([2**63], r"params\[0\] is 9223372036854775808, and integers have 64 bits"),
    ],
)
def test_what_is_no_parameter_is_told(params: Any, told: str) -> None:
    with Fake(answers()).client() as client, pytest.raises(rhapsode.UsageError, match=told):
        client.sql("select $1", params)


def test_a_fault_of_a_statement_has_its_place() -> None:
    fault = problem(400, "statement", field="query:1:8", remedy="did you mean `decade`?")
    with Fake(answers(fault)).client() as client, pytest.raises(rhapsode.StatementError) as error:
        client.sql("select decde from track")
    assert (error.value.field, error.value.remedy) == ("query:1:8", "did you mean `decade`?")


def test_the_catalogue_and_releases_are_what_the_server_says() -> None:
    catalogue = {"release": 7, "entities": []}
    releases = {"latest": 7, "releases": []}
    fake = Fake(lambda request: httpx.Response(200, json=catalogue if "features" in request.url.path else releases))
    with fake.client() as client:
        assert (client.catalogue(), client.releases()) == (catalogue, releases)
        client.catalogue(release="paper")
    assert [str(request.url) for request in fake.requests] == [
        "http://rhapsode.test/api/features",
        "http://rhapsode.test/api/releases",
        "http://rhapsode.test/api/features?release=paper",
    ]
