"""The block `overview`: two lines for each finding, and below it four series of the last hour."""

from collections.abc import Sequence
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.findings.finding import NOT_KNOWN, OK, Finding, FindingWord, QueueWaits, Verdict
from tui.present import formatting
from tui.present.findings.sentences import overview_sentence, short_sentence, since, since_words, subject
from tui.present.findings.verdict_words import (
    CALM,
    limit_words,
    listed_counts,
    not_known_alone,
    not_known_sentence,
    own_counts,
    refusals,
    unread_sentence,
)
from tui.present.key_words import selecting_keys, with_key
from tui.present.overview.hint import MIN_FULL_ROWS, ROWS_BELOW, hint_line
from tui.present.overview.series import four_series
from tui.present.overview.view import BLANK, EDGE, OverviewLine, OverviewView
from tui.present.styled import Line, Piece, Token, cut, line_width, wrap
from tui.present.wall.ages import old_words
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.bounds import MAX_WAITS_AGE

MAX_FINDINGS: Final = 250
"""Findings with lines of their own."""

SHOWN_SOURCES: Final = frozenset({FactSource.MINUTES, FactSource.QUEUES, FactSource.WAITS, FactSource.ERRORS})
"""The sources of the numbers of all blocks of the overview."""

_NAME_AT: Final = 9
_STRIP_NAME_AT: Final = 11
_STRIP_NAME: Final = 20
_TOKENS: Final = {FindingWord.FAILING: Token.ROSE}
_TICK: Final = "✓"


def overview_lines(view: OverviewView, width: int, rows: int, *, has_all: bool = False) -> list[OverviewLine]:
    """Return the block in `rows` lines of at most `width` cells. The series keep their place at its end.

    With `has_all` it has more lines if there are more findings, otherwise these are counted.
    """
    limit = width - EDGE
    is_full = rows >= MIN_FULL_ROWS
    series = four_series(view, limit, has_axis=is_full)
    below = [OverviewLine(line) for line in series]
    if is_full:
        below += [BLANK, OverviewLine(cut(hint_line(), limit)), *[BLANK] * ROWS_BELOW]
    room = MAX_FINDINGS * 2 if has_all else max(rows - len(below) - 2, 2)
    above = [BLANK, *verdict_lines(view, limit, room)]
    return [*above, *[BLANK] * max(1, rows - len(above) - len(below)), *below]


def verdict_lines(view: OverviewView, limit: int, room: int) -> list[OverviewLine]:
    """Return the findings, or that all is well, in at most `room` lines. Further findings are counted."""
    verdict = view.verdict
    if verdict is None:
        return [OverviewLine((Piece(formatting.NONE, Token.FAINT),))]
    lines: list[OverviewLine] = []
    if verdict.word == NOT_KNOWN:
        lines += _not_known(not_known_sentence(verdict, view.now), limit)
    elif not verdict.findings:
        lines += _calm(verdict, limit)
    lines += [OverviewLine((Piece(text, Token.FAINT),)) for why in refusals(verdict) for text in wrap(why, limit)]
    if verdict.findings:
        # Findings come before sources that may not be read.
        first = [] if verdict.is_known else lines[:2]
        rest = lines[len(first) :]
        unknown = unread_sentence(verdict, view.now) if verdict.is_known else ""
        below = _not_known(unknown, limit) if unknown else []
        shown = _findings(view, verdict.findings, limit, max(2, room - len(first) - len(below)))
        lines = [*first, *shown, *below, *rest]
    return lines[:room]


def strip_lines(view: OverviewView, width: int) -> tuple[Line, Line] | None:
    """Return the first two findings on one line each, for the two lines above the keys. None: nothing was judged."""
    verdict = view.verdict
    if verdict is None:
        return None
    limit = width - 1
    first = verdict.findings[:2]
    name_cells = min(_STRIP_NAME, max((line_width((Piece(subject(each)),)) for each in first), default=0))
    found = [_strip_line(view, finding, name_cells, limit) for finding in first]
    if verdict.word == NOT_KNOWN:
        known = (Piece("  "), *_word(NOT_KNOWN, Token.AMBER), Piece(f"  {not_known_alone(verdict, view.now)}"))
        found = [cut(known, limit), *found]
    elif not found:
        limited = limit_words(verdict)
        calm = Piece(f", {limited}" if limited else f"  {CALM}", Token.MUTED)
        found = [cut((Piece(f"  {_TICK} ", Token.GREEN), *_word(OK, Token.TEXT), calm), limit)]
    if len(found) < 2 and verdict.word != NOT_KNOWN and verdict.unread:
        line = (Piece("  "), *_word(NOT_KNOWN, Token.AMBER), Piece(f"  {unread_sentence(verdict, view.now)}"))
        found.append(cut(line, limit))
    if len(found) < 2:
        found.append(
            cut((Piece(f"  The list follows new runs. {selecting_keys()} selects a run.", Token.MUTED),), limit)
        )
    return found[0], found[1]


