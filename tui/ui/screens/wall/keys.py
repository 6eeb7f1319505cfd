"""The keys of the wall."""

from typing import Final

from textual.binding import Binding

from tui.ui.input.keys import MENU_BINDINGS, bind

KEYS: Final[tuple[Binding, ...]] = (
    bind("j,down", "move(1)", "down", "Show the cursor, or move it down.", id="down"),
    bind("k,up", "move(-1)", "up", "Show the cursor, or move it up.", id="up"),
    bind("enter", "enter", "open", "Open the row under the cursor: its runs, or the run.", id="open", rank=10),
    bind(
        "left_parenthesis",
        "span(1)",
        "longer span",
        "Show a longer time: each cell stands for more of it.",
        id="longer-span",
    ),
    bind(
        "right_parenthesis",
        "span(-1)",
        "span",
        "Show a shorter time: each cell stands for less of it.",
        id="shorter-span",
        rank=20,
        pair=("longer-span", "shorter-span"),
    ),
    bind("left_curly_bracket", "earlier(-1)", "earlier", "Show an earlier time.", id="earlier"),
    bind("right_curly_bracket", "earlier(1)", "later", "Show a later time, up to now.", id="later"),
    bind("r,f5,ctrl+r", "refresh_now", "refresh", "Ask the server now, or try again now.", id="refresh", rank=30),
    bind("W", "leave_view", "close", "Close the wall.", id="wall", rank=40),
    bind("escape", "back", "back", "Hide the cursor, or close the wall."),
    bind("q", "leave_view", "back", "Close the wall.", id="close"),
    *MENU_BINDINGS,
)
