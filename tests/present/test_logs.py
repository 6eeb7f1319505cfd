"""Log lines on the page and in print, whatever their text is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import drawn, sample
from tui.domain.log import LogLevel, LogLine, RunLog
from tui.domain.run import SpanId
from tui.domain.text import Raw, clean
from tui.features.logs import words
from tui.features.logs.words import MAX_ROWS, Attributes, LineFolds, columns_for, line_rows, opened_rows
from tui.text.blocks import Now
from tui.text.styled import line_width, plain

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
HOSTILE = (
    "",
    "\x1b[31mRED\x1b[0m \x1b]0;title\x07 bell\x07 \x9b31m",
    "visible\rhidden",
    "\u202egnp.exe\u202c zero\u200bwidth \ufeff",
    "日本語のテキスト 🚀👩‍👩‍👧‍👦🇫🇷 e\u0301",
    "one\ntwo\r\nthree\x0bfour\u2028five",
    "\n\n  indented after blanks\n",
    "x" * 200_000,
    "word " * 50_000,
    "日" * 50_000,
)


def line_of(message: str, at: datetime = START, level: str = "INFO", attempt: int | None = 1) -> LogLine:
    time_ns = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000
    return LogLine(SpanId("ab"), at, time_ns, attempt, Raw(level), Raw(message))


def page(width: int, attempts: int = 1) -> str:
    """Draw the titles and lines of three levels, one of them opened."""
    columns = columns_for(width, attempts)
    late = START + timedelta(seconds=62)
    lines = [*line_rows(line_of("one\r\ntwo"), START, columns, is_open=True, is_wrapped=False)]
    lines += line_rows(line_of("x" * 300, late, "ERROR", 3), START, columns, is_open=False, is_wrapped=False)
    lines += line_rows(line_of("a word or two " * 9, late, "WARN"), START, columns, is_open=False, is_wrapped=True)
    return drawn([words.head(columns), *lines])


PAGES = """
 start  level   message
0.000s  info  ▾ one
 1m02s  error   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
 1m02s  warn  ▸ a word or two a word or two a word or
                two a word or two a word or two a word
                or two a word or two a word or two a
                word or two

since start  #  level   message
     0.000s  1  info  ▾ one
      1m02s  3  error   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      1m02s  1  warn  ▸ a word or two a word or two a word or two a word or two a word or two a word or two a word or
                        two a word or two a word or two
"""


def test_lines_have_their_time_level_and_attempt() -> None:
    assert page(57, 12) + page(118) == PAGES
    offsets = (0, 520, 9_999, 10_000, 62_000, 7_500_000, 45_120_000, 260_000_000, -5, -3_720_000)
    texts = "0.000s 0.520s 9.999s 10s 1m02s 2h05m 12h32m 3d -0.005s -1h02m"
    assert " ".join(words.offset_text(timedelta(milliseconds=ms)) for ms in offsets) == texts


@given(st.sampled_from(HOSTILE) | st.text(max_size=200), st.integers(20, 130), st.booleans(), st.booleans())
def test_no_text_leaves_its_rows(message: str, width: int, is_open: bool, is_wrapped: bool) -> None:
    columns, line = columns_for(width, 1), line_of(message, level="ERROR")
    rows = line_rows(line, START, columns, is_open=is_open, is_wrapped=is_wrapped)
    attributes = Attributes({message: message})
    below = opened_rows(line.message, attributes, LineFolds(), columns.message, is_wrapped=is_wrapped)
    for row, room in (
        *((row, columns.indent + columns.message) for row in rows),
        *((b.line, columns.message) for b in below),
    ):
        assert plain(row) == clean(plain(row))
        assert line_width(row) <= room
    assert len(below) <= 2 * MAX_ROWS + 2


@given(st.lists(st.sampled_from(["one", "two words", "日本", "\rback", "  in"]), min_size=1, max_size=6))
def test_opened_line_shows_all_of_its_message(lines: list[str]) -> None:
    message, columns = Raw("\n".join(lines)), columns_for(100, 1)
    above = line_rows(line_of(message), START, columns, is_open=True, is_wrapped=False)
    below = opened_rows(message, Attributes(), LineFolds(), columns.message, is_wrapped=True)
    shown = "".join(plain(row)[columns.indent :] for row in above) + "".join(plain(each.line) for each in below)
    letters = [each for each in clean(message.replace("\n", "")) if not each.isspace() and each != "␍"]
    assert [each for each in shown if not each.isspace() and each != "␍"] == letters
    assert (words.rest_of(line_of(message).message) != "") is bool(below)


def test_printed_lines_cannot_be_forged_and_objects_are_exact() -> None:
    first, *more = (
        plain(line) for line in words.log_lines(line_of("a\n2026-11-24T13:00:00.000Z  forged\x1b[2J"), START)
    )
    assert first.startswith("2026-11-24T13:00:00.000Z")
    assert more == [" " * 46 + "2026-11-24T13:00:00.000Z  forged␛[2J"]
    assert words.copied_line(line_of("a\x1bb\nc", level="ERROR")) == "2026-11-24T13:00:00.000Z error a\x1bb\nc"
    found = words.log_object(line_of("", START + timedelta(microseconds=1_500)), START)
    assert [found[key] for key in ("time", "offsetMs", "message")] == ["2026-11-24T13:00:00.001500Z", 1.5, ""]
    bare = LogLine(SpanId(""), None, -1, None, Raw("WARN"), Raw(""), has_message=False)
    unknown = dict.fromkeys(("time", "offsetMs", "attempt", "message", "spanId"))
    assert words.log_object(bare, START) == unknown | {"level": "WARN"}
    (end,) = words.end_rows(words.LogReading(log=RunLog()), sample("QUEUED"), 0, LogLevel.DEBUG, Now(START), 100)
    assert plain(end) == "No lines yet; the run is still queued."
