"""The keys of many runs, which no garbage collection visits: sorted ones, and those of a view by run."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Final, Self

from sortedcontainers import SortedList

from tui.domain.ids import RunId
from tui.store.orders import SortKey
from tui.store.store import Store

_KEYS_PER_STEP: Final = 1_024
_ID: Final = itemgetter(-1)


class SortedKeys(SortedList):  # type: ignore[misc]  # the library ships no types
    """A sorted list of values that form no cycles, such as tuples of numbers and texts.

    It consists of lists of some thousand values. `hide` hides them from the garbage collector.
    """

    def __new__(cls, *_: object) -> Self:
        return object.__new__(cls)  # the library's takes a function for its second argument

    def __init__(self, keys: Iterable[Any], hide: Callable[[object], object]) -> None:
        super().__init__(keys)
        self._hide = hide
        for part in self._lists:
            hide(part)

    def __bool__(self) -> bool:  # mypy does not know that the library's class has a length
        return bool(self._lists)

    def _expand(self, pos: int) -> None:
        count = len(self._lists)
        super()._expand(pos)
        self._hide(self._lists[pos])  # the first one is made elsewhere
        if len(self._lists) > count:
            self._hide(self._lists[pos + 1])


class ViewKeys:
    """Sort keys by run, in order of their addition. They are found by run only when that is needed.

    A dictionary of 100,000 runs takes 15 ms to make, and the first page of a sorted list does not need it. So keys may
    be added without it. They enter it in steps, or all at once when a run is looked for.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_run: dict[RunId, SortKey] = {}
        self._waiting: list[SortKey] = []
        """The keys that are not in the dictionary. None of their runs is in it."""

    def hide(self) -> None:
        """Hide the keys from the garbage collector. It sees a dictionary again after each new value."""
        self._store.hide(self._by_run)
        self._store.hide(self._waiting)

    def add_later(self, keys: Iterable[SortKey]) -> None:
        """Add keys of runs that are not here yet."""
        self._waiting.extend(keys)

    def enter_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Put keys into the dictionary until the time is up. Return whether none is left."""
        while self._waiting:
            self._enter(self._waiting[-_KEYS_PER_STEP:])
            del self._waiting[-_KEYS_PER_STEP:]
            if is_time_up():
                break
        return not self._waiting

    @property
    def is_complete(self) -> bool:
        """Whether all keys are in the dictionary."""
        return not self._waiting

    @property
    def by_run(self) -> dict[RunId, SortKey]:
        """All keys by run. May be changed."""
        if self._waiting:
            self._enter(self._waiting)
            self._waiting.clear()
        return self._by_run

    def in_order(self) -> list[SortKey]:
        """Return all keys in order of their addition."""
        return [*self._by_run.values(), *self._waiting]

    def __len__(self) -> int:
        return len(self._by_run) + len(self._waiting)

    def _enter(self, keys: list[SortKey]) -> None:
        self._by_run.update(zip(map(_ID, keys), keys, strict=True))
        self.hide()
