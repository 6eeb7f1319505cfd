"""Findings and verdicts in words: on the screen, in print, as a notice on the desktop."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, assert_never

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
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.text import Raw, clean
from tui.features.queues.words import places_text, share_text, standstill_text
from tui.text import formatting
from tui.text.formatting import brief_duration, waited
from tui.text.json import as_json
from tui.text.styled import Line, Piece, Token, joined, line_width, pad

# The sentence of a finding: long for wide screens, short for 80 columns, and for the two lines of the overview.
#
# Texts from outside are cleaned here, so that a sentence can be printed unchanged.


MAX_TAGS: Final = 3
"""At most this many tags of a token are named."""

MAX_TEXT_CHARS: Final = 200
"""Texts from outside are cut here. No name, version or tag that a person reads is longer."""

RUN_NOT_KNOWN: Final = "run not known"
"""In place of the run that waits for a token: the list of tokens does not name it."""

MINUTE: Final = timedelta(minutes=1)
MIN_QUIET: Final = timedelta(minutes=5)
QUIET_TIMES: Final = 2
"""A task is quiet if none of its runs ended for five minutes, and for twice the time that is usual between two."""

MIN_OVER: Final = timedelta(seconds=20)
"""The time of the last failure is said so long after its minute."""

_SHORT_STANDSTILL: Final = {
    StandstillReason.ENVIRONMENT_PAUSED: "environment paused",
    StandstillReason.NO_WORKER: "no worker seen",
}

FINDING_TOKENS: Final = dict.fromkeys(FindingWord, Token.AMBER) | {FindingWord.FAILING: Token.ROSE}


def subject(finding: Finding) -> str:
    """Return the name of the subject, cleaned."""
    return _cleaned(finding.subject.name)


class FindingWords(NamedTuple):
    """A finding in words.

    * `long`: for a line of its own: `131 of 264 runs failed, only in 20261126.3`
    * `short`: for 80 columns: `at its limit 20/20, 301 wait, oldest 11m`
    * `number`: the number of the finding, which can be read from afar
    """

    long: str
    short: str
    number: str


def finding_words(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> FindingWords:
    """Return a finding in words.

    `at` is the time up to which waits are counted. On a stale screen it stands still, and with `is_frozen` durations
    that would go on have a `~`. `now` has the zone of times of day.
    """
    match finding.evidence:
        case TaskFails(failed, ended, version):
            quiet = quiet_words(finding, at, now)
            end = quiet + ("" if version is None else f", only in {_cleaned(version)}")
            number, runs = formatting.count(failed), f"of {formatting.plural(ended, 'run')}"
            short = f"{number} {runs.removesuffix(' runs') if quiet else runs}{end}"
            return FindingWords(f"{number} {runs} failed{end}", short, number)
        case QueueWaits() as queue:
            return _queue_words(finding, queue, at, now)
        case TaskSlow(p95, normal_p95):
            now_is, usual = brief_duration(p95), brief_duration(normal_p95)
            long = f"its p95 duration is {now_is}, normal {usual}"
            return FindingWords(long, f"p95 {now_is}, normal {usual}", now_is)
        case ScheduleMissed(due_at):
            due = formatting.time_of_day(due_at, now)
            long = f"its schedule was due at {due} and started no run"
            return FindingWords(long, f"due at {due}, no run", waited(at - due_at))
        case RunOverdue(started_at, p95):
            lasts, usual = waited(at - started_at), "not known" if p95 is None else brief_duration(p95)
            ran = f"executing for {lasts}{'~' if is_frozen else ''}"
            return FindingWords(f"one run {ran}, p95 of the task is {usual}", f"{ran}, p95 is {usual}", lasts)
        case RunHangs(title):
            lasts = waited(at - finding.since)
            short = f"{_cleaned(title).lower()} for {lasts}"
            return FindingWords(f"one run {short}, normally takes seconds", short, lasts)
        case ApprovalWaits(created_at, tags):
            lasts = waited(at - created_at)
            said = _approval(finding, tags, lasts)
            return FindingWords(said, said, lasts)
        case _:
            assert_never(finding.evidence)


def _queue_words(finding: Finding, queue: QueueWaits, at: datetime, now: datetime) -> FindingWords:
    lasts, still = waited(at - queue.oldest_at), queue.standstill
    waiting = "1 waits" if queue.queued == 1 else f"{formatting.count(queue.queued)} wait"
    long, short = f"{waiting}, the oldest {lasts}", f"{waiting}, oldest {lasts}"
    if still is not None:
        why = standstill_text(still, at, now)
        if still.reason is StandstillReason.QUEUE_PAUSED and still.since is not None:
            # The pause and the oldest wait may have begun at different times.
            long = short = waiting
        long, short = f"{why}, {long}", f"{_SHORT_STANDSTILL.get(still.reason, why)}, {short}"
    elif queue.is_at_limit:
        long = f"{long}; {places_text(queue.running, queue.limit, queue.holders, at)}"
        short = f"at its limit {share_text(queue.running, queue.limit)}, {short}"
    elif finding.subject.kind is SubjectKind.QUEUE:  # the task's runs may wait in any queue
        long = f"waits longer than normal; {long}"
    return FindingWords(long, short, formatting.count(queue.queued))


def since(finding: Finding, now: datetime) -> str:
    """Return since when, for a cell: `14:21` or the age `40d`. It is `before 14:21` for failures that may have begun
    before the counted runs, and `over p95 14:21` for a run that began earlier, and is over its p95 since then.
    """
    is_over = isinstance(finding.evidence, RunOverdue) and finding.evidence.p95 is not None
    return f"{'over p95 ' if is_over else ''}{_begun(finding, formatting.time_or_age(finding.since, now))}"


def _begun(finding: Finding, text: str) -> str:
    is_older = isinstance(finding.evidence, TaskFails) and finding.evidence.is_older
    return f"before {text}" if is_older else text


def no_run_since(finding: Finding, at: datetime) -> datetime | None:
    """Return since when no run of a failing task has ended; None if that is usual for the task."""
    fails = finding.evidence
    if not isinstance(fails, TaskFails) or fails.last_ended_at is None:
        return None
    between = (fails.last_ended_at - finding.since) / max(1, fails.ended - 1)
    is_quiet = at - fails.last_ended_at >= MINUTE + max(MIN_QUIET, QUIET_TIMES * between)
    return fails.last_ended_at if is_quiet else None


def quiet_words(finding: Finding, at: datetime, now: datetime) -> str:
    """Return `, none ended since 02:57` if no run of a failing task has ended for long, `, the last at 02:57` if none
    has failed for a while, otherwise an empty text.
    """
    if (last_at := no_run_since(finding, at)) is not None:
        return f", none ended since {formatting.time_of_day(last_at, now)}"
    failed_at = finding.evidence.last_failed_at if isinstance(finding.evidence, TaskFails) else None
    is_over = failed_at is not None and at - failed_at >= MINUTE + MIN_OVER
    return f", the last at {formatting.time_of_day(failed_at, now)}" if failed_at is not None and is_over else ""


def since_words(finding: Finding, now: datetime, *, due: str = "due") -> str:
    """Return `since 14:21` or `since 2026-11-09 14:21`, for a schedule in the overview `due 14:00`."""
    match finding.evidence:
        case ScheduleMissed():
            word = due
        case RunOverdue(p95=timedelta()):
            word = "over p95 since"
        case _:
            word = "since"
    return f"{word} {_begun(finding, formatting.time_of_day(finding.since, now))}"


def _approval(finding: Finding, tags: tuple[Raw, ...], lasts: str) -> str:
    """Return which run waits for which token. Until the run is known, the subject is the tag of the token."""
    named = ", ".join(_cleaned(tag) for tag in tags[:MAX_TAGS] if tag != finding.subject.name)
    if finding.run_id is not None:
        return f"waits {lasts} for {named or 'a token'}"
    return f"a token{f' ({named})' if named else ''} waits {lasts}, {RUN_NOT_KNOWN}"


def _cleaned(text: str) -> str:
    return clean(text[:MAX_TEXT_CHARS])


# A finding in the cells of a line. Wall, overview and the lines below the list place them.


def finding_cells(
    finding: Finding, at: datetime, now: datetime, *, is_old: bool, is_frozen: bool = False
) -> dict[str, Line]:
    """Return its word, its name, its sentences, and since when in three wordings. Old findings are grey."""
    words = finding_words(finding, at, now, is_frozen=is_frozen)
    text, weak = (Token.MUTED, Token.FAINT) if is_old else (Token.TEXT, Token.MUTED)
    token = text if is_old else FINDING_TOKENS[finding.word]
    return {
        "word": (Piece(finding.word.value, token, is_bold=not is_old),),
        "name": (Piece(subject(finding), text if is_old else Token.BRIGHT, is_bold=not is_old),),
        "long": (Piece(words.long, text),),
        "short": (Piece(words.short, text),),
        "since": (Piece(since(finding, now), weak),),
        "long since": (Piece(since_words(finding, now, due="since"), weak),),
        "since or due": (Piece(since_words(finding, now), Token.FAINT),),
    }


def fitting(findings: Sequence[Finding], most: int) -> list[Finding]:
    """Return the findings that fit into `most` rows, the worst first: one of each word before two of any."""
    counts, turns = Counter[FindingWord](), list[tuple[int, int]]()
    for index, finding in enumerate(findings):
        turns.append((counts[finding.word], index))
        counts[finding.word] += 1
    return [findings[index] for index in sorted(index for _, index in sorted(turns)[:most])]


# The verdict in words: OK, NOT KNOWN, and what limits what is known.


CALM: Final = "no unusual failures or waits now"
UNHEARD: Final = "no data from the server yet"
LIMITED: Final = "as far as this key may read"
LISTED: Final = "for the listed runs"
"""Stands beside verdicts and counts that lack runs: server filters are active, or a public token reads slowly."""

_REQUEST: Final = re.compile(r"^[A-Z]+ /\S*: (?=.)")
"""The request at the beginning of a reason: `GET /api/v1/queues: 403 Unauthorized`."""

NOT_READ: Final = Raw("not read yet")

_UNREAD: Final = {FactSource.RUNS: "runs", FactSource.MINUTES: "failures", FactSource.NORMALS: "failures"}
"""The names of values that are unknown without a source, if the name of the source does not say it."""


def limit_words(verdict: Verdict) -> str:
    """Return what limits an OK: a source may not be read, or lacks runs. The text is empty if nothing limits it."""
    return LIMITED if verdict.refused else LISTED if verdict.is_of_listed else ""


def ok_words(verdict: Verdict) -> str:
    """Return `OK`, or `OK, as far as this key may read` where it may not read a source."""
    return ", ".join(part for part in (OK, limit_words(verdict)) if part)


def ended_words(verdict: Verdict, now: datetime) -> str:
    """Return what was wrong until shortly ago: `FAILING charge-card until 14:20`; empty if nothing was."""
    if verdict.ended is None or verdict.ended_at is None:
        return ""
    return f"{verdict.ended.word} {subject(verdict.ended)} until {formatting.time_of_day(verdict.ended_at, now)}"


def ok_sentence(verdict: Verdict, now: datetime, calm: str = CALM) -> str:
    """Return the sentence beside OK."""
    return "; ".join(part for part in (limit_words(verdict) or calm, verdict_counts(verdict, now)) if part)


def counts_words(since: datetime | None, now: datetime, *, is_listed: bool = False) -> str:
    """Return `counts since 13:50`, or which counts are those of the listed runs: all, or those of
    minutes that the server lacks.
    """
    if since is None:
        return f"last minutes {LISTED}" if is_listed else "counted by this program"
    counts = "counted from the listed runs" if is_listed else "counts"
    return f"{counts} since {formatting.time_of_day(since, now)}"


def verdict_counts(verdict: Verdict, now: datetime) -> str:
    """Return from whose counts the bounds of a verdict are made; an empty text if they come from the server."""
    since = verdict.own_since
    return "" if since is None else counts_words(since, now, is_listed=verdict.is_of_listed)


def own_words(verdict: Verdict, finding: Finding, now: datetime) -> str:
    """Return that a finding is from our own counts if the server's were not read; otherwise an empty text."""
    match finding.evidence:
        case TaskFails() | RunOverdue():
            sources = {FactSource.MINUTES, FactSource.NORMALS}
        case QueueWaits() if finding.subject.kind is SubjectKind.TASK:
            sources = {FactSource.WAITS}
        case _:
            return ""
    is_own = any(each.source in sources for each in verdict.unread)
    return verdict_counts(verdict, now) or "counted by this program" if is_own else ""


