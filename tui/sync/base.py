"""The protocol of all sources, the ways to fail, the waits between tries, and the authorities that a relay may name."""

import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import PurePath
from random import Random
from typing import Protocol

from tui.api.errors import ApiError, Refused, Unreachable
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
        self.retry_after = retry_after or timedelta()
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
    if isinstance(error, Refused):
        is_lasting = not was_connected and error.status not in _TEMPORARY
        if error.is_about_the_key or is_lasting:
            return Fatal(str(error), status=error.status)
    return as_transient(error)


def as_transient(error: ApiError, retry_after: timedelta = timedelta()) -> Transient:
    """Return the failure of a source that tries again, `retry_after` at the earliest."""
    later, is_answered = max(retry_after, error.resets_in), not isinstance(error, Unreachable)
    return Transient(str(error), later, is_answered=is_answered, status=error.status)


def wait_s(random: Random, failures: int, took_s: float) -> float:
    """Return the seconds to wait after `failures` failures in a row, of which the last took `took_s`.

    Waits double from `FIRST_WAIT_S` on. A try and the wait after it take at most `MAX_ROUND_S`, unless the try alone
    takes longer. Jitter over the upper half keeps many monitors from retrying at once.
    """
    doubled_s = FIRST_WAIT_S * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return random.uniform(0.5, 1.0) * min(doubled_s, max(FIRST_WAIT_S, MAX_ROUND_S - took_s))


def tls_context(ca: PurePath | None) -> ssl.SSLContext:
    """Return TLS settings that trust the machine's authorities, or those of a file. Raises `Fatal` for a bad file."""
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:  # ssl.SSLError is one too
        reason = (getattr(error, "reason", None) or error.strerror or "").replace("_", " ").lower()
        raise Fatal(f"--tls-ca {ca}: no certificate could be read: {reason}") from None
