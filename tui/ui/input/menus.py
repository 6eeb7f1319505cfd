"""Opens the screens that are not panes: help, messages, the copy menu, the server filters.

Each screen's module is imported when it is first opened, so that the program starts fast.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from textual.screen import Screen
from textual.widget import Widget

from tui.domain.ids import RunId
from tui.present.styled import Line
from tui.store.server_filter import ServerFilter
from tui.ui.data.live_model import LiveModel
from tui.ui.data.messages import Messages
from tui.ui.data.subscription import RunSubscription
from tui.ui.input.clipboard import Clipboard
from tui.ui.input.keys import LAST_RANK, bind

if TYPE_CHECKING:
    from tui.present.dialogs.copying import Clip
    from tui.ui.panes.base import Pane

MENU_BINDINGS: Final = (
    bind(
        "colon,ctrl+p",
        "palette",
        "commands",
        "Run a command: a view, a setting, any key by its name.",
        rank=80,
        id="commands",
        need=39,
    ),
    bind(
        "backspace", "view_before", "view before", "Go back to the view before, with its filter, order, period and run."
    ),
    bind("S", "save_view", "save view", "Save what is shown as a view, under a name and a letter."),
    bind("apostrophe", "open_view", "saved view", "Open a saved view by its letter."),
    bind("question_mark,f1", "help", "keys", "Show the keys that work here.", rank=LAST_RANK),
)

READING_BINDINGS: Final = (
    bind(
        "O",
        "read_outside('pager')",
        "pager",
        "Open the value, the error or the log in $PAGER; the monitor waits.",
        id="pager",
    ),
    bind(
        "ctrl+o",
        "read_outside('editor')",
        "editor",
        "Open the value, the error or the log in $EDITOR; the monitor waits.",
        id="editor",
    ),
)
OUTGOING_BINDINGS: Final = (
    bind("o", "browse", "browser", "Open the run in the dashboard; over SSH show the link."),
    *READING_BINDINGS,
)
OUTGOING_ACTIONS: Final = frozenset({"browse", "read_outside"})


def browse_run(screen: Screen[Any], run_id: RunId, clipboard: Clipboard) -> Line:
    """Open a run in the browser. Return what the footer says at once."""
    from tui.ui.outgoing.browsing import browse  # noqa: PLC0415  loaded when first used

    return browse(screen, run_id, clipboard)


def read_run_outside(
    screen: Screen[Any], live: LiveModel, run_id: RunId, reader: str, pane: "Pane | None" = None
) -> None:
    """Open a part of a run, or the log that a pane shows, in the pager or the editor."""
    from tui.ui.outgoing.reading import read_from  # noqa: PLC0415  loaded when first used
    from tui.ui.programs.readers import Reader  # noqa: PLC0415

    read_from(screen, live, run_id, Reader(reader), pane)


def open_help(screen: Screen[Any], live: LiveModel, title: str, unmade: Iterable[type[Widget]] = ()) -> None:
    """Show the keys of this screen, and of widgets that it has not made yet. `title` is that of the focused pane."""
    from tui.ui.screens.help import HelpScreen, help_keys  # noqa: PLC0415  loaded when first used

    keys = help_keys(screen, unmade, may_write=not live.session.is_read_only)
    screen.app.push_screen(HelpScreen(live, keys, title))


def open_messages(screen: Screen[Any], live: LiveModel, messages: Messages) -> None:
    """Show the list of errors and warnings."""
    from tui.ui.screens.messages import MessagesScreen  # noqa: PLC0415  loaded when first used

    screen.app.push_screen(MessagesScreen(live, messages))


def open_copy_menu(
    screen: Screen[Any], live: LiveModel, run_id: RunId | None, clipboard: Clipboard, parts: "Sequence[Clip]" = ()
) -> None:
    """Let the user choose what to copy: `parts`, those of a run, and what leads to the run or to the view."""
    from tui.ui.outgoing.clips import clips_of_view  # noqa: PLC0415  loaded when first used
    from tui.ui.screens.copy_menu import CopyMenu  # noqa: PLC0415  loaded when first used

    screen.app.push_screen(CopyMenu(live, run_id, clipboard, [*parts, *clips_of_view(screen, run_id)]))


def open_server_filters(screen: Screen[Any], live: LiveModel, subscription: RunSubscription) -> None:
    """Let the user choose the server's filters."""
    from tui.store.server_filter import known_values  # noqa: PLC0415  loaded when first used
    from tui.ui.screens.server_filters import ServerFiltersScreen  # noqa: PLC0415  loaded when first used

    settings = live.session.settings

    def follow(chosen: ServerFilter | None) -> None:
        if chosen is not None:
            subscription.choose(chosen)

    filters = ServerFiltersScreen(
        subscription.chosen,
        known=known_values(live.session.store),
        default_period=settings.history,
        run_limit=settings.history_runs,
        now=live.session.local_now,
    )
    screen.app.push_screen(filters, follow)


def open_views(screen: Screen[Any]) -> None:
    """Show all saved views."""
    from tui.ui.views.keeping import show_views  # noqa: PLC0415  loaded when first used

    show_views(screen)
