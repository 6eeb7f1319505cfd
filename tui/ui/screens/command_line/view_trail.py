"""Records the views that the screens show, and returns to the one before."""

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.present.styled import Piece, Token
from tui.ui.model.view_history import ShownView, ViewHistory

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen


class ViewTrail:
    """The way back through the views: lists with their filters, and the errors. A run belongs to the view before it."""

    def __init__(self, main: "MainScreen") -> None:
        self._main = main
        self._history = ViewHistory()

    def note(self) -> None:
        """Record the view that is shown now. Call it whenever another one may be shown; the same view costs nothing."""
        main, errors, current = self._main, self._main.errors.screen, self._history.current
        if main.prompt.is_open or (errors is not None and errors.prompt.is_open):
            return  # the filter is still being typed
        if errors is None and main.pane is not main.run_list and current is not None:
            return  # a run belongs to the view from which it was opened
        facts = self._facts
        if current is None or current.facts != facts:
            self._history.record(self._view(facts), is_first=not main.app_base.last_key)
        elif errors is None and current.cursor != main.run_list.target:
            self._history.record(replace(current, cursor=main.run_list.target))

    @property
    def _facts(self) -> Hashable:
        """What decides which view is shown. It is cheap to compare."""
        errors, main = self._main.errors.screen, self._main
        if errors is not None:
            return ("errors", errors.groups.query, errors.groups.wanted_span, main.app_base.subscription.chosen)
        return ("runs", replace(main.run_list.views.query, is_typing=False, is_searched=False))

    def _view(self, facts: Hashable) -> ShownView:
        errors = self._main.errors.screen
        if errors is None:
            return ShownView(facts, query=self._main.run_list.views.query, cursor=self._main.run_list.target)
        from tui.ui.views.opening import address_of  # noqa: PLC0415  it imports the screens

        return ShownView(facts, address=address_of(errors))

    def go_back(self) -> None:
        """Show the view before, or say that there is none."""
        main = self._main
        self.note()
        is_run = main.errors.screen is None and main.pane is not main.run_list
        view = self._history.current if is_run else self._history.back()
        if view is None:
            (main.errors.screen or main).footer.notice((Piece("there is no view before this one", Token.MUTED),))
            return
        from tui.ui.views.opening import apply_address, show_query  # noqa: PLC0415  it imports the screens

        if view.address is not None:
            apply_address(main.app_base, view.address)
        elif view.query is not None:
            show_query(main, view.query, view.cursor)
