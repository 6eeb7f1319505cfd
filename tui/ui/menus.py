"""The ways to everything that has no pane: the keys, the commands, the messages.

What lives here: the two bindings and opening the screens, each loaded when it is first wanted.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from tui.domain.ids import RunId
from tui.store.server_filter import ServerFilter
from tui.ui.bindings import live_keys
from tui.ui.clipboard import Clipboard
from tui.ui.keys import LAST, bind

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen

MENU_BINDINGS: Final = (
    bind("colon,ctrl+p", "palette", "commands", "Find a command by name; so does ctrl-p.", rank=80, need=42, shown=":"),
    bind("question_mark", "help", "keys", "The keys that work here.", rank=LAST),
)


def open_help(screen: "MainScreen") -> None:
    """Show the keys that work on this screen now."""
    from tui.ui.screens.help import HelpScreen  # noqa: PLC0415  not before somebody asks: it must start fast

    screen.app.push_screen(HelpScreen(screen.live, live_keys(screen), screen.pane.title))


def open_messages(screen: "MainScreen") -> None:
    """Show what went wrong."""
    from tui.ui.screens.messages import MessagesScreen  # noqa: PLC0415  likewise

    screen.app.push_screen(MessagesScreen(screen.live, screen.host.messages))


def open_copy_menu(screen: "MainScreen", run_id: RunId, clipboard: Clipboard) -> None:
    """Let a part of a run be chosen for the clipboard."""
    from tui.ui.screens.copy_menu import CopyMenu  # noqa: PLC0415  likewise

    screen.app.push_screen(CopyMenu(screen.live, run_id, clipboard))


def open_server_filters(screen: "MainScreen") -> None:
    """Let the server's filters be chosen."""
    from tui.store.server_filter import known_values  # noqa: PLC0415  likewise
    from tui.ui.screens.server_filters import ServerFiltersScreen  # noqa: PLC0415  likewise

    following, settings = screen.host.following, screen.live.session.settings

    def follow(chosen: ServerFilter | None) -> None:
        if chosen is not None:
            following.choose(chosen)

    filters = ServerFiltersScreen(
        following.chosen,
        known=known_values(screen.live.session.store),
        default_period=settings.history,
        run_limit=settings.history_runs,
    )
    screen.app.push_screen(filters, follow)


def open_palette(screen: "MainScreen") -> None:
    """Let a command be chosen, and run it."""
    from tui.ui.commands import Command, commands_of  # noqa: PLC0415  likewise
    from tui.ui.screens.palette import PaletteScreen  # noqa: PLC0415  likewise

    def run(command: Command | None) -> None:
        if command is not None:
            command.run()

    messages = Command("messages", "What went wrong and when.", partial(open_messages, screen))
    screen.app.push_screen(PaletteScreen([messages, *commands_of(screen)]), run)
