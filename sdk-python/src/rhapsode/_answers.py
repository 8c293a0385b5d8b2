"""The shapes of what the server answers as JSON: dictionaries, with their members' types."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class CatalogueInput(TypedDict):
    """A value that comes with a request, for features on request."""

    name: str
    dtype: str
    description: str | None


class CatalogueFeature(TypedDict):
    """A feature: its type and version, what it is made from, and its statistics."""

    name: str
    dtype: str
    version: int
    description: str | None
    unit: str | None
    licence: str | None
    access: str
    """`open` or `restricted`."""
    online: str
    """`memory`, or `off` where only SQL over its view reads it."""
    tags: list[str]
    expr: str | None
    reads: list[str]
    """The columns that its values are made from, as `table.column`."""
    origins: list[str]
    """The columns of sources that those are made from in the end."""
    fingerprint: str
    nulls: int
    """Rows without a value."""
    statistics: dict[str, Any] | None
    """`count`, `distinct`, `min`, `max`, `mean`, `quantiles`, `histogram`, `top`; none for lists and structs."""


class CatalogueCheck(TypedDict):
    """Something that was expected of values, and what was found."""

    feature: str | None
    expected: str
    found: str
    passed: bool
    on_failure: str
    """`fail` or `warn`."""


class CatalogueView(TypedDict):
    """A feature view: features that are computed together."""

    name: str
    rows: int
    description: str | None
    owner: str | None
    tags: list[str]
    inputs: list[str]
    """The sources and views that it is computed from."""
    checks: list[CatalogueCheck]
    features: list[CatalogueFeature]


class CatalogueOnRequest(TypedDict):
    """A view whose features are computed when they are asked for."""

    name: str
    description: str | None
    owner: str | None
    tags: list[str]
    inputs: list[CatalogueInput]
    features: list[CatalogueFeature]


class CatalogueEntity(TypedDict):
    """An entity with its join keys and views."""

    name: str
    join_keys: list[str]
    description: str | None
    views: list[CatalogueView]
    on_request: list[CatalogueOnRequest]


class Catalogue(TypedDict):
    """All definitions of a release."""

    release: int
    entities: list[CatalogueEntity]


class ReleaseRows(TypedDict):
    """How many rows a source or a view has in a release."""

    name: str
    rows: int
    rejected: int


class ReleaseEntry(TypedDict):
    """A release: when it was published, and its names."""

    release: int
    created_at: str
    """RFC 3339."""
    tags: list[str]
    yanked: str | None
    """Why it was taken out of `latest`; none where it was not."""
    sources: list[ReleaseRows]
    views: list[ReleaseRows]
    definitions: str
    """BLAKE3 of the definition files that it was built from."""


class Releases(TypedDict):
    """All releases, the newest first."""

    latest: int
    releases: list[ReleaseEntry]


class _Hit(TypedDict):
    key: str
    score: float
    """From 0 to 1."""
    features: dict[str, Any]
    """The values of the search's filters."""


class SearchHit(_Hit, total=False):
    """A piece that was found: `key`, `score` (0 to 1), `features` (the values of the search's filters)."""

    highlights: list[str]
    """Lines that show why it was found; where they were asked for."""
    explain: dict[str, Any]
    """Why it stands where it stands; where that was asked for."""


AddedTerm = TypedDict("AddedTerm", {"term": str, "for": str, "reason": str})
AddedTerm.__doc__ = """A term that a query does not have and that was looked for.

`for` is the word of the query that it stands for, `reason` one of `typing`, `synonym`, `related`.
"""


class SearchHits(TypedDict):
    """What a search found, the best first."""

    release: int
    search: str
    profile: str
    """The recipe that was followed."""
    experiment: str | None
    """The experiment that gave it to the key; none where none did."""
    hits: list[SearchHit]
    facets: dict[str, list[dict[str, Any]]]
    """By name: `value` and `count`, the most frequent first."""
    terms: list[str]
    added_terms: list[AddedTerm]
    phrases: list[list[str]]
    excluded: list[list[str]]
    conditions: list[str]
    next: str | None
    """The `cursor` of the page after this one; none where this is the last."""


class FeedbackRecorded(TypedDict):
    """What became of what was said of a hit."""

    release: int
    search: str
    profile: str
    recorded: Literal["new", "same", "changed"]
    experiment: str | None
    """The experiment that it counts for."""


class Recommendation(TypedDict):
    """A piece that is recommended."""

    key: str
    score: float
    """From 0 to 1."""
    features: dict[str, Any]
    """The values of the search's filters."""
    reasons: list[dict[str, Any]]
    """`criterion` and `likeness` (0 to 1), that which adds most first."""


class Recommendations(TypedDict):
    """Pieces that are recommended, the best first."""

    release: int
    search: str
    recommendations: list[Recommendation]
    weights: dict[str, float]
    """How much each criterion counted."""


class Trend(TypedDict, total=False):
    """A value, or a number, that rises or falls by more than chance."""

    group: str
    value: str
    change: float
    """From the first period to the last, along a line."""
    slope: float
    """For each unit of a time that is a number, or for a year; `low` to `high` with 95 % confidence."""
    low: float
    high: float
    p: float
    q: float
    """The rate of chance among what rises and falls at this and at lesser rates."""


class Trends(TypedDict):
    """How a feature changes over time."""

    release: int
    entity: str
    feature: str
    time: str
    by: str | None
    period: str
    rows: list[dict[str, Any]]
    """`period`, `group`, `value`, `count`, `of`, `share` or `mean`, `low` and `high` (95 % confidence), `smoothed`."""
    risers: list[Trend]
    """Those that change most first."""
    fallers: list[Trend]
    tested: int
    """How many values were looked at for risers and fallers."""
    error_rate: float
    values: int | None
    not_counted: dict[str, int]


class _Pattern(TypedDict):
    feature: str
    pieces: int
    """Pieces that have it."""
    effect: float
    """From -1 to 1: of a number Spearman's correlation with the measure, of a value Cliff's delta."""
    low: float
    high: float
    """Where the effect is with 95 % confidence."""
    p: float
    q: float
    """The rate of chance among what is told at this and at lesser rates."""


_Means = TypedDict("_Means", {"value": str, "with": float, "without": float}, total=False)


class Pattern(_Pattern, _Means):
    """A number or a value that goes with a measure by more than chance.

    Of a value, `with` is the mean of the measure among pieces that have it, `without` among those that have not.
    """


class Patterns(TypedDict):
    """What goes with a measure."""

    release: int
    entity: str
    measure: str
    by: str | None
    time: str | None
    note: str
    pieces: int
    """Pieces that were compared."""
    strata: int
    """Groups and periods within which they were."""
    tested: int
    error_rate: float
    patterns: list[Pattern]
    """Those with the greatest effect first."""
