"""The blocks without a row in a list of runs: due schedules, the longest runs, and waitpoints for a person."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import ListRuns
from tui.present.findings.sentences import RUN_NOT_KNOWN
from tui.present.styled import Line, Piece, Token, line_width
from tui.present.wall.ages import aged, refusal_of
from tui.present.wall.blocks import BlockRow, WallView, run_target
from tui.present.wall.durations import brief_duration, waited
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.rules import block_rule
from tui.store.filter_words import as_value
from tui.store.findings.board import DueRow, LongestRow, WaitingRow

DUE: Final = "due"
LONGEST: Final = "longest against their p95"
WAITING: Final = "waiting for someone"

_SHORT_ID: Final = 4
_LARGE: Final = 70
"""From this width on a block has the whole id of its runs."""

_EVERY: Final = re.compile(r"\*/(\d{1,3}) \* \* \* \*\Z")
_DAILY: Final = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*\Z")
_HOURLY: Final = re.compile(r"(\d{1,2}) \* \* \* \*\Z")


def due_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the schedules that are late, then the next ones."""
    rows = [_due_row(row, view, width) for row in view.board.due[:most]]
    return [
        _rule(DUE, FactSource.SCHEDULES, view, width, has_dash=has_dash),
        *(rows or _nothing(view, FactSource.SCHEDULES, "no schedule is due")),
    ]


def longest_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the runs that execute, by how far they are over the p95 of their task."""
    rows = [_longest_row(row, view, width) for row in view.board.longest[:most]]
    rule = _rule(LONGEST, FactSource.MINUTES, view, width, has_dash=True)
    return [rule, *(rows or _nothing(view, FactSource.RUNS, "no run executes"))]


def waiting_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the waitpoints that a person has to complete, oldest first."""
    rows = [_waiting_row(row, view, width) for row in view.board.waiting[:most]]
    return [
        _rule(WAITING, FactSource.TOKENS, view, width, has_dash=has_dash),
        *(rows or _nothing(view, FactSource.TOKENS, "nothing waits for a person")),
    ]


def cron_words(cron: Raw) -> str:
    """Return `every minute`, `every 5 min`, `every hour`, `at 02:00`; an expression that is less simple as it is."""
    text = " ".join(cron.split())
    if text == "* * * * *":
        return "every minute"
    if found := _EVERY.match(text):
        return f"every {int(found[1])} min"
    if _HOURLY.match(text):
        return "every hour"
    if found := _DAILY.match(text):
        return f"at {int(found[2]):02}:{int(found[1]):02}"
    return text


def _rule(title: str, source: FactSource, view: WallView, width: int, *, has_dash: bool) -> BlockRow:
    named = aged((Piece(title, Token.TEXT),), view, source)
    line = block_rule(named, width, view.look, is_stale=view.is_stale, has_dash=has_dash)
    return BlockRow(line)


def _nothing(view: WallView, source: FactSource, words: str) -> Sequence[BlockRow]:
    """Return one line in place of rows: why there are none, or `·` while that is not known."""
    refusal = refusal_of(view.board, source)
    if refusal is not None:
        return (BlockRow((Piece("  "), Piece(refusal, Token.FAINT))),)
    verdict = view.board.verdict
    is_read = any(each.source is source and each.read_at is not None for each in view.board.ages)
    is_read = is_read and (verdict is None or all(each.source is not source for each in verdict.unread))
    return (BlockRow((Piece("  "), Piece(words if is_read else formatting.NONE, Token.FAINT))),)


def _due_row(row: DueRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    is_late = row.is_late and not view.is_stale
    if is_late:
        line.put(2, (Piece("!", Token.AMBER),))
    name = Piece(row.task, Token.TEXT if is_late else Token.MUTED)
    name_cells = 18 if width >= _LARGE else max(8, width - 24)
    line.put(4, (name,), name_cells)
    end = _due_words(row, view)
    if width >= _LARGE:
        due = formatting.time_of_day(row.due_at, view.now)
        words = f"due {due}, no run" if row.is_late else cron_words(row.cron)
        line.put(4 + name_cells + 1, (Piece(words, Token.FAINT),), width - name_cells - 10 - len(end))
    token = Token.AMBER if is_late else Token.FAINT if width < _LARGE else Token.MUTED
    line.right(width - 2, (Piece(end, token),))
    return BlockRow(line.line(width), key=("due", row.schedule_id), opens=ListRuns(f"task:{as_value(row.task)}"))


def _due_words(row: DueRow, view: WallView) -> str:
    until = row.due_at - view.now
    if row.is_late:
        return f"{formatting.wait(-until, in_minutes=view.is_slow_link)} late"
    if until <= timedelta():
        return "now"
    if until < timedelta(seconds=100):
        return f"in {formatting.wait(until, in_minutes=view.is_slow_link)}"
    is_short = timedelta(minutes=10) <= until < timedelta(hours=1)
    lasts = formatting.duration(until, in_minutes=True) if is_short or view.is_slow_link else brief_duration(until)
    return f"in {lasts}"


def _longest_row(row: LongestRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    is_stuck = row.is_stuck and not view.is_stale
    if is_stuck:
        line.put(2, (Piece("!", Token.AMBER),))
    lasts = view.since(row.started_at)
    took = waited(lasts, in_minutes=True) if view.is_slow_link else brief_duration(lasts)
    lasted = Piece(took + ("~" if view.is_stale else ""), _took_token(view, is_stuck=is_stuck))
    name = Piece(row.task, Token.TEXT if is_stuck else Token.MUTED)
    if width >= _LARGE:
        line.put(4, (name,), 17)
        line.put(22, (Piece(row.run_id, Token.FAINT),), 32)
        line.right(62, (lasted,))
        line.put(64, (Piece("p95 ", Token.FAINT), Piece(brief_duration(row.p95), Token.MUTED)), width - 65)
    else:
        room = width - 4 - 18
        line.put(4, (name, Piece(f" …{row.run_id[-_SHORT_ID:]}", Token.FAINT)), room)
        line.right(width - 9, (lasted,))
        line.right(width - 2, (Piece(brief_duration(row.p95), Token.FAINT),))
    return BlockRow(line.line(width), key=("run", row.run_id), opens=run_target(row.run_id, ""))


def _took_token(view: WallView, *, is_stuck: bool) -> Token:
    return Token.MUTED if view.is_stale else Token.AMBER if is_stuck else Token.BLUE


def _waiting_row(row: WaitingRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    amber = Token.AMBER if row.is_stuck and not view.is_stale else Token.MUTED
    what = ", ".join(row.tags) or row.token_id
    end: Line = (Piece(waited(view.since(row.created_at), in_minutes=view.is_slow_link), amber),)
    line.put(2, (Piece("‖", amber),))
    name = Piece(RUN_NOT_KNOWN if row.run_id is None else row.task or formatting.NONE, Token.MUTED)
    if width >= _LARGE:
        line.put(4, (name,), 17)
        run: Line = (Piece(f"  …{row.run_id[-_SHORT_ID:]}", Token.FAINT),) if row.run_id is not None else ()
        line.put(22, (Piece(what, Token.MUTED), *run), width - 22 - 9)
    else:
        line.put(4, (name,), 13)
        line.put(18, (Piece(what, Token.FAINT),), width - 18 - 2 - line_width(end) - 2)
    line.right(width - 2, end)
    filter_text = f"task:{as_value(row.task)} status:waiting" if row.task is not None else "status:waiting"
    return BlockRow(line.line(width), key=("token", row.token_id), opens=run_target(row.run_id, filter_text))
