"""Findings and verdicts in words: on the screen, in print, as a notice on the desktop."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never

from tui.domain.facts import FactSource
from tui.domain.finding import (
    NOT_KNOWN,
    OK,
    ApprovalWaits,
    Finding,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.text import Raw, clean
from tui.features.queues.words import places_text, standstill_text
from tui.text import formatting
from tui.text.formatting import brief_duration, waited
from tui.text.styled import Line, Piece, Token, line_width, pad

# The sentence of a finding: long for wide screens, short for 80 columns, and for the two lines of the overview.
#
# Texts of others are cleaned here, so that a sentence can be printed as it is.


MAX_TAGS: Final = 3
"""Tags of an approval that are named."""

MAX_TEXT_CHARS: Final = 200
"""Of a text of others. No name, version or tag that a person reads is longer."""

RUN_NOT_KNOWN: Final = "run not known"
"""In place of the run that waits for a token: the list of tokens does not name it."""

MINUTE: Final = timedelta(minutes=1)
MIN_QUIET: Final = timedelta(minutes=5)
QUIET_TIMES: Final = 2
"""A task is quiet if none of its runs ended for five minutes, and for twice the time that is usual between two."""

_SHORT_STANDSTILL: Final = {
    StandstillReason.ENVIRONMENT_PAUSED: "environment paused",
    StandstillReason.NO_WORKER: "no worker seen",
}
_YEAR: Final = timedelta(days=360)

FINDING_TOKENS: Final = {
    FindingWord.FAILING: Token.ROSE,
    FindingWord.SLOW: Token.AMBER,
    FindingWord.MISSING: Token.AMBER,
    FindingWord.STUCK: Token.AMBER,
}


def subject(finding: Finding) -> str:
    """Return the name of the subject, cleaned."""
    return _cleaned(finding.subject.name)


def sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the sentence for a line of its own: `131 of 264 runs failed, only in 20261126.3`.

    `at` is the time until which waits run. On a stale screen it stands still, and `is_frozen` says so by a `~` behind
    what would run on. `now` has the zone of times of day.
    """
    match finding.evidence:
        case TaskFails(failed, ended, only_version):
            return f"{_of(failed, ended)} failed{quiet_words(finding, at, now)}{_only(only_version)}"
        case QueueWaits() as queue:
            is_queue = finding.subject.kind is SubjectKind.QUEUE
            late = "queue is late; " if is_queue else ""  # the task's runs may wait in any queue
            if queue.standstill is not None:
                return _still(queue, queue.standstill, at, now)
            waits = f"{_waiting(queue)}, the oldest {waited(at - queue.oldest_at)}"
            places = places_text(queue.running, queue.limit, queue.holders, at)
            return f"{waits}; {places}" if queue.is_at_limit else f"{late}{waits}"
        case TaskSlow(p95, normal_p95):
            return f"its p95 is {brief_duration(p95)}, on other days {brief_duration(normal_p95)}"
        case ScheduleMissed(due_at):
            return f"its schedule was due at {formatting.time_of_day(due_at, now)} and started no run"
        case RunOverdue(started_at, p95):
            return f"one run executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'its p95 is')}"
        case RunHangs(title):
            lasts = waited(at - finding.since)
            return f"one run {_cleaned(title).lower()} for {lasts}, which lasts seconds on other days"
        case ApprovalWaits(created_at, tags):
            return _approval(finding, tags, waited(at - created_at))
        case _:
            assert_never(finding.evidence)


