"""Own commands in words: quoted arguments, bounded output, and a dialog that fits."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.action import Via
from tui.domain.own_commands import CommandScope, Expanded, Subject
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.features.actions.words import Target
from tui.features.own_commands.view import (
    MAX_LINE_CHARS,
    MAX_LINES,
    OwnCommand,
    PreparedCommand,
    command_lines,
    ended_words,
    output_text,
    template_words,
)
from tui.settings.schema import CommandEntry
from tui.text.styled import Piece, line_width, plain

ANSWERS = (Piece("y  run it"),)
UNKNOWN = Target(None, None, is_production=True)


def test_template_is_quoted_where_it_has_spaces() -> None:
    assert template_words(["p", "{run.id}", "a b", "-t={run.tags}"]) == "p {run.id} 'a b' -t={run.tags}"


def test_end_names_code_or_signal() -> None:
    assert ended_words(3, timedelta(seconds=1.2)) == "ended with 3 after 1.2s"
    assert ended_words(-9, timedelta(minutes=5)) == "was ended by signal 9 after 5m00s"


def test_output_is_without_colours_and_progress() -> None:
    text = "\x1b[31mred\x1b[0m\r\n10%\r50%\rdone\n\ttab\n\x1b]0;title\x07\n"
    assert output_text(text, "", 0) == "  red\n  done\n          tab"
    assert output_text("", "", 0) == ""
    assert output_text("a\n", "z\n", 5_000_000) == "  a\n  … 5.0 MB left out …\n  z"


@given(st.text(), st.text(), st.integers(0, 10))
def test_output_is_bounded(start: str, end: str, left_out: int) -> None:
    lines = output_text(start * 50, end * 50, left_out).split("\n")
    assert len(lines) <= MAX_LINES + 1
    assert all(len(line) <= MAX_LINE_CHARS + 2 for line in lines)


def prepared(text: str, shown: str) -> PreparedCommand:
    entry = CommandEntry(text or "n", ("p",), scope="task")
    command = OwnCommand(text, "", CommandScope.TASK, (("p",),), entry)
    subject = Subject(task=TaskId(text))
    return PreparedCommand(command, subject, Expanded(("p",)), "/p", {}, Via.KEY, Raw(shown), UNKNOWN)


@given(st.text(max_size=300), st.integers(24, 76), st.integers(10, 30))
def test_dialog_fits_and_shows_no_control_character(text: str, width: int, height: int) -> None:
    lines = command_lines(prepared(text, text * 20), ["A remark.", "Another."], ANSWERS, width, height)
    assert all(line_width(line) <= max(width, 60) for line in lines)
    assert all("\x1b" not in plain(line) and "\n" not in plain(line) for line in lines)
    assert len(lines) <= max(height, 14)


def test_long_command_says_how_much_is_not_shown() -> None:
    shown = [plain(line) for line in command_lines(prepared("n", "x" * 50_000), [], ANSWERS, 76, 20)]
    xs = sum(line.count("x") for line in shown)
    assert any(f"… {50_000 - xs:,} more characters" in line for line in shown)
