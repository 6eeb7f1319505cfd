"""Records the views that the screens show, and returns to the one before."""

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.ui.model.view_history import ShownView, ViewHistory
from tui.ui.screens.base import BaseScreen

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen


class ViewTrail:
    """The way back through the views: lists with their filters, errors, queues, the wall.

    A run belongs to the view before it.
    """

    def __init__(self, main: "MainScreen") -> None:
        self._main = main
        self._history = ViewHistory()

    def note(self) -> None:
        """Record the view that is shown now. Call it whenever another one may be shown; the same view costs nothing."""
        main, current = self._main, self._history.current
        is_list = main.front is main
        if isinstance(main.front, BaseScreen) and main.front.prompt.is_open:
            return  # the filter is still being typed
        if is_list and main.pane is not main.run_list and current is not None:
            return  # a run belongs to the view from which it was opened
        facts = self._facts
        if current is None or current.facts != facts:
            self._history.record(self._view(facts), is_first=not main.app_base.last_key)
        elif is_list and current.cursor != main.run_list.target:
            self._history.record(replace(current, cursor=main.run_list.target))

    @property
    def _facts(self) -> Hashable:
        """What decides which view is shown. It is cheap to compare."""
        main = self._main
        for view in main.views:
            if view.screen is not None:
                return (view.name, view.facts)
        return ("runs", replace(main.run_list.views.query, is_typing=False, is_searched=False))

    def _view(self, facts: Hashable) -> ShownView:
        front = self._main.front
        if front is self._main:
            return ShownView(facts, query=self._main.run_list.views.query, cursor=self._main.run_list.target)
        return ShownView(facts, address=self._main.app_base.address_of(front))

    def go_back(self) -> None:
        """Show the view before, or say that there is none."""
        main = self._main
        self.note()
        is_run = main.front is main and main.pane is not main.run_list
        view = self._history.current if is_run else self._history.back()
        if view is None:
            main.front.say("there is no view before this one")
            return
        if view.address is not None:
            main.app_base.show_address(view.address)
        elif view.query is not None:
            main.show_query(view.query, view.cursor)
