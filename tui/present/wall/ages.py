"""The last row of the wall: how old each source is, the request budget, and the keys."""

from datetime import datetime
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.present import formatting
from tui.present.findings.verdict_words import refused_words
from tui.present.key_words import key_of
from tui.present.styled import Line, Piece, Token, joined, line_width
from tui.present.wall.blocks import WallView
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.board import Board, SourceAge

_WORDS: Final = {FactSource.RUNS: "feed"}
_SHOWN: Final = (
    FactSource.RUNS,
    FactSource.MINUTES,
    FactSource.QUEUES,
    FactSource.SCHEDULES,
    FactSource.ERRORS,
    FactSource.TOKENS,
    FactSource.DEPLOYMENTS,
)
"""The sources with an age, the most important one first."""

_GAP: Final = "   "
_WIDE: Final = 110
_ROOMY: Final = 150
_BELOW_A_SECOND: Final = 1.0


def refusal_of(board: Board, source: FactSource) -> str | None:
    """Return in words why a source may not be read; None if it may."""
    refusal = next((each.refusal for each in board.ages if each.source is source), None)
    return None if refusal is None else refused_words(refusal)


def last_row(view: WallView, width: int, notice: Line = ()) -> Line:
    """Return the row in exactly `width` cells. A notice stands in place of the keys."""
    keys = notice or joined(_keys(view, width), _GAP)
    room = width - 1 - line_width(keys) - 1 - 2
    parts: list[Line] = []
    ages = {each.source: each for each in view.board.ages}
    extra = [_own_counts(view), *((_budget(view),) if width >= _ROOMY else ())]
    every = [_age(ages[source], view) for source in _SHOWN if source in ages]
    essential, rest = every[:4], every[4:] if width >= _ROOMY else []
    own, *others = extra
    # Whose counts these are is more important than most ages.
    for part in (*essential[:1], own, *essential[1:], *others, *rest):
        if part and line_width(joined([*parts, part], _GAP)) <= room:
            parts.append(part)
    row = PlacedLine()
    row.put(1, joined(parts, _GAP))
    row.right(width - 1, keys)
    return row.line(width)


def _age(age: SourceAge, view: WallView) -> Line:
    word = _WORDS.get(age.source, age.source.value)
    if age.refusal is not None:
        return (Piece(f"{word} ", Token.FAINT), Piece("refused", Token.FAINT))
    at = view.heard_at if age.source is FactSource.RUNS else age.read_at
    if at is None:
        return (Piece(f"{word} ", Token.FAINT), Piece(formatting.NONE, Token.MUTED))
    text = f"{word} {_words(at, view)}"
    if view.is_stale:
        return (Piece(text, Token.AMBER),)
    token = Token.AMBER if age.failure is not None else Token.MUTED
    return (Piece(f"{word} ", Token.FAINT), Piece(_words(at, view), token))


def _words(at: datetime, view: WallView) -> str:
    lasts = view.now - at
    if view.is_stale:
        return formatting.duration(lasts, in_minutes=view.is_slow_link)
    seconds = lasts.total_seconds()
    if 0 <= seconds < _BELOW_A_SECOND and not view.is_slow_link:
        return f"{max(1, round(seconds * 10)) / 10:.1f} s"
    return formatting.wait(lasts, in_minutes=view.is_slow_link)


def _own_counts(view: WallView) -> Line:
    verdict = view.board.verdict
    since = view.board.own_since or (None if verdict is None else verdict.own_since)
    if since is None:
        return ()
    words = f"own counts since {formatting.time_of_day(since, view.now)}"
    return (Piece(words, Token.MUTED),)


def _budget(view: WallView) -> Line:
    ours, everybody = view.budget
    if everybody is None:
        return ()
    pieces = [Piece("requests: ", Token.FAINT)]
    if ours is not None:
        pieces += [Piece("we ", Token.FAINT), Piece(f"{ours:.0%}".replace("%", " %"), Token.MUTED)]
        pieces.append(Piece(", ", Token.FAINT))
    pieces += [Piece("everybody ", Token.FAINT), Piece(f"{everybody:.0%}".replace("%", " %"), Token.MUTED)]
    return tuple(pieces)


def _keys(view: WallView, width: int) -> list[Line]:
    longer, shorter = key_of("longer-span", "("), key_of("shorter-span", ")")
    span = f"{longer} {shorter}" if longer and shorter else ""
    keys = [(key_of("open", "Enter"), "open"), (span, "span")] if width >= _WIDE and not view.is_stale else []
    keys.append((key_of("refresh", "r"), "try now") if view.is_stale else (key_of("help", "?"), "keys"))
    keys.append((key_of("wall", "W"), "close"))
    return [(Piece(key, Token.TEXT, is_bold=True), Piece(f" {word}", Token.FAINT)) for key, word in keys if key]
