"""The app as screens, panes and widgets know it: its session, look and terminal, and the tick once a second."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, TypeVar, cast

from textual import events
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.filter import Monochrome, NoColor
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.signal import Signal

from tui.domain.action import Via
from tui.domain.run import RunId
from tui.kit import layout
from tui.kit.colors import ColorMode, has_true_color
from tui.kit.driver import TerminalDriver
from tui.kit.header_words import supports_title
from tui.kit.keys import Help, bind
from tui.kit.lists import Clip
from tui.kit.live_model import LiveModel, Messages, Reporter
from tui.kit.look import In256Colors, Painter, theme_of
from tui.kit.terminal.output import PaintedPiece
from tui.kit.type_ahead import Pastes, TypeAhead
from tui.settings.schema import ColumnEntry
from tui.settings.secret import without_secrets
from tui.settings.settings import Settings
from tui.store.addresses import ViewAddress
from tui.store.changes import Changes
from tui.sync.session import Session
from tui.terminal.cells import CURSOR_REQUEST
from tui.terminal.encoder import Place
from tui.text.table import SizedColumn, Table

if TYPE_CHECKING:
    from tui.kit.commands import Command
    from tui.kit.state_files import SettingsChange


# Screens, panes and widgets import this module instead of `program.app`, which imports them.


P = TypeVar("P")

SLOW_LINK_CLASS: Final = "slow-link"


class OwnKeys:
    """The user's own commands, as screens know them. A command has a number. Here there are none."""

    def bind(self, screen: Screen[Any]) -> None:
        """Give a screen the keys of the commands."""

    def is_enabled(self, screen: Any, number: int) -> bool:  # noqa: ARG002  for subclasses
        """Return whether a command exists for its key now."""
        return False

    def has_use_for(self, screen: Any, number: int) -> bool:  # noqa: ARG002  for subclasses
        """Return whether a command would do something now, instead of only showing why it cannot."""
        return False

    def start(self, screen: Any, number: int, via: Via) -> None:
        """Run a command on what is selected on a screen."""

    def palette_rows(self, screen: Any) -> "list[Command]":  # noqa: ARG002  for subclasses
        """Return the rows of the palette for the commands that have no key."""
        return []

    def farewell(self) -> list[str]:
        """Return the sentences to print after the end of the app."""
        return []


class ListColumns(Protocol):
    """The columns that the user chose for lists, by the names of the lists."""

    listeners: list[Callable[[], None]]
    """Called when the columns of any list have changed."""

    def shown(self, view: str) -> Sequence[ColumnEntry] | None:
        """Return the columns that a list shows, None for the program's own."""

    def slots(self, table: Table[Any], choices: Sequence[ColumnEntry], width: int) -> list[SizedColumn[Any]]:
        """Return those of the chosen columns that fit into a list, with their widths."""


class Doors(NamedTuple):
    """What features do for all screens. The module of each is imported when it is first called.

    * `show_address`: shows a view in place of the present one; returns a sentence about a period that does not fit
    * `address_of`: returns the address of the view that a screen shows, or of the view below a dialog or a page
    * `save_view`: asks for a name and a letter, and saves the view of a screen
    * `open_saved_view`: asks for the letter of a saved view, and opens it
    * `choose_columns`: lets the user choose the columns of a list; its `TablePane` shows them at once
    * `open_copy_menu`: lets the user choose what to copy: texts with a letter and a name, links to a run or to the view
    * `read_outside`: opens a part of a run, or the log that a pane shows, in the pager or the editor
    """

    show_address: "Callable[[AppBase, ViewAddress], str | None]"
    address_of: Callable[[Screen[Any]], ViewAddress]
    save_view: Callable[[Screen[Any]], None]
    open_saved_view: "Callable[[AppBase], None]"
    choose_columns: Callable[[Any], None]
    open_copy_menu: Callable[[Screen[Any], RunId | None, Sequence[Clip]], None]
    read_outside: Callable[[Screen[Any], RunId, str, object], None]


