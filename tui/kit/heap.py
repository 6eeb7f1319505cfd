"""Keeps collections of garbage away from what must not wait, and gives free memory back to the system."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# Makes full garbage collections in pauses between keys, so that none delays a key.
#
# A full collection visits every tracked object that is not frozen: with 100,000 runs 0.3 s. So Python makes none by
# itself. Each of ours freezes what has survived, and the next one visits only what is new. What becomes garbage while
# it is frozen, such as a screen that stayed open, is freed by a thaw every five minutes, or later where it takes long.
# Without all this, the longest key at 100,000 runs takes twice as long.
#
# Nothing here asks the collector for a list of objects. The list would refer to a tuple that another thread still
# fills, and CPython ends such a tuple with a SystemError.


THRESHOLDS: Final = (500, 5, 1_000_000)
"""Young objects are collected as they come, in a fraction of a millisecond; all objects only by `collect_if_due`."""

COLLECT_INTERVAL_S: Final = 2.0
MIN_QUIET_S: Final = 5.0
"""A full collection waits until the user has pressed no key for this time."""

THAW_INTERVAL_S: Final = 300.0
THAW_SHARE: Final = 3_000
"""A thaw takes 30 ms with 1,000 runs. The next one waits so many times as long as it took."""

MIN_YOUNG: Final = 2
"""Collections of young objects after which a pause is used for a full one: some 7,000 new objects."""

MAX_YOUNG: Final = 10
"""After so many, a full one does not wait for a pause: 35,000 new objects may be 7 MB of closed screens."""

_OLDEST: Final = 2
"""The generation that only a full collection visits."""


class PauseCollector:
    """Collects garbage in pauses. `monotonic_s` is a clock."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._quiet_from_s = 0.0
        self._thaw_due_s = 0.0
        self._thresholds: tuple[int, int, int] | None = None
        """The former settings of the collector, once it has started."""

    def start(self) -> None:
        """Start the collector. A second call does nothing."""
        if self._thresholds is None:
            self._thresholds = gc.get_threshold()
            gc.set_threshold(*THRESHOLDS)
            gc.enable()

    def stop(self) -> None:
        """Give the collector its former settings back. Another app may run in the same process."""
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
            self._thresholds = None

    def record_key(self) -> None:
        """Keep full collections away from a user who types."""
        self._quiet_from_s = self._monotonic_s() + MIN_QUIET_S

    @property
    def is_quiet(self) -> bool:
        """Whether no key was pressed for `MIN_QUIET_S`."""
        return self._monotonic_s() >= self._quiet_from_s

    def collect_if_due(self) -> None:
        """Free garbage if much may have come, and freeze what is alive."""
        if self._thresholds is None:
            return
        began_s = self._monotonic_s()
        must_thaw = self.is_quiet and began_s >= self._thaw_due_s
        if must_thaw:
            gc.unfreeze()
        elif gc.get_count()[_OLDEST] < (MIN_YOUNG if self.is_quiet else MAX_YOUNG):
            return
        gc.collect()
        gc.freeze()
        if must_thaw:
            took_s = self._monotonic_s() - began_s
            self._thaw_due_s = began_s + max(THAW_INTERVAL_S, THAW_SHARE * took_s)


# Gives free memory back to the system, now and then: answers of the server and dialogs that have come and gone leave
# holes in the heap, some 2 MB after ten minutes.


@contextmanager
def no_collections() -> Iterator[None]:
    """Pause the garbage collector. A collection that becomes due meanwhile runs afterwards."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def trim() -> None:
    """Return the free pages of the heap, which takes a tenth of a millisecond to two. Only glibc can do that.

    It saves 4 MB of 98 after eight minutes at 20 runs/s.
    """
    try:
        import ctypes  # noqa: PLC0415  not needed before

        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, AttributeError, OSError, TypeError):
        return
    malloc_trim(0)
