"""The history of selected runs, and the way back through it."""

from typing import Final

from tui.domain.ids import RunId
from tui.ui.data.selection_loader import SelectionLoader

MAX_RUNS: Final = 100
"""The maximum number of remembered runs."""


class History:
    """The selected run and those before it. Each step selects a run in the loader."""

    def __init__(self, loader: SelectionLoader) -> None:
        self._loader = loader
        self._past: list[RunId] = []

    @property
    def current(self) -> RunId | None:
        """The selected run."""
        return self._loader.selection.run_id

    def restart(self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False) -> None:
        """Select a run of the list and forget the runs before it."""
        self._past.clear()
        self._loader.select(run_id, at_once=at_once, is_list_end=is_list_end)

    def go(self, run_id: RunId) -> None:
        """Select another run, from which `back` returns."""
        current = self.current
        if current == run_id:
            return
        if current is not None:
            self._past = [*self._past[-MAX_RUNS + 1 :], current]
        self._loader.select(run_id, at_once=True)

    def back(self) -> bool:
        """Select the previous run; return whether there was one."""
        if not self._past:
            return False
        self._loader.select(self._past.pop(), at_once=True)
        return True
