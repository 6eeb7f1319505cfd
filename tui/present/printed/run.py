"""The page about one run, as `show` prints it: everything that is known of it, the reason of a failure first.

What lives here: the order of the page and the rows about the run itself. Attempts, errors and JSON values have modules
of their own. Every field of the run schema that a run has is on its page.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from tui.domain.error import RunError
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.attempts.text import attempt_lines
from tui.present.columns import Now, took
from tui.present.detail.body import body_lines, json_lines
from tui.present.detail.origin import origin_words
from tui.present.detail.timeline import life_lines, updated_lines
from tui.present.detail.waiting import token_of, waiting_words
from tui.present.errors.text import error_lines
from tui.present.status import look_of
from tui.present.styled import Line, Piece, Token, fold, joined, line_width, wrap
from tui.present.text_block import labelled

NARROWEST: Final = 40
_ALIKE_SHOWN: Final = 10


def run_page(
    run: Run,
    *,
    now: datetime,
    width: int,
    root: Run | None = None,
    parent: Run | None = None,
    children: Sequence[Run] | None = None,
    tree_note: str = "",
) -> list[Line]:
    """The whole page in lines of at most `width` cells (at least 40), blocks parted by an empty line.

    `root`, `parent` and `children` are what the store knows of the relatives, `children` None where they were not
    read; `tree_note` says in words what is known of the tree beyond them.
    """
    limit = max(width, NARROWEST)
    blocks = (
        _title(run, now, limit),
        _error(run, limit),
        life_lines(run, Now(now), limit, tells_zone=True) + updated_lines(run, Now(now), limit),
        _facts(run, limit),
        _relatives(run, root, parent, children, tree_note, limit),
        body_lines(run, limit),
        attempt_lines(run, run.attempts[1], now, limit) if run.attempts else [],
    )
    lines: list[Line] = []
    for block in blocks:
        if block and lines:
            lines.append(())
        lines += block
    return lines


def _title(run: Run, now: datetime, limit: int) -> list[Line]:
    look = look_of(run)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT),)
    run_id: Line = (Piece(run.id),)
    whole = joined([name, run_id])
    head = status_lines((look.mark, Piece(" "), look.name), remarks(run, Now(now)), Token.MUTED, limit)
    return head + ([whole] if len(fold(whole, limit)) == 1 else [*fold(name, limit), *fold(run_id, limit)])


def status_lines(status: Line, said: Iterable[str], token: Token, limit: int) -> list[Line]:
    """The status with the remarks that fit beside it; a remark that does not fit goes below it, unbroken if it can."""
    lines = fold(status, limit)
    for remark in said:
        one = joined([lines[0], (Piece(remark, token),)])
        is_beside = len(lines) == 1 and line_width(one) <= limit
        lines = [one] if is_beside else [*lines, *indented(wrap(remark, limit - 2), token)]
    return lines


def indented(rows: Iterable[str], token: Token) -> list[Line]:
    """The rows as lines that belong to the line above them."""
    return [(Piece("  "), Piece(row, token)) for row in rows]


def remarks(run: Run, now: Now) -> Iterable[str]:
    """What is to be said at once of how it stands, beside its status."""
    attempt = run.attempt_count or 0
    if run.state is None:
        yield "only its id is known"
    if run.is_waiting_to_retry:
        yield f"waiting to retry after attempt {attempt}"
    elif run.status.is_failed and attempt:
        yield f"after {formatting.plural(attempt, 'attempt')}"
    elif not run.is_final and attempt > 1:
        yield f"attempt {attempt}"
    if run.status in EXECUTING_FAMILY and (ran := took(run, now.frozen_at or now.at)) is not None:
        yield f"for {formatting.duration(ran, frozen=now.frozen_at is not None)}"
    if waiting := waiting_words(run, now):
        yield waiting
    if run.is_gone:
        yield "gone from the server"


def _error(run: Run, limit: int) -> list[Line]:
    """The error without its stack where an attempt shows it."""
    error = best_error(run)
    if error is None:
        return []
    attempts = run.attempts[1].attempts if run.attempts else ()
    is_shown_below = any(attempt.error and attempt.error.stack for attempt in attempts)
    return error_lines(error, limit, with_stack=not is_shown_below)


def best_error(run: Run) -> RunError | None:
    """The run's error; the last attempt's instead where the run's has only a code."""
    own = run.error[1] if run.error else None
    attempts = run.attempts[1].attempts if run.attempts else ()
    last = attempts[-1].error if attempts and run.status.is_failed else None
    return last if last and (own is None or own.has_code_only) else own


