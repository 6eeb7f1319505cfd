"""The app as everything in it knows it: what a widget, a pane or a screen may ask of it.

What lives here: the names. `app` fills them; nothing below it imports it, so that the rooms of the screen stand on
each other and never in a circle.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from textual.app import App
from textual.dom import DOMNode
from textual.signal import Signal

from tui.session import Session
from tui.store.changes import Changes
from tui.ui.data.live_model import LiveModel
from tui.ui.data.messages import Messages, Reporter
from tui.ui.data.subscription import RunSubscription
from tui.ui.input.type_ahead import TypeAhead
from tui.ui.look.painting import Painter
from tui.ui.look.theme import ColorMode


class AppBase(App[int]):
    """The app's own: see `TriggerApp`."""

    session: Session
    live: LiveModel
    painter: Painter
    subscription: RunSubscription
    messages: Messages
    reporter: Reporter
    type_ahead: TypeAhead
    changed: Signal[Changes]
    environ: Mapping[str, str]
    previous_key: str
    """The key that was pressed before the last one, whatever it did."""

    farewell: Callable[[], Sequence[str]]
    """What has to be said once the screen is gone."""
    unsent: Callable[[], Mapping[str, int]]
    """How many runs wait for an action to be sent, by title of the action."""

    def write(self, data: str) -> None:
        """Send something to the terminal itself, behind what was painted: a question, a text for its clipboard."""
        raise NotImplementedError

    def set_title(self, title: str) -> None:
        """Set the terminal's title, if the settings and the terminal have one."""
        raise NotImplementedError

    def use_look(self, look: ColorMode) -> None:
        """Other colours."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """End the program; ask first while actions wait to be sent."""
        raise NotImplementedError

    def action_leave_at_once(self) -> None:
        """End the program."""
        raise NotImplementedError


def app_of(node: DOMNode) -> AppBase:
    """The app that a widget or screen is in."""
    return cast("AppBase", node.app)
