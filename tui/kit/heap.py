"""Keeps collections of garbage away from what must not wait, and gives free memory back to the system."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from textual.screen import Screen

# Keeps full garbage collections short, so that none delays a key.
#
# A full collection visits every tracked object that is not frozen. The store hides its runs, and what views, error
# groups and own counts have of each run (`Store.hide`). Its indexes still refer to all runs: with 100,000 a collection
# takes 50 ms. So everything is frozen when the store has grown or many failures were grouped, and so are the survivors
# of a long collection. No later collection visits them.
#
# Whatever is part of a cycle when it is frozen stays in memory, for example the lines on the screen, some 100 KB. So
# that may happen only `MAX_FREEZES` times. A screen above the main one is some 5,000 objects, a megabyte: while one is
# alive, everything is frozen only `MAX_SCREEN_FREEZES` times, when it stays open or when the error groups are complete.
#
# `thaw_if_due` frees that garbage every five minutes, in a pause between keys: it unfreezes everything, collects, and
# freezes the rest again. If an hour passes between two thaws, a busy monitor uses up its freezes in a quarter of it.
# Then full collections become longer and rarer, more garbage waits for each, and Python's allocator keeps the memory
# that it took. For the same reason, `free_closed` does not leave closed screens to the next full collection.
#
# Python waits with a full collection until there are a quarter as many new objects as the last one left alive. So a
# short one follows each freeze, which leaves none: the frozen ones do not count.
#
# Nothing here asks the collector for a list of objects. The list would refer to a tuple that another thread still
# fills, and CPython ends such a tuple with a SystemError.


THRESHOLDS: Final = (500, 5, 1)
"""A full collection about every 6,000 new objects, 3 ms each. Python's own are rarer the more objects there are."""

MAX_COLLECTION_S: Final = 0.003
MIN_FREEZE_INTERVAL_S: Final = 60.0
"""Each freeze keeps what becomes garbage soon after. More of them keep more until the next thaw."""

MAX_FREEZES: Final = 10
"""Freezes between two thaws, those of a growing store apart."""

MAX_SCREEN_FREEZES: Final = 2
"""Those of them while a screen above the main one is alive."""

MIN_STAY_S: Final = 30.0
"""A screen that was open for so long may stay for hours."""

MIN_GROWTH: Final = 2_000
"""References to fewer runs than this take less than a millisecond of a collection."""

GROWTH: Final = 1.5
"""The store is frozen again when it is so many times as large: 11 times until it has 100,000 runs."""

MIN_THAW_INTERVAL_S: Final = 300.0
THAW_CHECK_INTERVAL_S: Final = 2.0
MIN_QUIET_S: Final = 5.0
"""A thaw takes 30 to 80 ms. It waits until the user has pressed no key for this time."""

FREE_AFTER_S: Final = 1.5
"""A closed screen is garbage by then. Textual and canceled timers refer to it for a second."""

MAX_FREE_S: Final = 0.01
"""If the last full collection took longer, `free_closed` leaves closed screens to the next one."""

_OLDEST: Final = 2
"""The generation that only a full collection visits. All its survivors are in this generation."""