class AppBase(App[int]):
    """The app as screens, panes and widgets know it. `TriggerApp` adds what needs features.

    * `changed`: publishes every change; a screen subscribes to it, and passes the changes to its widgets
    * `settings_changed`: publishes the settings before and after the config file has changed; `session.settings` are
      the new ones already
    * `own_commands`: the user's own commands
    * `keys`: the user's own keys, as Textual names them, by the ids of bindings; another mapping once they change
    * `environ`: the environment variables
    * `last_key`, `previous_key`: the key that was pressed last, and the one before; "" at the start
    * `pastes`: whether the key that is handled now may be a part of a paste
    * `farewell`: returns the sentences to print after the end of the app
    * `unsent`: returns the number of runs that wait for an action to be sent, by title of the action
    """

    own_columns: ListColumns
    doors: Doors
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+q,ctrl+c", "leave", "quit", "End the program.", id="quit", help=Help("program", 40)),
        bind("ctrl+l", "repaint", "repaint", "Paint the whole screen again, after another program wrote on it.",
             help=Help("program", 20, "repaint the screen")),
        bind("ctrl+z", "suspend_process", "suspend", "Suspend to the shell; `fg` brings the monitor back.",
             id="suspend", help=Help("program", 30)),
    ]  # fmt: skip

    def __init__(self, session: Session, color_mode: ColorMode, environ: Mapping[str, str], *, is_ascii: bool) -> None:
        super().__init__(driver_class=TerminalDriver, ansi_color=None)
        # Textual chooses its filter before our theme is registered, and would turn the default colour into black on
        # black. The filters have no public name.
        self._filters = [NoColor() if isinstance(each, Monochrome) else each for each in self._filters]
        self._filters.append(In256Colors())
        # Textual would lay out every screen once more for toasts and tooltips. The names are private: the public ones
        # are for its tests.
        self._disable_notifications = self._disable_tooltips = True
        self.session = session
        self.environ = environ
        self.is_measured_slow = False
        """Whether the link was measured as slow."""
        self.painter = self.new_painter(color_mode, is_ascii=is_ascii)
        self._has_title = session.settings.has_title and supports_title(environ.get("TERM", ""))
        self.live = LiveModel(session, partial(call_soon, self))
        self.live.in_minutes = self.is_slow_link
        self.set_class(self.is_slow_link, SLOW_LINK_CLASS)
        self.messages = Messages()
        self.reporter = Reporter(session, self.messages)
        self.type_ahead = TypeAhead(session.clock, self.request_cursor)
        self.pastes = Pastes(session.clock)
        self.changed: Signal[Changes] = Signal(self, "changed")
        self.settings_changed: Signal[SettingsChange] = Signal(self, "settings changed")
        self.own_commands = OwnKeys()
        self.keys: Mapping[str, tuple[str, ...]] = {}
        self.previous_key = self.last_key = ""
        self.farewell: Callable[[], list[str]] = list
        self.unsent: Callable[[], Mapping[str, int]] = dict
        self.parts: dict[type[object], object] = {}
        """The objects that `part` returns, by their class."""
        self.theme = self._styled_theme = self.theme_for(color_mode)
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:  # noqa: FBT001, FBT002  Textual's signature
        # Textual parses all stylesheets a second time at the start, although the theme is the same.
        if self.theme != self._styled_theme:
            self._styled_theme = self.theme
            super().refresh_css(animate=animate)

    def part(self, kind: type[P], make: Callable[[], P] | None = None) -> P:
        """Return the object that a feature keeps while the app runs, by its class: columns, filters of the list.

        `make` makes it when it is first asked for; without it, the app has it from the start.
        """
        found = self.parts.get(kind)
        if found is None:
            assert make is not None, f"{kind} is not there from the start"
            found = self.parts[kind] = make()
        assert isinstance(found, kind)
        return found

    @property
    def is_slow_link(self) -> bool:
        """Whether bytes are saved, because the link to the terminal is slow or because of `--slow`."""
        slow = self.session.settings.link.slow
        return self.is_measured_slow if slow == "auto" else slow == "always"

    def new_painter(self, color_mode: ColorMode, *, is_ascii: bool) -> Painter:
        """Return a painter for the terminal and its link."""
        is_slow, has_all = self.is_slow_link, has_true_color(self.environ) and not self.is_slow_link
        for each in self._filters:
            if isinstance(each, In256Colors):
                each.enabled = not has_all
        return Painter(
            color_mode,
            is_ascii=is_ascii,
            has_gutter_cursor=is_slow,
            has_true_color=has_all,
            own_colors=self.session.settings.colors.filled,
        )

    def theme_for(self, color_mode: ColorMode) -> str:
        """Return the name of the theme of a color mode, with the user's own colours."""
        theme = theme_of(color_mode, self.session.settings.colors.filled)
        self.register_theme(theme)
        return theme.name

    @property
    def terminal_version(self) -> str:
        """The name and version by which the terminal answered, "" if it did not."""
        return self._driver.frames.version if isinstance(self._driver, TerminalDriver) else ""

    @property
    def is_quiet(self) -> bool:
        """Whether no key was pressed for some seconds."""
        raise NotImplementedError

    @property
    def is_too_small(self) -> bool:
        """Whether the terminal has room only for a notice that says so."""
        return layout.is_too_small(*self.size)

    @property
    def is_behind(self) -> bool:
        """Whether more keys wait to be handled. Without a terminal, all keys of a test come at once."""
        return isinstance(self._driver, TerminalDriver) and self._driver.backlog.waiting > 0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Pass painted lines to the driver unchanged. Textual would write them as text. There is no public name."""
        driver = self._driver
        if not isinstance(driver, TerminalDriver):
            super()._display(screen, renderable)
            return
        if renderable is not None and not self._batch_count and self._running and not self._closed:
            if isinstance(renderable, LayoutUpdate):
                lines = enumerate(renderable.strips)
                renderable = [PaintedPiece(y, 0, chain.from_iterable(line)) for y, line in lines]
            x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
            driver.frames.show(renderable, (y, x))
        self.post_display_hook()

    def write(self, data: str) -> None:
        """Write to the terminal after the painted frames: a query, or a text for its clipboard."""
        # Textual has no public way to write anything that is not painted.
        if self._driver is not None:
            self._driver.write(data)

    def call_user(self, data: str) -> None:
        """Write a bell or a notice. While another program has the terminal, keep only the last one for later."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.call_user(data)
        else:
            self.write(data)

    async def run_in_foreground(self, arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
        """Run a program that has the terminal for itself, and return its exit code, negative for a signal.

        Updates are received meanwhile, and nothing is painted. Await this in a task of the session: in a handler it
        would hold up all messages. `environ` are its variables; None: ours without the keys. Raises `OSError`, whose
        text says why, if the program cannot start or another one has the terminal.
        """
        if not isinstance(self._driver, TerminalDriver):
            raise BlockingIOError("there is no terminal")
        given = without_secrets(self.environ) if environ is None else environ
        return await self._driver.run_in_foreground(arguments, given)

    def set_title(self, title: str) -> None:
        """Set the title of the terminal, if the settings and the terminal allow it."""
        if self._has_title and isinstance(self._driver, TerminalDriver):
            self._driver.frames.set_title(title)

    def request_cursor(self, place: Place) -> bool:
        """Move the terminal's cursor and ask for its position. Return False if it is behind and was not asked."""
        if isinstance(self._driver, TerminalDriver):
            return self._driver.frames.ask_cursor(place)
        self.write(CURSOR_REQUEST)
        return True

    def set_driver_profile(self) -> None:
        """Send as many frames as the link can carry."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.frames.pacer.is_slow_profile = self.is_slow_link

    def record_layout(self) -> None:
        """Record that widgets are about to move, so that no frame shows them empty on a slow link."""
        raise NotImplementedError

    def change_settings(self, settings: Settings) -> None:
        """Use other settings until the program ends, or the config file changes."""
        raise NotImplementedError

    def use_color_mode(self, color_mode: ColorMode) -> None:
        """Change the colours."""
        self.painter = self.new_painter(color_mode, is_ascii=self.painter.is_ascii)
        self.theme = self.theme_for(color_mode)
        self.screen.refresh(layout=True)

    def close_away_block(self) -> bool:
        """Close the block about what happened while the user was away. Return whether this view shows it."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """End the program; ask first while actions wait to be sent."""
        raise NotImplementedError

    def action_leave_at_once(self) -> None:
        """End the program."""
        self.exit(0)


def is_covered(node: DOMNode) -> bool:
    """Return whether another screen hides the one of the node. A dialog leaves the screen below it visible."""
    screens = node.app.screen_stack
    above = screens[screens.index(node.screen) + 1 :] if node.screen in screens else ()
    return not all(screen.is_modal for screen in above)


def app_of(node: DOMNode) -> AppBase:
    """Return the app of a widget or screen with its own type."""
    return cast("AppBase", node.app)


def call_soon(pump: MessagePump, call: Callable[[], None] | Callable[[], Awaitable[None]]) -> bool:
    """Call a method after the messages that wait in the queue of an app, a screen or a widget.

    Return False if it is being removed. Textual's own `call_later` inspects the signature of the method each time.
    """
    return pump.post_message(events.Callback(callback=call))
