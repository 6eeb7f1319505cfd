"""The findings of the wall: one line each, with a band behind the worst; and the one verdict in letters."""

from collections.abc import Sequence
from typing import Final

from tui.domain.findings.finding import NOT_KNOWN, OK, Finding, FindingWord, SubjectKind, Verdict
from tui.present import formatting
from tui.present.actions.row_actions import ListRuns
from tui.present.findings.sentences import sentence, short_sentence, since
from tui.present.findings.verdict_words import CALM, limit_words, ok_sentence, ok_words, unread_sentence
from tui.present.styled import Line, Piece, Token, cut, line_width, wrap
from tui.present.wall.blocks import Band, BlockRow, Opened, WallView, run_target
from tui.present.wall.durations import brief_duration, waited
from tui.present.wall.finding_words import FINDING_TOKENS, Headline, headline
from tui.present.wall.hour import WIDE
from tui.present.wall.letters import LETTER_ROWS, NUMBER_ROWS, big_number, big_word
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.board import QueueRow

MAX_LINES: Final = 4
LETTERS_HEIGHT: Final = 9
"""The rows of the verdict in letters, with the empty ones above and below."""

_WORD_AT: Final = 2
_WORD_CELLS: Final = 8
_MARGIN: Final = 2


def verdict_word(view: WallView) -> str:
    """Return the one word. OK needs a verdict, and an answer that is not too old."""
    verdict = view.board.verdict
    if not view.is_known or verdict is None or not verdict.is_known:
        return NOT_KNOWN
    return verdict.word


