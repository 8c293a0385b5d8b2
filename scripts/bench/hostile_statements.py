"""Statements that are meant to do harm, of named families, the same for a seed; and what is known of their answers."""

from __future__ import annotations

import random
from dataclasses import dataclass

import hostile_forms as forms
import hostile_values as values
import hostile_work as work

FAMILIES = {
    "cross joins": work.cross_joins,
    "joins of heaps": work.joins,
    "recursive queries": work.recursion,
    "regular expressions": work.expressions,
    "series and lists unfolded": work.series,
    "texts of gigabytes, refused": work.fillers,
    "texts of gigabytes": work.amplifiers,
    "everything in one value": work.collecting,
    "windows": work.windows,
    "sorts": work.sorts,
    "groupings and columns": work.groups,
    "chains of operands": forms.chains,
    "literals": forms.literals,
    "brackets": forms.parentheses,
    "queries in queries": forms.subqueries,
    "other verbs": forms.verbs,
    "files and the machine": forms.outside,
    "parameters": forms.placeholders,
    "garbage": forms.garbage,
    "numbers": values.numbers,
    "texts": values.texts,
    "moments": values.times,
    "lists": values.lists,
    "stumbling blocks": values.stumbles,
    "analyzers": values.analyzers,
    "honest": values.honest,
}


@dataclass(frozen=True)
class Statement:
    """A statement over `track` (`track_id`, `decade`, `tokens`, `mtld`) and `tracks` (`track_id`, `year`, `lyrics`)."""

    family: str
    sql: str
    is_refused: bool
    """Whether any answer but a refusal is wrong."""
    rows: forms.Rows | None
    """What it gives where it is answered; none where that is not known beforehand."""


def statements(seed: int, count: int, tracks: int) -> list[Statement]:
    """As many of each family as of the others, mixed; each ends in a comment of its own, so that no answer is kept.

    `tracks` is how many there are.
    """
    draw = random.Random(seed)
    made = []
    for index in range(count):
        family = list(FAMILIES)[index % len(FAMILIES)]
        sql, known = FAMILIES[family](draw, tracks)
        made.append(Statement(family, f"{sql}\n-- {index}", known is True, known if isinstance(known, list) else None))
    draw.shuffle(made)
    return made
