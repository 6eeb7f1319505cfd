"""The rows of the page of keys, grouped by purpose.

A row names bindings by their ids, and says in a few words what their keys do. The ids come from `bind` in `tui/ui`.
"""

from typing import Final

from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class HelpRow:
    """Keys that belong together, usually a pair. An id that ends in `*` stands for every id that begins so.

    Without `text` each binding has a row of its own, with the word that the footer uses.
    """

    text: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """Rows with one purpose. `remark` stands beside the title."""

    title: str
    rows: tuple[HelpRow, ...]
    remark: str = ""


HELP_GROUPS: Final = (
    HelpGroup(
        "move",
        (
            HelpRow("down, up", ("down", "up")),
            HelpRow("top, end", ("top", "bottom")),
            HelpRow("a page down, up", ("page-down", "page-up")),
            HelpRow("half a page down, up", ("half-page-down", "half-page-up")),
            HelpRow("previous, next run", ("previous-run", "next-run")),
            HelpRow("next, previous error", ("next-error", "previous-error")),
            HelpRow("next, previous new group", ("next-new", "previous-new")),
            HelpRow("root, run above", ("root", "parent")),
            HelpRow("along the longest path", ("longest-path",)),
            HelpRow("open", ("open",)),
            HelpRow("the errors, back to the runs", ("errors",)),
            HelpRow("the queues, back to the runs", ("queues",)),
            HelpRow("the oldest run of a queue", ("oldest-run",)),
            HelpRow("the runs that hold its places", ("holders",)),
            HelpRow("the wall, back", ("wall",)),
            HelpRow("fold or unfold", ("turn-fold",)),
            HelpRow("back", ("back",)),
            HelpRow("the view before", ("view-before",)),
            HelpRow("back, then quit", ("close",)),
        ),
    ),
    HelpGroup(
        "look",
        (
            HelpRow("next, previous pane", ("next-pane", "previous-pane")),
            HelpRow("go to a pane", ("pane-*",)),
            HelpRow("this pane alone", ("zoom",)),
            HelpRow("wrap long lines", ("wrap",)),
            HelpRow("whole run ids, clock times", ("wide",)),
            HelpRow("choose the columns", ("columns",)),
            HelpRow("previous, next attempt", ("previous-attempt", "next-attempt")),
            HelpRow("compare the attempts, back", ("compare",)),
            HelpRow("fold, unfold", ("fold", "unfold")),
            HelpRow("unfold all, fold all", ("unfold-all", "fold-all")),
            HelpRow("fewer, more levels", ("fewer-levels", "more-levels")),
            HelpRow("level of a log", ("log-level",)),
            HelpRow("follow a log, or stop", ("follow",)),
            HelpRow("waterfall, tree", ("waterfall",)),
            HelpRow("more, less time", ("more-time", "less-time")),
            HelpRow("earlier, later", ("earlier", "later")),
            HelpRow("spans of the engine", ("engine-spans",)),
            HelpRow("longer, shorter span", ("longer-span", "shorter-span")),
        ),
    ),
    HelpGroup(
        "find",
        (
            HelpRow("filter, search a page", ("search",)),
            HelpRow("next, previous match", ("next-match", "previous-match")),
            HelpRow("filters of the server", ("server-filters",)),
            HelpRow("clear all filters", ("clear-filters",)),
            HelpRow("sort", ("sort",)),
            HelpRow("any command", ("commands",)),
            HelpRow("save this view", ("save-view",)),
            HelpRow("open a saved view", ("open-view",)),
            HelpRow("rename, delete a view", ("rename-view", "delete-view")),
        ),
    ),
    HelpGroup(
        "copy",
        (
            HelpRow("copy the run's id", ("copy-id",)),
            HelpRow("choose what to copy", ("copy-menu",)),
            HelpRow("the run in the browser", ("browse",)),
            HelpRow("read in a pager, an editor", ("pager", "editor")),
            HelpRow("copy the line of a log", ("copy-line",)),
            HelpRow("save the lines of a log", ("save-lines",)),
            HelpRow("copy a fingerprint or an id", ("copy-fingerprint",)),
            HelpRow("choose what to copy of it", ("copy-group",)),
            HelpRow("copy the name of a queue", ("copy-queue",)),
        ),
    ),
    HelpGroup(
        "act",
        (
            HelpRow("", ("cancel", "replay")),
            HelpRow("mark: run, range, all", ("mark", "mark-range", "mark-all")),
            HelpRow("withdraw what waits", ("withdraw",)),
            HelpRow("the run of a replay", ("new-run",)),
        ),
        remark="only capitals change runs",
    ),
    HelpGroup("yours", (HelpRow("", ("own-command-*",)),)),
    HelpGroup(
        "time",
        (
            HelpRow("pause the updates", ("pause",)),
            HelpRow("ask the server now", ("refresh",)),
        ),
    ),
    HelpGroup(
        "program",
        (
            HelpRow("these keys", ("help",)),
            HelpRow("repaint the screen", ("repaint",)),
            HelpRow("suspend", ("suspend",)),
            HelpRow("quit", ("quit",)),
        ),
    ),
)