def short_sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the sentence for 80 columns: `at its limit 20/20, 301 wait, oldest 11m`."""
    match finding.evidence:
        case TaskFails(failed, ended, only_version):
            quiet = quiet_words(finding, at, now)
            count = _of(failed, ended).removesuffix(" runs") if quiet else _of(failed, ended)
            return f"{count}{quiet}{_only(only_version)}"
        case QueueWaits() as queue:
            if queue.standstill is not None:
                return _still(queue, queue.standstill, at, now, is_short=True)
            limit = f"at its limit {_running(queue)}, " if queue.is_at_limit else ""
            return f"{limit}{_waiting(queue)}, oldest {waited(at - queue.oldest_at)}"
        case TaskSlow(p95, normal_p95):
            return f"p95 {brief_duration(p95)}, normal {brief_duration(normal_p95)}"
        case ScheduleMissed(due_at):
            return f"due at {formatting.time_of_day(due_at, now)}, no run"
        case RunOverdue(started_at, p95):
            return f"executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'p95 is')}"
        case RunHangs(title):
            return f"{_cleaned(title).lower()} for {waited(at - finding.since)}"
        case ApprovalWaits(created_at, tags):
            return _approval(finding, tags, waited(at - created_at))
        case _:
            assert_never(finding.evidence)


def overview_sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the second line of a finding in the overview, whose first line says when a schedule was due."""
    match finding.evidence:
        case QueueWaits() as queue if queue.is_at_limit:
            return f"at its limit {_running(queue)}; {_waiting(queue)}, oldest {waited(at - queue.oldest_at)}"
        case ScheduleMissed():
            return "its schedule started no run"
        case RunOverdue(started_at, p95):
            return f"executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'its p95 is')}"
        case _:
            return short_sentence(finding, at, now, is_frozen=is_frozen)


def since(finding: Finding, now: datetime) -> str:
    """Return since when: `14:21` of the day of `now`, otherwise `9 Nov`, long ago `9 Nov 2025`.

    It is `before 14:21` for failures that may have begun before the counted runs.
    """
    is_older = isinstance(finding.evidence, TaskFails) and finding.evidence.is_older
    return ("before " if is_older else "") + day_or_time(finding.since, now)


def no_run_since(finding: Finding, at: datetime) -> datetime | None:
    """Return since when no run of a failing task has ended, None unless that is long for this task."""
    fails = finding.evidence
    if not isinstance(fails, TaskFails) or fails.last_ended_at is None:
        return None
    between = (fails.last_ended_at - finding.since) / max(1, fails.ended - 1)
    is_quiet = at - fails.last_ended_at >= MINUTE + max(MIN_QUIET, QUIET_TIMES * between)
    return fails.last_ended_at if is_quiet else None


def quiet_words(finding: Finding, at: datetime, now: datetime) -> str:
    """Return `, no run since 02:57` if no run of a failing task has ended for long, otherwise an empty text."""
    last_at = no_run_since(finding, at)
    return "" if last_at is None else f", no run since {day_or_time(last_at, now)}"


def since_words(finding: Finding, now: datetime) -> str:
    """Return `since 14:21`, for a schedule in the overview `due 14:00`."""
    word = "due" if isinstance(finding.evidence, ScheduleMissed) else "since"
    return f"{word} {since(finding, now)}"


def day_or_time(at: datetime, now: datetime) -> str:
    """Return `14:21` for a time of the day of `now`, or near to it, otherwise its day: `9 Nov`, `9 Nov 2025`."""
    local = at.astimezone(now.tzinfo)
    if formatting.needs_no_day(at, now):
        return f"{local:%H:%M}"
    year = f" {local:%Y}" if abs(now - at) > _YEAR else ""
    return f"{local.day} {_MONTHS[local.month - 1]}{year}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _of(failed: int, ended: int) -> str:
    return f"{formatting.count(failed)} of {formatting.plural(ended, 'run')}"


def _ran(duration: timedelta, *, is_frozen: bool) -> str:
    return waited(duration) + ("~" if is_frozen else "")


def _usual(p95: timedelta | None, words: str) -> str:
    return f"{words} {'not known' if p95 is None else brief_duration(p95)}"


def _only(version: Raw | None) -> str:
    return "" if version is None else f", only in {_cleaned(version)}"


def _running(queue: QueueWaits) -> str:
    running = formatting.NONE if queue.running is None else formatting.count(queue.running)
    limit = formatting.NONE if queue.limit is None else formatting.count(queue.limit)
    return f"{running}/{limit}"


