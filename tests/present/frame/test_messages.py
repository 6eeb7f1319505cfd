"""The lines of the page of messages."""

from datetime import UTC, datetime, timedelta

from tests.support.present.samples import HOSTILE, text_of
from tui.kit.live_model import Message, message_lines
from tui.text.styled import line_width

NOW = datetime(2026, 11, 24, 13, 49, 8, tzinfo=UTC)


def test_message_has_its_time_and_wraps_below_its_text() -> None:
    lines = text_of(message_lines(Message(NOW, "No answer from https://api.trigger.dev.", NOW), NOW, 34))
    assert lines.split("\n") == ["13:49:08  No answer from", "          https://api.trigger.dev."]


def test_repeated_message_is_counted_and_an_old_one_dated() -> None:
    first = NOW - timedelta(days=1, minutes=5)
    lines = text_of(message_lines(Message(NOW - timedelta(days=1), "Again.", first, 1_204), NOW, 80))
    assert lines.split("\n") == ["11-23 13:49:08  Again.", "                1,204 times since 11-23 13:44:08"]


def test_hostile_message_is_cleaned() -> None:
    for line in message_lines(Message(NOW, HOSTILE * 20, NOW), NOW, 40):
        assert line_width(line) <= 40
        assert "\x1b" not in "".join(piece.text for piece in line)
