"""The queues in words: health, shares and rates, the list's columns, the page of the selected queue."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never

from tui.domain.error_kinds import ErrorKind
from tui.domain.facts import ConcurrencyLimit, PlaceHolder, QueueHour, QueueMetrics
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.run import TaskId
from tui.domain.text import clean
from tui.features.errors.error import error_line
from tui.lazy_dataclass import dataclass
from tui.store.findings.board import QueueHealth, QueueRow
from tui.store.findings.bounds import is_at_limit, is_slower
from tui.text import formatting
from tui.text.bars import Bars, greatest, series, top_of
from tui.text.blocks import LABEL, GoToRun, Now, ReadStage, Row, Said, said_rows
from tui.text.formatting import brief_duration, waited
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, pad, plain
from tui.text.table import Column, Table, Wish

# The words and numbers of queues: health, shares of a limit, rates.


_HEALTH: Final = {
    QueueHealth.AT_LIMIT: ("○", Token.AMBER),
    QueueHealth.STUCK: ("!", Token.AMBER),
    QueueHealth.PAUSED: ("‖", Token.TEXT),
    QueueHealth.LATE: ("○", Token.AMBER),
    QueueHealth.BUSY: (" ", Token.TEXT),
    QueueHealth.FINE: (" ", Token.MUTED),
}
"""The sign of each health, and the colour of its word."""

_MAX_PLAIN: Final = 99_999
READING: Final = "reading"
MAX_NAMED: Final = 3
"""Tasks that are named as those that hold places."""

MAX_NAME_CHARS: Final = 60


def health_glyph(health: QueueHealth) -> Piece:
    """Return the sign before the name of a queue, a space if nothing is wrong with it."""
    glyph, token = _HEALTH[health]
    return Piece(glyph, Token.MUTED if health is QueueHealth.PAUSED else token)


def is_empty(row: QueueRow) -> bool:
    """Return whether no run is known to run or wait in a queue, and nothing is wrong with it."""
    return row.running == 0 and not row.has_waiting and row.health is QueueHealth.FINE and not row.is_paused


def queued_text(row: QueueRow, zero: str = "") -> str:
    """Return how many runs wait: `301`, `≥301`, or `zero`; `reading` until that is known, `·` if it is not read."""
    if row.queued is None:
        return READING if row.is_reading else formatting.NONE
    return f"{'≥' if row.is_least else ''}{number(row.queued)}" if row.queued else zero


def places_text(
    running: int | None, limit: int | None, holders: Sequence[PlaceHolder], at: datetime, whose: str = ""
) -> str:
    """Return who holds the places of a queue at its limit: `20 of 20 slots: 20 send-campaign, longest 2m`.

    If more runs execute than there are places, some of them wait and have given their places back. The server does not
    say which.
    """
    head = f"{number(running)} of {number(limit)} slots{whose}"
    total = sum(each.runs for each in holders)
    if not total:
        return head
    if running is not None and total > running:
        head = f"{head}, {number(total)} runs are executing"
    shown = [f"{number(each.runs)} {clean(each.task[:MAX_NAME_CHARS])}" for each in holders[:MAX_NAMED]]
    others = max(total, running or 0) - sum(each.runs for each in holders[:MAX_NAMED])
    if others:
        shown.append(f"{number(others)} {'others' if len(holders) > MAX_NAMED else 'of unknown tasks'}")
    longest = min((each.since for each in holders if each.since is not None), default=None)
    last = "" if longest is None else f", longest {waited(max(at - longest, timedelta()))}"
    return f"{head}: {', '.join(shown)}{last}"


def full_limit_text(name: str, running: int | None, total: int | None) -> str:
    """Return `the limit payments, 5 of 5`. The server does not say which limits the runs of a queue hold."""
    share = "paused" if total is None else f"{number(running)} of {number(total)}"
    return f"the limit {clean(name[:MAX_NAME_CHARS])}, {share}"


def standstill_text(still: Standstill, at: datetime, now: datetime) -> str:
    """Return `paused since 14:02`, `the environment is paused` or `no worker seen for 4m`. `now` has the zone."""
    match still.reason:
        case StandstillReason.QUEUE_PAUSED:
            return "paused" if still.since is None else f"paused since {formatting.time_of_day(still.since, now)}"
        case StandstillReason.LIMIT_PAUSED:
            return "its limit is paused"
        case StandstillReason.ENVIRONMENT_PAUSED:
            return "the environment is paused"
        case StandstillReason.NO_WORKER:
            return "no worker seen" if still.since is None else f"no worker seen for {waited(at - still.since)}"
        case _:
            assert_never(still.reason)


def number(value: int | None) -> str:
    """Return `1,204`, `120k` from 100,000 on, or `·`."""
    if value is None:
        return formatting.NONE
    return formatting.count(value) if value <= _MAX_PLAIN else f"{value // 1000:,}k"


def rate(value: float | None) -> str:
    """Return a number a minute: `14`, `1.5`, `<0.1`, or `·`."""
    if value is None:
        return formatting.NONE
    if value <= 0:
        return "0"
    if value < 0.05:
        return "<0.1"
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{round(value):,}"


def share(running: int | None, limit: int | None, token: Token = Token.TEXT) -> Line:
    """Return `20/20` with a faint limit; without a limit only the running runs."""
    if running is None and limit is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    runs = Piece(number(running), token)
    return (runs,) if limit is None else (runs, Piece(f"/{number(limit)}", Token.FAINT))


def share_text(running: int | None, limit: int | None) -> str:
    """Return `20/20` as text; without a limit only the running runs."""
    return "".join(piece.text for piece in share(running, limit))


# The columns of the list of queues. A new column is one row of `QUEUE_TABLE`.


_BAR, _TRACK = "━", "─"


def _is_quiet(row: QueueRow) -> bool:
    return row.health is QueueHealth.FINE and not row.is_paused


def _name(row: QueueRow, _now: Now, _width: int) -> Line:
    return (Piece(row.name, Token.TEXT if _is_quiet(row) else Token.BRIGHT),)


def usage_bar(row: QueueRow, width: int) -> Line:
    """Draw the used part of the limit: blue, and amber when it is full and something waits.

    A queue without a limit has no bar, because it can never be full.
    """
    if row.running is None or row.limit is None:
        return ()
    part = 1.0 if row.limit <= 0 else min(1.0, row.running / row.limit)
    # Even one run must be visible, and the bar must be full only if the limit is reached.
    filled = 0 if not row.running else max(1, min(int(part * width), width if part >= 1 else width - 1))
    is_blocked = is_at_limit(row) and (row.has_waiting or not _is_quiet(row))
    token = Token.AMBER if is_blocked and row.health is not QueueHealth.PAUSED else Token.BLUE
    bar = (Piece(_BAR * filled, token),) if filled else ()
    return (*bar, Piece(_TRACK * (width - filled), Token.LINE)) if filled < width else bar


def _running(row: QueueRow, _now: Now, _width: int) -> Line:
    return share(row.running, row.limit, Token.BRIGHT if is_at_limit(row) else Token.TEXT)


def _queued(row: QueueRow, _now: Now, _width: int) -> Line:
    if row.queued is None:
        return (Piece(queued_text(row), Token.MUTED),)
    is_bad = _HEALTH[row.health][1] is Token.AMBER
    return (Piece(queued_text(row), Token.AMBER if is_bad else Token.TEXT, is_bold=is_bad),)


def oldest_cell(row: QueueRow, now: Now, _width: int) -> Line:
    """Return how long the oldest run has waited."""
    if row.oldest_at is None:
        return () if row.queued == 0 else (Piece(formatting.NONE, Token.MUTED),)
    token = _HEALTH[row.health][1] if row.health in {QueueHealth.AT_LIMIT, QueueHealth.LATE} else Token.TEXT
    frozen = "~" if now.frozen_at is not None else ""
    return (Piece(waited(now.until - row.oldest_at, in_minutes=now.in_minutes) + frozen, token),)


def _starts(row: QueueRow, _now: Now, _width: int) -> Line:
    if row.started_per_min is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    if row.started_per_min <= 0 and not row.has_waiting:
        return ()
    return (Piece(rate(row.started_per_min), Token.MUTED if _is_quiet(row) else Token.TEXT),)


def _throttled(row: QueueRow, _now: Now, _width: int) -> Line:
    token = Token.MUTED if row.throttled is None else Token.AMBER
    return () if row.throttled == 0 else (Piece(number(row.throttled), token),)


def _health(row: QueueRow, _now: Now, _width: int) -> Line:
    return (Piece(row.health.value, _HEALTH[row.health][1]),) if row.health.value else ()


QUEUE_TABLE: Final = Table(
    (
        Column("queue", "queue", _name, least=10, most=44, share=0.55, wish=Wish(10, 44), meaning="the name"),
        Column("bar", "", lambda row, _, width: usage_bar(row, width), wish=Wish(6, 40), meaning="use of its limit"),
        Column("running", "running", _running, 9, "right", meaning="running runs, and the limit", order="usage"),
        Column("queued", "queued", _queued, 7, "right", meaning="queued runs"),
        Column("oldest", "oldest", oldest_cell, 7, "right", is_ticking=True, meaning="how long the oldest run waits"),
        Column("starts", "start/min", _starts, 9, "right", from_width=100, meaning="runs started in the last minute"),
        Column("throttled", "throttled", _throttled, 9, "right", from_width=112, meaning="held back in the last hour"),
        Column("health", "health", _health, 12, meaning="what is wrong, if anything", order="worst"),
    ),
    lambda row: health_glyph(row.health),
    strong="queue",
)


def more_line(folded: Sequence[QueueRow], *, is_folded: bool = True) -> Line:
    """Return the line for all queues in which no run executes and no run is known to wait."""
    count = len(folded)
    text = f"{count:,} more, empty" if is_folded else f"{count:,} empty queues above"
    if any(row.queued is None for row in folded):
        known = READING if any(row.is_reading for row in folded) else "no queued run is known"
        text = f"{count:,} more, {known}" if is_folded else f"{count:,} queues above: {known}"
    return (Piece("  "), Piece(text, Token.FAINT))


# `QueueFacts`: everything that the page of the selected queue is made from.


class HolderSpeed(NamedTuple):
    """How long the runs of a task take now, and usually."""

    task: TaskId | None
    p95: timedelta | None
    normal_p95: timedelta | None


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The selected queue and its surroundings. An unknown value is None.

    * `waits_at`: when the waits were read; the rates are those of the minute before
    * `full_limits`: the limits of a newer server that may hold the queue's runs back
    * `p95`, `normal_p95`: how long the queue's runs take now, and usually
    * `holder`: the task that holds most places of a full queue
    * `error`: the kind of its newest failure
    * `failure`, `metrics_failure`: why the last hour, or the metrics, could not be read; empty if they were
    * `stage`: how far their read has got
    """

    row: QueueRow
    hour: QueueHour | None = None
    metrics: QueueMetrics | None = None
    p95: timedelta | None = None
    normal_p95: timedelta | None = None
    error: ErrorKind | None = None
    failure: str = ""
    metrics_failure: str = ""
    stage: ReadStage = ReadStage.DONE
    waits_at: datetime | None = None
    full_limits: tuple[ConcurrencyLimit, ...] = ()
    holder: HolderSpeed | None = None

    @property
    def is_unread(self) -> bool:
        """Whether the last hour is being read for the first time."""
        return self.stage is not ReadStage.DONE and self.hour is None and not self.failure


