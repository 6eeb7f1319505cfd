"""What a source is, and the few ways in which it may fail.

What lives here: the protocol, its two exceptions, the translation of the API's errors into them, and the waits
between tries. Who waits is the session.
"""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from random import Random
from typing import Protocol

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.update import HistoryRead, Update
from tui.wire.errors import ApiError, RateLimited, Refused, ServerFault, Unreachable

Emit = Callable[[Update], Awaitable[None]]
"""Hand an update to the session; awaiting it is the back-pressure."""

FIRST_WAIT_S = 1.0
"""After a first failure: longer than a restart of a load balancer, shorter than a person's patience."""

MAX_ROUND_S = 10.0
"""From the beginning of one failed try to the next: a server that is back is noticed within this time, also where each
try waits for a connection in vain.
"""

_MAX_DOUBLINGS = 10


class Transient(Exception):
    """It failed in a way that passes. The session runs the source again, not before `retry_after` if given.

    `is_answered`: the server said so, with HTTP `status`; otherwise nobody was reached.
    """

    def __init__(
        self,
        reason: str,
        retry_after: timedelta | None = None,
        *,
        is_answered: bool = True,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.is_answered = is_answered
        self.status = status


class Fatal(Exception):
    """It failed in a way that only a person can mend: another key, another address, another filter; `status` is the
    HTTP status that said so.
    """

    def __init__(self, reason: str, *, is_about_the_key: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_about_the_key = is_about_the_key
        self.status = status


class Source(Protocol):
    """One way to hear about runs."""

    @property
    def name(self) -> str:
        """How messages and the store call it."""

    async def run(self, emit: Emit) -> None:
        """Emit updates until cancelled.

        Raises `Transient` or `Fatal`; anything else is a bug. It may be run again after a `Transient`, and then
        re-reads whatever may have changed in between.
        """


class KnownRuns(Protocol):
    """The store as sources see it: they read runs, and only ever write by emitting updates."""

    @property
    def history(self) -> HistoryRead | None:
        """How much of the history has been read, None before its first page."""

    @property
    def max_runs(self) -> int:
        """How many runs the store keeps, live and pinned ones aside."""

    def __len__(self) -> int:
        """Return the number of known runs."""

    def get(self, run_id: RunId) -> Run | None:
        """Return a run as far as it is known."""

    def live(self) -> AbstractSet[RunId]:
        """Return the runs that may still change."""

    def with_status(self, status: RunStatus) -> AbstractSet[RunId]:
        """Return the runs in a status."""

    def with_task(self, task: TaskId) -> AbstractSet[RunId]:
        """Return the runs of a task."""

    def created_rank(self, run_id: RunId) -> int:
        """Return how many known runs are newer. Raises `KeyError` if the run is not known."""


_PASSES = frozenset({408, 425, 499})


def as_source_error(error: ApiError, *, was_connected: bool) -> Transient | Fatal:
    """What an API error on a list or a detail means for a source (DESIGN §3, §4).

    401 and 403 are final. Any other refusal is so only where nothing ever worked: once it did, a 400 or 404 is a
    proxy or a server in the middle of a rollout.
    """
    match error:
        case RateLimited():
            return Transient(str(error), error.resets_in, status=429)
        case Refused() if error.is_about_the_key:
            return Fatal(str(error), is_about_the_key=True, status=error.status)
        case Refused() if not was_connected and error.status not in _PASSES:
            return Fatal(str(error), status=error.status)
        case Refused() | ServerFault():
            return Transient(str(error), status=error.status)
        case _:
            return Transient(str(error), is_answered=not isinstance(error, Unreachable))


def wait_s(random: Random, failures: int, took_s: float) -> float:
    """Return the seconds to wait after so many failures in a row, the last of which took `took_s`.

    Waits double from FIRST_WAIT_S on. The wait and the failed try together take MAX_ROUND_S at most, unless the try
    alone took longer. Each wait is spread over its upper half, which keeps a wall of monitors from knocking together.
    """
    doubled_s = FIRST_WAIT_S * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return random.uniform(0.5, 1.0) * min(doubled_s, max(FIRST_WAIT_S, MAX_ROUND_S - took_s))