def not_known_sentence(verdict: Verdict | None, now: datetime) -> str:
    """Return the sentence beside NOT KNOWN. The last known findings stand below it, if there are any."""
    if verdict is not None and verdict.is_known:
        return unread_sentence(verdict, now)
    if verdict is None or verdict.heard_at is None:
        return UNHEARD
    since = formatting.time_of_day(verdict.heard_at, now)
    return f"no data for {formatting.duration(now - verdict.heard_at)}; below is the state of {since}"


def not_known_alone(verdict: Verdict | None, now: datetime) -> str:
    """Return the sentence beside NOT KNOWN if nothing stands below it."""
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
            why = f"last read {formatting.duration(now - each.read_at)} ago"
        lines.setdefault(_UNREAD.get(each.source, each.source.value), why)
    return [f"{what}: {why}" for what, why in lines.items()]


def unread_sentence(verdict: Verdict, now: datetime) -> str:
    """Return everything that is unknown in one sentence."""
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
    body = f"{finding_words(worst, now, now).long}, {since_words(worst, now)}"
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
"""A longer name moves only its own line to the right, not the other lines."""


class FindingState(StrEnum):
    """What a line of `wall --json` says about a finding: it is there, came, changed, or went."""

    PRESENT = "present"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


def verdict_lines(verdict: Verdict | None, now: datetime) -> list[Line]:
    """Return what `status` prints: a line for each finding, OK, or NOT KNOWN."""
    if verdict is None or not verdict.is_known:
        return [not_known_line(not_known_alone(verdict, now))]
    unread = [not_known_line(words) for words in unread_words(verdict, now)]
    if not verdict.findings and not unread:
        counts = verdict_counts(verdict, now)
        more = f"  {counts}" if counts else ""
        return [(Piece(ok_words(verdict), Token.GREEN, is_bold=True), Piece(more, Token.MUTED))]
    names = [(Piece(subject(each), Token.BRIGHT),) for each in verdict.findings]
    column = max((width for width in map(line_width, names) if width <= MAX_SUBJECT_CELLS), default=0)
    lines = [
        joined(
            (
                pad((Piece(each.word, FINDING_TOKENS[each.word], is_bold=True),), WORD_CELLS),
                pad(name, column),
                (Piece(_sentence(each, now, verdict)),),
                (Piece(since_words(each, now, due="since"), Token.MUTED),),
            )
        )
        for each, name in zip(verdict.findings, names, strict=True)
    ]
    return [*lines, *unread]


