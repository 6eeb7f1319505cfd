"""The history of selected runs, and the way back through it."""

from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId
from tui.kit.selection import SelectionLoader
from tui.sync.clock import Clock, Timer

MAX_RUNS: Final = 100
"""The maximum number of remembered runs."""


class History:
    """The selected run and those before it. Each step selects a run in the loader."""

    def __init__(self, loader: SelectionLoader, clock: Clock) -> None:
        self._loader = loader
        self._clock = clock
        self._past: list[RunId] = []
        self._waiting: tuple[RunId | None, bool] | None = None
        self._timer: Timer | None = None
        self.on_settled: Callable[[], None] = lambda: None
        """Called when a selection that waited is made."""

    @property
    def current(self) -> RunId | None:
        """The selected run, or the one that will be selected once the cursor has rested."""
        return self._loader.selection.run_id if self._waiting is None else self._waiting[0]

    def restart(
        self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False, rest_s: float = 0.0
    ) -> None:
        """Select a run of the list and forget the runs before it. With `rest_s`, wait until the cursor rests."""
        self._past.clear()
        self.close()
        if rest_s:
            self._waiting = (run_id, is_list_end)
            self._timer = self._clock.call_later(rest_s, self.settle)
        else:
            self._loader.select(run_id, at_once=at_once, is_list_end=is_list_end)

    def settle(self) -> None:
        """Make a selection that waits, now."""
        if self._waiting is not None:
            run_id, is_list_end = self._waiting
            self.close()
            self._loader.select(run_id, is_list_end=is_list_end)
            self.on_settled()

    def close(self) -> None:
        """Drop a selection that waits."""
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def go(self, run_id: RunId) -> None:
        """Select another run, from which `back` returns."""
        self.settle()
        current = self.current
        if current == run_id:
            return
        if current is not None:
            self._past = [*self._past[-MAX_RUNS + 1 :], current]
        self._loader.select(run_id, at_once=True)

    def back(self) -> bool:
        """Select the previous run; return whether there was one."""
        self.settle()
        if not self._past:
            return False
        self._loader.select(self._past.pop(), at_once=True)
        return True