# The four sentences about a queue: since when, its blocker, why, and whether it shrinks.
#
# A sentence has a bright part, which answers the question, and a faint part with other known facts. It says only what
# the server's answers contain.


NOT_KNOWN: Final = "not known"
NOT_SLOW: Final = "are not slow"
NORMALLY: Final = "normally take"
MIN_QUIET_MINUTES: Final = 2
"""After this many minutes without an end, the speed of ended runs says nothing about the runs that execute."""

_MAX_DRAIN: Final = timedelta(days=2)
_MAX_RATE_AGE: Final = timedelta(seconds=45)
"""The waits are read every 15 s. If they are older, their minute is not the last one."""

_MINUTE: Final = timedelta(minutes=1)
_QUIET_AFTER: Final = timedelta(seconds=20)
"""If no run has started, or arrived, for this long, the numbers of the last minute do not describe the present."""

_STANDSTILL: Final = {
    StandstillReason.QUEUE_PAUSED: "no run leaves the queue while it is paused",
    StandstillReason.LIMIT_PAUSED: "no run leaves the queue while its limit is paused",
    StandstillReason.ENVIRONMENT_PAUSED: "no run leaves the queue while the environment is paused",
    StandstillReason.NO_WORKER: "no run starts without a worker",
}


def sentences(facts: QueueFacts, now: Now) -> list[Said]:
    """Return the four sentences, or one if nothing waits."""
    if facts.row.queued == 0:
        waiting = "the queue is paused; nothing waits in it" if facts.row.is_paused else "nothing waits in this queue"
        return [Said("waiting", _text(waiting), _faint(":status:delayed lists the runs that are not due yet"))]
    unread: Sentence = (Piece(facts.stage.words, Token.MUTED),), ()
    return [
        Said("since", *_since(facts, now)),
        Said("blocked", *_blocked(facts, now)),
        Said("why", *(unread if facts.is_unread else _why(facts))),
        Said("shrinks", *_drains(facts, now)),
    ]


