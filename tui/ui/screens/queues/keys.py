"""The keys of the queues view that work in every pane, besides those of every list view."""

from typing import Final

from textual.binding import Binding

from tui.ui.input.keys import bind

_FILTER_SENTENCE: Final = "Show only queues whose name or health contains these words. Search in any other pane."
KEYS: Final[tuple[Binding, ...]] = (
    bind(
        "enter",
        "enter",
        "open",
        "List the runs of the queue; show the empty queues on the last line; in other panes open the row.",
        id="open",
        rank=10,
    ),
    bind(
        "escape",
        "back",
        "back",
        "Go one level back: end a search, a filter, a zoom; then go to the queues, then to the runs.",
    ),
    bind("Q", "leave_view", "back to the runs", "Leave the queues.", id="queues"),
    bind("v", "oldest_run", "oldest run", "Open the run that waits longest in the queue.", rank=45, need=30),
    bind("h", "holders", "holders", "List the runs that execute and hold the places of the queue.", rank=46, need=32),
    bind("slash", "search", "filter", _FILTER_SENTENCE, rank=55, need=32),
    bind("y", "copy_queue", "copy name", "Copy the name of the queue, or the id of the run.", id="copy-queue"),
    bind(
        "Y",
        "copy_menu",
        "copy",
        "Choose what to copy: the name of the queue, the address of the view, a command, a curl.",
        id="copy-menu",
    ),
)
