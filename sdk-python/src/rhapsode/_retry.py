"""How often and how long a call waits before it asks again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ._errors import ProblemError, RhapsodeError, TimedOutError, TransportError

FIRST_SECONDS = 0.25
"""The longest first wait; each further one may be twice as long."""

ONE_WAIT_SECONDS_MAX = 8.0
"""The longest wait that the server did not ask for: a server that restarts is back by then."""

WAITING_SECONDS_MAX = 60.0
"""All waits of one request together. Whoever is told to come back later than that is told so by an error."""

STATUSES = (429, 503)
"""What may be otherwise a moment later. All other refusals stay what they are."""


@dataclass(frozen=True)
class Waiting:
    """A policy of waiting. Time and chance are its arguments, so that tests have neither."""

    retries: int
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """A number from 0 to 1."""

    def patience(self) -> Patience:
        """That of a new request."""
        return Patience(self)


class Patience:
    """What is left of the patience of one request."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._waited_seconds = 0.0
        self.renew()

    def renew(self) -> None:
        """Counts retries anew, since there was progress; what was waited stays waited."""
        self._retries_left = self._waiting.retries
        self._next_seconds = FIRST_SECONDS

    def wait_after(self, error: RhapsodeError, *, passes: bool) -> None:
        """Waits until it is time to ask again; raises `error` where it does not pass, or lasts too long."""
        if self._retries_left == 0 or not passes:
            raise error
        # Anything between nothing and the whole, so that clients that were refused together do not come back together.
        seconds = self._waiting.chance() * self._next_seconds
        if isinstance(error, ProblemError) and error.retry_after is not None:
            seconds += error.retry_after
        if self._waited_seconds + seconds > WAITING_SECONDS_MAX:
            raise error
        self._retries_left -= 1
        self._waited_seconds += seconds
        self._next_seconds = min(2 * self._next_seconds, ONE_WAIT_SECONDS_MAX)
        self._waiting.sleep(seconds)


def may_pass(error: RhapsodeError) -> bool:
    """Whether the same request may be answered a moment later.

    A request that timed out is not asked again: the server is at work on it, and would then be at work on two.
    """
    match error:
        case TimedOutError():
            return False
        case TransportError():
            return True
        case ProblemError():
            return error.status in STATUSES
        case _:
            return False