Sentence = tuple[Line, Line]


def _text(text: str) -> Line:
    return (Piece(text, Token.TEXT),) if text else ()


def _faint(text: str) -> Line:
    return (Piece(text, Token.FAINT),) if text else ()


def _since(facts: QueueFacts, now: Now) -> Sentence:
    row = facts.row
    if row.health is QueueHealth.FINE:
        return _text("nothing is wrong") if row.queued is not None else _unknown(row), ()
    word = row.health.value
    if row.health is QueueHealth.AT_LIMIT:
        word = f"{word} {share_text(row.running, row.limit)}"
    if row.since is None:
        return _text(NOT_KNOWN), _faint(word)
    since = f"{formatting.time_of_day(row.since, now.at)}, for {waited(now.until - row.since)}"
    return _text(since), _faint(word)


def _unknown(row: QueueRow) -> Line:
    return (Piece(READING, Token.MUTED),) if row.is_reading else _text(NOT_KNOWN)


def _blocked(facts: QueueFacts, now: Now) -> Sentence:
    row = facts.row
    if row.is_paused:
        return _text("the queue is paused"), ()
    if row.queued is None and row.is_reading:
        return _unknown(row), ()
    if row.standstill is not None and row.has_waiting:
        return _text(standstill_text(row.standstill, now.until, now.at)), ()
    if is_at_limit(row):
        return _text(f"by its own limit, {places_text(row.running, row.limit, row.holders, now.until)}"), ()
    if not row.has_waiting:
        return _text(NOT_KNOWN), _faint("the number of queued runs was not read")
    if facts.full_limits:
        first = facts.full_limits[0]
        more = f", or {formatting.plural(others, 'other limit')}" if (others := len(facts.full_limits) - 1) else ""
        limit = full_limit_text(first.name, first.running, first.total)
        return _text(f"perhaps by {limit}{more}"), _faint("the server does not say which limits a queue has")
    is_known = row.limit is not None and row.running is not None
    own = f"its own limit is not reached: {share_text(row.running, row.limit)}" if is_known else ""
    return _text("the server gives no reason for the wait"), _faint(own)