def overview_rule(view: OverviewView) -> Line:
    """Return what bounds the block: `own counts since 14:02`, else of stale data its last moment, `as of 14:32:07`.

    Beside a finding about a queue it says how old its count is: `queues 12 s ago`. Then follow the old numbers.
    """
    since = view.verdict.own_since if view.verdict is not None else None
    texts = [] if since is None else [own_counts(since, view.now)]
    if view.board.is_listed:
        texts = [listed_counts(view.board.own_since, view.now)]
    if view.frozen_at is None:
        age = queues_age(view)
        shown = SHOWN_SOURCES - {FactSource.WAITS} if age else SHOWN_SOURCES
        old = old_words(view.board.ages, view.now, shown, in_minutes=view.in_minutes)
        texts += [each for each in (age, old) if each]
    elif since is None:
        texts = [f"as of {formatting.clock(view.frozen_at, view.now)}"]
    return (Piece(" · ".join(texts), Token.MUTED),) if texts else ()


def queues_age(view: OverviewView) -> str:
    """Return how long ago the waiting runs of the shown findings were counted; empty if that says nothing of them."""
    findings = () if view.verdict is None else view.verdict.findings
    if not any(isinstance(each.evidence, QueueWaits) for each in findings):
        return ""
    read_at = next((each.read_at for each in view.board.ages if each.source is FactSource.WAITS), None)
    if read_at is None or view.now - read_at > MAX_WAITS_AGE:
        return ""  # the runs of the store are counted
    return f"queues {formatting.wait(view.now - read_at, in_minutes=view.in_minutes)} ago"


def _findings(view: OverviewView, findings: Sequence[Finding], limit: int, room: int) -> list[OverviewLine]:
    fitting = max(1, room // 2)
    shown = findings if len(findings) <= fitting else findings[: max(1, (room - 1) // 2)]
    lines = [line for finding in shown for line in _two_lines(view, finding, limit)]
    if (more := len(findings) - len(shown)) and len(lines) < room:
        words = f"{formatting.count(more)} more" + with_key("wall", "W", "; {} shows all")
        lines.append(OverviewLine((Piece(" " * _NAME_AT), Piece(words, Token.FAINT))))
    return lines


def _two_lines(view: OverviewView, finding: Finding, limit: int) -> list[OverviewLine]:
    is_old = view.is_stale or not (view.verdict is not None and view.verdict.is_known)
    first, second = PlacedLine(), PlacedLine()
    first.put(0, _word(finding.word, Token.MUTED if is_old else _token(finding)))
    words = since_words(finding, view.now)
    room = limit - _NAME_AT - len(words) - 2
    first.put(_NAME_AT, (Piece(subject(finding), Token.MUTED if is_old else Token.BRIGHT, is_bold=not is_old),), room)
    first.right(limit, (Piece(words, Token.FAINT),))
    text = overview_sentence(finding, view.at, view.now, is_frozen=view.is_stale)
    second.put(_NAME_AT, (Piece(text, Token.MUTED if is_old else Token.TEXT),), limit - _NAME_AT)
    return [OverviewLine(first.line(limit), finding), OverviewLine(second.line(limit), finding, is_below=True)]


def _strip_line(view: OverviewView, finding: Finding, name_cells: int, limit: int) -> Line:
    line, time = PlacedLine(), since(finding, view.now)
    is_muted = view.is_stale or view.verdict is None or not view.verdict.is_known
    line.put(2, _word(finding.word, Token.MUTED if is_muted else _token(finding)))
    name = subject(finding)
    line.put(
        _STRIP_NAME_AT, (Piece(name, Token.MUTED if is_muted else Token.BRIGHT, is_bold=not is_muted),), name_cells
    )
    text = short_sentence(finding, view.at, view.now, is_frozen=view.is_stale)
    at = _STRIP_NAME_AT + name_cells + 2
    line.put(at, (Piece(text, Token.MUTED if is_muted else Token.TEXT),), limit - len(time) - 2 - at)
    line.right(limit, (Piece(time, Token.MUTED),))
    return line.line(limit)


def _calm(verdict: Verdict, limit: int) -> list[OverviewLine]:
    lead: Line = (Piece(f"{_TICK} ", Token.GREEN), *_word(OK, Token.TEXT))
    if limited := limit_words(verdict):
        return [OverviewLine((*lead, Piece(f", {limited}", Token.MUTED)))]
    first, *others = wrap(CALM, limit - _NAME_AT)
    indent = Piece(" " * _NAME_AT)
    line = (*lead, Piece(" " * (_NAME_AT - len(OK) - 2)), Piece(first, Token.MUTED))
    return [OverviewLine(line), *(OverviewLine((indent, Piece(text, Token.MUTED))) for text in others)]


def _not_known(text: str, limit: int) -> list[OverviewLine]:
    indent = len(NOT_KNOWN) + 2
    texts = wrap(text, limit - indent)
    first = (*_word(NOT_KNOWN, Token.AMBER), Piece(f"  {texts[0]}", Token.MUTED))
    return [OverviewLine(first), *(OverviewLine((Piece(" " * indent), Piece(each, Token.MUTED))) for each in texts[1:])]


def _word(word: str, token: Token) -> Line:
    return (Piece(word, token, is_bold=True),)


def _token(finding: Finding) -> Token:
    return _TOKENS.get(finding.word, Token.AMBER)