def finding_object(
    finding: Finding, state: FindingState, now: datetime, verdict: Verdict | None = None
) -> dict[str, Any]:
    """Return a finding as JSON. `now` is in the zone of the times in its sentence."""
    quiet_since = no_run_since(finding, now)
    return {
        "word": finding.word.value,
        "subject": subject(finding),
        "sentence": _sentence(finding, now, verdict),
        "since": as_json(finding.since),
        "isOlder": isinstance(finding.evidence, TaskFails) and finding.evidence.is_older,
        "noRunSince": quiet_since and as_json(quiet_since),
        "state": state.value,
        "kind": finding.subject.kind.value,
        "key": clean(finding.subject.key[:MAX_TEXT_CHARS]),
        "task": finding.task,
        "runId": finding.run_id,
        "filter": finding.filter_text,
    }


def verdict_objects(verdict: Verdict | None, state: FindingState, now: datetime) -> list[dict[str, Any]]:
    """Return the findings as JSON, and the verdict if there are no findings, or if something else is unknown."""
    if verdict is None or not verdict.is_known or not verdict.findings:
        return [verdict_object(verdict, state, now)]
    objects = [finding_object(each, state, now, verdict) for each in verdict.findings]
    return [*objects, verdict_object(verdict, state, now)] if verdict.unread else objects