def _why(facts: QueueFacts) -> Sentence:
    hour, words = facts.hour, _speed_words(facts)
    count = formatting.count(hour.failed, at_least=hour.is_cut) if hour is not None and hour.failed else ""
    failed = f"{count} failed" if count else ""
    remark = _faint(failed)
    if facts.error is not None:
        remark = (*_faint(f"{failed or 'newest failure'}: "), *error_line(facts.error, Token.FAINT, Token.FAINT))
    quiet = _quiet_minutes(facts)
    if words and quiet:
        before = words if NORMALLY in words else f"before that, {words.replace(' take ', ' took ', 1)}"
        return _text(f"no run has ended for {quiet} min"), (*_faint(f"{before}{'  ' if remark else ''}"), *remark)
    if words:
        return _text(words), remark
    if facts.failure:
        return _text(NOT_KNOWN), _faint(facts.failure)
    if hour is None or facts.holder is not None:
        return (Piece(NOT_KNOWN, Token.MUTED),), remark
    return _text("no run ended in the last hour"), remark


def _speed_words(facts: QueueFacts) -> str:
    """Return how long the runs take that hold the places, or otherwise the runs of the queue. Only slow runs are
    mentioned, because only they explain a wait.
    """
    tasks = () if facts.hour is None else facts.hour.tasks
    task = tasks[0] if len(tasks) > 1 else None
    task, p95, normal = facts.holder or HolderSpeed(task, facts.p95, facts.normal_p95)
    runs = "runs" if task is None else f"runs of {task}"
    if p95 is None:
        is_reason = facts.holder is not None and normal is not None
        return f"{runs} {NORMALLY} {brief_duration(normal)} (p95)" if is_reason else ""
    if facts.holder is None and normal is not None and not is_slower(p95, normal):
        return f"{runs} {NOT_SLOW}: p95 {brief_duration(p95)}, normal {brief_duration(normal)}"
    usual = "the normal duration is not known" if normal is None else f"normally {brief_duration(normal)}"
    return f"{runs} take {brief_duration(p95)} (p95), {usual}"


