"""What can go wrong, as one tree: `RhapsodeError` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class RhapsodeError(Exception):
    """The root of all errors that this package raises.

        RhapsodeError
        ├── UsageError                    an argument or a setting is wrong; nothing was sent (also a ValueError)
        ├── MissingPackageError           an optional package is not installed (also an ImportError)
        ├── TransportError                no whole answer came: refused, broken off
        │   └── TimedOutError             nothing came for `timeout` seconds
        ├── AnswerError                   an answer came that Rhapsode does not give, a proxy's perhaps
        │   └── DigestError               the bytes of a file are not those that its digest names
        └── ProblemError                  the server says what is wrong, as a problem document (RFC 9457)
            ├── InvalidRequestError       4xx: `field` of the request is wrong
            │   ├── UnknownFeatureError   no such feature, or view in `view:*`
            │   ├── InputError            an input of a feature on request is missing, unknown or of another type
            │   └── StatementError        SQL, or a filter, that cannot be run
            ├── UnauthenticatedError      401: no key, or one that is not known
            ├── ForbiddenError            403: the key may not do this
            ├── NotFoundError             404
            │   ├── UnknownKeyError       no entity has this key
            │   ├── UnknownEntityError    no such entity
            │   ├── UnknownReleaseError   no such release or tag
            │   ├── UnknownDatasetError   no such entity, source or view to download
            │   └── FeatureVersionError   `feature@n`: the release holds another version
            ├── StatementTimeoutError     408: the statement took too long
            ├── ConflictError             409
            ├── TooLargeError             413: of the request or of its answer
            ├── RateLimitedError          429: too often, or too much at once; `retry_after` says when to come back
            │   └── OverQuotaError        a quota of the key is used up until its day or month is over
            └── ServerError               5xx: a fault of the server
                └── UnavailableError      503: not now; asked again a few times before it is raised

    `request_id` is the request's `x-request-id`, under which the server's log has it; none where nothing was sent.
    A key is in none of them.
    """

    def __init__(self, message: str, request_id: str | None = None) -> None:
        # Both are `args`, so that an error survives pickling on its way from another process.
        super().__init__(message, request_id)
        self.request_id = request_id

    def __str__(self) -> str:
        message, request_id = self.args
        return str(message) if request_id is None else f"{message} (request {request_id})"


class UsageError(RhapsodeError, ValueError):
    """An argument or a setting is wrong; nothing was sent."""


class MissingPackageError(RhapsodeError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class TransportError(RhapsodeError):
    """No whole answer came: the connection was refused or broke off, and asking again did not help."""


class TimedOutError(TransportError):
    """Nothing came for the client's `timeout` seconds."""


class AnswerError(RhapsodeError):
    """An answer came that Rhapsode does not give: something else listens there, or a proxy changes answers."""


class DigestError(AnswerError):
    """The bytes of a downloaded file are not those that its digest names; the file was removed."""


@dataclass(frozen=True)
class Problem:
    """What the server says is wrong: `application/problem+json` (RFC 9457)."""

    type: str
    """Which kind of problem: `/problems/unknown-feature`."""
    title: str
    """The kind in words."""
    status: int
    """The HTTP status."""
    detail: str
    """This case in words."""
    field: str | None = None
    """The part of the request that is wrong: `features[2]`."""
    value: str | None = None
    """What stood there, at most 200 characters of it."""
    remedy: str | None = None
    """What to do about it."""
    request_id: str | None = None
    """The request's `x-request-id`."""
    retry_after: float | None = None
    """Seconds after which to ask again, where the server says so (`Retry-After`)."""


