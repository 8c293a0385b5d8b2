"""Python values as the JSON of a request, checked before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from ._errors import UsageError

Scalar: TypeAlias = "str | int | float | bool | None"
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
"""The integers of Rhapsode's dtypes. Far larger ones would arrive as floats, with other digits."""

KeyParts: TypeAlias = "str | int | list[str | int]"
"""A key as a body has it: the value of the one join key, or a list of the values of several."""


def body(document: Mapping[str, Any]) -> bytes:
    """A JSON body, in UTF-8."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"a text is not Unicode: it has a lone surrogate, {error.object[error.start]!r}") from None


def one_key(key: object) -> list[str | int]:
    """The parts of one key: `"t1"`, `7`, or a tuple of the values of several join keys."""
    parts = key if isinstance(key, tuple) else (key,)
    return [_key_part(part, "the key") for part in parts]


def is_one_key(key: object) -> bool:
    """Whether `key` is one key rather than many: a text, a number, a tuple."""
    # Bytes and the like are no keys, and are told so as one rather than letter by letter.
    return isinstance(key, (str, bytes, tuple)) or not (isinstance(key, Iterable) or _is_frame(key))


def many_keys(keys: object) -> list[KeyParts]:
    """Keys of a list, an array of NumPy, a Series of pandas or Polars, an Arrow array, or another iterable."""
    if isinstance(keys, Mapping) or _is_frame(keys):
        raise UsageError(
            'keys come from one column: `frame["track_id"]`; '
            'of several join keys, `frame[["a", "b"]].itertuples(index=False, name=None)`'
        )
    # Most are fine as they are, and there may be millions.
    return [key if type(key) in (str, int) else _one_of_many(key, index) for index, key in enumerate(listed(keys))]


def _is_frame(keys: object) -> bool:
    """Whether `keys` has columns, and is none."""
    return hasattr(keys, "columns")


def _one_of_many(key: object, index: int) -> KeyParts:
    if isinstance(key, (list, tuple)):
        return [_key_part(part, f"keys[{index}]") for part in key]
    return _key_part(key, f"keys[{index}]")


def _key_part(part: object, where: str) -> str | int:
    part = _unwrapped(part)
    if isinstance(part, str):
        return part
    if isinstance(part, int) and not isinstance(part, bool):
        return part
    raise UsageError(f"{where} is {_shown(part)}; a key is a str or an int, or a tuple of them for several join keys")


def listed(values: object) -> list[Any]:
    """A column of values as a list of Python's."""
    # Arrow's, then NumPy's and pandas', then Polars'.
    for name in ("to_pylist", "tolist", "to_list"):
        convert = getattr(values, name, None)
        if callable(convert):
            values = convert()
            break
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"a list is needed, not {_shown(values)}")
    return list(values)


def names(names: str | Iterable[str] | None, field: str) -> list[str] | None:
    """Names in a list, or joined by `,`, as they stand in a URL."""
    if names is None:
        return None
    if isinstance(names, str):
        return [name.strip() for name in names.split(",")]
    names = list(names)
    for index, name in enumerate(names):
        # An annotation does not stop who does not check types.
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"{field}[{index}] is {_shown(name)}; a name is a str")
    return names


def release(release: int | str | None) -> dict[str, str]:
    """The parameters that ask for a release: a number, a tag, `latest`; none for the newest."""
    return {} if release is None else {"release": str(release)}


def scalars(values: Sequence[object], field: str) -> list[Scalar]:
    """Parameters of a statement."""
    if isinstance(values, (str, bytes, Mapping)):
        raise UsageError(f"`{field}` is a list, one value for each of `$1`, `$2`, …; not {_shown(values)}")
    return [scalar(value, f"{field}[{index}]") for index, value in enumerate(listed(values))]


def inputs(values: Mapping[str, object], keys: int) -> dict[str, Scalar | list[Scalar]]:
    """The inputs of features on request: each one value for all `keys` keys, or a list of one a key."""
    given: dict[str, Scalar | list[Scalar]] = {}
    for name, value in values.items():
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            given[name] = scalar(value, f"inputs[{name!r}]")
            continue
        column = [scalar(item, f"inputs[{name!r}][{index}]") for index, item in enumerate(listed(value))]
        if len(column) != keys:
            raise UsageError(f"inputs[{name!r}] has {len(column)} values for {keys} keys; give one value, or one a key")
        given[name] = column
    return given


def scalar(value: object, where: str) -> Scalar:
    """A value that JSON has. Dates and times go as texts of ISO 8601, which the server reads as what it needs."""
    value = _unwrapped(value)
    # Not-a-time of pandas is a date, and like not-a-number it does not equal itself.
    if value != value or (isinstance(value, float) and math.isinf(value)):
        raise UsageError(f"{where} is {value}, which cannot be sent; `None` is null")
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise UsageError(f"{where} is {value}, and integers have 64 bits; a float or a text may be meant")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, date):
        return value.isoformat()
    raise UsageError(f"{where} is {_shown(value)}; a str, a number, a bool, a date, a datetime or None is sent")


def _unwrapped(value: object) -> object:
    """A scalar of NumPy (`item`) or Arrow (`as_py`) as Python's."""
    if value is None or isinstance(value, (str, int, float)):
        # Subclasses too: `json` writes `numpy.float64` and enumerations of texts as what they are.
        return value
    for name in ("as_py", "item"):
        convert = getattr(value, name, None)
        if callable(convert):
            unwrapped: object = convert()
            return unwrapped
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:80] + '…'} ({type(value).__name__})"
