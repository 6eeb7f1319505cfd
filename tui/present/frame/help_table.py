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
            HelpRow("down, up", ("move-1", "move--1")),
            HelpRow("top, end", ("top", "bottom")),
            HelpRow("a page down, up", ("page-1", "page--1")),
            HelpRow("half a page down, up", ("half-page-1", "half-page--1")),
            HelpRow("previous, next run", ("run-step--1", "run-step-1")),
            HelpRow("next, previous failure", ("error-step-1", "error-step--1")),
            HelpRow("next, previous new group", ("new-step-1", "new-step--1")),
            HelpRow("root, run above", ("root", "parent")),
            HelpRow("along the longest path", ("path-step",)),
            HelpRow("open", ("enter",)),
            HelpRow("the errors, back to the runs", ("errors", "leave-view")),
            HelpRow("fold or unfold", ("turn-fold",)),
            HelpRow("back", ("back", "close")),
            HelpRow("the view before", ("view-before",)),
            HelpRow("back, then quit", ("quit-level",)),
        ),
    ),
    HelpGroup(
        "look",
        (
            HelpRow("next, previous pane", ("focus-step-1", "focus-step--1")),
            HelpRow("go to a pane", ("pane-*",)),
            HelpRow("this pane alone", ("zoom",)),
            HelpRow("wrap long lines", ("wrap",)),
            HelpRow("whole run ids, clock times", ("wide",)),
            HelpRow("choose the columns", ("columns",)),
            HelpRow("previous, next attempt", ("attempt-step--1", "attempt-step-1")),
            HelpRow("compare the attempts, back", ("compare", "leave-comparison")),
            HelpRow("fold, unfold", ("fold", "unfold")),
            HelpRow("unfold all, fold all", ("fold-all-False", "fold-all-True", "all-True", "all-False")),
            HelpRow("fewer, more levels", ("level--1", "level-1")),
            HelpRow("level of a log", ("level",)),
            HelpRow("follow a log, or stop", ("follow",)),
            HelpRow("waterfall, tree", ("form-waterfall", "form-tree")),
            HelpRow("more, less time", ("zoom-time--1", "zoom-time-1")),
            HelpRow("earlier, later", ("pan--1", "pan-1")),
            HelpRow("spans of the engine", ("engine",)),
            HelpRow("longer, shorter span", ("span-1", "span--1")),
        ),
    ),
    HelpGroup(
        "find",
        (
            HelpRow("filter, search a page", ("search",)),
            HelpRow("next, previous match", ("hit-step-1", "hit-step--1")),
            HelpRow("filters of the server", ("server-filters",)),
            HelpRow("clear all filters", ("clear-filters",)),
            HelpRow("sort", ("sort",)),
            HelpRow("any command", ("palette",)),
            HelpRow("save the view", ("save-view",)),
            HelpRow("a saved view", ("open-view",)),
            HelpRow("rename, delete a view", ("rename-view", "delete-view")),
        ),
    ),
    HelpGroup(
        "copy",
        (
            HelpRow("copy the run's id", ("copy-id",)),
            HelpRow("choose what to copy", ("copy-menu",)),
            HelpRow("copy the line of a log", ("copy-line",)),
            HelpRow("save the lines of a log", ("save-lines",)),
            HelpRow("copy a fingerprint or an id", ("copy-fingerprint",)),
            HelpRow("choose what to copy of it", ("copy-group",)),
        ),
    ),
    HelpGroup(
        "act",
        (
            HelpRow("", ("act-*",)),
            HelpRow("mark: run, range, all", ("mark", "mark-range", "mark-all")),
            HelpRow("withdraw what waits", ("withdraw",)),
            HelpRow("the run of a replay", ("go-to-new",)),
        ),
        remark="only capitals change runs",
    ),
    HelpGroup("yours", (HelpRow("", ("own-command-*",)),)),
    HelpGroup(
        "time",
        (
            HelpRow("pause the updates", ("pause",)),
            HelpRow("ask the server now", ("refresh-now",)),
        ),
    ),
    HelpGroup(
        "program",
        (
            HelpRow("these keys", ("help",)),
            HelpRow("repaint the screen", ("repaint",)),
            HelpRow("suspend", ("suspend-process",)),
            HelpRow("quit", ("leave",)),
        ),
    ),
)