def _facts(run: Run, limit: int) -> list[Line]:
    fixed, state = run.fixed, run.state
    lines: list[Line] = []

    def fact(label: str, value: Raw | str | None, remark: str = "") -> None:
        if value is not None:
            lines.extend(labelled(label, [(Piece(value or '""'),)], limit, remark=remark))

    if look_of(run).glyph == "?" and state is not None:
        fact("status", state.status.word, f"unknown to us, taken for {run.status.value}")
    fact("version", fixed.version)
    fact("region", fixed.region)
    fact("env", fixed.environment, "environment")
    fact("test", None if fixed.is_test is None else "yes" if fixed.is_test else "no")
    fact("attempts", None if run.attempt_count is None else formatting.count(run.attempt_count))
    fact("ttl", fixed.ttl)
    if state is not None:
        compute, base = formatting.cost(state.cost_cents), formatting.cost(state.base_cost_cents)
        is_split = state.cost_cents > 0 and state.base_cost_cents > 0
        total = formatting.cost(state.cost_cents + state.base_cost_cents)
        fact("cost", total, f"{compute} for computing, {base} for the start" if is_split else "")
    fact("key", fixed.idempotency_key, "idempotency key")
    fact("batch", fixed.batch_id)
    fact("from", origin_words(fixed) or None)
    fact("token", token_of(run))
    fact("kind", fixed.task_kind, "task kind")
    fact("queue", fixed.queue)
    fact("machine", fixed.machine)
    fact("depth", None if fixed.depth is None else formatting.count(fixed.depth))
    if fixed.schedule is not None:
        lines += json_lines("schedule", fixed.schedule, limit)
    if state is not None and state.tags:
        lines += labelled("tags", [(Piece(tag),) for tag in state.tags], limit)
    return lines


def _relatives(
    run: Run, root: Run | None, parent: Run | None, children: Sequence[Run] | None, tree_note: str, limit: int
) -> list[Line]:
    lines: list[Line] = []
    for label, relative, run_id in (("root", root, run.fixed.root_id), ("parent", parent, run.fixed.parent_id)):
        if relative is not None or run_id is not None:
            lines += labelled(label, _relative(relative, run_id), limit)
    if children is not None:
        lines += _children(children, limit)
    if tree_note:
        lines += labelled("tree", [(Piece(row, Token.MUTED),) for row in wrap(tree_note, limit - 10)], limit)
    return lines


def _children(children: Sequence[Run], limit: int) -> list[Line]:
    """The counts by status, then the runs, failed ones first; of many that are alike and well, the first ten."""
    counts = Counter(look_of(child) for child in children)
    order = {look: rank for rank, look in enumerate(sorted(counts, key=lambda look: not look.is_bold))}
    summary: list[Line] = [(Piece(formatting.count(len(children))),)] if children else [(Piece("none", Token.FAINT),)]
    summary += [(look.mark, Piece(f" {formatting.count(counts[look])} "), look.name) for look in order]
    lines = labelled("children", summary, limit)
    shown: Counter[str] = Counter()
    for child in sorted(children, key=lambda child: order[look_of(child)]):
        look = look_of(child)
        shown[look.word] += 1
        if look.is_bold or shown[look.word] <= _ALIKE_SHOWN:
            lines += labelled("", _relative(child, child.id), limit)
    hidden = sum(max(0, n - _ALIKE_SHOWN) for look, n in counts.items() if not look.is_bold)
    if hidden:
        lines += labelled(
            "", [(Piece(f"… and {formatting.count(hidden)} more; tree prints them", Token.FAINT),)], limit
        )
    return lines


def _relative(run: Run | None, run_id: RunId | None) -> list[Line]:
    if run is None:
        return [(Piece(run_id or ""),)]
    look = look_of(run)
    return [(Piece(run.fixed.task or formatting.NONE),), (Piece(run.id),), (look.mark, Piece(" "), look.name)]
