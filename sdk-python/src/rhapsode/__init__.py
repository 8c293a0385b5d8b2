"""A client of Rhapsode, a feature store for content.

    import rhapsode

    with rhapsode.Client() as client:                      # RHAPSODE_URL, RHAPSODE_KEY
        client.features("t1")["decade"]                    # one entity: a mapping
        client.features(["t1", "t2"], ["decade", "mtld"])  # many: an Arrow table, rows in the order asked
        client.sql("select decade, count(*) as n from track group by decade")
        client.download("track", "track.parquet", filter="decade >= 1800")

Every answer is read from one release, an immutable snapshot of all data, and says its number (`.release`). Ask for that
number again, and the answer is the same.
"""

from ._answers import (
    AddedTerm,
    Catalogue,
    CatalogueCheck,
    CatalogueEntity,
    CatalogueFeature,
    CatalogueInput,
    CatalogueOnRequest,
    CatalogueView,
    FeedbackRecorded,
    Pattern,
    Patterns,
    Recommendation,
    Recommendations,
    ReleaseEntry,
    ReleaseRows,
    Releases,
    SearchHit,
    SearchHits,
    Trend,
    Trends,
)
from ._client import Client
from ._errors import (
    AnswerError,
    ConflictError,
    DigestError,
    FeatureVersionError,
    ForbiddenError,
    InputError,
    InvalidRequestError,
    MissingPackageError,
    NotFoundError,
    OverQuotaError,
    Problem,
    ProblemError,
    RateLimitedError,
    RhapsodeError,
    ServerError,
    StatementError,
    StatementTimeoutError,
    TimedOutError,
    TooLargeError,
    TransportError,
    UnauthenticatedError,
    UnavailableError,
    UnknownDatasetError,
    UnknownEntityError,
    UnknownFeatureError,
    UnknownKeyError,
    UnknownReleaseError,
    UsageError,
)
from ._table import Features, Table
from ._version import __version__

__all__ = [
    "AddedTerm",
    "AnswerError",
    "Catalogue",
    "CatalogueCheck",
    "CatalogueEntity",
    "CatalogueFeature",
    "CatalogueInput",
    "CatalogueOnRequest",
    "CatalogueView",
    "Client",
    "ConflictError",
    "DigestError",
    "FeatureVersionError",
    "Features",
    "FeedbackRecorded",
    "ForbiddenError",
    "InputError",
    "InvalidRequestError",
    "MissingPackageError",
    "NotFoundError",
    "OverQuotaError",
    "Pattern",
    "Patterns",
    "Problem",
    "ProblemError",
    "RateLimitedError",
    "Recommendation",
    "Recommendations",
    "ReleaseEntry",
    "ReleaseRows",
    "Releases",
    "RhapsodeError",
    "SearchHit",
    "SearchHits",
    "ServerError",
    "StatementError",
    "StatementTimeoutError",
    "Table",
    "TimedOutError",
    "TooLargeError",
    "TransportError",
    "Trend",
    "Trends",
    "UnauthenticatedError",
    "UnavailableError",
    "UnknownDatasetError",
    "UnknownEntityError",
    "UnknownFeatureError",
    "UnknownKeyError",
    "UnknownReleaseError",
    "UsageError",
    "__version__",
]

# What is public says that it is from here, in tracebacks and in help().
for _public in [globals()[name] for name in __all__]:
    if isinstance(_public, type):
        _public.__module__ = __name__
