"""`Members`: failures by time, and which of them are in a span."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from tui.domain.ids import RunId
from tui.store.errors.failures import Failure, TimeSpan
from tui.store.view_keys import SortedKeys

Key = tuple[float, RunId]
"""The time of a failure in seconds since the epoch, and its run."""


class Members:
    """Failures sorted by time."""

    __slots__ = ("_keys",)

    def __init__(self, hide: Callable[[object], object]) -> None:
        self._keys = SortedKeys((), hide)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, failure: Failure) -> None:
        """Add a failure."""
        self._keys.add((failure.seen_s, failure.run_id))

    def remove(self, failure: Failure) -> None:
        """Remove a failure. Raises `ValueError` if it is not there."""
        self._keys.remove((failure.seen_s, failure.run_id))

    @property
    def oldest_s(self) -> float:
        """The time of the oldest failure; infinite if there is none."""
        return self._keys[0][0] if self._keys else float("inf")

    def first_s(self, span: TimeSpan) -> float:
        """Return the time of the oldest failure in a span. Raises `IndexError` if there is none after its start."""
        seen_s: float = self._keys[self._keys.bisect_left((span.since.timestamp(),))][0]
        return seen_s

    def count_in(self, span: TimeSpan) -> int:
        """Return the number of failures in a span."""
        start, end = (span.since.timestamp(),), (span.until.timestamp(), "\U0010ffff")
        count: int = self._keys.bisect_right(end) - self._keys.bisect_left(start)
        return max(count, 0)

    def newest_in(self, span: TimeSpan, limit: int | None = None) -> Iterator[RunId]:
        """Iterate over the runs in a span, newest first."""
        end = (span.until.timestamp(), "\U0010ffff")
        keys: Iterable[Key] = self._keys.irange((span.since.timestamp(),), end, reverse=True)
        return (run_id for _, run_id in islice(keys, limit))

    def pieces(self, since_s: float, until_s: float, size: int) -> Iterator[list[RunId]]:
        """Iterate over the runs between two times, both included, newest first, `size` of them at a time.

        Failures may be added and removed between two pieces. Those that were added to earlier pieces are left out.
        """
        start: tuple[float] = (since_s,)
        end: tuple[float, str] = (until_s, "\U0010ffff")
        while keys := list(islice(self._keys.irange(start, end, inclusive=(True, False), reverse=True), size)):
            yield [run_id for _, run_id in keys]
            end = keys[-1]
