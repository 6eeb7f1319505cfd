"""The number of a finding that is read across a room, and its unit in words. `present.findings` has the sentences."""

from datetime import datetime
from typing import Final, NamedTuple, assert_never

from tui.domain.findings.finding import (
    ApprovalWaits,
    Finding,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    TaskFails,
    TaskSlow,
)
from tui.domain.text import clean
from tui.present import formatting
from tui.present.findings.sentences import day_or_time, quiet_words, since_words
from tui.present.queues.words import standstill_text
from tui.present.styled import Token
from tui.present.wall.durations import brief_duration, waited

FINDING_TOKENS: Final = {
    FindingWord.FAILING: Token.ROSE,
    FindingWord.SLOW: Token.AMBER,
    FindingWord.MISSING: Token.AMBER,
    FindingWord.STUCK: Token.AMBER,
}


class Headline(NamedTuple):
    """A number that is read across a room, and two short lines that explain it."""

    number: str
    what: str
    more: str


def headline(finding: Finding, at: datetime, now: datetime) -> Headline:
    """Return the number of a finding. `at` is the time of running durations, `now` has the zone of times of day."""
    since = since_words(finding, now)
    match finding.evidence:
        case TaskFails() as fails:
            quiet = quiet_words(finding, at, now)
            only = f", only in {fails.only_version}" if fails.only_version else ""
            what = f"of {formatting.count(fails.ended)} runs failed"
            return Headline(formatting.count(fails.failed), what, f"{since}{quiet}{only}")
        case QueueWaits() as queue:
            limit = f", limit {queue.running}/{queue.limit}" if queue.is_at_limit else ""
            still = queue.standstill  # it may have begun at another time than the oldest wait
            more = f"{since}{limit}" if still is None else standstill_text(still, at, now)
            what = f"wait, the oldest {waited(at - queue.oldest_at)}"
            return Headline(formatting.count(queue.queued), what, more)
        case TaskSlow() as slow:
            return Headline(brief_duration(slow.p95), f"is its p95, usually {brief_duration(slow.normal_p95)}", since)
        case ScheduleMissed(due_at=due_at):
            return Headline(waited(at - due_at), "late, no run", f"due at {day_or_time(due_at, now)}")
        case RunOverdue() as overdue:
            p95 = "not known" if overdue.p95 is None else brief_duration(overdue.p95)
            return Headline(waited(at - overdue.started_at), f"executing, its p95 is {p95}", since)
        case RunHangs(title=title):
            return Headline(waited(at - finding.since), clean(title).lower(), since)
        case ApprovalWaits() as approval:
            what = ", ".join(approval.tags) or "somebody"
            return Headline(waited(at - approval.created_at), f"waiting for {what}", since)
        case _:
            assert_never(finding.evidence)
