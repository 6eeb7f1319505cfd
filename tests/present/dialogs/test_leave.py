"""The question before the program ends."""

import pytest

from tests.support.present.samples import text_of
from tui.kit.painted import leave_lines
from tui.kit.type_ahead import FrameVisibility
from tui.text.styled import line_width


@pytest.mark.parametrize("width", [40, 46, 60])
@pytest.mark.parametrize("visibility", [None, *FrameVisibility])
@pytest.mark.parametrize("waiting", [{}, {"Cancel": 1}, {"Cancel": 1_000, "Replay": 12_345}])
def test_question_fits_and_says_how_to_quit(
    width: int, visibility: FrameVisibility | None, waiting: dict[str, int]
) -> None:
    lines = leave_lines(waiting, visibility, width)
    assert all(line_width(line) <= width for line in lines)
    text = text_of(lines)
    assert "ctrl-c  quit" in text
    assert "Stay" in text
    assert ("y or" in text) is (visibility in {None, FrameVisibility.SEEN})


def test_question_counts_the_waiting_actions() -> None:
    text = text_of(leave_lines({"Cancel": 2, "Replay": 1}, None, 60))
    assert "Cancel of 2 runs and Replay of 1 run wait to be sent." in " ".join(text.split())
    assert "Nothing waits to be sent." in text_of(leave_lines({}, None, 60))
