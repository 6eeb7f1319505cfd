"""The app: its colours, its keys, and the signal that publishes changes.

The session encloses the app, not the other way round: Textual cancels its workers at exit without awaiting them.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import RenderableType
from textual import events
from textual.screen import Screen

from tui.features import checked_file, late
from tui.features.columns.data import ChosenColumns
from tui.features.runs.data import NamesFile, RunSubscription
from tui.kit.app import SLOW_LINK_CLASS, AppBase, Doors, call_soon
from tui.kit.bars import ViewScreen
from tui.kit.colors import ColorMode, contrast_remarks, detect_color_mode
from tui.kit.driver import TerminalDriver
from tui.kit.header_words import SLOW_LINK_SENTENCE
from tui.kit.keys import Keymap, key_label
from tui.kit.painted import KeyPainter, LeaveScreen, PaintedScreen
from tui.kit.speed import CHECK_INTERVAL_S, COLLECT_INTERVAL_S, PauseCollector, give_memory_back, no_collections
from tui.kit.state_files import ConfigWatch, SettingsChange
from tui.kit.terminal.early import EarlyTerminal
from tui.kit.terminal.input import LinkSpeedChanged, TerminalTakenBack
from tui.kit.type_ahead import REFUSAL
from tui.settings.settings import Complaint, ConfigFile, Settings, is_calling, with_keys
from tui.store.addresses import ViewAddress
from tui.store.changes import Changes
from tui.sync.session import Session
from tui.text.blocks import use_own_keys

if TYPE_CHECKING:
    from textual.actions import ActionParseResult
    from textual.dom import DOMNode
    from textual.widget import Widget

    from tui.features.alerts.alerts import Alerts
    from tui.features.alerts.away import WhileAway
    from tui.features.own_commands.view import OwnCommands


COLLECT_AFTER_S: Final = 2.0
"""The garbage collector starts when the first rows are usually shown: before, it would take a tenth of their CPU."""

WATCH_AFTER_S: Final = 2.0
"""The config file is watched from then on, for the same reason."""

ALERTS_AFTER_S: Final = 2.0
"""So is what happens between two keys, and the findings, where the config file wants to call the user."""

_AWAY: Final = "tui.features.alerts.away"

OVERVIEW_AFTER_S: Final = 2.0
"""The overview is imported, and its facts are read, this long after the first rows are shown."""

_STARTING: Final = frozenset(
    {
        *("act", "own_command", "withdraw", "quit_level", "leave_at_once", "suspend_process", "browse", "read_outside"),
        *("save_lines", "save_view", "delete_view"),
        *("copy_id", "copy_menu", "copy_line", "copy_link", "copy_group", "copy_fingerprint", "copy_queue"),
    }
)
"""Actions of keys that no paste starts: they write, end the program, start another one, or change the clipboard."""

MAX_KEY_S: Final = 1.0
"""Wait no longer than this for a widget to finish a key; the widget is being removed."""


DOORS: Final = Doors(
    show_address=late("runs.screen:apply_address"),
    address_of=late("runs.screen:address_of"),
    save_view=late("views.view:ask_to_save"),
    open_saved_view=late("views.view:ask_for_letter"),
    choose_columns=late("columns.dialog:choose_columns"),
    open_copy_menu=late("copying.view:open_copy_menu"),
    read_outside=late("copying.view:read_from"),
)


class TriggerApp(AppBase):
    """Shows one session until the user quits."""

    CSS_PATH = Path(__file__).parent / "app.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        session: Session,
        *,
        color_mode: ColorMode = ColorMode.DARK,
        is_ascii: bool = False,
        environ: Mapping[str, str] | None = None,
        environment_name: str | None = None,
        early_terminal: EarlyTerminal | None = None,
        address: ViewAddress | None = None,
        overview_after_s: float = OVERVIEW_AFTER_S,
    ) -> None:
        """`early_terminal` has shown the first frame; the driver takes it over. `address`: the first view.

        `overview_after_s`: seconds from the first rows to the overview; with infinity there is none.
        """
        file = session.settings.file
        self._unchecked = file if file.values.keys or file.values.commands else None
        if self._unchecked is not None:  # its keys and commands wait until all bindings are known
            values = replace(file.values, keys={}, commands=())
            session.settings = with_keys(session.settings, replace(file, values=values))
        super().__init__(session, color_mode, environ or {}, is_ascii=is_ascii)
        self.early_terminal = early_terminal
        self._address = address
        self._overview_after_s = overview_after_s
        self._key_painter = KeyPainter(self)
        self.subscription = RunSubscription(session, environment_name=environment_name)
        self._add_complaints(session.settings.file.complaints)
        self._add_contrast_remarks(color_mode)
        self.subscription.on_failure = lambda text: self.messages.add_once(session.now(), text)
        self.doors = DOORS
        self.own_columns = columns = ChosenColumns(session, self.subscription.on_failure)
        self.parts |= {RunSubscription: self.subscription, ChosenColumns: columns}
        self._own_commands: OwnCommands | None = None
        self._alerts: Alerts | None = None
        self._while_away: WhileAway | None = None
        self._own_keymap: Keymap | None = None
        self.key_labels: dict[str, tuple[str, ...]] = {}
        use_own_keys(self.key_labels)
        self._collector = PauseCollector()
        self._is_complete = False
        self._exit_code: int | None = None

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """End the app. While it starts it ends once its screen is complete: Textual would fail to compose it."""
        if self._is_complete:
            super().exit(result, return_code, message)
        else:
            self._exit_code = return_code

    def get_default_screen(self) -> Screen[None]:
        from tui.features.runs.screen import MainScreen  # noqa: PLC0415  after the first frame

        return MainScreen(self.live, self._overview_after_s)

    def on_mount(self) -> None:
        self.session.context = copy_context()  # that of the app: the keys of the user, and no screen
        self.set_driver_profile()
        self.live.start(self._publish)
        # Starting the session loads its data layer: the first frame must not wait for that.
        self.call_after_refresh(self._spawn_start)

    def _spawn_start(self) -> None:
        self._is_complete = True
        self._key_painter.begin()
        if self._exit_code is not None:
            self.exit(return_code=self._exit_code)
            return
        if self._address is not None and self._address.run is None:
            self._open_address()
        if self._unchecked is None:
            self._release()
        self.session.spawn(self._start(), "start")

    def _release(self) -> None:
        """Show the app's own frames, and handle keys."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.release()

    async def _check_keys(self, file: ConfigFile) -> None:
        """Use the keys and commands of the config file. All screens are imported to know their bindings."""
        # Their imports load the data layer, which only another thread does.
        is_loaded = "tui.api.client" in sys.modules
        checked = checked_file(file) if is_loaded else await asyncio.to_thread(checked_file, file)
        self._add_complaints(checked.complaints[len(file.complaints) :])
        self.change_settings(with_keys(self.session.settings, checked))

    def _open_address(self) -> None:
        """Show the view with which the program was started."""
        assert self._address is not None
        self.doors.show_address(self, self._address)

    async def _start(self) -> None:
        if self._unchecked is not None:
            await self._check_keys(self._unchecked)
            self._release()
        await self.session.start()
        await self.part(ChosenColumns).start()
        if self._address is not None and self._address.run is not None:
            self.call_later(self._open_address)  # a run is read at once, which only a started session can do
        await self.subscription.start()
        self.set_timer(COLLECT_AFTER_S, self._collector.start)
        if self.session.settings.file.path is not None:
            self.set_timer(WATCH_AFTER_S, self._watch_config)
        if self.session.settings.views:
            self.set_timer(WATCH_AFTER_S, self._check_views)
        if self.session.settings.key.reveal():
            self.session.spawn(NamesFile(self.session).save_often(), "keep the names")
        self.session.spawn(self._begin_watching(), "begin watching")
        self.set_interval(COLLECT_INTERVAL_S, self._collector.collect_if_due)
        self.set_interval(CHECK_INTERVAL_S, give_memory_back)

    async def _begin_watching(self) -> None:
        await self.session.clock.sleep(ALERTS_AFTER_S)
        if _AWAY not in sys.modules:
            await asyncio.to_thread(import_module, _AWAY)
        from tui.features.alerts.away import WhileAway  # noqa: PLC0415  the first rows do not need it

        self._while_away = WhileAway(self)
        self._use_alerts(self.session.settings)

    def _use_alerts(self, settings: Settings) -> None:
        """Call the user for new findings, if the config file wants that."""
        if self._while_away is None:
            return  # it is too early
        if self._alerts is None:
            if not is_calling(settings.bell):
                return  # as for most users: nothing else is imported
            from tui.features.alerts.alerts import Alerts  # noqa: PLC0415

            self._alerts = Alerts(self)
        self._alerts.use(settings)

    def _watch_config(self) -> None:
        watch = ConfigWatch(self.session, self.messages, checked_file, self._on_settings_changed)
        self.session.spawn(watch.run(), "config file")

    def _check_views(self) -> None:
        """Add what is wrong about the views of the config file to the messages."""
        from tui.features.views.view import known_views_of  # noqa: PLC0415  the first rows do not need it

        async def check() -> None:
            for problem in await known_views_of(self).problems_of_file():
                self.messages.add(self.session.now(), problem)

        self.session.spawn(check(), "check the views")

    def on_unmount(self) -> None:
        self._collector.stop()

    def _publish(self, changes: Changes) -> None:
        self.reporter.on_changes(changes)
        self.changed.publish(changes)

    @property
    def is_quiet(self) -> bool:
        return self._collector.is_quiet

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        event.stop()
        # Through the screen's queue: the answer keeps its order among the keys.
        place = (event.y, event.x) if isinstance(self._driver, TerminalDriver) else None
        if not self.screen.call_later(self.type_ahead.record_reply, place):  # a screen that is being removed
            self.type_ahead.record_reply(place)

    async def on_event(self, event: events.Event) -> None:
        """Wait until the focused widget has processed a key or paste before the next one is read."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            is_ignored = isinstance(event, events.MouseEvent) and (self.is_too_small or self.pastes.is_pasting)
            if not is_ignored:
                await super().on_event(event)  # a forwarded key was processed already
            return
        if self.return_code is not None:
            return  # what a key would open now never runs, and the end would wait for it
        if isinstance(event, events.Paste):
            self.pastes.record_paste()
        else:
            self._record_key(event)
        is_taken = self._is_taken(event)
        with no_collections():
            if not is_taken:
                await super().on_event(event)
            await self._paint_now()
        done = asyncio.Event()
        if call_soon(self.focused or self.screen, done.set):
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_KEY_S):
                    await done.wait()
        if self._key_painter.is_elsewhere:
            await self._paint_now()
        if isinstance(event, events.Paste):
            self.pastes.record_paste()  # also while it was handled, its rest has arrived
        elif isinstance(self._driver, TerminalDriver):
            self._driver.frames.record_key()

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: "DOMNode | None" = None,
        namespaces: "Mapping[str, DOMNode] | None" = None,
    ) -> bool:
        """Run the action of a key or of the command line, unless a paste would start it."""
        target, name, _ = self._parse_action(action, default_namespace or self, namespaces)
        is_quit = name == "leave" and target is self and self.pastes.is_joined
        if self.pastes.is_pasted and (name in _STARTING or is_quit):
            if isinstance(self.screen, PaintedScreen):
                self.screen.say(REFUSAL)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def _record_key(self, event: events.Key) -> None:
        self.previous_key, self.last_key = self.last_key, event.key
        self._collector.record_key()
        if isinstance(self._driver, TerminalDriver):
            self._driver.backlog.record_begun()
        self.pastes.record_key(event, is_behind=self.is_behind)

    def _is_taken(self, event: events.Key | events.Paste) -> bool:
        """Return whether the screen must not get a key or paste.

        In a terminal that is too small, only the app's own keys work: the user does not see what another one would do.
        """
        if self.is_too_small:
            return isinstance(event, events.Paste) or event.key not in self._bindings.key_to_bindings
        return isinstance(event, events.Key) and self._while_away is not None and self._while_away.takes(event.key)

    async def _paint_now(self) -> None:
        """Show what a key did, unless the next one is already here. The panes that follow the cursor are later.

        While keys are always waiting, Textual's timer paints.
        """
        if not self.is_behind:
            await self._key_painter.paint()

    def on_terminal_taken_back(self, event: TerminalTakenBack) -> None:
        if self.screen_stack:
            self.screen.post_message(event)

    def on_link_speed_changed(self, event: LinkSpeedChanged) -> None:
        event.stop()
        before, self.is_measured_slow = self.is_slow_link, event.is_slow
        if self.is_slow_link is not before:
            sentence = f"The link is slow. {SLOW_LINK_SENTENCE}" if event.is_slow else "The link is fast again."
            self.messages.add(self.session.now(), sentence)
            self._show_link_speed()

    def _show_link_speed(self, color_mode: ColorMode | None = None) -> None:
        """Show everything again, as the speed of the link and the settings demand."""
        self.set_driver_profile()
        self.set_class(self.is_slow_link, SLOW_LINK_CLASS)
        self.live.in_minutes = self.is_slow_link
        self.painter = self.new_painter(color_mode or self.painter.color_mode, is_ascii=self.painter.is_ascii)
        for screen in self.screen_stack:
            for widget in screen.query("*"):
                widget.refresh()
            screen.refresh()
            if isinstance(screen, ViewScreen):
                screen.tick()

    def _add_complaints(self, complaints: Iterable[Complaint]) -> None:
        for complaint in complaints:
            self.messages.add(self.session.now(), f"{complaint}.")

    def _add_contrast_remarks(self, color_mode: ColorMode) -> None:
        file = self.session.settings.file
        self._add_complaints(contrast_remarks(file, color_mode, file.shown))

    def _on_settings_changed(self, change: SettingsChange) -> None:
        """Show the new settings. The watch calls this, so that the work waits for its turn among the keys."""
        call_soon(self, partial(self._use_settings, change))

    def change_settings(self, settings: Settings) -> None:
        change = SettingsChange(self.session.settings, settings)
        self.session.change_settings(settings)
        self._use_settings(change)

    def _use_settings(self, change: SettingsChange) -> None:
        color_mode = self.painter.color_mode  # the user may have chosen another one since the start
        if change.before.theme != change.after.theme:
            color_mode = detect_color_mode(self.environ, change.after.theme)
        self.live.freshness_tracker.interval_s = change.after.interval_s
        if change.before.colors != change.after.colors:
            self._add_contrast_remarks(color_mode)
        if change.before.views != change.after.views:
            self._check_views()
        if change.before.columns != change.after.columns:
            self.part(ChosenColumns).use_settings()
        self.theme = self.theme_for(color_mode)
        if change.before.keys != change.after.keys:
            self._use_keys(change.after)
        self._use_alerts(change.after)
        self._use_own_commands(change.after)  # after the keys, which replace bindings
        self._show_link_speed(color_mode)
        self.settings_changed.publish(change)

    def _use_own_commands(self, settings: Settings) -> None:
        """Use the commands of the config file, also of one that is not trusted: their keys then say so."""
        if self._own_commands is None:
            if not settings.file.values.commands:
                return  # as for most users: nothing is imported
            from tui.features.own_commands.view import OwnCommands  # noqa: PLC0415

            self.own_commands = self._own_commands = OwnCommands(self)
        self._own_commands.use(settings)

    def _use_keys(self, settings: Settings) -> None:
        if self._own_keymap is None:
            if not settings.keys:
                return  # as for most users: nothing is imported
            self._own_keymap = Keymap(self)
        self.keys = self._own_keymap.use(settings.keys)
        self.key_labels.clear()
        self.key_labels |= {binding: tuple(map(key_label, keys)) for binding, keys in self.keys.items()}

    def _register_child(self, parent: "DOMNode", child: "Widget", before: int | None, after: int | None) -> None:
        # Textual has no public hook for each node that it gets to know.
        super()._register_child(parent, child, before, after)
        if self._own_keymap is not None:
            self._own_keymap.apply(child)

    def record_layout(self) -> None:
        self._key_painter.record_layout()

    def close_away_block(self) -> bool:
        return self._while_away is not None and self._while_away.close()

    def action_leave(self) -> None:
        # A second call, while the dialog is open, ends the program.
        if any(isinstance(screen, LeaveScreen) for screen in self.screen_stack) or not self.unsent():
            self.action_leave_at_once()
            return
        screen = LeaveScreen(self.unsent)
        self.push_screen(screen, lambda is_confirmed: self.action_leave_at_once() if is_confirmed else None)

    def _set_pointer_shape(self, shape: str) -> None:
        """Do nothing: Textual sends the shape even without a mouse, and some consoles print the sequence."""

    def action_repaint(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.repaint()
        else:
            self.refresh()

    def action_suspend_process(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.suspend()

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the app. The caller prints it once the terminal is restored."""
        return self._exception  # Textual has no public name for it

    def _fatal_error(self) -> None:
        # Textual's own implementation would print the local variables, and with them the key.
        self._close_messages_no_wait()
