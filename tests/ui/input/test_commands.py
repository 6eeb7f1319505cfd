"""Commands are found by the typed text."""

import pytest

from tui.kit.commands import Command, matching

COMMANDS = [
    Command(name, words, lambda: None, key)
    for name, words, key in (
        ("messages", "What went wrong and when.", ""),
        ("sort by took", "What runs first, then what took longest.", ""),
        ("next error", "Go to the next failed run.", "x"),
        ("mark", "Mark the run, or take its mark away.", "space"),
        ("quit", "End the program.", "ctrl-q ctrl-c"),
        ("q!", "Close without a question.", ""),
        ("errors", "What fails.", "!"),
    )
]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["messages", "sort by took", "next error", "mark", "quit", "q!", "errors"]),
        (":mess", ["messages"]),
        ("  MARK ", ["mark"]),
        ("wrong", ["messages"]),
        ("err next", ["next error"]),
        ("took", ["sort by took"]),
        ("run", ["sort by took", "next error", "mark"]),
        ("ctrl-q", ["quit"]),
        ("nxe", ["next error"]),
        ("!", ["errors", "q!"]),
        ("m", ["messages", "mark", "quit"]),
        ("zzz", []),
    ],
)
def test_commands_match_words_in_any_order_or_letters(typed: str, found: list[str]) -> None:
    assert [command.name for command in matching(COMMANDS, typed)] == found
