"""`make_board`: the wall of one moment."""

from datetime import datetime

from tui.domain.findings.facts import FactSource, WallFacts
from tui.domain.findings.finding import Verdict
from tui.store.findings.board import Board, BoardSpan
from tui.store.findings.cell_sums import CellSums
from tui.store.findings.own_counts import OwnCounts, said_since
from tui.store.findings.queue_order import worst_first
from tui.store.findings.queue_rows import queue_rows
from tui.store.findings.series import four_lines
from tui.store.findings.side_rows import due_rows, just_ended, longest_rows, source_ages, waiting_rows
from tui.store.findings.task_rows import TaskRows
from tui.store.status_counts import StatusCounts


def make_board(
    facts: WallFacts,
    own: OwnCounts,
    verdict: Verdict | None,
    counts: StatusCounts | None,
    span: BoardSpan,
    now: datetime,
) -> Board:
    """Return the wall at `now`, the server's time. `counts` are the header's: `Store.status_counts`.

    Minutes that were over at the server's answer are taken from it; newer ones are counted from the store. After an
    outage has begun, nothing is known of the minutes since.
    """
    is_known = verdict is None or verdict.is_known
    known_until = None if verdict is None or is_known else verdict.heard_at or datetime.min.replace(tzinfo=now.tzinfo)
    sums = CellSums(facts.minutes, own, now, known_until)
    findings = () if verdict is None else verdict.findings
    tasks = TaskRows(facts, own, sums, verdict, span, now)
    deployments = () if facts.deployments is None else facts.deployments.deployments
    return Board(
        now,
        verdict,
        four_lines(facts, sums, counts, verdict, span, now),
        tasks=tasks.with_cells(tasks.rows()),
        queues=tuple(sorted(queue_rows(facts, verdict, known_until or now), key=worst_first)),
        due=due_rows(facts, findings, now),
        longest=longest_rows(facts, own, findings, now),
        waiting=waiting_rows(facts, own, findings),
        just_now=just_ended(own, now),
        ages=source_ages(facts, verdict),
        deployed=deployments[0] if deployments else None,
        deployed_before=deployments[1] if len(deployments) > 1 else None,
        own_since=_own_since(facts, own, verdict),
        is_listed=own.is_filtered or _is_of_listed(verdict),
    )


def _is_of_listed(verdict: Verdict | None) -> bool:
    """Return whether the numbers are own counts alone, which lack runs."""
    refused = () if verdict is None else (source for source, _ in verdict.refused)
    return verdict is not None and verdict.is_of_listed and FactSource.MINUTES in refused


def _own_since(facts: WallFacts, own: OwnCounts, verdict: Verdict | None) -> datetime | None:
    """Return from when on the program counts by itself, where the screen has to say it."""
    if verdict is not None and verdict.own_since is not None:
        return verdict.own_since
    unread = facts.unread.get(FactSource.MINUTES)
    return said_since(own) if unread is not None and unread.is_refused else None
