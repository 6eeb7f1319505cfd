"""The dialog for a column by its path."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import Body, Precision, Run, RunId, Stamp
from tui.features.columns.dialog import path_lines, read_typed
from tui.features.columns.words import KINDS
from tui.settings.schema import ColumnEntry
from tui.text.styled import line_width, plain

AT = datetime(2026, 11, 24, tzinfo=UTC)
STAMP = Stamp(AT, Precision.DETAIL, AT)


def run_with(payload: Any) -> Run:
    return Run(RunId("run_1"), metadata=(STAMP, {"progress": 0.5}), body=(STAMP, Body(payload=payload)))


def about(text: str, run: Run | None) -> str:
    return plain(path_lines(read_typed(text), run, 70)[0]).strip()


def test_path_may_have_a_type_and_a_format() -> None:
    assert read_typed(" metadata.progress bar ").choice == ColumnEntry("metadata.progress", type="bar")
    typed = read_typed('payload["a b"].x number ,.1f')
    assert typed.choice == ColumnEntry('payload."a b".x', type="number", format=",.1f")
    for text in ("", "task", "payload.", "payload.a.", "payload.x graph", "payload.x number zz", "payload.x!! bar x"):
        assert read_typed(text).choice is None, text


def test_selected_run_shows_what_is_at_the_path() -> None:
    run = run_with({"customer": {"id": "cus_9", "the name": 1}, "items": [1, 2]})
    assert about("metadata.progress", run) == "run_1: 0.5"
    assert about("payload.customer.id", run) == "run_1: cus_9"
    assert about("payload.customer", run) == 'run_1: keys  id, "the name"'
    assert about("payload.cust", run) == "run_1: nothing there; keys  customer"
    assert about("payload.customer.zip", run) == 'run_1: nothing there; keys  id, "the name"'
    assert about("payload.items", run) == "run_1: [1, 2]"
    assert about("output.x", Run(RunId("run_1"))) == "run_1: its output is not read, or there is none"
    assert "no run is selected" in about("payload.x", None)
    assert "a path begins with" in about("task", run)
    assert "expected a type out of" in about("payload.x graph", run)


def test_hints_fit_into_the_smallest_terminal() -> None:
    hint, *types, keys = map(plain, path_lines(read_typed(""), None, 56))
    assert "…" not in hint
    assert " ".join(map(str.strip, types)) == f"types: {' '.join(KINDS)}"
    assert keys == "   Enter add   Esc back"


@given(st.text(max_size=12) | st.text("payload.metadata[]\"' 0", max_size=20), st.integers(10, 80))
def test_lines_fit_whatever_is_typed(text: str, width: int) -> None:
    run = run_with({"\x1b[31m" * 50: {"日本語" * 40: "\u202e" * 999}})
    for line in path_lines(read_typed(text), run, width)[:2]:
        assert line_width(line) <= width
        assert plain(line).isprintable()
