"""The outcome of actions in words, for the end of the footer and for the messages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.present import formatting
from tui.present.columns import short_id
from tui.present.frame.failure import without_request
from tui.present.styled import Line, Piece, Token, joined

_ORDER: Final = (ActionPhase.REFUSED, ActionPhase.UNKNOWN, ActionPhase.FINISHED_FIRST, ActionPhase.CONFIRMED)
_TOKENS: Final = {
    ActionPhase.REFUSED: Token.ROSE,
    ActionPhase.UNKNOWN: Token.AMBER,
}


def outcome_words(done: str, status: ActionStatus) -> Line:
    """Return the outcome of one action: `canceled run_cm…9f3a`, `replayed as run_cm…6e3t`, `cancel refused: 403 …`."""
    match status.phase:
        case ActionPhase.CONFIRMED if status.new_run_id is not None:
            return (Piece(f"{done} as ", Token.MUTED), *short_id(status.new_run_id, Token.TEXT))
        case ActionPhase.CONFIRMED:
            return (Piece(f"{done} ", Token.MUTED), *short_id(status.run_id, Token.TEXT))
        case ActionPhase.FINISHED_FIRST:
            return (Piece(f"{status.action}: it finished first, {status.message}", Token.MUTED),)
        case ActionPhase.REFUSED:
            return (Piece(f"{status.action} refused: {without_request(status.message)}", Token.ROSE),)
        case ActionPhase.UNKNOWN:
            return (Piece(f"{status.action}: outcome not known, see :messages", Token.AMBER),)
        case ActionPhase.REQUESTED | ActionPhase.ACCEPTED:
            return (Piece(f"{status.action} {status.phase.value}", Token.MUTED),)
        case _:
            assert_never(status.phase)


def batch_words(done: str, ends: Sequence[ActionStatus]) -> Line:
    """Return the outcome of several actions, failures first: `1 refused 2 finished first 38 canceled`."""
    counts = Counter(status.phase for status in ends)
    return joined(
        (Piece(f"{formatting.count(counts[phase])} {_word(done, phase)}", _TOKENS.get(phase, Token.MUTED)),)
        for phase in _ORDER
        if counts[phase]
    )


def _word(done: str, phase: ActionPhase) -> str:
    return done if phase is ActionPhase.CONFIRMED else phase.value


def failure_words(status: ActionStatus) -> str | None:
    """Return a sentence about an action that did not succeed, or None."""
    about = f"{status.action.capitalize()} of {status.run_id}"
    match status.phase:
        case ActionPhase.REFUSED:
            return f"{about} was refused: {without_request(status.message).removesuffix('.')}."
        case ActionPhase.FINISHED_FIRST:
            return f"{about}: it finished first, {status.message}."
        case ActionPhase.UNKNOWN:
            return f"{about}: the outcome is not known, {status.message}."
        case ActionPhase.CONFIRMED | ActionPhase.REQUESTED | ActionPhase.ACCEPTED:
            return None
        case _:
            assert_never(status.phase)


def not_sent(verb: str, count: int, reason: str) -> str:
    """Return a sentence about confirmed actions that were not sent."""
    return f"{verb} of {formatting.plural(count, 'run')} was not sent: {reason}."


def cut_short(status: ActionStatus) -> str:
    """Return a sentence about an action that was in flight when the program ended."""
    return f"{status.action.capitalize()} of {status.run_id}: the program ended before the outcome was known."


def need_connection(keys: Iterable[str]) -> str:
    """Return `C and R need a connection`."""
    return f"{' and '.join(keys)} need a connection"


def withdrawn_words(taken: Mapping[str, int]) -> str:
    """Return `withdrawn: cancel of 3 runs, nothing was sent`."""
    what = " and ".join(f"{action} of {formatting.plural(count, 'run')}" for action, count in taken.items())
    return f"withdrawn: {what}, nothing was sent"
