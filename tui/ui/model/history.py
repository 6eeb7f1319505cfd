"""The way from run to run: which run the panes are about, and those that a user came from.

What lives here: going on and coming back. Reading what is needed of a run is `selection`'s.
"""

from typing import Final

from tui.domain.ids import RunId
from tui.ui.model.selection import SelectionLoader

LONGEST: Final = 100
"""Runs that are remembered: nobody goes back further."""


class History:
    """Where the user is, and was."""

    def __init__(self, loader: SelectionLoader) -> None:
        self._loader = loader
        self._behind: list[RunId] = []

    @property
    def here(self) -> RunId | None:
        """The run that the panes are about."""
        return self._loader.selection.run_id

    def begin(self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False) -> None:
        """Turn to a run of the list: whatever was gone through before does not count any more."""
        self._behind.clear()
        self._loader.select(run_id, at_once=at_once, is_list_end=is_list_end)

    def go(self, run_id: RunId) -> None:
        """Go on to another run, to come back from it."""
        here = self.here
        if here == run_id:
            return
        if here is not None:
            self._behind = [*self._behind[-LONGEST + 1 :], here]
        self._loader.select(run_id, at_once=True)

    def back(self) -> bool:
        """Back to the run before; False: there is none."""
        if not self._behind:
            return False
        self._loader.select(self._behind.pop(), at_once=True)
        return True