def verdict_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the findings in at most four lines, after NOT KNOWN where they are old."""
    verdict = view.board.verdict
    findings = () if verdict is None else verdict.findings
    word = verdict_word(view)
    if word == OK and verdict is not None:
        return [BlockRow(_ok_line(verdict, view, width), key=OK)]
    if word == NOT_KNOWN:
        return [BlockRow(_unknown_line(view, width), Band.AMBER), *_finding_rows(findings, view, width, is_old=True)]
    unread = _unread_rows(verdict, view, width)
    return [*_finding_rows(findings, view, width, is_old=False, most=MAX_LINES - len(unread)), *unread]


def letter_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the verdict in letters, three numbers beside it, and the other findings below it."""
    word, verdict = verdict_word(view), view.board.verdict
    findings = () if verdict is None else verdict.findings
    is_known = word != NOT_KNOWN
    first = findings[0] if is_known and findings else None
    token = Token.TEXT if word == OK else Token.AMBER if first is None else FINDING_TOKENS[first.word]
    band = Band.NONE if word == OK else Band.FAILING if word == FindingWord.FAILING else Band.AMBER
    if first is not None and first.identity in view.fresh:
        band = Band.NEW
    rows = [PlacedLine() for _ in range(LETTERS_HEIGHT)]
    letters = big_word(word)
    for row, text in zip(rows[1 : 1 + LETTER_ROWS], letters, strict=True):
        row.put(3, (Piece(text, token),))
    at = max(3 + len(letters[0]) + 4, width * 46 // 100)
    _put_subject(rows, at, view, first, width - (60 if is_known else 0) - at - 2)
    if is_known:
        _put_numbers(rows, view, width - 60)
    key = None if first is None else ("finding", first.identity)
    opens = None if first is None else _opened(first)
    lines = [row.line(width) for row in rows]
    shown = [BlockRow(lines[0], band), BlockRow(lines[1], band, key, opens)]
    shown += [BlockRow(line, band) for line in lines[2:]]
    rest = findings[1:] if first is not None else findings
    others = _finding_rows(rest, view, width, is_old=not is_known, most=MAX_LINES - 1, is_behind_first=True)
    return [*shown, *others, *(_unread_rows(verdict, view, width) if first is not None else ())]


def _finding_rows(
    findings: Sequence[Finding],
    view: WallView,
    width: int,
    *,
    is_old: bool,
    most: int = MAX_LINES,
    is_behind_first: bool = False,
) -> list[BlockRow]:
    shown = findings if len(findings) <= most else findings[: most - 1]
    rows: list[BlockRow] = []
    bands = {Token.ROSE: Band.FAILING, Token.AMBER: Band.AMBER}
    if is_behind_first:
        bands.pop(Token.ROSE)
    for finding in shown:
        token = FINDING_TOKENS[finding.word]
        band = Band.NONE if is_old else bands.pop(token, Band.NONE)
        if finding.identity in view.fresh and not is_old:
            band = Band.NEW
        line = _finding_line(finding, view, width, is_old=is_old)
        rows.append(BlockRow(line, band, ("finding", finding.identity), _opened(finding)))
    if len(shown) < len(findings):
        rows.append(BlockRow(_others_line(findings[len(shown) :], is_old=is_old)))
    return rows


def _unread_rows(verdict: Verdict | None, view: WallView, width: int) -> list[BlockRow]:
    """Return the row that says what is not known beside the findings, if anything is."""
    if verdict is None or not verdict.unread:
        return []
    return [BlockRow(_not_known(unread_sentence(verdict, view.now), width))]


def _finding_line(finding: Finding, view: WallView, width: int, *, is_old: bool) -> Line:
    is_wide = width >= WIDE
    line = PlacedLine()
    token = Token.MUTED if is_old else FINDING_TOKENS[finding.word]
    line.put(_WORD_AT, (Piece(finding.word.value, token, is_bold=not is_old),))
    name_at = _WORD_AT + _WORD_CELLS + (2 if width >= 180 else 1)
    name_cells = 26 if width >= 150 else 16 if is_wide else 15 if width >= 72 else 12
    begun = since(finding, view.now)
    end: Line = (Piece(f"since {begun}" if is_wide else begun, Token.FAINT if is_old else Token.MUTED),)
    name = Piece(finding.subject.name, Token.MUTED if is_old else Token.BRIGHT, is_bold=not is_old)
    line.put(name_at, (name,), name_cells)
    words_at = name_at + name_cells + 1
    say = sentence if is_wide else short_sentence
    words = say(finding, view.timers_at, view.now, is_frozen=is_old)
    room = width - _MARGIN - line_width(end) - 2 - words_at
    line.put(words_at, (Piece(words, Token.FAINT if is_old else Token.TEXT),), room)
    line.right(width - _MARGIN, end)
    return line.line(width)


def _others_line(others: Sequence[Finding], *, is_old: bool) -> Line:
    counts: dict[FindingWord, int] = {}
    for finding in others:
        counts[finding.word] = counts.get(finding.word, 0) + 1
    pieces = [Piece("  "), Piece(f"and {formatting.count(len(others))} more", Token.MUTED)]
    for word, count in counts.items():
        token = Token.FAINT if is_old else FINDING_TOKENS[word]
        pieces += [Piece("   "), Piece(word.value, token), Piece(f" {formatting.count(count)}", Token.MUTED)]
    return tuple(pieces)


def _ok_line(verdict: Verdict, view: WallView, width: int) -> Line:
    head: Line = (Piece("  "), Piece("✓", Token.GREEN), Piece(f" {ok_words(verdict)}", Token.TEXT))
    if limit_words(verdict):
        words, gap = _limits(verdict), 3
    else:
        words, gap = CALM if width < WIDE else ok_sentence(verdict, view.now), 7
    return cut((*head, Piece(" " * gap), Piece(words, Token.MUTED)), width - _MARGIN)


def _limits(verdict: Verdict) -> str:
    """Return which sources the key may not read, or that not all runs are listed."""
    return "not " + ", ".join(source for source, _ in verdict.refused) if verdict.refused else CALM


def _unknown_line(view: WallView, width: int) -> Line:
    return _not_known(_unknown_words(view), width)


def _not_known(text: str, width: int) -> Line:
    word = Piece(NOT_KNOWN, Token.AMBER, is_bold=True)
    return cut((Piece("  "), word, Piece(f"  {text}", Token.TEXT)), width - _MARGIN)


def _unknown_words(view: WallView) -> str:
    if view.heard_at is None:
        return "nothing was read yet"
    verdict = view.board.verdict
    if view.is_known and verdict is not None and verdict.is_known and verdict.unread:
        return unread_sentence(verdict, view.now)
    if view.is_known:
        return "what was read is not judged yet"
    since = formatting.time_of_day(view.heard_at, view.now)
    silent = formatting.duration(view.now - view.heard_at)
    below = "; below is what was known at " + since if view.board.verdict and view.board.verdict.findings else ""
    return f"nothing was heard for {silent}{below}"


def _opened(finding: Finding) -> Opened:
    if finding.subject.kind is SubjectKind.QUEUE:
        return ListRuns(finding.filter_text, queue=finding.subject.key)
    return run_target(finding.run_id, finding.filter_text)


def _put_subject(rows: Sequence[PlacedLine], at: int, view: WallView, first: Finding | None, room: int) -> None:
    """Put the subject of the worst finding beside the letters: its name, its number, two to four lines about it."""
    if first is None:
        is_unknown = verdict_word(view) == NOT_KNOWN
        words = _unknown_words(view) if is_unknown else _well_words(view.board.verdict, view)
        if is_unknown:
            heard_at = None if view.is_known else view.heard_at
            since = "" if heard_at is None else f" since {formatting.time_of_day(heard_at, view.now)}"
            rows[1].put(at, (Piece(f"{NOT_KNOWN}{since}", Token.BRIGHT, is_bold=True),), room)
        for row, text in zip(rows[4:], _halved(words, room), strict=False):
            row.put(at, (Piece(text, Token.TEXT),), room)
        return
    said = headline(first, view.timers_at, view.now)
    rows[1].put(at, (Piece(first.subject.name, Token.BRIGHT, is_bold=True),), room)
    _put_number(rows, at, said.number, Token.BRIGHT, view)
    x = at + _number_width(said, view) + 2
    beside = at + room - x
    halves = ([text] if len(text) <= beside else text.split(", ", 1) for text in (said.what, said.more))
    lines = [text for half in halves for text in half]
    for row, text in zip(rows[7 - len(lines) : 7], lines, strict=True):
        row.put(x, (Piece(text, Token.TEXT),), beside)


def _well_words(verdict: Verdict | None, view: WallView) -> str:
    if verdict is None:
        return ""
    limit = limit_words(verdict)
    return f"{limit}; {_limits(verdict)}" if limit else ok_sentence(verdict, view.now)


def _halved(text: str, room: int) -> list[str]:
    return wrap(text.replace("; ", ";\n"), room) if len(text) > room else [text]


def _number_width(said: Headline, view: WallView) -> int:
    return len(said.number) if view.look.is_ascii else len(big_number(said.number)[0])


def _put_number(rows: Sequence[PlacedLine], x: int, text: str, token: Token, view: WallView) -> None:
    """Put a number in half blocks, from the fourth row on. In ASCII it is plain text."""
    if view.look.is_ascii or not big_number(text)[0]:
        rows[5].put(x, (Piece(text, token, is_bold=True),))
        return
    for row, part in zip(rows[3 : 3 + NUMBER_ROWS], big_number(text), strict=True):
        row.put(x, (Piece(part, token),))


def _put_numbers(rows: Sequence[PlacedLine], view: WallView, x: int) -> None:
    lines, minutes = view.board.lines, view.board.lines.span.cell.total_seconds() / 60 * view.board.lines.span.count
    usual = lines.done.normal / minutes if lines.done.normal is not None else None
    oldest = max((_waits(view, row) for row in view.board.queues), key=lambda each: each[0], default=(-1.0, ""))
    is_waiting = bool(lines.queued.is_abnormal) and lines.queued.is_abnormal[-1]
    level = Token.AMBER if is_waiting else Token.TEXT
    numbers = (
        ("done/min", _whole(lines.done.now), Token.TEXT, usual),
        ("queued", _whole(lines.queued.now), level, lines.queued.normal),
        ("oldest waits", oldest[1] or ("0s" if _nothing_waits(view.board.queues) else ""), level, None),
    )
    for index, (title, text, token, normal) in enumerate(numbers):
        at = x + 20 * index
        rows[1].put(at, (Piece(title, Token.MUTED),))
        _put_number(rows, at, text or formatting.NONE, token if text else Token.FAINT, view)
        if normal is not None:
            rows[7].put(at, (Piece(f"normal {formatting.count(round(normal))}", Token.MUTED),))


def _waits(view: WallView, row: QueueRow) -> tuple[float, str]:
    if row.is_paused or row.oldest_at is None or not row.queued:
        return -1.0, ""
    lasts = view.since(row.oldest_at)
    text = waited(lasts, in_minutes=view.is_slow_link)
    # Three signs at most fit in their place; hours need no minutes here.
    return lasts.total_seconds(), text if len(text) <= 3 else brief_duration(lasts).partition("h")[0] + "h"


def _nothing_waits(queues: Sequence[QueueRow]) -> bool:
    """Return whether it is known of each queue that no run waits in it. A paused queue does not count."""
    return bool(queues) and all(row.is_paused or row.queued == 0 for row in queues)


def _whole(number: float | None) -> str:
    if number is None:
        return ""
    whole = round(number)
    return f"{whole}" if whole < 10_000 else f"{whole // 1000}k"