def _quiet_minutes(facts: QueueFacts) -> int:
    """Return for how many whole minutes no run has ended although some execute. 0 if that is usual, or not known."""
    if facts.hour is None or not facts.row.running:
        return 0
    known = [index for index, each in enumerate(facts.hour.p95) if each is not None]
    quiet = len(facts.hour.p95) - 2 - known[-1] if known else 0
    normal = facts.normal_p95 if facts.holder is None else facts.holder.normal_p95
    is_unusual = normal is None or timedelta(minutes=quiet) > normal
    return quiet if quiet >= MIN_QUIET_MINUTES and is_unusual else 0


def _drains(facts: QueueFacts, now: Now) -> Sentence:
    """Return whether the queue shrank in the last minute. The sentence is about the past: it predicts nothing."""
    row = facts.row
    if row.standstill is not None:
        return _text(_STANDSTILL[row.standstill.reason]), _faint(_rates(facts, now))
    arrived, started = row.arrived_per_min, row.started_per_min
    if arrived is None or started is None:
        if row.is_reading:
            return _unknown(row), ()
        return _text(NOT_KNOWN), _faint("the new and started runs were not read")
    stopped, ended = _quiet_since(facts, started, row.newest_start), _quiet_since(facts, arrived, row.newest_arrival)
    if stopped is not None:
        return _text(f"no: no run started since {formatting.clock(stopped, now.at)}"), _faint(_rates(facts, now))
    coming = 0.0 if ended is not None else arrived
    if started <= coming:
        return _text(f"no: {_rates(facts, now)}"), ()
    left = timedelta(minutes=row.queued / (started - coming)) if row.queued else _MAX_DRAIN
    remark = f"empty in about {formatting.wait(left)} at this rate" if left < _MAX_DRAIN else ""
    if ended is not None:
        rest = ", ".join(part for part in (_rates(facts, now), remark) if part)
        return _text(f"yes: no new run since {formatting.clock(ended, now.at)}"), _faint(rest)
    return _text(f"yes: {_rates(facts, now)}"), _faint(remark)


def _rates(facts: QueueFacts, now: Now) -> str:
    """Return `27 new runs, 14 started in the last minute`; empty where they are not known."""
    arrived, started = facts.row.arrived_per_min, facts.row.started_per_min
    if arrived is None or started is None:
        return ""
    if not round(arrived) and not round(started):
        return f"no run was queued or started {_when(facts, now)}"
    came = f"{formatting.plural(round(arrived), 'new run')}" if round(arrived) else "no new run"
    return f"{came}, {number(round(started)) if round(started) else 'none'} started {_when(facts, now)}"


def _when(facts: QueueFacts, now: Now) -> str:
    """Return the minute of the rates in words. If the answer is old, it is not the last minute."""
    read_at = facts.waits_at
    if read_at is None or now.until - read_at <= _MAX_RATE_AGE:
        return "in the last minute"
    return f"in the minute before {formatting.clock(read_at, now.at)}"