class ProblemError(RhapsodeError):
    """The server says what is wrong. The members of its problem document are attributes.

    try:
        client.features("t1", ["moood"])
    except rhapsode.ProblemError as error:
        error.type      # "/problems/unknown-feature"
        error.field     # "features[0]"
        error.value     # "moood"
        error.remedy    # "did you mean `mood`?"
    """

    def __init__(self, problem: Problem) -> None:
        Exception.__init__(self, problem)
        self.problem = problem
        self.type = problem.type
        self.title = problem.title
        self.status = problem.status
        self.detail = problem.detail
        self.field = problem.field
        self.value = problem.value
        self.remedy = problem.remedy
        self.request_id = problem.request_id
        self.retry_after = problem.retry_after

    def __str__(self) -> str:
        problem = self.problem
        parts = [problem.detail]
        if problem.field is not None:
            value = f": `{problem.value}`" if problem.value else ""
            parts.append(f" (in `{problem.field}`{value})")
        if problem.remedy is not None:
            parts.append(f"; {problem.remedy}")
        request = "" if problem.request_id is None else f", request {problem.request_id}"
        parts.append(f" [{problem.type.removeprefix('/problems/')}, {problem.status}{request}]")
        return "".join(parts)


class InvalidRequestError(ProblemError):
    """4xx: `field` of the request is wrong, and `remedy` says how to mend it."""


class UnknownFeatureError(InvalidRequestError):
    """There is no such feature, or no such view in `view:*`."""


class InputError(InvalidRequestError):
    """An input of a feature on request is missing, unknown, or of another type."""


class StatementError(InvalidRequestError):
    """SQL, or a filter, that cannot be run; `field` has its line and column (`query:1:8`) where they are known."""


class UnauthenticatedError(ProblemError):
    """401: no key was sent, or one that the server does not know."""


class ForbiddenError(ProblemError):
    """403: the key may not do this."""


class NotFoundError(ProblemError):
    """404: what was asked for does not exist."""


class UnknownKeyError(NotFoundError):
    """No entity has this key. Of many keys, unknown ones are no error: their rows have `found` false."""


class UnknownEntityError(NotFoundError):
    """There is no such entity."""


class UnknownReleaseError(NotFoundError):
    """There is no such release or tag."""


class UnknownDatasetError(NotFoundError):
    """There is no such entity, source or view to download."""


class FeatureVersionError(NotFoundError):
    """`feature@n` was asked for, and the release holds another version; `remedy` names a release that holds it."""


class StatementTimeoutError(ProblemError):
    """408: the statement took longer than the server lets one take."""


class ConflictError(ProblemError):
    """409: something else happened at the same time."""


class TooLargeError(ProblemError):
    """413: the request, or its answer, is larger than the server's bounds."""


class RateLimitedError(ProblemError):
    """429: too often, or too much at once. `retry_after` says in how many seconds to come back."""


class OverQuotaError(RateLimitedError):
    """429: a quota of the key is used up until its day or month is over."""


class ServerError(ProblemError):
    """5xx: a fault of the server; its log has the request under `request_id`."""


class UnavailableError(ServerError):
    """503: the server cannot answer now, and asking again did not help."""


_OF_TYPE: Mapping[str, type[ProblemError]] = {
    "feature-version-not-in-release": FeatureVersionError,
    "invalid-input": InputError,
    "malformed-feature": UnknownFeatureError,
    "missing-input": InputError,
    "over-quota": OverQuotaError,
    "statement": StatementError,
    "statement-timeout": StatementTimeoutError,
    "unknown-dataset": UnknownDatasetError,
    "unknown-entity": UnknownEntityError,
    "unknown-feature": UnknownFeatureError,
    "unknown-input": InputError,
    "unknown-key": UnknownKeyError,
    "unknown-release": UnknownReleaseError,
    "unknown-view": UnknownFeatureError,
}

_OF_STATUS: Mapping[int, type[ProblemError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    408: StatementTimeoutError,
    409: ConflictError,
    413: TooLargeError,
    429: RateLimitedError,
    503: UnavailableError,
}


def problem_error(problem: Problem) -> ProblemError:
    """The error of a problem: by its type; by its status where the type has no error of its own."""
    by_status = InvalidRequestError if problem.status < 500 else ServerError
    of_type = _OF_TYPE.get(problem.type.removeprefix("/problems/"))
    return (of_type or _OF_STATUS.get(problem.status, by_status))(problem)
