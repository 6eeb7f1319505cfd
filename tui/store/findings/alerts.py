"""The new findings of a verdict, each once, and when each passed its bound."""

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tui.domain.finding import (
    NOT_KNOWN,
    ApprovalWaits,
    Finding,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.lazy_dataclass import dataclass
from tui.store.findings.bounds import LATE_AFTER
from tui.store.findings.judging import AT_LIMIT_AFTER, MAX_APPROVAL, MAX_DEQUEUED, MISSED_AFTER, overdue_after

# When a finding passed the bound that makes it one: later than its since, which is when the trouble began.


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


# Finds the new findings of a verdict: each calls the user once, however often it is judged.


RINGS_AGAIN_AFTER: Final = timedelta(minutes=10)
"""A finding that went and comes back sooner is the same one: its numbers move around its bound."""

NEW_WITHIN: Final = timedelta(minutes=1)
"""Of the findings that the first verdict has, those that became one at most this long before the start are new."""

MAX_GONE: Final = 1_000
"""Findings that went lately and are remembered."""


@dataclass(frozen=True, slots=True)
class KnownFindings:
    """What the user was called for, or knew without a call.

    * `began_at`: the start. Of the findings of the first verdict, those that were one long before it are not new
    * `present`: the identities of the findings of the last verdict; None before the first
    * `gone`: when findings went that are not present, at most MAX_GONE
    """

    began_at: datetime
    present: frozenset[Hashable] | None = None
    gone: Mapping[Hashable, datetime] | None = None
    is_silent: bool = False
    """Whether the last verdict was not known."""


@dataclass(frozen=True, slots=True)
class News:
    """What is new in a verdict: findings, worst first, and whether nothing is known any more."""

    findings: tuple[Finding, ...] = ()
    has_gone_silent: bool = False


def new_findings(known: KnownFindings, verdict: Verdict) -> tuple[KnownFindings, News]:
    """Return what is new in the next verdict, and what is known after it.

    A verdict that is not known changes no finding. It is news only after one that was known. While some source is not
    read, no finding has gone.
    """
    gone = {key: at for key, at in (known.gone or {}).items() if verdict.at - at < RINGS_AGAIN_AFTER}
    if verdict.word == NOT_KNOWN:
        is_news = known.present is not None and not known.is_silent and NOT_KNOWN not in gone
        return _known(known, known.present, gone, is_silent=True), News(has_gone_silent=is_news)
    now: frozenset[Hashable] = frozenset(each.identity for each in verdict.findings)
    if known.present is None:
        oldest = known.began_at - NEW_WITHIN
        fresh = tuple(each for each in verdict.findings if _is_newer(each, oldest) and each.identity not in gone)
    else:
        fresh = tuple(each for each in verdict.findings if each.identity not in known.present | gone.keys())
    if verdict.unread:
        now |= known.present or frozenset()
    for key in (known.present or frozenset()) - now:
        gone[key] = verdict.at
    if known.is_silent and known.present is not None:
        gone[NOT_KNOWN] = verdict.at
    gone = {key: at for key, at in gone.items() if key not in now}
    return _known(known, now, gone, is_silent=False), News(fresh)


def begun_again(known: KnownFindings, at: datetime) -> KnownFindings:
    """Return what is known when watching begins again: what the next verdict has from before is not new."""
    return KnownFindings(at, None, {**(known.gone or {}), **dict.fromkeys(known.present or (), at)})


def _is_newer(finding: Finding, oldest: datetime) -> bool:
    """Return whether a finding became one at `oldest` or later. What cannot be known is not newer."""
    at = passed_bound_at(finding)
    return at is not None and at >= oldest


def _known(
    known: KnownFindings, present: frozenset[Hashable] | None, gone: Mapping[Hashable, datetime], *, is_silent: bool
) -> KnownFindings:
    newest = sorted(gone.items(), key=lambda item: item[1])[-MAX_GONE:]
    return KnownFindings(known.began_at, present, dict(newest), is_silent)