def _quiet_since(facts: QueueFacts, per_min: float, newest: datetime | None) -> datetime | None:
    """Return the time of the last start or arrival, if none followed it for long before the last read.

    `per_min` is how many there were in the last minute. A pause is long if it is three times their usual distance.
    """
    read_at = facts.waits_at
    if not per_min or newest is None or read_at is None:
        return None
    return newest if read_at - newest > max(_QUIET_AFTER, 3 * _MINUTE / per_min) else None


# The last hour of a queue as bars on one axis: waiting runs, running ones, how long runs took.


_LABEL: Final = 10
_FIGURE: Final = 9
_TICK_MINUTES: Final = 15
_MIN_CELLS: Final = 12
_HOUR: Final = 60


def series_lines(facts: QueueFacts, now: Now, limit: int) -> list[Line]:
    """Return an axis of times and a row for each series, in at most `limit` cells; nothing if the hour is not known.

    While the hour is read, its cells are empty or unknown, so that nothing moves when it arrives.
    """
    hour, row, (minutes, size) = facts.hour, facts.row, _cells(facts, limit)
    room = limit - _LABEL - _FIGURE - _GAP
    if not minutes or room < _MIN_CELLS:
        return []
    count = min(room, -(-minutes // size))
    unknown: Sequence[None] = [None] * count
    queued, running = (hour.queued, hour.running) if hour is not None else ((), ())
    # In a minute without an end of a run, no duration was slow.
    p95 = [0 if each is None else each.total_seconds() for each in hour.p95] if hour is not None else ()
    slow = None if facts.normal_p95 is None else 2 * facts.normal_p95
    is_slow = slow is not None and facts.p95 is not None and facts.p95 > slow
    is_waiting = row.health in {QueueHealth.AT_LIMIT, QueueHealth.LATE} and row.has_waiting
    took = () if facts.is_unread else _amber_if(brief_duration(facts.p95), is_amber=is_slow)
    # Each series has its present figure, its numbers, the number that fills a bar, and the number from which bars are
    # amber.
    shown: tuple[tuple[str, Line, Sequence[float | None], float, float | None], ...] = (
        ("queued", _amber_if(queued_text(row, "0"), is_amber=is_waiting), queued, 0, 0 if is_waiting else None),
        ("running", share(row.running, row.limit), running, row.limit or 0, None),
        ("p95", took, p95, 0, None if slow is None else slow.total_seconds()),
    )
    lines = [_axis(now.at if hour is None else hour.at, minutes, size, count, now)]
    for label, figure, known, top, above in shown:
        cells = greatest(known, -(-minutes // size))[-count:] if known else unknown
        are_bad = [above is not None and each is not None and each > above for each in cells]
        bars = series(cells, Bars(top_of(cells, top) or 1), is_abnormal=are_bad)
        is_due = facts.is_unread and facts.stage is ReadStage.DUE
        head = (*pad((Piece(label, Token.FAINT),), _LABEL), *fit(figure, _FIGURE, "right"), Piece(" " * _GAP))
        lines.append((*head, *(() if is_due else bars)))
    return [cut(line, limit) for line in lines]


def _amber_if(text: str, *, is_amber: bool) -> Line:
    return (Piece(text, Token.AMBER if is_amber else Token.TEXT),)


def cell_words(facts: QueueFacts, limit: int) -> str:
    """Return `last hour, 1 minute per bar`."""
    minutes, size = _cells(facts, limit)
    return f"last hour, {formatting.plural(size, 'minute')} per bar" if minutes else ""


def _cells(facts: QueueFacts, limit: int) -> tuple[int, int]:
    """Return how many minutes are shown, and how many in a cell."""
    minutes = len(facts.hour.queued) if facts.hour is not None else _HOUR if facts.is_unread else 0
    room = limit - _LABEL - _FIGURE - _GAP
    return minutes, 1 if room >= minutes else 2 if room >= minutes // 2 else 3


def _axis(until: datetime, minutes: int, size: int, count: int, now: Now) -> Line:
    """Return the times of each quarter of an hour above their cells."""
    begin = until.astimezone(now.at.tzinfo).replace(second=0, microsecond=0) - (minutes - 1) * _MINUTE
    marks = ""
    for minute in range(minutes):
        at, cell = begin + minute * _MINUTE, minute // size - (-(-minutes // size) - count)
        is_free = not marks or len(marks) < cell
        if at.minute % _TICK_MINUTES == 0 and cell >= 0 and is_free and cell + len("00:00") <= count:
            marks = f"{marks.ljust(cell)}{at:%H:%M}"
    return (Piece(" " * (_LABEL + _FIGURE + _GAP)), Piece(marks, Token.FAINT))


# The page of the selected queue: its sentences, its last hour, and the run that waits longest.


_GAP: Final = 2


def queue_page(facts: QueueFacts, now: Now, limit: int) -> list[Row]:
    """Return the page in rows of at most `limit` cells."""
    said = [*sentences(facts, now), *(_measured(facts) if facts.row.queued != 0 else ())]
    rows = [Row(()), *(row for each in said for row in said_rows(each, limit))]
    if series := series_lines(facts, now, limit):
        rows += [Row(()), *(Row(line, ("hour", index)) for index, line in enumerate(series))]
    if (oldest := _oldest(facts, now, limit)) is not None:
        rows += [Row(()), oldest]
    return rows


def _measured(facts: QueueFacts) -> list[Said]:
    """Return the server's metrics as a sentence; nothing where they are not known."""
    metrics = facts.metrics
    answer, remark = (Piece(formatting.NONE, Token.MUTED),), "the server has no metrics of the last hour"
    if facts.metrics_failure:
        answer, remark = (Piece("not read", Token.MUTED),), facts.metrics_failure
    elif metrics is None:
        return [Said("measured", (Piece(facts.stage.words, Token.MUTED),))] if facts.is_unread else []
    elif metrics.is_measured:
        waits = "" if metrics.wait_p95 is None else f", p95 wait {brief_duration(metrics.wait_p95)}"
        counts = f"{number(metrics.started)} started, {number(metrics.throttled)} throttled"
        answer, remark = (Piece(counts + waits, Token.TEXT),), "in the last hour"
    return [Said("measured", answer, _faint(remark))]


def _oldest(facts: QueueFacts, now: Now, limit: int) -> Row | None:
    row = facts.row
    if row.oldest_run is None:
        return None
    head = pad((Piece("oldest", Token.FAINT),), LABEL)
    since = "" if row.oldest_at is None else f"  queued {formatting.clock(row.oldest_at, now.at)}"
    line = (*head, Piece(row.oldest_run, Token.TEXT), Piece(since, Token.FAINT))
    return Row(cut(line, limit), "oldest", GoToRun(row.oldest_run))


# The two lines about the selected queue, where its page is not visible.


_INDENT = "  "
_NOTHING: Final = {"", NOT_KNOWN, READING, formatting.LOADING}
"""Answers that the two lines leave out, because they say nothing."""


def queue_summary_lines(facts: QueueFacts, now: Now, width: int) -> tuple[Line, Line]:
    """Return `○ at its limit  send-email  20 of 20 slots: 20 send-campaign`, then whether it shrinks and why."""
    row, limit = facts.row, width - 1
    answers = {said.label: plain(said.answer) for said in sentences(facts, now)}
    word = Piece(row.health.value, _HEALTH[row.health][1])
    health = (health_glyph(row.health), Piece(" "), word) if row.health.value else ()
    since = () if row.since is None else (Piece(f"since {formatting.time_of_day(row.since, now.at)}", Token.TEXT),)
    reason = answers.get("blocked", answers.get("waiting", "")).removeprefix("by its own limit, ")
    name = (Piece(row.name, Token.BRIGHT, is_bold=True),)
    blocked = (Piece(f"blocked {reason}" if reason.startswith("by ") else reason, Token.MUTED),)
    first = joined(part for part in (health, name, blocked) if part)
    if since and line_width(joined([first, since])) <= limit - len(_INDENT):
        first = joined([first, since])
    # The line above has the reason of a standstill.
    told = [answers.get(label, "") for label in ("shrinks", "why") if label == "shrinks" or row.standstill is None]
    told = [text for text in told if text not in _NOTHING and NOT_SLOW not in text]
    return cut((Piece(_INDENT), *first), limit), cut(
        (Piece(f"{_INDENT}{_INDENT}"), Piece("; ".join(told), Token.MUTED)), limit
    )
