"""The user's own commands in an app: their keys on each screen, and their rows in the palette.

An app without commands in its config file never imports this room.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.binding import Binding
from textual.screen import Screen

from tui.domain.action import Via
from tui.domain.own_commands.placeholders import CommandScope
from tui.domain.text import clean
from tui.present.own_commands.words import template_words
from tui.present.styled import Line
from tui.settings import Settings
from tui.ui.base import AppBase
from tui.ui.input.keys import bind
from tui.ui.own_commands.controller import CommandRunner
from tui.ui.own_commands.offered import OwnCommand, OwnSelection, has_subject, is_hidden, own_command
from tui.ui.screens.base import OWN_COMMAND, BaseScreen

if TYPE_CHECKING:
    from tui.ui.model.command_line.commands import Command

FIRST_RANK: Final = 30
"""Own keys stand in the footer behind cancel and replay."""

_NEED: Final = 39
"""They leave the footer after most other keys have: the user has chosen them."""


class OwnCommands:
    """The commands of an app. `runner` runs them."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self.runner = CommandRunner(app, self._show_notice)
        self._commands: tuple[OwnCommand, ...] = ()
        self._by_key: dict[str, list[OwnCommand]] = {}

    def use(self, settings: Settings) -> None:
        """Use the commands of other settings. Those of a file that is not trusted only say so."""
        values = settings.file.values
        entries = values.commands if values is not None else ()
        self._commands = tuple(own_command(entry) for entry in entries)
        self._by_key = {
            each.key: [other for other in self._commands if other.key == each.key] for each in self._commands
        }
        for screen in self._app.screen_stack:
            self.bind(screen)
        self._app.screen.refresh_bindings()

    def bind(self, screen: Screen[Any]) -> None:
        """Give a screen the keys of the commands that may work there, in place of those that it had."""
        if not isinstance(screen, BaseScreen):
            return
        scopes = screen.own_selection().scopes
        # Textual has no public way to change the bindings of one widget.
        bindings = screen._bindings.copy()  # noqa: SLF001
        for key, found in list(bindings.key_to_bindings.items()):
            kept = [each for each in found if not each.action.startswith(f"{OWN_COMMAND}(")]
            bindings.key_to_bindings[key] = kept
            if not kept:
                del bindings.key_to_bindings[key]
        for number, command in enumerate(self._commands):
            if command.key and command.scope in scopes:
                bindings.key_to_bindings.setdefault(command.key, []).append(_binding(number, command))
        screen._bindings = bindings  # noqa: SLF001
        screen.footer.forget_keys()

    def is_enabled(self, screen: BaseScreen, number: int) -> bool:
        """Return whether a command exists for its key now: it is offered, and none with the same key is nearer."""
        session = self._app.session
        if number >= len(self._commands) or is_hidden(self._commands[number], session):
            return False
        command = self._commands[number]
        rivals = [each for each in self._by_key[command.key] if not is_hidden(each, session)]
        return len(rivals) == 1 or self._nearest(rivals, screen.own_selection()) is command

    def has_use_for(self, screen: BaseScreen, number: int) -> bool:
        """Return whether a command would do something now."""
        session = self._app.session
        if number >= len(self._commands) or session.settings.file.distrust is not None:
            return False
        return has_subject(self._commands[number].scope, screen.own_selection(), session)

    def start(self, screen: BaseScreen, number: int, via: Via) -> None:
        """Run a command on what is selected on a screen."""
        if number < len(self._commands):
            self.runner.start(self._commands[number], screen.own_selection(), via)

    def palette_rows(self, screen: BaseScreen) -> "list[Command]":
        """Return the commands without a key that are offered on a screen. The live keys give the others."""
        from tui.ui.model.command_line.commands import Command  # noqa: PLC0415  it imports the base of this module

        selection, session = screen.own_selection(), self._app.session
        return [
            Command(
                clean(each.name),
                _sentence(each),
                partial(self.start, screen, number, Via.PALETTE),
            )
            for number, each in enumerate(self._commands)
            if not each.key and each.scope in selection.scopes and not is_hidden(each, session)
        ]

    def farewell(self) -> list[str]:
        return self.runner.farewell()

    def _show_notice(self, line: Line) -> None:
        """Show a line in the footer of the view in front. Pages and dialogs have none."""
        views = [each for each in self._app.screen_stack if isinstance(each, BaseScreen)]
        if views:
            views[-1].footer.notice(line)

    def _nearest(self, rivals: list[OwnCommand], selection: OwnSelection) -> OwnCommand:
        """Return which of several commands with one key works now; the first one if none does."""
        here = [each for scope in selection.scopes for each in rivals if each.scope is scope]
        return next((each for each in here if has_subject(each.scope, selection, self._app.session)), here[0])


def _binding(number: int, command: OwnCommand) -> Binding:
    return bind(
        command.key,
        f"{OWN_COMMAND}({number})",
        clean(command.name),
        _sentence(command),
        rank=FIRST_RANK + number,
        need=_NEED + number,
    )


def _sentence(command: OwnCommand) -> str:
    """Return what a command runs, as the config file has it."""
    scope = "the marked runs" if command.scope is CommandScope.MARKS else f"the {command.scope}"
    return f"Yours, on {scope}: {clean(template_words(command.entry.command))}"
