"""The base of the ways to the views that cover the main screen."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen


class CoveringView(Protocol):
    """A screen that covers the main screen."""

    def action_leave_view(self) -> None:
        """Close the view."""


class ViewEntrance:
    """The way to a view and back. A subclass imports the view when it is first opened, and pushes it."""

    def __init__(self, main: "MainScreen") -> None:
        self._main = main
        self.screen: CoveringView | None = None
        """The view, while it is shown."""

    def leave(self) -> None:
        """Close the view, if it is shown."""
        if (screen := self.screen) is not None:
            self.screen = None  # from now on, the view in front is that of the runs
            app = self._main.app
            stack: list[object] = [*app.screen_stack]
            if screen not in stack:
                return  # it was above a view that was left just before
            for _ in stack[stack.index(screen) + 1 :]:
                app.screen.dismiss(None)  # a dialog, or the wall, above it
            screen.action_leave_view()

    def _on_left(self, _: None) -> None:
        self.screen = None
        self._main.on_workspace_panes_changed()
        self._main.note_view()
