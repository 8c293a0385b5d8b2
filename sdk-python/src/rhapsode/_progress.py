"""A bar for work that takes long, where somebody looks on and tqdm is installed; otherwise nothing."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SHOWN_AFTER_SECONDS = 0.5
"""What is done by then needs no bar."""


class Bar:
    """How far the work is; shows it, or not."""

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def reach(self, done: int, total: int | None) -> None:
        """So much is done of so much."""
        if self._shown is not None:
            self._shown.total = total
            self._shown.update(done - self._shown.n)

    def advance(self, part: int) -> None:
        """So much more is done."""
        if self._shown is not None:
            self._shown.update(part)


@contextmanager
def progress(description: str, unit: str) -> Iterator[Bar]:
    """A bar, gone when the work is done."""
    shown = _shown(description, unit) if is_watched() else None
    try:
        yield Bar(shown)
    finally:
        if shown is not None:
            shown.close()


def is_watched() -> bool:
    """Whether there is a terminal or a notebook."""
    return sys.stderr.isatty() or _is_notebook()


def _is_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _shown(description: str, unit: str) -> Any:
    try:
        with warnings.catch_warnings():
            # It warns where a notebook lacks widgets, and shows text instead.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(desc=description, unit=unit, unit_scale=True, delay=SHOWN_AFTER_SECONDS, leave=False)
