"""Questions to searches and of trends, as the server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from . import _wire

VEGA_LITE = "application/vnd.vegalite+json"


def body(options: Mapping[str, Any]) -> bytes:
    """The options of a search that say something."""
    return _wire.body({name: value for name, value in options.items() if value is not None})


def keys(written: object) -> str:
    """Keys in the form of a URL's parameter; none of them where `written` is empty."""
    if written == ():
        return ""
    many = [_wire.one_key(written)] if _wire.is_one_key(written) else _wire.many_keys(written)
    parts = (key if isinstance(key, list) else [key] for key in many)
    return ";".join(",".join(quote(str(part), safe="") for part in of_key) for of_key in parts)


def told(options: Mapping[str, Any]) -> dict[str, str]:
    """The options that say something, as a URL's parameters."""
    return {name: str(value) for name, value in options.items() if value is not None}


def pairs(written: Mapping[str, Any]) -> str:
    """`name:value` for each."""
    return ",".join(f"{name}:{value}" for name, value in written.items())
