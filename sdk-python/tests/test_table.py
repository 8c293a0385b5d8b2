"""Tables: nothing is lost on their way, and notebooks show them."""

from __future__ import annotations

import builtins
import datetime
import decimal
import pickle
import sys
from typing import Any

import pandas
import pyarrow as pa
import pytest

import rhapsode

from fake import Fake, answers, arrow

LARGE = 2**62 + 1


def every_type() -> pa.Table:
    """A column of every type that the server has, and of what SQL makes; with nulls, extremes and metadata."""
    columns: dict[str, tuple[pa.DataType, list[Any]]] = {
        "string": (pa.string(), ["й\0", None, ""]),
        "view": (pa.string_view(), ["a" * 20, None, ""]),
        "large": (pa.large_string(), ["a", None, ""]),
        "bool": (pa.bool_(), [True, None, False]),
        "int32": (pa.int32(), [-(2**31), None, 1]),
        "int64": (pa.int64(), [LARGE, None, -LARGE]),
        "uint64": (pa.uint64(), [2**64 - 1, None, 0]),
        "float32": (pa.float32(), [0.1, None, float("nan")]),
        "float64": (pa.float64(), [0.1, None, float("-inf")]),
        "decimal": (pa.decimal128(38, 10), [decimal.Decimal("12345678901234567890.0123456789"), None, None]),
        "date": (pa.date32(), [datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
        "timestamp": (pa.timestamp("us"), [datetime.datetime(1, 1, 1, 0, 0, 0, 1), None, None]),
        "zoned": (pa.timestamp("us", "UTC"), [datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), None, None]),
        "nanoseconds": (pa.timestamp("ns"), [1, None, None]),
        "list": (pa.list_(pa.string()), [["a", None], None, []]),
        "vector": (pa.list_(pa.float32(), 3), [[0.1, 0.2, 0.3], None, [1, 2, 3]]),
        "struct": (pa.struct([("a", pa.int64()), ("b", pa.list_(pa.date32()))]), [{"a": LARGE, "b": []}, None, {}]),
        "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["a", None, "a"]),
        "binary": (pa.binary(), [b"\0\xff", None, b""]),
    }
    fields = [pa.field(name, data_type, metadata={"unit": name}) for name, (data_type, _) in columns.items()]
    arrays = [pa.array(values, data_type) for data_type, values in columns.values()]
    return pa.table(arrays, schema=pa.schema(fields, metadata={"of": "the schema"}))


def test_nothing_is_lost_between_arrow_in_and_arrow_out() -> None:
    sent = every_type()
    with Fake(answers(arrow(sent))).client() as client:
        got = client.sql("select *").to_arrow()
    assert got.schema.equals(sent.schema, check_metadata=True)
    assert got.slice(0, 2).equals(sent.slice(0, 2))
    for name in sent.column_names:
        # By bytes too: not-a-number does not equal itself.
        assert bytes_of(got[name]) == bytes_of(sent[name]), name


def bytes_of(column: Any) -> list[bytes | None]:
    """What a column is in memory."""
    return [buffer and buffer.to_pybytes() for buffer in column.chunk(0).buffers()]


def test_parts_are_put_together_without_loss() -> None:
    first = every_type().select(["int64", "struct", "dictionary", "bool"])
    parts = [first, first.slice(1, 2)]
    fake = Fake(answers(*[arrow(part) for part in parts]))
    with fake.client() as client:
        got = client.features(["x"] * 10_001).to_arrow()
    assert got.schema.equals(first.schema, check_metadata=True)
    assert got.to_pylist() == first.to_pylist() + first.slice(1, 2).to_pylist()


def test_pandas_gets_every_value_and_can_give_it_back() -> None:
    sent = every_type().drop_columns(["dictionary", "view"])
    frame = rhapsode.Table(sent, 7).to_pandas()
    assert (str(frame.dtypes["int64"]), frame["int64"][0]) == ("int64[pyarrow]", LARGE)
    again = pa.Table.from_pandas(frame, preserve_index=False).select(sent.column_names)
    assert [field.type for field in again.schema] == [field.type for field in sent.schema]
    assert again.slice(0, 2).to_pylist() == sent.slice(0, 2).to_pylist()
    numpys = rhapsode.Table(sent.select(["int32"]), 7).to_pandas(types_mapper=None)
    assert str(numpys.dtypes["int32"]) == "float64"
    assert isinstance(numpys, pandas.DataFrame)


def test_without_pandas_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError("no pandas")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "pandas")
    with pytest.raises(rhapsode.MissingPackageError, match=r"pip install 'rhapsode\[pandas\]'"):
        rhapsode.Table(pa.table({"a": [1]}), 7).to_pandas()


def test_rows_of_python() -> None:
    table = rhapsode.Table(pa.table({"a": [1, None], "b": ["x", "y"]}), 7)
    assert table.to_pylist() == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert (len(table), table.release, table.column_names, table.schema.names) == (2, 7, ["a", "b"], ["a", "b"])


def test_whatever_reads_arrow_takes_a_table() -> None:
    sent = every_type()
    assert pa.table(rhapsode.Table(sent, 7)).schema.equals(sent.schema)


def test_tables_are_equal_by_rows_and_release_and_survive_pickling() -> None:
    table = rhapsode.Table(pa.table({"a": [1]}), 7)
    assert pickle.loads(pickle.dumps(table)) == table
    assert table != rhapsode.Table(pa.table({"a": [1]}), 8)
    assert table != rhapsode.Table(pa.table({"a": [2]}), 7)
    assert table != [1]


def test_a_table_shows_its_size_its_release_and_its_types() -> None:
    table = rhapsode.Table(pa.table({"a": [1], "b": ["x"]}), 7)
    assert repr(table) == "<rhapsode.Table of 1 row × 2 columns, release 7: a: int64, b: string>"
    wide = rhapsode.Table(pa.table({f"c{index}": [1] * 1_234 for index in range(25)}), 7)
    assert repr(wide).startswith("<rhapsode.Table of 1,234 rows × 25 columns, release 7: c0: int64, ")
    assert repr(wide).endswith("c19: int64, … 5 more>")


def test_a_notebook_shows_the_head_and_nothing_of_a_text_as_html() -> None:
    rows = 12
    table = rhapsode.Table(
        pa.table({"<b>": ["<script>alert(1)</script>"] * rows, "long": ["x" * 500] * rows, "null": [None] * rows}), 7
    )
    shown = table._repr_html_()
    assert "<script" not in shown and "<th>&lt;b&gt;<br><small>string</small></th>" in shown
    assert shown.count("<tr>") == 1 + 10 + 1
    assert "x" * 59 + "…</td><td></td>" in shown
    assert "12 rows × 3 columns, release 7" in shown
    # Two columns of one name, and more columns than are shown.
    assert (
        rhapsode.Table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), 7)._repr_html_().count("<td>") == 2
    )
    wide = rhapsode.Table(pa.table({f"c{index}": [1] for index in range(25)}), 7)._repr_html_()
    assert wide.count("<td>") == 21 and "<th>…</th>" in wide
