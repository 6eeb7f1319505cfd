"""The page of keys."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import NOW, text_of
from tui.present.frame.header import HeaderFacts, header_line
from tui.present.frame.help import HelpGroup, HelpKey, header_signs, help_lines, sign_lines
from tui.present.sparkline import spark
from tui.present.styled import line_width, plain
from tui.store.activity import Minute
from tui.store.freshness import Freshness, Level
from tui.store.status_counts import StatusCounts

HERE = HelpGroup("this pane", (HelpKey("space", "mark", "Mark the run, or take its mark away."),))
EVERYWHERE = HelpGroup(
    "everywhere",
    (
        HelpKey("Enter", "open", "Open what the cursor is on."),
        HelpKey("u", "withdraw", "Withdraw a pending action.", works_now=False),
        HelpKey("ctrl-q ctrl-c", "quit", "End the program. " * 12),
    ),
)


def test_each_key_has_its_word_and_its_sentence_below_the_title_of_its_group() -> None:
    text = text_of(help_lines([HERE, HelpGroup("nothing", ()), EVERYWHERE], 100))
    assert text.split("\n")[:5] == [
        "",
        "this pane",
        "space           mark                Mark the run, or take its mark away.",
        "",
        "everywhere",
    ]
    assert "nothing" not in text
    assert "Withdraw a pending action. Not now." in text


def test_where_it_is_narrow_the_word_goes_and_the_sentence_is_wrapped() -> None:
    lines = text_of(help_lines([HERE], 44)).split("\n")
    assert lines[2:] == ["space           Mark the run, or take its", "                mark away."]


def test_signs_are_explained_as_they_stand_in_the_header() -> None:
    lines = sign_lines("signs", header_signs(), 100)
    assert plain(lines[1]) == "signs"
    assert plain(lines[2]) == "Q               Queued."
    marks = [line[0] for line in lines[2:]]
    counts = StatusCounts(queued=1, delayed=1, pending_version=1, executing=1, waiting=1, failed=1)
    shown = header_line(HeaderFacts(NOW, Freshness(Level.FRESH, NOW), counts=counts), 200)
    letters = [(piece.text[0], piece.token) for piece in shown if piece.text.endswith("1")]
    assert [(mark.text, mark.token) for mark in marks[:-3]] == letters
    assert marks[-3:] == list(spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)]))
    assert plain(sign_lines("signs", header_signs(is_colorless=True), 100)[-1]).startswith("✗ ")


@given(st.integers(40, 160))
def test_no_line_is_wider_than_asked(width: int) -> None:
    assert max(map(line_width, sign_lines("signs", header_signs(), width))) <= width
    assert max(map(line_width, help_lines([HERE, EVERYWHERE], width))) <= width
