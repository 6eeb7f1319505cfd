"""When a finding passed the bound that makes it one: later than its since, which is when the trouble began."""

from datetime import datetime

from tui.domain.findings.finding import (
    ApprovalWaits,
    Finding,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    TaskFails,
    TaskSlow,
)
from tui.store.findings.bounds import LATE_AFTER
from tui.store.findings.judging.missing import MISSED_AFTER
from tui.store.findings.judging.slow import AT_LIMIT_AFTER
from tui.store.findings.judging.stuck import MAX_APPROVAL, MAX_DEQUEUED, overdue_after


def passed_bound_at(finding: Finding) -> datetime | None:
    """Return when a finding passed its bound, None where its evidence does not say.

    For a task that fails it is the time of the first failure: how many failures it takes depends on its normal.
    """
    match finding.evidence:
        case TaskFails():
            return finding.since
        case TaskSlow():
            return None
        case QueueWaits(is_at_limit=is_full):
            return finding.since + (AT_LIMIT_AFTER if is_full else LATE_AFTER)
        case ScheduleMissed(due_at):
            return due_at + MISSED_AFTER
        case RunOverdue(started_at, p95):
            return started_at + overdue_after(p95)
        case RunHangs():
            return finding.since + MAX_DEQUEUED
        case ApprovalWaits(created_at):
            return created_at + MAX_APPROVAL
