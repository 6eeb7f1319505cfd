"""The verdict in words: OK, NOT KNOWN, and what limits what is known."""

import re
from datetime import datetime
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.findings.finding import OK, Finding, QueueWaits, RunOverdue, SubjectKind, TaskFails, Verdict
from tui.domain.text import Raw, clean
from tui.present import formatting

CALM: Final = "nothing fails more than on other days, nothing waits too long"
LIMITED: Final = "as far as this key may read"
LISTED: Final = "of the listed runs"
"""Beside verdicts, and beside own counts, that lack runs: server filters are active, or a public token reads slowly."""

_REQUEST: Final = re.compile(r"^[A-Z]+ /\S*: (?=.)")
"""The request at the beginning of a reason: `GET /api/v1/queues: 403 Unauthorized`."""

NOT_READ: Final = Raw("not read yet")

_UNREAD: Final = {
    FactSource.RUNS: "runs",
    FactSource.MINUTES: "failures",
    FactSource.NORMALS: "failures",
}
"""What is not known without a source, where its own name does not say it."""


def limit_words(verdict: Verdict) -> str:
    """Return as far as what OK holds, where a source may not be read or lacks runs; otherwise an empty text."""
    return LIMITED if verdict.refused else LISTED if verdict.is_of_listed else ""


def ok_words(verdict: Verdict) -> str:
    """Return `OK`, or `OK, as far as this key may read` where it may not read a source."""
    limit = limit_words(verdict)
    return f"{OK}, {limit}" if limit else OK


def ok_sentence(verdict: Verdict, now: datetime) -> str:
    """Return the sentence beside OK."""
    parts = [limit_words(verdict) or CALM]
    if verdict.own_since is not None:
        parts.append(verdict_counts(verdict, verdict.own_since, now))
    return "; ".join(parts)


def own_counts(since: datetime, now: datetime) -> str:
    """Return `own counts since 13:50`."""
    return f"own counts since {formatting.time_of_day(since, now)}"


def listed_counts(since: datetime | None, now: datetime) -> str:
    """Return which counts are of the listed runs: all since a time, or those of the minutes that the server lacks."""
    if since is None:
        return f"newest minutes {LISTED}"
    return f"own counts {LISTED} since {formatting.time_of_day(since, now)}"


def verdict_counts(verdict: Verdict, since: datetime, now: datetime) -> str:
    """Return whose counts the bounds of a verdict are, and that they lack runs where they do."""
    return listed_counts(since, now) if verdict.is_of_listed else own_counts(since, now)


def own_words(verdict: Verdict, finding: Finding, now: datetime) -> str:
    """Return that a finding is from own counts, where the server's were not read; otherwise an empty text."""
    match finding.evidence:
        case TaskFails() | RunOverdue():
            sources = {FactSource.MINUTES, FactSource.NORMALS}
        case QueueWaits() if finding.subject.kind is SubjectKind.TASK:
            sources = {FactSource.WAITS}
        case _:
            return ""
    if not any(each.source in sources for each in verdict.unread):
        return ""
    return "own counts" if verdict.own_since is None else verdict_counts(verdict, verdict.own_since, now)


def not_known_sentence(verdict: Verdict | None, now: datetime) -> str:
    """Return the sentence beside NOT KNOWN. Below it stands what was known, if anything was."""
    if verdict is not None and verdict.is_known:
        return unread_sentence(verdict, now)
    heard_at = None if verdict is None else verdict.heard_at
    if heard_at is None:
        return "nothing was read from the server yet"
    silence = formatting.duration(now - heard_at)
    return f"nothing was heard for {silence}; below is what was known at {formatting.time_of_day(heard_at, now)}"


def not_known_alone(verdict: Verdict | None, now: datetime) -> str:
    """Return the sentence beside NOT KNOWN where nothing stands below it."""
    sentence = not_known_sentence(verdict, now)
    return sentence if verdict is not None and verdict.is_known else sentence.partition("; ")[0]


def unread_words(verdict: Verdict, now: datetime) -> list[str]:
    """Return what is not known, and why: `failures: the query was refused (429)`, `runs: not read yet`."""
    lines: dict[str, str] = {}
    for each in sorted(verdict.unread, key=lambda unread: unread.reason is None):
        if each.reason is not None:
            why = _REQUEST.sub("", clean(each.reason))
        elif each.read_at is None:
            why = NOT_READ
        else:
            why = f"not read for {formatting.duration(now - each.read_at)}"
        lines.setdefault(_UNREAD.get(each.source, each.source.value), why)
    return [f"{what}: {why}" for what, why in lines.items()]


def unread_sentence(verdict: Verdict, now: datetime) -> str:
    """Return all that is not known in one sentence."""
    return "; ".join(unread_words(verdict, now))


def refusals(verdict: Verdict) -> list[str]:
    """Return a sentence for each reason why this key may not read sources: `queues, errors: 403 not allowed`.

    Sources that are refused for one reason share a sentence, which does not name the request of each.
    """
    by_reason: dict[str, list[str]] = {}
    for source, reason in verdict.refused:
        by_reason.setdefault(_REQUEST.sub("", clean(reason)), []).append(source)
    return [f"{', '.join(sources)}: {reason}" for reason, sources in by_reason.items()]


def refused_words(reason: str) -> str:
    """Return why a source may not be read, without the request: `refused: 403 not allowed`."""
    return f"refused: {_REQUEST.sub('', clean(reason))}"
