"""The lines that the pane of logs shows, in any window, after any keys."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain import log as logged_text
from tui.domain.error import StackFrame, parse_stack
from tui.domain.log import LogLevel, RunLog
from tui.domain.run import SpanId
from tui.domain.text import Raw
from tui.features.logs.model import MAX_OPEN_LINES, TOP, LogView, Place
from tui.features.logs.words import Attributes
from tui.text.styled import Line, Piece, plain

NS = 1_000_000
LEVELS = ("DEBUG", "INFO", "LOG", "WARN", "ERROR")


def log_of(*messages: str, levels: tuple[str, ...] = ("INFO",), at_ms: tuple[int, ...] = ()) -> RunLog:
    log = RunLog()
    for index, message in enumerate(messages):
        time_ms = at_ms[index] if at_ms else index
        level = Raw(levels[index % len(levels)])
        log.add(SpanId(f"{time_ms:016x}"), time_ms * NS, 1, level, Raw(message))
    assert all(each is None for each in log.sort_slices())
    return log


def end_rows(_: int) -> list[Line]:
    return [(), (Piece("the end"),)]


def view_of(log: RunLog, width: int = 60) -> LogView:
    view = LogView(lambda _: Attributes({"a": 1, "b": {"c": [2]}}), end_rows)
    view.resize(width)
    view.show(log, None)
    return view


def texts(view: LogView, height: int) -> list[str]:
    return [plain(each.row.line).strip() for each in view.window(height)]


@dataclass
class Whole:
    """The same view without a window: all its rows."""

    view: LogView

    def rows(self) -> list[tuple[Place, str]]:
        view, found = self.view, []
        for line in range(view.shown_count + 1):
            found += [(Place(line, number), plain(row.line)) for number, row in enumerate(view._rows_of(line))]
        return found


KEYS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(-30, 30)),
        st.tuples(
            st.sampled_from(["top", "bottom", "open", "wrap", "level", "taller", "narrower"]), st.integers(3, 12)
        ),
    ),
    max_size=25,
)


def press(view: LogView, key: str, number: int) -> None:
    match key:
        case "move":
            view.move(number)
        case "top":
            view.cursor = TOP
        case "bottom":
            view.to_bottom()
        case "open" if view.index is not None:
            view.toggle(view.index)
        case "wrap":
            view.wrap(is_wrapped=not view.is_wrapped)
        case "level":
            view.show_from(LogLevel((view.least + 1) % 4))
        case "narrower":
            view.resize(40 + number)
        case _:
            pass


@given(st.lists(st.sampled_from(["short", "a word " * 30, "two\nlines", ""]), max_size=25), KEYS)
def test_window_shows_a_part_of_all_rows_with_the_cursor(messages: list[str], keys: list[tuple[str, int]]) -> None:
    view, height = view_of(log_of(*messages, levels=LEVELS)), 8
    view.window(height)
    for key, number in keys:
        height = number if key == "taller" else height
        press(view, key, number)
        shown = view.window(height)
        whole = Whole(view).rows()
        start = next(index for index, (place, _) in enumerate(whole) if place == shown[0].place)
        assert [(each.place, plain(each.row.line)) for each in shown] == whole[start : start + height]
        assert len(shown) == min(height, len(whole)), "no row is wasted"
        assert view.cursor in {each.place for each in shown}
        assert view.shown_count == 0 or view.cursor.line < view.shown_count
        if view.is_at_end and view.cursor == view._last() and len(whole) >= height:
            assert shown[-1].place == whole[-1][0], "the last line shows why there are no more"


@given(st.lists(st.integers(0, 40), unique=True, min_size=1), st.data())
def test_cursor_stays_on_its_line_when_lines_are_added(times: list[int], data: st.DataObject) -> None:
    known = data.draw(st.sets(st.sampled_from(times), min_size=1))
    before, after = (
        log_of(*(f"at {time}" for time in sorted(each)), at_ms=tuple(sorted(each))) for each in (known, times)
    )
    view = view_of(before)
    view.to_index(data.draw(st.integers(0, len(before) - 1)))
    assert view.index is not None
    message, was_at_end = before.messages[view.index], view.is_at_end
    view.toggle(view.index)
    view.show(after, None, sticks_to_end=False)
    assert view.index is not None
    assert after.messages[view.index] == message
    assert view.is_open(view.index)
    view.to_index(0 if not was_at_end else len(after) - 1)
    sticks = view.is_at_end and not view.is_open(view.index)
    view.show(log_of(*(f"at {time}" for time in range(60)), at_ms=tuple(range(60))), None, sticks_to_end=True)
    assert view.is_at_end is sticks, "an open line is left by no new line"


@given(st.lists(st.sampled_from(LEVELS), max_size=30), st.sampled_from(LogLevel))
def test_level_hides_the_lines_below_it(levels: list[str], least: LogLevel) -> None:
    log = log_of(*("x" for _ in levels), levels=tuple(levels) or ("INFO",))
    view = view_of(log)
    view.show_from(least)
    assert list(view.shown) == [index for index, line in enumerate(log) if line.level >= least]
    assert view.hidden_count == len(levels) - view.shown_count


def test_search_finds_shown_lines_in_any_case() -> None:
    view = view_of(log_of("Straße", "none", "STRASSE", "x" * 900_000 + "strasse", levels=("INFO", "DEBUG")))
    pauses = sum(1 for _ in view.search("strasse"))
    assert view.hits == [0, 2, 3]
    assert pauses >= 2
    view.show_from(LogLevel.INFO)
    for _ in view.search("strasse"):
        pass
    assert view.hits == [0, 2]


def test_number_of_opened_lines_is_bounded() -> None:
    view = view_of(log_of(*map(str, range(MAX_OPEN_LINES + 5))))
    for index in range(MAX_OPEN_LINES + 5):
        view.toggle(index)
    assert [view.is_open(index) for index in (0, 4, 5, MAX_OPEN_LINES + 4)] == [False, False, True, True]


def test_opened_message_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []

    def count(stack: Raw) -> tuple[StackFrame, ...]:
        parsed.append(len(stack))
        return parse_stack(stack)

    monkeypatch.setattr(logged_text, "parse_stack", count)
    messages = ("once\n" + "    at noon\n" * 2_000, "once\n" + "    at fn (file.ts:1:2)\n" * 2_000)
    view = view_of(log_of(*messages))
    for index in range(2):
        view.toggle(index)
    for width in (60, 100, 60):
        view.resize(width)
        for more in range(5):  # a live log comes again and again
            view.show(log_of(*messages, *["x"] * more), None)
            for _ in range(20):
                view.cursor = Place(1, 0)
                view.window(40)
    assert len(parsed) == 2
