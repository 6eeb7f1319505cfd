from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.run_rows import columns_for, head, row
from tests.support.present.samples import CREATED, HOSTILE, NOW, STAMP, failure, full, sample, text_of
from tui.domain.error import RunError
from tui.domain.run import STATUS_TABLE, Run, RunId
from tui.domain.text import Raw
from tui.features.runs.columns import COLUMNS, PRINTED_TABLE, short_id, took
from tui.text.blocks import Now
from tui.text.styled import Token, line_width

WORDS = sorted({row.rest or row.legacy for row in STATUS_TABLE if row.rest or row.legacy})


@pytest.mark.parametrize(
    ("pane", "shown"),
    [
        (60, {"status": 15, "task": 22, "took": 7, "age": 5}),
        (71, {"status": 15, "task": 33, "took": 7, "age": 5}),
        (80, {"status": 15, "task": 29, "run": 11, "took": 7, "age": 5}),
        (99, {"status": 15, "task": 35, "run": 11, "took": 7, "age": 5, "version": 11}),
        (100, {"status": 15, "task": 20, "run": 11, "took": 7, "age": 5, "error": 27}),
        (111, {"status": 15, "task": 20, "run": 11, "took": 7, "age": 5, "error": 38}),
        (112, {"status": 15, "task": 20, "run": 11, "took": 7, "age": 5, "version": 11, "error-tags": 26}),
        (120, {"status": 15, "task": 24, "run": 11, "took": 7, "age": 5, "version": 11, "error-tags": 30}),
        (160, {"status": 15, "task": 26, "run": 11, "took": 7, "age": 5, "version": 11, "tags": 22, "error": 44}),
        (
            200,
            {
                "status": 15,
                "task": 26,
                "run": 11,
                "took": 7,
                "age": 5,
                "version": 11,
                "tags": 22,
                "error": 74,
                "cost": 8,
            },
        ),
    ],
)
def test_pane_has_the_columns_of_its_width(pane: int, shown: dict[str, int]) -> None:
    assert {slot.column.id: slot.width for slot in columns_for(pane)} == shown


@given(st.integers(44, 400), st.sampled_from(WORDS))
@settings(max_examples=60)
def test_row_fills_its_pane_exactly(pane: int, word: str) -> None:
    slots = columns_for(pane)
    for run in (sample(word), full(HOSTILE), Run(RunId("run_1"))):
        assert line_width(row(run, slots, Now(NOW))) == pane - 3  # Without the gutter and the right edge.
    assert line_width(head(slots)) == pane - 3


def test_printed_columns_drop_by_their_rank() -> None:
    columns = sorted(PRINTED_TABLE.columns, key=lambda column: -column.drop_rank)
    assert [column.id for column in columns if column.drop_rank] == ["cost", "tags", "version", "took", "run"]
    assert {"status", "task", "age"} <= {slot.column.id for slot in columns_for(1)}


def test_row_reads_as_expected() -> None:
    line = row(sample("FAILED"), columns_for(120), Now(NOW))
    assert text_of([line]).rstrip() == (
        "✗ Failed           charge-card               run_cm…6e3t     6.3s    31s  20261124.3   ·  billing  order:1001"
    )


def test_unknown_value_is_a_dot() -> None:
    line = row(Run(RunId("run_cmwuqwphl00009f7de45f6e3t")), columns_for(200), Now(NOW))
    assert text_of([line]).split() == ["?", "·", "·", "run_cm…6e3t", "·", "·", "·", "·"]


def test_took_counts_from_the_start_to_the_end_or_to_now() -> None:
    assert took(sample("COMPLETED"), NOW) == timedelta(milliseconds=6327)
    assert took(sample("EXECUTING"), NOW) == NOW - CREATED - timedelta(milliseconds=67)
    assert took(sample("QUEUED", started=False), NOW) is None
    assert took(sample("EXPIRED", started=False), NOW) is None
    lost = sample("CANCELED")
    assert lost.state
    assert took(replace(lost, state=replace(lost.state, finished_at=None)), NOW) is None


