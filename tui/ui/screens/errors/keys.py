"""The keys of the errors view that work in every pane, besides those of every list view."""

from typing import Final

from textual.binding import Binding

from tui.ui.data.action_controller import ACTION_BINDINGS
from tui.ui.input.keys import bind

_FILTER_SENTENCE: Final = "Show only groups that contain these words. Search in any other pane."
KEYS: Final[tuple[Binding, ...]] = (
    bind(
        "enter",
        "enter",
        "open",
        "List the runs of the group; in other panes open the row under the cursor.",
        id="open",
        rank=10,
    ),
    bind(
        "escape",
        "back",
        "back",
        "Go one level back: end a search, a filter, a zoom; then go to the errors, then to the runs.",
    ),
    bind("exclamation_mark", "leave_view", "back to the runs", "Leave the errors.", id="errors"),
    bind(
        "slash",
        "search",
        "filter",
        _FILTER_SENTENCE,
        rank=55,
        need=32,
    ),
    bind("left_parenthesis", "span(1)", "longer span", "Show a longer span of time.", id="longer-span"),
    bind(
        "right_parenthesis",
        "span(-1)",
        "span",
        "Show a shorter span of time.",
        id="shorter-span",
        rank=60,
        need=44,
        pair=("longer-span", "shorter-span"),
    ),
    bind(
        "x", "new_step(1)", "next new", "Go to the next group that is new in the span.", id="next-new", rank=62, need=48
    ),
    bind("X", "new_step(-1)", "previous new", "Go to the previous group that is new in the span.", id="previous-new"),
    bind("y", "copy_fingerprint", "copy id", "Copy the id of the run, or the fingerprint of the group."),
    bind(
        "Y",
        "copy_group",
        "copy",
        "Choose what to copy: the group as Markdown, its fingerprint, the address of the view, a command, a curl.",
        rank=75,
        need=50,
    ),
    *ACTION_BINDINGS,
)
