"""What log lines look like on the page and in print, whatever their text is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import sample
from tests.support.recordings import recording
from tui.domain.error import StackFrame
from tui.domain.log import LogLevel, LogLine, RunLog
from tui.domain.run import Json, SpanId
from tui.domain.text import Raw, clean
from tui.features.errors import error as frames
from tui.features.logs.words import (
    MAX_ROWS,
    Attributes,
    LineFolds,
    LogReading,
    columns_for,
    copied_line,
    end_rows,
    head,
    line_rows,
    log_lines,
    log_object,
    offset_text,
    opened_rows,
    opens_more,
)
from tui.text.blocks import Now
from tui.text.json import JsonFolds
from tui.text.styled import Line, line_width, plain, wrap

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
HOSTILE = (
    "plain",
    "",
    "\x1b[31mRED\x1b[0m \x1b]0;title\x07 bell\x07 \x9b31m",
    "visible\rhidden",
    "\u202egnp.exe\u202c zero\u200bwidth \ufeff",
    "日本語のテキスト 🚀👩‍👩‍👧‍👦🇫🇷 e\u0301",
    "[bold red]markup[/] $(rm -rf /) <b>",
    "one\ntwo\r\nthree\x0bfour\u2028five",
    "\n\n  indented after blanks\n",
    "x" * 200_000,
    "word " * 50_000,
    "日" * 50_000,
)
MESSAGES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=200))


def line_of(message: str, at: datetime = START, level: str = "INFO", attempt: int | None = 1) -> LogLine:
    time_ns = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000
    return LogLine(SpanId("ab"), at, time_ns, attempt, Raw(level), Raw(message))


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.000s"), (520, "0.520s"), (9_999, "9.999s"), (10_000, "10s"), (62_000, "1m02s"), (7_500_000, "2h05m"),
        (45_120_000, "12h32m"), (260_000_000, "3d"), (-5, "-0.005s"), (-3_720_000, "-1h02m"),
    ],
)  # fmt: skip
def test_time_since_the_start_has_milliseconds_up_to_10_s(ms: int, text: str) -> None:
    assert offset_text(timedelta(milliseconds=ms)) == text


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (118, "since start  #  level   message"),
        (78, " start  #  level   message"),
        (62, " start  #  level   message"),
        (57, " start  level   message"),
    ],
)
def test_columns_fit_the_pane(width: int, titles: str) -> None:
    columns = columns_for(width, 1)
    assert plain(head(columns)) == titles
    (line,) = line_rows(line_of("x" * 300), START, columns, is_open=False, is_wrapped=False)
    assert line_width(line) == width - 1


def test_attempts_of_two_digits_widen_their_column() -> None:
    columns = columns_for(80, 12)
    (line,) = line_rows(line_of("x", attempt=3), START, columns, is_open=False, is_wrapped=False)
    assert plain(line) == "0.000s   3  info    x"


@given(MESSAGES, st.integers(20, 130), st.booleans(), st.booleans())
def test_no_text_leaves_its_rows(message: str, width: int, is_open: bool, is_wrapped: bool) -> None:
    columns = columns_for(width, 1)
    line = line_of(message, level="ERROR")
    rows = line_rows(line, START, columns, is_open=is_open, is_wrapped=is_wrapped)
    below = opened_rows(
        line.message, Attributes({message: message}), LineFolds(), columns.message, is_wrapped=is_wrapped
    )
    for row in (*rows, *(each.line for each in below)):
        assert plain(row) == clean(plain(row))
        assert "\n" not in plain(row)
    assert all(line_width(row) <= columns.indent + columns.message for row in rows)
    assert all(line_width(each.line) <= columns.message for each in below)
    assert len(below) <= 2 * MAX_ROWS + 2


@given(st.lists(st.sampled_from(["one", "two words", "日本", "\rback", "  in"]), min_size=1, max_size=6))
def test_opened_line_shows_all_of_its_message(lines: list[str]) -> None:
    message = Raw("\n".join(lines))
    columns = columns_for(100, 1)
    above = line_rows(line_of(message), START, columns, is_open=True, is_wrapped=False)
    below = opened_rows(message, Attributes(), LineFolds(), columns.message, is_wrapped=True)
    shown = "".join(plain(row)[columns.indent :] for row in above) + "".join(plain(each.line) for each in below)
    letters = [each for each in clean(message.replace("\n", "")) if not each.isspace() and each != "␍"]
    assert [each for each in shown if not each.isspace() and each != "␍"] == letters
    assert opens_more(line_of(message)) is bool(below)


def test_stack_in_attributes_is_one_row_until_it_is_opened() -> None:
    properties: Json = recording("274")["response"]["body"]["properties"]
    texts = [
        plain(row.line).strip()
        for row in opened_rows(Raw("x"), Attributes(properties), LineFolds(), 70, is_wrapped=False)
    ]
    assert texts == [
        "▾ error: 3 keys",
        'message: "only logged, not thrown"',
        'name: "Error"',
        "▸ stack: 10 frames  yours 1 · @trigger.dev/core 5 · node 1 · @opent…",
    ]
    folds = LineFolds(JsonFolds(), frozenset({("stack", (0, 2))}))
    opened = [
        plain(row.line).strip() for row in opened_rows(Raw("x"), Attributes(properties), folds, 70, is_wrapped=False)
    ]
    assert opened[4] == "Error: only logged, not thrown"
    assert opened[5].split() == ["run", "src/trigger/basics.ts:28:41"]
    assert opened[6].startswith("⋯ 9 frames")


def test_lines_that_are_not_searched_for_stacks_say_so() -> None:
    message = Raw("failed\n" + "    at f (/app/node_modules/a/b.js:1:2)\n" * 700)
    rows = opened_rows(message, Attributes(note="x"), LineFolds(), 70, is_wrapped=True)
    texts = [plain(row.line).strip() for row in rows]
    assert texts[:3] == [
        "⋯ 500 frames  a 500, none of yours",
        "from here on as it came: stacks are found in the first 500 lines",
        "at f (/app/node_modules/a/b.js:1:2)",
    ]
    assert texts.count(texts[2]) == 200
    assert len({row.key for row in rows}) == len(rows)
    narrow = opened_rows(message, Attributes(note="x"), LineFolds(), 40, is_wrapped=True)
    assert [plain(row.line).strip() for row in narrow[1:3]] == [
        "from here on as it came: stacks are",
        "found in the first 500 lines",
    ]


def test_opened_stack_makes_only_the_rows_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[StackFrame] = []

    def count(frame: StackFrame, *args: Any, **kwargs: Any) -> list[Line]:
        made.append(frame)
        return frame_of(frame, *args, **kwargs)

    frame_of = frames.drawn_frame
    monkeypatch.setattr(frames, "drawn_frame", count)
    message = Raw("failed\n" + "    at f (/app/src/b.ts:1:2)\n" * 499)
    rows = opened_rows(message, Attributes(), LineFolds(opens_all=True), 70, is_wrapped=True)
    assert len(rows) == MAX_ROWS + 1
    assert len(made) == MAX_ROWS + 1


def test_causes_in_a_message_stand_below_it() -> None:
    message = Raw(
        "failed: Error: outer\n    at run (file:///app/src/a.ts:3:4) {\n  [cause]: TypeError: inner\n"
        "      at load (file:///app/src/b.ts:1:2) {\n    status: 500,\n    in: { x: 1 }\n  }\n}"
    )
    rows = opened_rows(message, Attributes(note="no attributes"), LineFolds(), 70, is_wrapped=False)
    assert [plain(row.line) for row in rows] == [
        "  run  src/a.ts:3:4",
        "  ▾ caused by TypeError: inner",
        "    load  src/b.ts:1:2",
        "    status: 500,",
        "    in: { x: 1 }",
        "  }",
        "  no attributes",
    ]
    folds = LineFolds(toggled=frozenset({rows[1].key}))
    assert len(opened_rows(message, Attributes(note="x"), folds, 70, is_wrapped=False)) == 4


def test_printed_lines_cannot_be_forged() -> None:
    first, *more = (plain(line) for line in log_lines(line_of("a\n2026-11-24T13:00:00.000Z  forged\x1b[2J"), START))
    assert first.startswith("2026-11-24T13:00:00.000Z")
    assert more == [" " * 46 + "2026-11-24T13:00:00.000Z  forged␛[2J"]


def test_crlf_breaks_a_line_like_a_newline() -> None:
    columns = columns_for(100, 1)
    line = line_of("one\r\ntwo\r\n\r\n\rthree")
    assert [plain(row).strip() for row in log_lines(line, START)][1:] == ["two", "", "␍three"]
    assert plain(log_lines(line, START)[0]).endswith("  one")
    below = opened_rows(line.message, Attributes(), LineFolds(), columns.message, is_wrapped=False)
    assert [plain(each.line).strip() for each in below] == ["two", "", "␍three"]
    assert wrap(line.message, 20) == ["one", "two", "", "␍three"]


def test_copied_line_has_the_message_as_it_came() -> None:
    assert copied_line(line_of("a\x1bb\nc", level="ERROR")) == "2026-11-24T13:00:00.000Z error a\x1bb\nc"


def test_object_of_a_line_has_exact_times() -> None:
    line = line_of("x", START + timedelta(microseconds=1_500))
    found = log_object(line, START)
    assert (found["time"], found["offsetMs"]) == ("2026-11-24T13:00:00.001500Z", 1.5)
    unknown = log_object(LogLine(SpanId(""), None, -1, None, Raw("WARN"), Raw(""), has_message=False), START)
    assert unknown == {
        "time": None,
        "offsetMs": None,
        "level": "WARN",
        "attempt": None,
        "message": None,
        "spanId": None,
    }
    assert log_object(line_of(""), START)["message"] == ""


def test_end_of_an_empty_log_says_what_the_run_does() -> None:
    for word, state in ("QUEUED", "queued"), ("EXECUTING", "executing"), ("PENDING_VERSION", "waiting for a version"):
        rows = end_rows(LogReading(log=RunLog()), sample(word), 0, LogLevel.DEBUG, Now(START), 100)
        assert [plain(row) for row in rows] == [f"No lines yet; the run is still {state}."]
