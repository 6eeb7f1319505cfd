"""Two lines about the selected run, where its detail page is not visible.

The first line names the run and its status. The second gives the reason: error, runs below, or how long it waits.
Source: tui/ui/README.md.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, RunStatus
from tui.present import formatting
from tui.present.columns import Now, time_in_queue, took
from tui.present.detail.waiting import is_known_to_run, waiting_words
from tui.present.key_words import selecting_keys
from tui.present.list.end import NOT_A_RUN_SENTENCE
from tui.present.status import STATUS_STYLES, UNKNOWN, style_of
from tui.present.styled import Line, Piece, Token, cut, joined, line_width, opening_line

_SECOND: Final = timedelta(seconds=1)
_INDENT: Final = "  "
_BELOW: Final = "    "
_MIN_TASK: Final = 8


def summary_lines(
    run: Run | None,
    children: Sequence[Run],
    now: Now,
    width: int,
    *,
    overlay: Piece | None = None,
    is_list_end: bool = False,
) -> tuple[Line, Line]:
    """Return two lines of at most `width` cells.

    `children` are the known direct children. `overlay` replaces the status while an action is pending. Without a run
    the lines are a hint, or the explanation of the list's last line.
    """
    if run is None:
        hint = NOT_A_RUN_SENTENCE if is_list_end else f"The list follows new runs. {selecting_keys()} selects a run."
        return (cut((Piece(f"{_INDENT}{hint}", Token.MUTED),), width), ())
    # The right edge stays free, as in the list.
    return (_run_line(run, width - 1, overlay), cut((Piece(_BELOW), *_reason_line(run, children, now)), width - 1))


def _run_line(run: Run, limit: int, overlay: Piece | None) -> Line:
    """Return the first line. The id stays whole so that it can be copied: the attempt is dropped, and the task cut.

    The attempt stands last, since it is often read later than the rest.
    """
    style = style_of(run)
    status: Line = (Piece(_INDENT), style.mark, Piece(" "), overlay or style.name)
    task: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    others = [each for each in (run_id, _attempt(run)) if each]
    if _room_beside([status, *others], limit) < min(_MIN_TASK, line_width(task)):
        others = [run_id]
    task = cut(task, max(_room_beside([status, *others], limit), 1))
    return cut(joined([status, task, *others]), limit)


def _room_beside(parts: Sequence[Line], limit: int) -> int:
    return limit - sum(line_width(part) + 2 for part in parts)


def _attempt(run: Run) -> Line:
    count = run.attempt_count or 0
    if run.status.is_failed and count:
        text = f"attempt {count} of {count}"
    elif count > 1 and not run.is_waiting_to_retry:
        text = f"attempt {count}"
    else:
        return ()
    return (Piece(text, Token.MUTED),)


def _reason_line(run: Run, children: Sequence[Run], now: Now) -> Line:
    error = run.error_value
    is_shown = run.status.is_failed or run.is_waiting_to_retry
    if error is not None and run.status is RunStatus.CANCELLED:
        is_shown = error.is_internal  # its worker was lost; "Canceled by user" has no code
    if error is not None and not is_shown:
        error = None
    if error is not None:
        name: Line = (Piece(f"{error.name} ", Token.ROSE),) if error.name else ()
        return (*name, Piece(opening_line(error.message) or formatting.NONE, Token.BRIGHT))
    return joined(part for part in (_duration_text(run, now), _children_counts(children)) if part)


def _duration_text(run: Run, now: Now) -> Line:
    """Return how long the run waits, runs or ran, in words, because a duration alone does not say which."""
    token = style_of(run).row.took if not run.is_final else Token.MUTED
    ran = took(run, now.frozen_at or now.at)
    duration = now.duration(ran, is_running=not run.is_final)
    since = run.state.finished_at if run.state else None
    ago = f", {now.age(since)} ago" if since is not None else ""
    match run.status:
        case _ if run.state is None:
            text = "only its id is known"
        case _ if run.is_gone:
            text = "the server does not know it any more"
        case _ if run.is_waiting_to_retry:
            text = f"waiting to retry after {formatting.plural(run.attempt_count or 0, 'attempt')}"
        case RunStatus.DELAYED | RunStatus.QUEUED | RunStatus.WAITING_FOR_DEPLOY:
            text = _waiting_text(run, now)
        case RunStatus.EXECUTING | RunStatus.REATTEMPTING:
            verb = "running" if is_known_to_run(run, now) else "executing"
            text = f"{verb} for {duration}" if ran is not None else "a worker took it and has not started it yet"
            text = waiting_words(run, now) or text
        case RunStatus.WAITING_TO_RESUME:
            waits = waiting_words(run, now) or "waits"
            text = f"{duration} since it started, now it {waits}" if ran is not None else f"it {waits}"
        case RunStatus.EXPIRED:
            ttl = f" of {run.fixed.ttl}" if run.fixed.ttl else ""
            text = f"its ttl{ttl} ran out before it started"
        case RunStatus.CANCELLED if ran is None:
            text = f"canceled before it started{ago}"
        case (
            RunStatus.COMPLETED_SUCCESSFULLY
            | RunStatus.COMPLETED_WITH_ERRORS
            | RunStatus.CANCELLED
            | RunStatus.CRASHED
            | RunStatus.FAILED_TO_RUN
            | RunStatus.TIMED_OUT
            | RunStatus.INTERRUPTED
            | RunStatus.SYSTEM_FAILURE
        ):
            text = f"took {duration}{ago}" if ran is not None else f"ended{ago}"
        case _:
            assert_never(run.status)
    return (Piece(text, token),)


def _waiting_text(run: Run, now: Now) -> str:
    until = now.frozen_at or now.at
    starts = run.state.delayed_until if run.state else None
    if run.status is RunStatus.DELAYED and starts is not None and starts > until:
        return f"starts in {now.duration(starts - until)}"
    if run.created_at is not None and run.created_at - until >= _SECOND:
        return f"due in {now.duration(run.created_at - until)}"  # a scheduled run is created at its due time
    waited = now.duration(time_in_queue(run, until))
    if run.status is RunStatus.WAITING_FOR_DEPLOY:
        return f"waiting for a version with its task for {waited}"
    where = f" in {run.fixed.queue}" if run.fixed.queue else ""
    return f"queued for {waited}{where}"


_ROLL_UP: Final = (
    ("✗", FAILED, Token.ROSE),
    ("E", EXECUTING_FAMILY, Token.BLUE),
    ("W", frozenset({RunStatus.WAITING_TO_RESUME}), Token.MUTED),
    ("Q", frozenset({RunStatus.QUEUED}), Token.MUTED),
    ("D", frozenset({RunStatus.DELAYED}), Token.MUTED),
    ("P", frozenset({RunStatus.WAITING_FOR_DEPLOY}), Token.AMBER),
    ("✓", frozenset({RunStatus.COMPLETED_SUCCESSFULLY}), Token.FAINT),
    (STATUS_STYLES["Canceled"].glyph, frozenset({RunStatus.CANCELLED}), Token.FAINT),
    (STATUS_STYLES["Expired"].glyph, frozenset({RunStatus.EXPIRED}), Token.FAINT),
)


def _children_counts(children: Sequence[Run]) -> Line:
    """Return `✗1 E2 Q7 ✓15 ⊘3 below it`: the direct children by family, without zeros.

    Only completed runs have a tick. Canceled and expired runs have their own glyphs, and an unknown status is `?`.
    """
    counts = Counter(child.status for child in children if not _is_unknown(child))
    parts: list[Line] = []
    for letter, family, token in _ROLL_UP:
        number = sum(counts[status] for status in family)
        if number:
            parts.append((Piece(f"{letter}{formatting.count(number)}", token, is_bold=token is Token.ROSE),))
    if unknown := sum(_is_unknown(child) for child in children):
        parts.append((Piece(f"{UNKNOWN.glyph}{formatting.count(unknown)}", Token.MUTED),))
    return (*joined(parts), Piece(" below it", Token.FAINT)) if parts else ()


def _is_unknown(run: Run) -> bool:
    """Return whether the status was never read or is a word that the program does not know."""
    return style_of(run).glyph == UNKNOWN.glyph
