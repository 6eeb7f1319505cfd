"""The keys of the main screen that work in every pane."""

from typing import Final

from textual.binding import Binding

from tui.ui.data.action_controller import ACTION_BINDINGS
from tui.ui.input.keys import MENU_BINDINGS, OUTGOING_BINDINGS, bind

_ENTER_SENTENCE: Final = (
    "Open the row under the cursor; on the last line of the list, search the server. While no run is selected, select "
    "the first one."
)
FILTER_SENTENCE: Final = (
    "Filter the list: any text, status:failed task:sync-* -tag:x took:>10s age:<5m queue: version: error: group: id: "
    "env: test:yes. Search in any other pane."
)

KEYS: Final[tuple[Binding, ...]] = (
    bind("enter", "enter", "open", _ENTER_SENTENCE, id="open", rank=10),
    bind(
        "escape",
        "back",
        "back",
        "Go one level back: end a search, a filter, the block about what happened, a zoom; then go to the list, "
        "and end marks and the selection there.",
    ),
    bind("q", "quit_level", "back, quit", "Go one level back; at the list, end the program.", id="close"),
    bind(
        "left_square_bracket",
        "run_step(-1)",
        "previous run",
        "Go to the previous run of the list, from any pane.",
        id="previous-run",
    ),
    bind(
        "right_square_bracket",
        "run_step(1)",
        "next run",
        "Go to the next run of the list, from any pane.",
        id="next-run",
        rank=65,
    ),
    bind("slash", "search", "filter", FILTER_SENTENCE, rank=40, need=30),
    bind(
        "f",
        "server_filters",
        "server filters",
        "Choose which runs the server sends: by status, task, tag.",
        rank=45,
        need=40,
    ),
    bind("0", "clear_filters", "clear filters", "Clear all filters: the typed one, and the server's."),
    bind("exclamation_mark", "errors", "errors", "Show what fails: the failed runs, grouped by their errors."),
    bind("Q", "queues", "queues", "Show why runs wait: the queues, how full each is, and whether it drains."),
    bind("W", "wall", "wall", "Show the wall: findings and the last hour over the whole screen.", rank=77, need=70),
    bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match"),
    bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
    bind("x", "error_step(1)", "next error", "Go to the next failed run.", id="next-error", rank=60, need=32),
    bind("X", "error_step(-1)", "previous error", "Go to the previous failed run.", id="previous-error"),
    bind("p", "pause", "pause", "Stop showing updates, or show them again."),
    bind("r,f5,ctrl+r", "refresh_now", "refresh", "Ask the server now, or try again now.", id="refresh"),
    bind("y", "copy_id", "copy id", "Copy the id of the run to the clipboard of the terminal.", rank=75, need=60),
    bind(
        "Y",
        "copy_menu",
        "copy what",
        "Choose what to copy: id, payload, output, error with its stack, a ticket in Markdown, the address, "
        "a link to the dashboard, a shell command, a curl.",
    ),
    *OUTGOING_BINDINGS,
    *ACTION_BINDINGS,
    *MENU_BINDINGS,
)
