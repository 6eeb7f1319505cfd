"""The list of error groups: its columns at each width, and what a row says."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.error_groups import group_of
from tests.support.present.samples import HOSTILE, NOW, texts
from tui.domain.facts import ErrorState
from tui.domain.run import RunStatus, TaskId
from tui.features.errors.model import GROUP_TABLE, GroupRow
from tui.store.error_groups import ErrorGroup
from tui.text.blocks import Now
from tui.text.styled import Token, line_width, plain

EDGES = 3
"""The gutter of a list, which its widget draws, and the free cell at the right edge."""

CELLS = (*([0] * 23), 131)


def drawn(group: ErrorGroup, width: int, line: int | None = 88) -> str:
    return plain(GROUP_TABLE.row(GroupRow(group, CELLS, line), GROUP_TABLE.slots(width), Now(NOW)))


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (60, "runs task error"),
        (80, "runs state task error since"),
        (100, "runs state task error own frame versions since"),
        (120, "runs state last 24h task error own frame versions since"),
    ],
)
def test_list_has_the_columns_of_its_width(width: int, titles: str) -> None:
    assert plain(GROUP_TABLE.head(GROUP_TABLE.slots(width), {"bars": "last 24h"})).split() == titles.split()


@settings(max_examples=60)
@given(st.integers(58, 240), texts, texts, st.sampled_from([None, *ErrorState]), st.integers(1, 2_000_000))
def test_rows_fill_any_width_exactly(width: int, message: str, task: str, state: ErrorState | None, count: int) -> None:
    group = group_of(message + HOSTILE, task=task + HOSTILE, state=state, count=count)
    slots = GROUP_TABLE.slots(width)
    assert line_width(GROUP_TABLE.row(GroupRow(group, CELLS, 7), slots, Now(NOW))) == width - EDGES
    assert line_width(GROUP_TABLE.head(slots, {"bars": "last 24h"})) == width - EDGES


def test_row_says_what_where_and_since_when() -> None:
    words = drawn(group_of(), 200)
    assert words.split()[:4] == ["✗", "131", "NEW", "·" * 23 + "▇"]
    assert "charge-card" in words
    assert "StripeError No such customer: " in words
    assert "lib/stripe.ts:88 " in words
    assert words.rstrip().endswith(" 1   13:38")


@pytest.mark.parametrize(("count", "words"), [(7, "≥7"), (999, "≥999"), (1204, "≥1k"), (26_000, "≥26k")])
def test_count_is_a_bound_while_errors_are_unread(count: int, words: str) -> None:
    row = GroupRow(group_of(count=count), CELLS, is_read=False)
    assert plain(GROUP_TABLE.row(row, GROUP_TABLE.slots(80), Now(NOW))).split()[1] == words


def test_group_of_an_hour_ago_has_a_time_after_midnight() -> None:
    group = group_of()
    slots = GROUP_TABLE.slots(200)
    moments = [group.first_seen + timedelta(hours=hours) for hours in (11, 13)]
    shown = [plain(GROUP_TABLE.row(GroupRow(group, CELLS), slots, Now(now))).split() for now in moments]
    assert [words[-1] for words in shown] == ["13:38", "Nov"]


def test_unknown_parts_are_dots() -> None:
    words = drawn(group_of("Broken", name=None, stack=None, state=None, versions=(), tasks=()), 120).split()
    assert words == ["✗", "131", "·", "·" * 11 + "▇", "·", "Broken", "·", "·", "13:38"]


def test_unresolved_group_has_no_word() -> None:
    assert "·" not in drawn(group_of(state=ErrorState.UNRESOLVED), 80)


def test_narrow_list_shortens_the_states() -> None:
    assert " again " in drawn(group_of(state=ErrorState.REGRESSED), 70)
    assert " regressed " in drawn(group_of(state=ErrorState.REGRESSED), 80)


def test_several_tasks_are_counted() -> None:
    tasks = ((TaskId("a"), 3), (TaskId("b"), 2))
    assert " 2 tasks " in drawn(group_of(tasks=tasks), 80)


def test_long_path_loses_its_folders() -> None:
    stack = "Error: x\n    at f (file:///app/src/very/deep/folder/of/stripe.ts:88:11)"
    assert " stripe.ts:88 " in drawn(group_of(stack=stack), 120)


def test_glyph_is_that_of_most_runs() -> None:
    statuses = ((RunStatus.CRASHED, 9), (RunStatus.COMPLETED_WITH_ERRORS, 1))
    assert drawn(group_of(statuses=statuses), 80).startswith("▼")


def test_acknowledged_group_is_grey() -> None:
    row = GROUP_TABLE.row(GroupRow(group_of(state=ErrorState.ACKNOWLEDGED), CELLS), GROUP_TABLE.slots(120), Now(NOW))
    assert {piece.token for piece in row} <= {Token.FAINT, Token.MUTED, Token.GUIDE, Token.LINE, Token.TEXT}
    assert not any(piece.token is Token.TEXT and piece.text.strip() for piece in row)


def test_code_of_the_server_is_no_type() -> None:
    group = group_of("Process exited with code 137", name="TASK_PROCESS_OOM_KILLED", stack=None)
    assert "OOM" not in drawn(group, 120)
