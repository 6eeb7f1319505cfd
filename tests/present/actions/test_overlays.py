"""Texts about actions: in the row of a pending action, in the footer, and in the messages."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import NOW, RUN_ID
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.run import RunId
from tui.features.actions.words import SHOWN_FOR, batch_words, countdown, failure_words, outcome_words, overlay
from tui.text.styled import Token, line_width, plain


def status(phase: ActionPhase, message: str = "", new: str | None = None) -> ActionStatus:
    return ActionStatus(RunId(RUN_ID), "cancel", 1, phase, NOW, message, RunId(new) if new else None)


@pytest.mark.parametrize(
    ("action_status", "words", "token"),
    [
        (status(ActionPhase.REQUESTED), "cancel sent", Token.AMBER),
        (status(ActionPhase.ACCEPTED), "cancel accepted", Token.AMBER),
        (status(ActionPhase.REFUSED, "POST /api/v2/runs/run_4031/cancel: 403 no"), "refused: 403", Token.ROSE),
        (status(ActionPhase.REFUSED, "this session is read-only"), "refused", Token.ROSE),
        (status(ActionPhase.FINISHED_FIRST, "Completed"), "finished first", Token.MUTED),
        (status(ActionPhase.UNKNOWN, "?"), "unknown", Token.AMBER),
    ],
)
def test_pending_action_replaces_the_status_word(action_status: ActionStatus, words: str, token: Token) -> None:
    piece = overlay(action_status, NOW + timedelta(seconds=1))
    assert piece is not None
    assert (piece.text, piece.token) == (words, token)
    assert (overlay(action_status, NOW + SHOWN_FOR) is None) == action_status.phase.is_end
    assert (failure_words(action_status) is None) != action_status.phase.is_end


def test_confirmed_cancel_shows_the_status_again() -> None:
    assert overlay(status(ActionPhase.CONFIRMED), NOW) is None


@given(st.integers(0, 6000))
def test_countdown_rounds_up(left_ms: int) -> None:
    piece = countdown("cancel", timedelta(milliseconds=left_ms))
    assert line_width((piece,)) <= 15
    seconds = int(piece.text.split()[2]) if " in " in piece.text else 0
    assert 0 <= 1000 * seconds - left_ms < 1000


def test_batch_outcome_starts_with_failures() -> None:
    ends = (
        [status(ActionPhase.CONFIRMED)] * 38 + [status(ActionPhase.FINISHED_FIRST)] * 2 + [status(ActionPhase.REFUSED)]
    )
    assert plain(batch_words("canceled", ends)) == "1 refused  2 finished first  38 canceled"
    assert plain(outcome_words("replayed", status(ActionPhase.CONFIRMED, new="run_cmabcdef6e3t"))) == (
        "replayed as run_cm…6e3t"
    )
