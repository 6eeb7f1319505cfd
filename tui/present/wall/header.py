"""The header of the wall: environment, project, connection, version and its age, and the clock.

It has no counts: the blocks have them. The clock is bright, because a wall that hangs must be seen to hang.
"""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.present import formatting
from tui.present.frame.connection import connection_state
from tui.present.frame.header import environment_chip, project_words
from tui.present.frame.header_facts import HeaderFacts
from tui.present.styled import Line, Piece, Token, cut, joined, line_width
from tui.present.wall.ages import old_words
from tui.present.wall.durations import waited
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.board import Board

WIDE: Final = 110
_GAP: Final = "   "


def wall_header(
    facts: HeaderFacts, board: Board | None, width: int, *, is_colorless: bool = False, offline: str = "○"
) -> Line:
    """Return the line in exactly `width` cells. Parts that do not fit go from the right, the clock last."""
    now = facts.at
    clock: Line = (Piece(f"{formatting.time_of_day(now, now)} {formatting.zone_name(now)}", Token.BRIGHT),)
    state = connection_state(facts, offline)
    parts: list[Line] = []
    if facts.environment is not None:
        parts.append(project_words(facts.environment, facts.branch, ()))
    if facts.is_read_only:
        parts.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    parts.append(joined(part for part in (state.head, state.remark) if part))
    if facts.is_slow_link:
        parts.append((Piece("slow", Token.MUTED),))
    room = width - line_width(clock) - 3
    chip = environment_chip(facts, is_colorless=is_colorless)
    line: Line = (Piece(" "), *chip, Piece("  "), *joined(parts, _GAP))
    line = cut(line, room)
    for part in _versions(board, now, is_wide=width >= WIDE) if not facts.freshness.is_stale else ():
        if line_width(line) + len(_GAP) + line_width(part) <= room:
            line = (*line, Piece(_GAP), *part)
    row = PlacedLine()
    row.put(0, line)
    row.right(width - 1, clock)
    return row.line(width)


def _versions(board: Board | None, now: datetime, *, is_wide: bool) -> list[Line]:
    """Return the current version and its age, and on a wide wall who deployed it and the version before."""
    if board is None or board.deployed is None:
        return []
    newest, before = board.deployed, board.deployed_before
    old = old_words(board.ages, now, (FactSource.DEPLOYMENTS,))
    aged: list[Line] = [(Piece(old, Token.AMBER),)] if old else []
    lasts = _age(now - newest.deployed_at)
    if not is_wide:
        return [(Piece(f"{newest.version} for ", Token.FAINT), Piece(lasts, Token.MUTED)), *aged]
    by = f" by {newest.by}" if newest.by else ""
    commit = f", {newest.commit[:7]}" if newest.commit else ""
    lines: list[Line] = [
        (Piece(newest.version, Token.TEXT), Piece(f"  deployed {lasts} ago{by}{commit}", Token.FAINT)),
        *aged,
    ]
    if before is not None:
        stood = _age(newest.deployed_at - before.deployed_at)
        lines.append((Piece(f"before it {before.version}, {stood}", Token.FAINT),))
    return lines


def _age(value: timedelta) -> str:
    """Return an age in whole minutes: the header shows no seconds."""
    return waited(value, in_minutes=True)
