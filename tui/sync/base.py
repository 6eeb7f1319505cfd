"""The protocol of all sources, the ways to fail, and the waits between tries."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Protocol

from tui.api.errors import ApiError, RateLimited, Refused, ServerFault, Unreachable
from tui.domain.update import Update

Emit = Callable[[Update], Awaitable[None]]
"""Send an update to the session. Awaiting it applies back-pressure."""

FIRST_WAIT_S = 1.0
"""After the first failure. A load balancer restarts within this time."""

MAX_ROUND_S = 10.0
"""From the start of one failed try to the next: the session notices within this time that a server is back."""

_MAX_DOUBLINGS = 10


class Transient(Exception):
    """A temporary failure. The session runs the source again, after `retry_after` at the earliest.

    `is_answered`: the server responded, with the HTTP `status`. Otherwise no server was reached.
    """

    def __init__(
        self, reason: str, retry_after: timedelta | None = None, *, is_answered: bool = True, status: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.is_answered = is_answered
        self.status = status


class Fatal(Exception):
    """A failure that only the user can fix, with another key, address or filter. `status` is the HTTP status."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Source(Protocol):
    """One way to get updates about runs."""

    @property
    def name(self) -> str:
        """The name of the source in messages and in the store."""

    async def run(self, emit: Emit) -> None:
        """Emit updates until canceled.

        Raises `Transient` or `Fatal`; any other exception is a bug. After a `Transient` it may be run again, and then
        reads everything that may have changed since.
        """


_TEMPORARY = frozenset({408, 425, 499})


def as_source_error(error: ApiError, *, was_connected: bool) -> Transient | Fatal:
    """Return the failure of a source that got this error.

    401 and 403 are fatal. Any other refusal is fatal only if no request ever succeeded: afterwards, a 400 or 404 comes
    from a proxy, or from a server in the middle of a rollout.
    """
    match error:
        case RateLimited():
            return Transient(str(error), error.resets_in, status=429)
        case Refused() if error.is_about_the_key or (not was_connected and error.status not in _TEMPORARY):
            return Fatal(str(error), status=error.status)
        case Refused() | ServerFault():
            return Transient(str(error), status=error.status)
        case _:
            return Transient(str(error), is_answered=not isinstance(error, Unreachable))


def wait_s(random: Random, failures: int, took_s: float) -> float:
    """Return the seconds to wait after `failures` failures in a row, of which the last took `took_s`.

    Waits double from `FIRST_WAIT_S` on. A try and the wait after it take at most `MAX_ROUND_S`, unless the try alone
    takes longer. Jitter over the upper half keeps many monitors from retrying at once.
    """
    doubled_s = FIRST_WAIT_S * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return random.uniform(0.5, 1.0) * min(doubled_s, max(FIRST_WAIT_S, MAX_ROUND_S - took_s))
