"""The lines that the pane of logs shows, in any window, after any keys."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.log import LogLevel, RunLog
from tui.domain.run import SpanId
from tui.domain.text import Raw
from tui.features.logs.model import LogKey, LogRows, LogView
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


def view_of(log: RunLog) -> LogView:
    view = LogView(lambda _: Attributes({"a": 1, "b": {"c": [2]}}))
    view.show(log)
    return view


def rows_of(view: LogView, width: int = 60) -> LogRows:
    rows = view.rows(width, None, end_rows)
    assert isinstance(rows, LogRows)
    return rows


KEYS = st.lists(st.tuples(st.sampled_from(["open", "wrap", "level", "narrower"]), st.integers(0, 30)), max_size=25)


@given(st.lists(st.sampled_from(["short", "a word " * 30, "two\nlines", ""]), max_size=25), KEYS)
def test_each_row_is_found_by_its_key(messages: list[str], keys: list[tuple[str, int]]) -> None:
    view, width = view_of(log_of(*messages, levels=LEVELS)), 60
    for key, number in keys:
        match key:
            case "open" if number < len(messages):
                view.toggle(number)
            case "wrap":
                view.wrap()
            case "level":
                view.show_from(LogLevel((view.least + 1) % 4))
            case _:
                width = 40 + number
        rows = rows_of(view, width)
        assert [rows.index_of(row.key) for row in islice(rows, rows.cursor_count)] == list(range(rows.cursor_count))
        assert [rows.height(at) for at in range(len(rows))] == [1 + len(row.more) for row in rows]
        assert [plain(row.line).strip() for row in islice(rows, rows.cursor_count, None)] == ["", "the end"]
        assert {row.key.line for row in islice(rows, rows.cursor_count) if isinstance(row.key, LogKey)} == set(
            view.shown
        )


@given(st.lists(st.integers(0, 40), unique=True, min_size=1), st.data())
def test_line_is_found_where_lines_were_added(times: list[int], data: st.DataObject) -> None:
    known = data.draw(st.sets(st.sampled_from(times), min_size=1))
    before, after = (
        log_of(*(f"at {time}" for time in sorted(each)), at_ms=tuple(sorted(each))) for each in (known, times)
    )
    view = view_of(before)
    index = data.draw(st.integers(0, len(before) - 1))
    view.toggle(index)
    key = rows_of(view)[rows_of(view).index_of(LogKey(before, index)) or 0].key
    view.show(after)
    rows = rows_of(view)
    found = rows[rows.index_of(key) or 0].key
    assert isinstance(found, LogKey)
    assert after.messages[found.line] == before.messages[index]
    assert view.is_open(found.line)