def verdict_object(verdict: Verdict | None, state: FindingState, now: datetime) -> dict[str, Any]:
    """Return the verdict itself as JSON: OK, or NOT KNOWN even if there are findings. It has no subject.

    `unread` are the sources that were not read, `refused` those that the key may not read.
    """
    known = verdict or Verdict(now)
    is_ok = known.is_known and not known.unread
    at = known.at if is_ok else known.heard_at
    return {
        "word": OK if is_ok else NOT_KNOWN,
        "subject": None,
        "sentence": ok_sentence(known, now) if is_ok else not_known_alone(known, now),
        "since": at and as_json(at),
        "state": state.value,
        "unread": [
            {
                "source": each.source.value,
                "reason": clean(each.reason or NOT_READ),
                "readAt": each.read_at and as_json(each.read_at),
            }
            for each in known.unread
        ],
        "refused": [{"source": source.value, "reason": clean(reason)} for source, reason in known.refused],
    }


def not_known_line(text: str) -> Line:
    """Return a line that says what is not known."""
    return Piece(NOT_KNOWN, Token.AMBER, is_bold=True), Piece(f"  {text}")


def _sentence(finding: Finding, now: datetime, verdict: Verdict | None) -> str:
    own = "" if verdict is None else own_words(verdict, finding, now)
    return f"{finding_words(finding, now, now).long}{own and f', {own}'}"
