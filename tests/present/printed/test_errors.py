"""The error groups that `errors` prints: the table at every width, and the JSON object."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.domain.patches import at
from tui.domain.error_kinds import ErrorKind, Fingerprint, OwnFrame
from tui.domain.facts import ErrorState
from tui.domain.run import RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.features.errors.command import PRINTED, group_object
from tui.features.errors.model import GroupRow
from tui.store.error_groups import ErrorGroup
from tui.text.styled import Line, Token, line_width, plain
from tui.text.table import Print

KIND = ErrorKind(
    Raw("StripeError"),
    Raw("No such customer: <id>\nsecond line"),
    OwnFrame(Raw("src/lib/stripe.ts"), Raw("createCharge")),
    Fingerprint("0123456789abcdef"),
)
GROUP = ErrorGroup(
    kind=KIND,
    count=1_234,
    tasks=((TaskId("charge-card"), 1_230), (TaskId("refund"), 4)),
    versions=((Raw("20261126.3"), 1_234),),
    statuses=((RunStatus.COMPLETED_WITH_ERRORS, 1_200), (RunStatus.CRASHED, 34)),
    first_seen=at(-3_700),
    last_seen=at(-5),
    run_ids=(RunId("run_b"), RunId("run_a")),
    shared_tags=(),
    cells=(),
    state=ErrorState.NEW,
)
NOTHING_KNOWN = replace(GROUP, kind=replace(KIND, type=None, frame=None), tasks=(), versions=(), count=2, state=None)


def lines_of(groups: list[ErrorGroup], limit: int | None) -> list[Line]:
    return Print(PRINTED, limit).page([GroupRow(group, ()) for group in groups], at(0))


def token_of(group: ErrorGroup, text: str) -> Token:
    """Return the token of the piece with this text in the row of a group."""
    return next(piece.token for piece in lines_of([group], None)[1] if text in piece.text)


def test_row_has_every_fact_of_the_group() -> None:
    head, row = map(plain, lines_of([GROUP], None))
    assert head.split() == ["runs", "state", "task", "error", "own", "frame", "versions", "first", "last"]
    assert " ".join(row.split()) == (
        "✗ 1,234 NEW charge-card +1 StripeError No such customer: <id> src/lib/stripe.ts createCharge 1 1h 5s"
    )


def test_what_is_not_known_is_a_dot() -> None:
    row = plain(lines_of([NOTHING_KNOWN], None)[1])
    assert " ".join(row.split()) == "✗ 2 · · No such customer: <id> · 0 1h 5s"


@pytest.mark.parametrize(
    ("state", "word", "token"),
    [
        (ErrorState.NEW, "NEW", Token.ROSE),
        (ErrorState.REGRESSED, "regressed", Token.AMBER),
        (ErrorState.ACKNOWLEDGED, "acknowledged", Token.FAINT),
        (ErrorState.UNRESOLVED, "unresolved", Token.MUTED),
    ],
)
def test_state_has_its_word_and_colour(state: ErrorState, word: str, token: Token) -> None:
    group = replace(GROUP, state=state)
    assert token_of(group, word) is token
    assert (token_of(group, "StripeError") is Token.FAINT) == (state is ErrorState.ACKNOWLEDGED)


@pytest.mark.parametrize("limit", [36, 40, 60, 80, 100, 120, 200])
def test_table_fits_and_its_columns_stand_in_line(limit: int) -> None:
    groups = [GROUP, NOTHING_KNOWN, replace(GROUP, kind=replace(KIND, message=Raw("宽" * 90)))]
    lines = lines_of(groups, limit)
    widths = {line_width(line) for line in lines}
    assert len(widths) == 1
    assert widths.pop() <= limit
    assert all("5s" in plain(line) for line in lines[1:])
    assert ("own frame" in plain(lines[0])) == (limit >= 100)


def test_narrow_table_keeps_the_state() -> None:
    acknowledged = replace(GROUP, state=ErrorState.ACKNOWLEDGED)
    head, row = map(plain, lines_of([acknowledged], 80))
    assert head.split() == ["runs", "state", "task", "error", "last"]
    assert "acknowledged" in row


def test_no_groups_have_no_titles() -> None:
    assert lines_of([], 80) == []


def test_object_has_raw_values_and_null_for_the_unknown() -> None:
    expected: dict[str, Any] = {
        "fingerprint": "0123456789abcdef",
        "type": "StripeError",
        "message": "No such customer: <id>\nsecond line",
        "frame": "createCharge (src/lib/stripe.ts)",
        "count": 1_234,
        "tasks": ["charge-card", "refund"],
        "versions": ["20261126.3"],
        "firstSeen": "2026-11-24T10:58:20.000Z",
        "lastSeen": "2026-11-24T11:59:55.000Z",
        "state": "new",
        "runIds": ["run_b", "run_a"],
        "runIdsComplete": False,
    }
    assert group_object(GROUP, are_all_read=True) == expected
    unknown: dict[str, Any] = {"type": None, "frame": None, "tasks": [], "versions": [], "count": 2, "state": None}
    assert group_object(NOTHING_KNOWN, are_all_read=True) == expected | unknown | {"runIdsComplete": True}
    unnamed = replace(GROUP, kind=replace(KIND, frame=OwnFrame(Raw("src/a.ts"), None)))
    assert group_object(unnamed, are_all_read=True)["frame"] == "src/a.ts"
