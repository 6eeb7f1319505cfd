"""The four series of the wall: done, failed, queued and running, on one axis."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import NormalsRead, WallFacts
from tui.domain.findings.finding import FindingWord, QueueWaits, Verdict
from tui.store.findings.board import BoardSpan, Cells, FourLines, Line
from tui.store.findings.bounds import fresh_waits
from tui.store.findings.cell_sums import CellSums, Sums
from tui.store.status_counts import StatusCounts

MAX_CELLS_AFTER: Final = 1_440
"""Cells between the end of the span and now, through which queued and running are followed back."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def four_lines(
    facts: WallFacts,
    sums: CellSums,
    counts: StatusCounts | None,
    verdict: Verdict | None,
    span: BoardSpan,
    now: datetime,
) -> FourLines:
    """Return the series of a span. `counts` are the live runs as the header counts them, None if they are not known."""
    cell_s = int(span.cell.total_seconds())
    start_s = int(span.start.timestamp())
    last_s = int(now.timestamp()) // cell_s * cell_s
    count = min(span.count + MAX_CELLS_AFTER, max(span.count, (last_s - start_s) // cell_s + 1))
    cells = [sums.total(start_s + turn * cell_s, start_s + (turn + 1) * cell_s) for turn in range(count)]
    reaches_now = start_s + count * cell_s > last_s
    queued_now, running_now = _levels_now(facts, counts, now) if reaches_now else (None, None)
    # Newer than the own counts, the header's would move all cells up and down with every run that is not counted yet.
    queued_last, running_last = sums.live_counts or (queued_now, running_now) if reaches_now else (None, None)
    queued = levels(queued_last, cells, _queue_growth)[: span.count]
    running = levels(running_last, cells, _running_growth)[: span.count]
    shown = cells[: span.count]
    done_now, failed_now = sums.last_minute() or (None, None)
    slow_since = _slow_since(verdict)
    starts = [span.start + turn * span.cell for turn in range(span.count)]
    is_slow = [slow_since is not None and start + span.cell > slow_since for start in starts]
    end = span.start + span.count * span.cell
    return FourLines(
        span,
        done=_outcomes(
            span, [None if each is None else each.done for each in shown], done_now, facts.normals, is_failed=False
        ),
        failed=_outcomes(
            span, [None if each is None else each.failed for each in shown], failed_now, facts.normals, is_failed=True
        ),
        queued=Line(queued, queued_now, _maximum(queued, queued_now), is_abnormal=is_slow),
        running=Line(running, running_now, _maximum(running, running_now)),
        deployments=()
        if facts.deployments is None
        else tuple(each for each in facts.deployments.deployments if span.start <= each.deployed_at < end),
    )


def _outcomes(
    span: BoardSpan, cells: Sequence[int | None], now: int | None, normals: NormalsRead | None, *, is_failed: bool
) -> Line:
    """Return the line of the runs that were done, or that failed."""
    in_span, last_day = _sum(cells), None
    if normals is not None:
        last_day = normals.failed_last_day if is_failed else normals.done_last_day
        day_from = (normals.last_day_at or normals.at) - _DAY
        if last_day is not None and in_span is not None and span.start >= day_from:
            last_day = max(last_day, in_span)  # the day is read every five minutes: a storm may be younger
    usual = _per_hour(normals, span.cell * span.count / _HOUR, is_failed=is_failed)
    return Line(list(cells), now, in_span=in_span, normal=usual, last_day=last_day)


def levels(now: int | None, cells: Sequence[Sums | None], growth: Callable[[Sums], int]) -> list[int | None]:
    """Return how many runs there were at the end of each cell, followed back from how many there are now.

    The last cells are not known if the server was silent in them, nor are those before a cell that is not known.
    """
    found: list[int | None] = [None] * len(cells)
    last = len(cells) - 1
    while last >= 0 and cells[last] is None:
        last -= 1
    level = now
    for turn in range(last, -1, -1):
        sums = cells[turn]
        if level is None or sums is None:
            break
        found[turn] = max(0, level)
        level -= growth(sums)
    return found


def _queue_growth(sums: Sums) -> int:
    return sums.triggered - sums.started - sums.unstarted


def _running_growth(sums: Sums) -> int:
    return sums.started - (sums.ended - sums.unstarted)


def _levels_now(facts: WallFacts, counts: StatusCounts | None, now: datetime) -> tuple[int | None, int | None]:
    """Return the queued and the running runs, by the header's counts; without these by the waits and the queues."""
    if counts is not None and not counts.is_live_partial:
        return counts.queued, counts.executing
    waits, queues = fresh_waits(facts, now), facts.queues
    queued = None if waits is None else sum(each.queued for each in waits.waits)
    running = None if queues is None or queues.is_cut else _sum([each.running for each in queues.queues])
    return queued, running


def _per_hour(normals: NormalsRead | None, share: float, *, is_failed: bool) -> float | None:
    """Return how many runs usually end within the span. Days without any run of a task count too."""
    if normals is None or normals.is_cut:
        return None
    days = max((each.days for each in normals.normals), default=0)
    if not days:
        return None
    total = sum(each.failed if is_failed else each.runs - each.failed for each in normals.normals)
    return total / days * share


def _slow_since(verdict: Verdict | None) -> datetime | None:
    findings = () if verdict is None else verdict.findings
    slow = [each.since for each in findings if each.word is FindingWord.SLOW and isinstance(each.evidence, QueueWaits)]
    return min(slow, default=None)


def _sum(cells: Cells) -> int | None:
    known = [each for each in cells if each is not None]
    return sum(known) if len(known) == len(cells) else None


def _maximum(cells: Cells, now: int | None) -> int | None:
    """Return the most of a span. The header's count of now may be above all cells: these lack the runs that retry."""
    known = [each for each in cells if each is not None]
    return max([*known, now or 0]) if len(known) == len(cells) else None