class FreezingCollector:
    """Freezes all objects at the start, and the survivors of long collections. `cpu_s` and `monotonic_s` are clocks."""

    def __init__(
        self, cpu_s: Callable[[], float] = time.thread_time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._cpu_s = cpu_s
        self._monotonic_s = monotonic_s
        self._began_s = self._freeze_due_s = 0.0
        self._freezes_left = MAX_FREEZES
        self._screen_freezes_left = MAX_SCREEN_FREEZES
        self._frozen_runs = 0
        self._took_s = 0.0
        """The CPU time of the last full collection."""
        self._opened_s: WeakKeyDictionary[Screen[Any], float] = WeakKeyDictionary()
        """When each screen above the main one was opened. A closed one stays for seconds; a frozen one is left out."""
        self._thaw_due_s = self._quiet_from_s = 0.0
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        """Free the garbage of the start, freeze all other objects, and start the collector. A second call does nothing.

        The garbage is a megabyte: classes that a decorator made again, modules that others replaced. It takes 30 ms:
        while the user types, it stays until the first pause.
        """
        if self._is_started:
            return
        self._thresholds = gc.get_threshold()
        self._thaw_due_s = self._monotonic_s()
        if self.is_quiet:
            gc.collect()
            self._thaw_due_s += MIN_THAW_INTERVAL_S
        _freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._on_collection)
        gc.enable()

    def stop(self) -> None:
        """Give the collector its former settings back. Another app may run in the same process."""
        if self._is_started:
            gc.callbacks.remove(self._on_collection)
            gc.set_threshold(*self._thresholds)

    def record_screen(self, screen: Screen[Any]) -> None:
        """Freeze next to nothing while this screen above the main one is alive."""
        self._opened_s[screen] = self._monotonic_s()

    def free_closed(self) -> None:
        """Free closed screens, before more of them come together."""
        if self._is_started and self._took_s <= MAX_FREE_S:
            gc.collect()

    def record_run_count(self, count: int) -> None:
        """Freeze a store that has grown, or what has made a collection long."""
        is_grown = count >= max(self._frozen_runs * GROWTH, self._frozen_runs + MIN_GROWTH)
        if is_grown and self._is_started and not self._opened_s:
            self._frozen_runs = count
            _freeze()
        else:
            self._freeze_if_long()

    def record_groups(self, size: int) -> None:
        """Freeze the error groups of so many runs. The screen that shows them is usually the one that is open."""
        if size >= MIN_GROWTH:
            self._freeze_counted()

    def record_key(self) -> None:
        """Keep thaws away from a user who types. What has made a collection long is frozen."""
        self._quiet_from_s = self._monotonic_s() + MIN_QUIET_S
        self._freeze_if_long()

    @property
    def is_quiet(self) -> bool:
        """Whether no key was pressed for `MIN_QUIET_S`."""
        return self._monotonic_s() >= self._quiet_from_s

    def thaw_if_due(self) -> None:
        """Free what became garbage while it was frozen, at most once in `MIN_THAW_INTERVAL_S`."""
        now_s = self._monotonic_s()
        if self._is_started and now_s >= self._thaw_due_s and self.is_quiet:
            self._thaw_due_s = now_s + MIN_THAW_INTERVAL_S
            self._freezes_left, self._screen_freezes_left = MAX_FREEZES, MAX_SCREEN_FREEZES
            gc.unfreeze()
            gc.collect()
            _freeze()

    def _on_collection(self, phase: str, facts: Mapping[str, int]) -> None:
        if facts["generation"] == _OLDEST and phase == "start":
            self._began_s = self._cpu_s()
        elif facts["generation"] == _OLDEST:
            self._took_s = self._cpu_s() - self._began_s

    @property
    def _is_started(self) -> bool:
        return self._on_collection in gc.callbacks

    def _freeze_if_long(self) -> None:
        """Freeze the survivors of a long collection.

        One may begin anywhere, such as while a module is imported or a dialog opens: it does not freeze them itself. So
        the next key or change does, unless much is new since: that may be garbage, which would stay.
        """
        if self._took_s <= MAX_COLLECTION_S or _has_new_objects():
            return
        now_s = self._monotonic_s()
        if now_s >= self._freeze_due_s and all(now_s >= each + MIN_STAY_S for each in self._opened_s.values()):
            self._freeze_due_s = now_s + MIN_FREEZE_INTERVAL_S
            self._freeze_counted()

    def _freeze_counted(self) -> None:
        """Freeze everything, if that was not done too often since the last thaw."""
        has_screen = bool(self._opened_s)
        if self._is_started and self._freezes_left and (self._screen_freezes_left or not has_screen):
            self._freezes_left -= 1
            self._screen_freezes_left -= has_screen
            self._opened_s.clear()  # a frozen screen is not freed when it closes
            _freeze()


def _has_new_objects() -> bool:
    """Whether there were some `THRESHOLDS[0]` new objects since the last full collection."""
    return gc.get_count()[1] > 0  # young collections


def _freeze() -> None:
    gc.freeze()
    gc.collect()


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
    """Return the free pages of the heap, which takes a tenth of a millisecond to two. Only glibc can do that."""
    try:
        import ctypes  # noqa: PLC0415  not needed before

        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, AttributeError, OSError, TypeError):
        return
    malloc_trim(0)