def test_only_the_last_four_characters_of_an_id_are_lighter() -> None:
    pieces = short_id(sample().id, Token.FAINT)
    assert [(piece.text, piece.token) for piece in pieces] == [("run_cm…", Token.FAINT), ("6e3t", Token.MUTED)]
    assert text_of([short_id(RunId("run_1234567"), Token.FAINT)]) == "run_1234567"


@pytest.mark.parametrize(
    ("word", "tokens"),
    [
        ("FAILED", {"task": Token.BRIGHT, "took": Token.TEXT, "age": Token.TEXT, "version": Token.MUTED}),
        ("EXECUTING", {"task": Token.TEXT, "took": Token.BLUE, "age": Token.FAINT, "version": Token.FAINT}),
        ("QUEUED", {"task": Token.MUTED, "took": Token.MUTED, "age": Token.MUTED, "version": Token.FAINT}),
        ("COMPLETED", {"task": Token.MUTED, "took": Token.FAINT, "age": Token.FAINT, "version": Token.FAINT}),
        ("QUANTUM", {"task": Token.MUTED, "took": Token.MUTED, "age": Token.MUTED, "version": Token.FAINT}),
    ],
)
def test_failures_stand_out_and_other_rows_recede(word: str, tokens: dict[str, Token]) -> None:
    cells = {column.id: column.cell(sample(word), Now(NOW), 20)[0].token for column in COLUMNS if column.id in tokens}
    assert cells == tokens


def test_error_column_has_the_first_line_of_a_known_message() -> None:
    cell = next(column.cell for column in COLUMNS if column.id == "error")
    run = replace(sample("FAILED"), error=(STAMP, failure(3, "first\nsecond")))
    assert text_of([cell(run, Now(NOW), 20)]) == "first"
    assert text_of([cell(sample("FAILED"), Now(NOW), 20)]) == "·"
    assert cell(sample("COMPLETED"), Now(NOW), 20) == ()
    code = RunError(Raw("trigger.dev internal error (OOM)"), None, None, "OOM", has_code_only=True)
    assert text_of([cell(replace(sample("CRASHED"), error=(STAMP, code)), Now(NOW), 20)]) == "OOM"


def test_failed_row_has_its_error_before_its_tags() -> None:
    slots = columns_for(120)
    assert text_of([head(slots)]).rstrip().endswith("version      error, tags")
    run = replace(sample("FAILED"), error=(STAMP, failure(3, "Card declined")))
    assert text_of([row(run, slots, Now(NOW))]).endswith("20261124.3   Card declined  billing  order…")
    assert text_of([row(sample("COMPLETED"), slots, Now(NOW))]).rstrip().endswith("20261124.3   billing  order:1001")


def test_narrow_list_of_failures_has_errors_instead_of_ids() -> None:
    slots = columns_for(80, only_failures=True)
    assert {slot.column.id: slot.width for slot in slots} == {
        "status": 15, "task": 18, "took": 7, "age": 5, "error": 22,
    }  # fmt: skip
    run = replace(sample("FAILED"), error=(STAMP, failure(3, "Card was declined")))
    assert text_of([row(run, slots, Now(NOW))]).rstrip().endswith("6.3s    31s  Card was declined")
    for width in (60, 71, 100, 120):
        assert columns_for(width, only_failures=True) == columns_for(width)


def test_cost_includes_compute_and_start() -> None:
    cell = next(column.cell for column in COLUMNS if column.id == "cost")
    assert text_of([cell(full(), Now(NOW), 20)]) == "$0.0002"


def test_bar_of_a_running_run_grows_in_steps_on_a_slow_link() -> None:
    seconds = (0, 1, 3, 8, 59, 60, 119, 180)
    now = Now(NOW, in_minutes=True)
    assert [now.drawn(timedelta(seconds=each)).seconds for each in seconds] == [0, 1, 2, 8, 32, 60, 60, 180]
    assert Now(NOW).drawn(timedelta(seconds=59)) == timedelta(seconds=59)


def test_only_a_running_duration_is_in_minutes() -> None:
    now, value = Now(NOW, in_minutes=True), timedelta(seconds=62)
    assert (now.duration(value), now.duration(value, is_running=False)) == ("1m", "1m02s")
    assert now._replace(frozen_at=NOW).duration(value) == "1m~"
