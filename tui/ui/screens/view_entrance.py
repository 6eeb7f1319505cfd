"""The views that cover the list of runs: the way to each and back, and their part of the screen below."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from tui.store.addresses.view_address import ViewAddress
from tui.store.changes import Changes
from tui.ui.screens.base import BaseScreen, ViewScreen

if TYPE_CHECKING:
    from tui.ui.model.command_line.commands import Command


class MainView(BaseScreen):
    """The screen below all others, as the views above it see it."""

    @property
    def front(self) -> ViewScreen:
        """The view in front: another one, or this one."""
        raise NotImplementedError

    def note_view(self) -> None:
        """Record which view is shown, for the way back."""
        raise NotImplementedError

    def leave_other_views(self, but: "ViewEntrance | None" = None) -> None:
        """Close the views in front of this one, but for the one that is given."""
        raise NotImplementedError

    def open_command_line(self, view: ViewScreen, own: "Sequence[Command]") -> None:
        """Open the command line over a view. `own` are its commands without a key, besides those of every view."""
        raise NotImplementedError

    def action_wall(self) -> None:
        raise NotImplementedError

    def action_view_before(self) -> None:
        raise NotImplementedError


class ViewEntrance:
    """The way to a view and back. A subclass imports the view when it is first opened, and pushes it.

    `name` is the view's in an address.
    """

    name = ""

    def __init__(self, main: MainView) -> None:
        self._main = main
        self.screen: ViewScreen | None = None
        """The view, while it is shown."""

    def open(self) -> None:
        """Show the view."""
        raise NotImplementedError

    def show(self, address: ViewAddress) -> None:
        """Show the view as an address has it, in place of the present one."""
        raise NotImplementedError

    def address(self) -> ViewAddress:
        """Return the address of the shown view."""
        raise NotImplementedError

    @property
    def facts(self) -> Hashable:
        """The facts that tell two views apart. They are cheap to compare."""
        raise NotImplementedError

    def back(self) -> bool:
        """Return to the line of the view whose runs the list shows. Return whether it shows any."""
        return False

    def on_changes(self, changes: Changes) -> None:
        """Note changes while the view is not shown."""

    def on_filtered(self) -> None:
        """Forget the line whose runs the list showed, if it shows others now."""

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
