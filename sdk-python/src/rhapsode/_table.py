"""Results: the rows of many, the features of one."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ._errors import MissingPackageError

if TYPE_CHECKING:
    import pandas

SHOWN_ROWS_MAX = 10
SHOWN_COLUMNS_MAX = 20
SHOWN_CHARS_MAX = 60


class Table:
    """Rows of a release: a `pyarrow.Table`, and the number of the release that it was read from.

    Polars, DuckDB and whatever else reads Arrow take it as it is, without a copy: `polars.DataFrame(table)`.

        table = client.features(["t1", "t2"], ["decade", "mtld"])
        len(table)                 # 2
        table.to_pandas()          # a DataFrame
        table.to_pylist()          # [{"track_id": "t1", "decade": 1840, …}, …]
        table.to_arrow()["mtld"]   # a pyarrow.ChunkedArray of float64
    """

    __slots__ = ("_release", "_table")

    def __init__(self, table: pa.Table, release: int) -> None:
        self._table = table
        self._release = release

    @property
    def release(self) -> int:
        """The release that the rows were read from; with `release=` this number, they can be read again."""
        return self._release

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._table.schema

    @property
    def column_names(self) -> list[str]:
        """In their order."""
        return list(self._table.column_names)

    def to_arrow(self) -> pa.Table:
        """The rows as they came, in the types that the server has; nothing is copied."""
        return self._table

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """The rows as a DataFrame.

        Its columns are pandas' Arrow columns (`int64[pyarrow]`), which hold every value as it came: integers with nulls
        stay integers. `to_pandas(types_mapper=None)` gives NumPy's types instead, where such a column becomes floats.

        Args:
            **options: those of `pyarrow.Table.to_pandas`.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError(
                "`to_pandas` needs pandas: `pip install 'rhapsode[pandas]'`; `to_arrow` and `to_pylist` do without"
            ) from error
        frame: pandas.DataFrame = self._table.to_pandas(**{"types_mapper": pandas.ArrowDtype, **options})
        return frame

    def to_pylist(self) -> list[dict[str, Any]]:
        """The rows as dictionaries, their values as Python's: `None` for null, lists, `datetime` for timestamps."""
        return self._table.to_pylist()

    def __len__(self) -> int:
        return self._table.num_rows

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self._release == other._release and bool(self._table.equals(other._table))

    def __reduce__(self) -> tuple[type[Table], tuple[pa.Table, int]]:
        return Table, (self._table, self._release)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's PyCapsule protocol, by which other libraries read the rows."""
        stream: object = self._table.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return stream

    def __repr__(self) -> str:
        columns = ", ".join(f"{field.name}: {field.type}" for field in list(self.schema)[:SHOWN_COLUMNS_MAX])
        left_out = len(self.schema) - SHOWN_COLUMNS_MAX
        more = f", … {left_out} more" if left_out > 0 else ""
        return f"<rhapsode.Table of {self._size()}: {columns}{more}>"

    def _repr_html_(self) -> str:
        head = self._table.slice(0, SHOWN_ROWS_MAX)
        shown = list(range(min(head.num_columns, SHOWN_COLUMNS_MAX)))
        fields = [self.schema.field(index) for index in shown]
        header = [f"{html.escape(field.name)}<br><small>{html.escape(str(field.type))}</small>" for field in fields]
        # Column by column, since two may have one name.
        columns = [head.column(index).to_pylist() for index in shown]
        rows = [[html.escape(_shown(column[row])) for column in columns] for row in range(head.num_rows)]
        if head.num_columns > len(shown):
            header.append("…")
            rows = [[*row, "…"] for row in rows]
        if len(self) > head.num_rows:
            rows.append(["…"] * len(header))
        return _html(header, rows, self._size())

    def _size(self) -> str:
        rows, columns = self._table.num_rows, self._table.num_columns
        return f"{rows:,} row{'s' * (rows != 1)} × {columns} column{'s' * (columns != 1)}, release {self._release}"


class Features(Mapping[str, Any]):
    """The features of one entity: a mapping from their names to their values, in the order asked.

        features = client.features("t1", ["decade", "mtld"])
        features["decade"]   # 1840
        dict(features)       # {"decade": 1840, "mtld": 71.3}
        features.release     # 7

    Values are Python's, as in a row of `Table.to_pylist`.
    """

    __slots__ = ("_key", "_release", "_values")

    def __init__(self, key: str | int | tuple[str | int, ...], release: int, values: Mapping[str, Any]) -> None:
        self._key = key
        self._release = release
        self._values = dict(values)

    @property
    def key(self) -> str | int | tuple[str | int, ...]:
        """As it was asked for."""
        return self._key

    @property
    def release(self) -> int:
        """The release that the values were read from."""
        return self._release

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<rhapsode.Features of {self._key!r}, release {self._release}: {self._values!r}>"

    def _repr_html_(self) -> str:
        rows = [[html.escape(name), html.escape(_shown(value))] for name, value in self._values.items()]
        return _html(["feature", "value"], rows, f"{html.escape(str(self._key))}, release {self._release}")


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"


def _html(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{caption}</p>"
