"""The last row of the wall: how old each source is, the request budget, and the keys."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.findings.intervals import age_shown
from tui.present import formatting
from tui.present.findings.verdict_words import LISTED, listed_counts, refused_words
from tui.present.frame.footer import KeyWord, key_words
from tui.present.key_words import key_of
from tui.present.styled import Line, Piece, Token, joined, line_width
from tui.present.wall.blocks import WallView
from tui.present.wall.durations import waited
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

_LAST_DAY: Final = "last 24h"
_GAP: Final = "   "
_MARGINS: Final = 4
_LEAST_KEYS: Final = 2
"""So many keys have their place before the ages, the others behind them."""

_ROOMY: Final = 150
_BELOW_A_SECOND: Final = 1.0


def refusal_of(board: Board, source: FactSource) -> str | None:
    """Return in words why a source may not be read; None if it may."""
    refusal = next((each.refusal for each in board.ages if each.source is source), None)
    return None if refusal is None else refused_words(refusal)


def old_words(
    ages: Iterable[SourceAge], now: datetime, sources: Collection[FactSource | None], *, in_minutes: bool = False
) -> str:
    """Return how old the numbers of these sources are that are old: `queues 5m old, waits 2m old`."""
    return ", ".join(
        f"{_LAST_DAY if each.source is None else each.source.value} {waited(age, in_minutes=in_minutes)} old"
        for each in ages
        if each.source in sources and (age := age_shown(each.read_at, each.interval, now)) is not None
    )


def aged(title: Line, view: WallView, *sources: FactSource | None) -> Line:
    """Return the title of a block, with the ages of its numbers that are old. Of one source it needs no name."""
    words = "" if view.is_stale else old_words(view.board.ages, view.now, sources, in_minutes=view.is_slow_link)
    if len(sources) == 1:
        words = " ".join(words.split()[-2:])
    return (*title, Piece(f" · {words}", Token.AMBER)) if words else title


def last_row(view: WallView, width: int, notice: Line = ()) -> Line:
    """Return the row in exactly `width` cells. A notice stands in place of the keys."""
    keys = _keys(view)
    needed = notice or _keys_line(keys, _LEAST_KEYS)
    ages = joined(_ages(view, width, width - _MARGINS - line_width(needed)), _GAP)
    room = width - _MARGINS - line_width(ages)
    lines = [notice] if notice else [_keys_line(keys, count) for count in range(len(keys), _LEAST_KEYS, -1)]
    row = PlacedLine()
    row.put(1, ages)
    row.right(width - 1, next((line for line in lines if line_width(line) <= room), needed))
    return row.line(width)


def _ages(view: WallView, width: int, room: int) -> list[Line]:
    """Return the most important ages that fit."""
    parts: list[Line] = []
    ages = {each.source: each for each in view.board.ages}
    queues, waits = ages.get(FactSource.QUEUES), ages.get(FactSource.WAITS)
    if queues and waits and queues.read_at and waits.read_at:
        # Findings count the waiting runs of the one, the rows show the limits of the other.
        ages[FactSource.QUEUES] = replace(queues, read_at=min(queues.read_at, waits.read_at))
    extra = [_own_counts(view), *((_budget(view),) if width >= _ROOMY else ())]
    every = [_age(ages[source], view) for source in _SHOWN if source in ages]
    essential, rest = every[:4], every[4:] if width >= _ROOMY else []
    own, *others = extra
    # Whose counts these are is more important than most ages.
    if view.board.is_listed:
        own = (Piece(listed_counts(view.board.own_since, view.now), Token.AMBER),)
        if line_width(joined([*essential[:1], own], _GAP)) > room:
            own = (Piece(LISTED, Token.AMBER),)
    for part in (*essential[:1], own, *essential[1:], *others, *rest):
        if part and line_width(joined([*parts, part], _GAP)) <= room:
            parts.append(part)
    return parts


def _age(age: SourceAge, view: WallView) -> Line:
    assert age.source is not None, "no row has the totals of a day"
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
    if view.spent is None:
        return ()
    return (Piece("requests: everybody ", Token.FAINT), Piece(f"{view.spent:.0%}".replace("%", " %"), Token.MUTED))


def _keys(view: WallView) -> list[KeyWord]:
    """Return the keys in their order on the screen. The one with the least need is the most important one."""
    longer, shorter = key_of("longer-span", "("), key_of("shorter-span", ")")
    keys = (
        KeyWord(key_of("refresh", "r") if view.is_stale else "", "try now", 0),
        KeyWord(key_of("open", "Enter"), "open", 2),
        KeyWord(f"{longer} {shorter}" if longer and shorter else "", "span", 5),
        KeyWord(key_of("help", "?"), "keys", 3),
        KeyWord(key_of("wall", "W"), "close", 1 if view.is_stale else 4),
    )
    return [each for each in keys if each.key]


def _keys_line(keys: list[KeyWord], count: int) -> Line:
    """Return the most important keys."""
    shown = sorted(keys, key=lambda each: each.need)[:count]
    return joined((key_words(each) for each in keys if each in shown), _GAP)