def _still(queue: QueueWaits, still: Standstill, at: datetime, now: datetime, *, is_short: bool = False) -> str:
    """Return `paused since 14:02, 8 wait`; where no answer has that time, `paused, 8 wait, the oldest 4m`."""
    head = _SHORT_STANDSTILL.get(still.reason) if is_short else None
    words = f"{head or standstill_text(still, at, now)}, {_waiting(queue)}"
    if still.reason is StandstillReason.QUEUE_PAUSED and still.since is not None:
        return words
    return f"{words}, {'' if is_short else 'the '}oldest {waited(at - queue.oldest_at)}"


def _waiting(queue: QueueWaits) -> str:
    return "1 waits" if queue.queued == 1 else f"{formatting.count(queue.queued)} wait"


def _approval(finding: Finding, tags: tuple[Raw, ...], lasts: str) -> str:
    """Return what waits for what. The subject is the task of the run, once that is known, otherwise the token's tag."""
    named = ", ".join(_cleaned(tag) for tag in tags[:MAX_TAGS] if tag != finding.subject.name)
    if finding.run_id is not None:
        return f"waits for {named or 'an approval'} for {lasts}"
    what = "an approval" if finding.subject.kind is SubjectKind.RUN else "a token"
    return f"{what}{f' ({named})' if named else ''} waits for {lasts}, {RUN_NOT_KNOWN}"


def _cleaned(text: str) -> str:
    return clean(text[:MAX_TEXT_CHARS])


# The verdict in words: OK, NOT KNOWN, and what limits what is known.


CALM: Final = "nothing fails more than on other days, nothing waits too long"
LIMITED: Final = "as far as this key may read"
LISTED: Final = "of the listed runs"
"""Beside verdicts, and beside own counts, that lack runs: server filters are active, or a public token reads slowly."""

_REQUEST: Final = re.compile(r"^[A-Z]+ /\S*: (?=.)")
"""The request at the beginning of a reason: `GET /api/v1/queues: 403 Unauthorized`."""

NOT_READ: Final = Raw("not read yet")

_UNREAD: Final = {FactSource.RUNS: "runs", FactSource.MINUTES: "failures", FactSource.NORMALS: "failures"}
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


# A new finding as a notice on the desktop.


def finding_notice(findings: Sequence[Finding], environment: str | None, now: datetime) -> tuple[str, str]:
    """Return the title and the sentence of a notice about findings that are new together, worst first."""
    worst, more = findings[0], len(findings) - 1
    body = f"{sentence(worst, now, now)}, {since_words(worst, now)}"
    if more:
        body += f", and {formatting.plural(more, 'other finding')}"
    return f"{worst.word} {subject(worst)}{_in(environment)}", body


def not_known_notice(verdict: Verdict, environment: str | None, now: datetime) -> tuple[str, str]:
    """Return the title and the sentence of a notice that nothing is known any more."""
    return f"{NOT_KNOWN}{_in(environment)}", not_known_alone(verdict, now)


def _in(environment: str | None) -> str:
    return "" if environment is None else f" in {clean(Raw(environment[:MAX_TEXT_CHARS]))}"


# Findings and verdicts as `status` and `wall --json` print them.


WORD_CELLS: Final = 7
"""The longest word of a finding."""

MAX_SUBJECT_CELLS: Final = 32
"""A longer name moves its own line to the right, not all of them."""


class FindingState(StrEnum):
    """What a line of `wall --json` says of a finding: it is there, came, changed, or went."""

    PRESENT = "present"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


