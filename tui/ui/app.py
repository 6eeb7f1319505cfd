"""The app: its look, and the signal that something changed.

The app holds what belongs to the whole program while it has the terminal. `screens` and `panes` draw.
The session encloses the app, never the other way round: Textual cancels its workers at exit without awaiting them.
"""

import asyncio
import gc
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.signal import Signal

from tui.present.frame.title import takes_title
from tui.session import Session
from tui.store.changes import Changes
from tui.ui.base import AppBase
from tui.ui.data.live_model import LiveModel
from tui.ui.data.messages import Messages, Reporter
from tui.ui.data.subscription import RunSubscription
from tui.ui.driver import TerminalDriver
from tui.ui.input.keys import bind
from tui.ui.input.type_ahead import TypeAhead
from tui.ui.look.painting import Painter
from tui.ui.look.theme import THEMES, ColorMode

LEAVE_ID: Final = "leave"

KEY_WITHIN_S: Final = 1.0
"""A widget that has not worked off a key by then is on its way out."""


class TriggerApp(AppBase):
    """Shows one session until it is quit."""

    CSS_PATH = Path(__file__).parent / "styles" / "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+q,ctrl+c", "leave", "quit", "End the program.", shown="ctrl-q ctrl-c"),
        bind("ctrl+l", "repaint", "repaint", "Paint the whole screen again, after another program wrote on it."),
        bind("ctrl+z", "suspend_process", "suspend", "Give the terminal to the shell; `fg` brings the monitor back."),
    ]

    def __init__(
        self,
        session: Session,
        *,
        look: ColorMode = ColorMode.DARK,
        is_ascii: bool = False,
        environ: Mapping[str, str] | None = None,
        environment_name: str | None = None,
    ) -> None:
        super().__init__(driver_class=TerminalDriver, ansi_color=None)
        # Textual chooses its filter before there is a theme of ours: the default colour would become black on black.
        # It has no other name for them.
        self._filters = [NoColor() if isinstance(each, Monochrome) else each for each in self._filters]
        # Nothing here toasts or has tooltips, and Textual lays every screen out once more for them. Only private names
        # say so: what is public is for its tests.
        self._disable_notifications = self._disable_tooltips = True
        self.session = session
        self.environ = environ or {}
        self.painter = Painter(look, is_ascii=is_ascii)
        self._has_title = session.settings.has_title and takes_title(self.environ.get("TERM", ""))
        self._title = ""
        self.live = LiveModel(session, self.call_later)
        self.type_ahead = TypeAhead(session.clock, self.request_cursor)
        self.subscription = RunSubscription(session, environment_name=environment_name)
        self.messages = Messages()
        self.subscription.on_trouble = lambda text: self.messages.add(session.now(), text)
        self.reporter = Reporter(session, self.messages)
        self.previous_key = self._last_key = ""
        self.changed: Signal[Changes] = Signal(self, "changed")
        self.farewell: Callable[[], list[str]] = list
        self.unsent: Callable[[], Mapping[str, int]] = dict
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES[look].name

    def get_default_screen(self) -> Screen[None]:
        """The monitor."""
        from tui.ui.screens.main import MainScreen  # noqa: PLC0415  which knows the app

        return MainScreen(self.live)

    def on_mount(self) -> None:
        """Follow the session; its data layer is loaded once something is on the screen."""
        self.live.start(self._publish)
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """Start the session in the background."""
        self.session.spawn(self._begin(), "begin")

    async def _begin(self) -> None:
        await self.session.start()
        await self.subscription.start()
        # What was made so far stays: the collector need not look through it for days.
        gc.freeze()
        gc.enable()

    def _publish(self, changes: Changes) -> None:
        self.reporter.on_changes(changes)
        self.changed.publish(changes)

    def write(self, data: str) -> None:
        """Send something to the terminal itself, behind what was painted: a question, a text for its clipboard."""
        # Textual hands its driver to nobody, and has no other way to write what is not painted.
        if self._driver is not None:
            self._driver.write(data)

    def request_cursor(self, question: str) -> bool:
        """Ask the terminal for its cursor; False if it is behind, and was not asked."""
        if isinstance(self._driver, TerminalDriver):
            return self._driver.request_cursor(question)
        self.write(question)
        return True

    def set_title(self, title: str) -> None:
        """Set the terminal's title, if the settings and the terminal have one. Nothing is sent unless it changes."""
        if self._has_title and title != self._title and isinstance(self._driver, TerminalDriver):
            self._title = title
            self._driver.set_title(title)

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """The terminal's answer takes its place among the keys, which the screen gets in the order they came."""
        event.stop()
        if not self.screen.call_later(self.type_ahead.answer):  # a screen that is being removed
            self.type_ahead.answer()

    async def on_event(self, event: events.Event) -> None:
        """Look at the next key when the widget that got this key or paste has worked it off."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)  # a key that came back is worked off already
            return
        if isinstance(event, events.Key):
            self.previous_key, self._last_key = self._last_key, event.key
        await super().on_event(event)
        done = asyncio.Event()
        if (self.focused or self.screen).call_later(done.set):
            with suppress(TimeoutError):
                async with asyncio.timeout(KEY_WITHIN_S):
                    await done.wait()
        if isinstance(event, events.Key) and isinstance(self._driver, TerminalDriver):
            self._driver.backlog.record_handled()

    def use_look(self, look: ColorMode) -> None:
        """Other colours."""
        self.painter = Painter(look, is_ascii=self.painter.is_ascii)
        self.theme = THEMES[look].name
        self.screen.refresh(layout=True)

    def action_leave(self) -> None:
        """End the program; ask first while actions wait to be sent. Asked for once more, it does not ask."""
        is_asking = any(screen.id == LEAVE_ID for screen in self.screen_stack)
        if is_asking or not self.unsent():
            self.action_leave_at_once()
            return
        from tui.ui.screens.leave import LeaveScreen  # noqa: PLC0415  not before somebody asks: it must start fast

        screen = LeaveScreen(self.live, self.unsent, self.type_ahead, id=LEAVE_ID)
        self.push_screen(screen, lambda is_meant: self.action_leave_at_once() if is_meant else None)

    def action_leave_at_once(self) -> None:
        """End the program."""
        self.exit(0)

    def _set_pointer_shape(self, shape: str) -> None:
        """Leave the pointer alone: Textual sends a sequence for it even without a mouse, and consoles print that."""

    def action_repaint(self) -> None:
        """Paint the whole screen again, in the modes that it needs."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.repaint()
        else:
            self.refresh()

    def action_suspend_process(self) -> None:
        """Stop until the shell continues the program; the terminal is the shell's meanwhile."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.suspend()

    @property
    def failure(self) -> Exception | None:
        """The bug that ended it, told by who runs it once the terminal is restored."""
        return self._exception  # Textual itself prints it, and tells it nobody.

    def _fatal_error(self) -> None:
        """Textual's own would print the local variables, and with them the key."""
        self._close_messages_no_wait()
