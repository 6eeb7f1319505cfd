"""Findings and verdicts as `status` and `wall --json` print them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from tui.domain.findings.finding import NOT_KNOWN, OK, Finding, FindingWord, TaskFails, Verdict
from tui.domain.text import clean
from tui.present.findings.sentences import MAX_TEXT_CHARS, no_run_since, sentence, since, subject
from tui.present.findings.verdict_words import (
    NOT_READ,
    not_known_alone,
    ok_sentence,
    ok_words,
    own_words,
    unread_words,
    verdict_counts,
)
from tui.present.styled import Line, Piece, Token, line_width, pad

WORD_CELLS: Final = 7
"""The longest word of a finding."""

MAX_SUBJECT_CELLS: Final = 32
"""A longer name moves its own line to the right, not all of them."""

_TOKENS: Final = {FindingWord.FAILING: Token.ROSE}


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
        word = Piece(each.word, _TOKENS.get(each.word, Token.AMBER), is_bold=True)
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
