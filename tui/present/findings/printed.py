"""Findings and verdicts as `status` and `wall --json` print them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from tui.domain.findings.finding import NOT_KNOWN, OK, Finding, FindingWord, Verdict
from tui.domain.text import clean
from tui.present.findings.sentences import MAX_TEXT_CHARS, day_or_time, sentence, subject
from tui.present.findings.verdict_words import PARTIAL, not_known_alone, ok_words, own_counts, verdict_sentence
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


def finding_lines(findings: Iterable[Finding], now: datetime) -> list[Line]:
    """Return one line for each finding: word, subject, sentence, since."""
    listed = list(findings)
    names = [(Piece(subject(each), Token.BRIGHT),) for each in listed]
    widths = [width for width in map(line_width, names) if width <= MAX_SUBJECT_CELLS]
    column = max(widths, default=0)
    lines = []
    for each, name in zip(listed, names, strict=True):
        word = Piece(each.word, _TOKENS.get(each.word, Token.AMBER), is_bold=True)
        since = Piece(f"since {day_or_time(each.since, now)}", Token.MUTED)
        gap = Piece("  ")
        lines.append(
            (*pad((word,), WORD_CELLS), gap, *pad(name, column), gap, Piece(sentence(each, now, now)), gap, since)
        )
    return lines


def verdict_lines(verdict: Verdict | None, now: datetime, *, is_partial: bool = False) -> list[Line]:
    """Return what `status` prints: the findings, OK, or NOT KNOWN. `is_partial`: some facts were not read in time."""
    if verdict is None or not verdict.is_known:
        first: Line = (Piece(NOT_KNOWN, Token.AMBER, is_bold=True), Piece(f"  {not_known_alone(verdict, now)}"))
        return [first]
    if verdict.findings:
        return finding_lines(verdict.findings, now)
    more = "" if verdict.own_since is None else f"  {own_counts(verdict.own_since, now)}"
    word = f"{OK}, {PARTIAL}" if is_partial else ok_words(verdict)
    return [(Piece(word, Token.GREEN, is_bold=True), Piece(more, Token.MUTED))]


def finding_object(finding: Finding, state: FindingState, now: datetime) -> dict[str, Any]:
    """Return a finding as JSON. `now` is in the zone of the times in its sentence."""
    return {
        "word": finding.word.value,
        "subject": subject(finding),
        "sentence": sentence(finding, now, now),
        "since": _iso(finding.since),
        "state": state.value,
        "kind": finding.subject.kind.value,
        "key": clean(finding.subject.key[:MAX_TEXT_CHARS]),
        "task": finding.task,
        "runId": finding.run_id,
        "filter": finding.filter_text,
    }


def verdict_objects(verdict: Verdict | None, state: FindingState, now: datetime) -> list[dict[str, Any]]:
    """Return the findings as JSON, or the verdict where there is none, or where it is not known."""
    if verdict is None or not verdict.is_known or not verdict.findings:
        return [verdict_object(verdict, state, now)]
    return [finding_object(each, state, now) for each in verdict.findings]


def verdict_object(verdict: Verdict | None, state: FindingState, now: datetime) -> dict[str, Any]:
    """Return a verdict without findings, or that is not known, as JSON. It has no subject."""
    word = NOT_KNOWN if verdict is None or not verdict.is_known else OK
    at = None
    if verdict is not None:
        at = verdict.at if word == OK else verdict.heard_at
    text = not_known_alone(verdict, now) if verdict is None else verdict_sentence(verdict, now)
    return {
        "word": word,
        "subject": None,
        "sentence": text,
        "since": None if at is None else _iso(at),
        "state": state.value,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