def finding_lines(findings: Iterable[Finding], now: datetime, verdict: Verdict | None = None) -> list[Line]:
    """Return one line for each finding: word, subject, sentence, since. `verdict` says what own counts are."""
    listed = list(findings)
    names = [(Piece(subject(each), Token.BRIGHT),) for each in listed]
    widths = [width for width in map(line_width, names) if width <= MAX_SUBJECT_CELLS]
    column = max(widths, default=0)
    lines = []
    for each, name in zip(listed, names, strict=True):
        word = Piece(each.word, FINDING_TOKENS[each.word], is_bold=True)
        begun = Piece(f"since {since(each, now)}", Token.MUTED)
        gap = Piece("  ")
        words = Piece(_sentence(each, now, verdict))
        lines.append((*pad((word,), WORD_CELLS), gap, *pad(name, column), gap, words, gap, begun))
    return lines


def verdict_lines(verdict: Verdict | None, now: datetime) -> list[Line]:
    """Return what `status` prints: the findings, OK, or NOT KNOWN."""
    if verdict is None or not verdict.is_known:
        return [_not_known_line(not_known_alone(verdict, now))]
    unread = [_not_known_line(words) for words in unread_words(verdict, now)]
    if verdict.findings or unread:
        return [*finding_lines(verdict.findings, now, verdict), *unread]
    more = "" if verdict.own_since is None else f"  {verdict_counts(verdict, verdict.own_since, now)}"
    return [(Piece(ok_words(verdict), Token.GREEN, is_bold=True), Piece(more, Token.MUTED))]


def finding_object(
    finding: Finding, state: FindingState, now: datetime, verdict: Verdict | None = None
) -> dict[str, Any]:
    """Return a finding as JSON. `now` is in the zone of the times in its sentence."""
    quiet_since = no_run_since(finding, now)
    return {
        "word": finding.word.value,
        "subject": subject(finding),
        "sentence": _sentence(finding, now, verdict),
        "since": _iso(finding.since),
        "isOlder": isinstance(finding.evidence, TaskFails) and finding.evidence.is_older,
        "noRunSince": None if quiet_since is None else _iso(quiet_since),
        "state": state.value,
        "kind": finding.subject.kind.value,
        "key": clean(finding.subject.key[:MAX_TEXT_CHARS]),
        "task": finding.task,
        "runId": finding.run_id,
        "filter": finding.filter_text,
    }


def verdict_objects(verdict: Verdict | None, state: FindingState, now: datetime) -> list[dict[str, Any]]:
    """Return the findings as JSON, and the verdict where there is none, or where more is not known."""
    if verdict is None or not verdict.is_known or not verdict.findings:
        return [verdict_object(verdict, state, now)]
    objects = [finding_object(each, state, now, verdict) for each in verdict.findings]
    return [*objects, verdict_object(verdict, state, now)] if verdict.unread else objects


def verdict_object(verdict: Verdict | None, state: FindingState, now: datetime) -> dict[str, Any]:
    """Return the verdict itself as JSON: OK, or NOT KNOWN, also beside findings. It has no subject.

    `unread` are the sources that were not read, `refused` those that the key may not read.
    """
    is_ok = verdict is not None and verdict.is_known and not verdict.unread
    at = None
    if verdict is not None:
        at = verdict.at if is_ok else verdict.heard_at
    text = ok_sentence(verdict, now) if verdict is not None and is_ok else not_known_alone(verdict, now)
    unread = () if verdict is None else verdict.unread
    return {
        "word": OK if is_ok else NOT_KNOWN,
        "subject": None,
        "sentence": text,
        "since": None if at is None else _iso(at),
        "state": state.value,
        "unread": [
            {
                "source": each.source.value,
                "reason": clean(each.reason or NOT_READ),
                "readAt": None if each.read_at is None else _iso(each.read_at),
            }
            for each in unread
        ],
        "refused": [
            {"source": source.value, "reason": clean(reason)}
            for source, reason in (() if verdict is None else verdict.refused)
        ],
    }


def _not_known_line(text: str) -> Line:
    return Piece(NOT_KNOWN, Token.AMBER, is_bold=True), Piece(f"  {text}")


def _sentence(finding: Finding, now: datetime, verdict: Verdict | None) -> str:
    own = "" if verdict is None else own_words(verdict, finding, now)
    return f"{sentence(finding, now, now)}{own and f', {own}'}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
