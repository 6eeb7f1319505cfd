"""The list of error groups without its widgets: its columns, spans and orders, and the facts about a group."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.error import first_own_frame
from tui.domain.facts import ErrorState
from tui.domain.run import Run, RunId, title_of
from tui.features.errors import words
from tui.features.errors.error import error_line
from tui.features.errors.words import Minutes, VersionStart, first_known, task_words
from tui.kit.rows import ListOrder
from tui.lazy_dataclass import dataclass
from tui.store.error_groups import ErrorGroup, TimeSpan
from tui.store.store import Store
from tui.text import formatting
from tui.text.bars import Bars, series, summed, top_of
from tui.text.blocks import Now
from tui.text.status import STATUS_STYLES
from tui.text.styled import Line, Piece, Token, cut, fit, line_width
from tui.text.table import Column, Layout, Table, Wish

# The columns of the list of error groups. A new column is one row of `COLUMNS`.


_MAX_PLAIN_COUNT: Final = 9_999
WIDE_WORDS: Final = 80
"""In a list of at least this width, states have their long words."""

STATE_WIDTH: Final = 12
NARROW_STATE: Final = 5
ONLY_NEW: Final = "only NEW"


class GroupRow(NamedTuple):
    """A row of the list: a group, its failures over its span, and the line of the first own frame in its newest one.

    `is_read`: no failed run of the span is left whose error is not known, and which may be of the group.
    """

    group: ErrorGroup
    cells: Sequence[int]
    line: int | None = None
    is_read: bool = True


def count_words(count: int, *, at_least: bool = False) -> str:
    """Return `1,204`, and `12k` from 10,000 on; `≥120` and `≥1k` where more may be of the group."""
    most = _MAX_PLAIN_COUNT // 10 if at_least else _MAX_PLAIN_COUNT
    whole, unit = (count, "") if count <= most else (count // 1000, "k")
    return f"{formatting.count(whole, at_least=at_least)}{unit}"


def _token(row: GroupRow, usual: Token, grey: Token = Token.FAINT) -> Token:
    """Return a token, or a grey one for an acknowledged group."""
    return grey if words.is_acknowledged(row.group) else usual


def _runs(row: GroupRow, _now: Now, _width: int) -> Line:
    return (Piece(count_words(row.group.count, at_least=not row.is_read), _token(row, Token.BRIGHT, Token.MUTED)),)


def _state(row: GroupRow, _now: Now, width: int) -> Line:
    return (words.state_piece(row.group.state, is_narrow=width < STATE_WIDTH),)


def _bars(row: GroupRow, _now: Now, width: int) -> Line:
    cells = summed(row.cells, width)
    return series(cells, Bars(top_of(cells), _token(row, Token.ROSE, Token.GUIDE)))


def _task(row: GroupRow, _now: Now, _width: int) -> Line:
    return (Piece(words.task_words(row.group.tasks), _token(row, Token.BRIGHT, Token.MUTED)),)


def _error(row: GroupRow, _now: Now, width: int) -> Line:
    return error_line(row.group.kind, _token(row, Token.ROSE), _token(row, Token.TEXT), width)


def _place(row: GroupRow, _now: Now, width: int) -> Line:
    """Return the place on the left and the number of versions on the right."""
    token, count = _token(row, Token.MUTED), len(row.group.versions)
    versions: Line = (Piece(f"  {formatting.count(count) if count else formatting.NONE}", token),)
    room = width - max(line_width(versions), _MIN_VERSIONS)
    place = cut((Piece(words.place_words(row.group.kind, row.line, room), token),), room)
    return (*fit(place, width - line_width(versions)), *versions)


_MIN_VERSIONS: Final = 4


def _since(row: GroupRow, now: Now, _width: int) -> Line:
    return (Piece(formatting.time_or_age(words.first_known(row.group), now.at), _token(row, Token.MUTED)),)


def _glyph(group: ErrorGroup) -> Piece:
    """Return the glyph of the status in which most runs of the group ended."""
    style = STATUS_STYLES[title_of(group.statuses[0][0])]
    grey = words.is_acknowledged(group)
    return Piece(style.glyph, Token.FAINT if grey else style.glyph_token, is_bold=style.is_bold and not grey)


COLUMNS: Final = (
    Column("runs", "runs", _runs, 5, "right", meaning="how many runs failed with this error", order="most"),
    Column("state", "state", _state, STATE_WIDTH, from_width=68, meaning="new, regressed, acknowledged", order="new"),
    Column("bars", "", _bars, 12, from_width=112, wish=Wish(12, 24), meaning="failures over the period"),
    Column("task", "task", _task, 13, wish=Wish(12, 26), meaning="the task"),
    Column("error", "error", _error, least=8, wish=Wish(12, 80), meaning="type and message"),
    Column("place", "your code", _place, 22, from_width=96, wish=Wish(22, 44),
           meaning="first frame of your code, versions", right_title="versions"),
    Column("since", "since", _since, 6, "right", from_width=64, is_ticking=True, meaning="when it was first seen",
           order="first-seen"),
)  # fmt: skip
GROUP_TABLE: Final = Table(
    COLUMNS,
    lambda row: _glyph(row.group),
    strong="task",
    layouts=(
        Layout(180, {"bars": 24, "task": 26, "place": 44}),
        Layout(150, {"bars": 24, "task": 20, "place": 32}),
        Layout(96, {"task": 15}),
        Layout(WIDE_WORDS),
        Layout(0, {"state": NARROW_STATE}),
    ),
)


# The spans of time that the errors view can show, and the orders of its list.


MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SpanChoice:
    """A span that ends now. `name` is its length as the list's filter takes it."""

    name: str
    length: timedelta

    @property
    def words(self) -> str:
        """The span in words: `last 24h`."""
        return f"last {self.name}"

    def at(self, now: datetime) -> TimeSpan:
        """Return the span at a time. It moves once a minute, since the groups are counted again for another span."""
        until = now.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
        return TimeSpan(until - self.length, until)


SPANS: Final = (
    SpanChoice("1h", timedelta(hours=1)),
    SpanChoice("6h", timedelta(hours=6)),
    SpanChoice("24h", timedelta(hours=24)),
    SpanChoice("7d", timedelta(days=7)),
    SpanChoice("30d", timedelta(days=30)),
)
DAY: Final = SPANS[2]

_STATE_RANK: Final[dict[ErrorState | None, int]] = {
    None: 0,  # a group that began to fail just now, until its state is read
    ErrorState.NEW: 0,
    ErrorState.REGRESSED: 1,
    ErrorState.ACKNOWLEDGED: 3,
}


GROUP_ORDERS: Final[tuple[ListOrder[ErrorGroup], ...]] = (
    ListOrder("new", "new first", "New groups first, then those that failed again, acknowledged ones last.",
              lambda group: (_STATE_RANK.get(group.state, 2), -group.count, -group.last_seen.timestamp())),
    ListOrder("most", "most first", "Groups with the most runs first.",
              lambda group: (-group.count, -group.last_seen.timestamp())),
    ListOrder("latest", "latest first", "The latest failure first.", lambda group: (-group.last_seen.timestamp(),)),
    ListOrder("first-seen", "newest group first", "Groups that were first seen most recently.",
              lambda group: (-first_known(group).timestamp(),)),  # as in the column `since`
    ListOrder("task", "by task", "By the name of the task.", lambda group: (task_words(group.tasks), -group.count)),
)  # fmt: skip


# The texts of a group that a typed filter looks at.


def place_text(group: ErrorGroup) -> str:
    """Return the place of a group in the code."""
    frame = group.kind.frame
    return "" if frame is None else f"{frame.file}\n{frame.function or ''}"


# Collects the facts that the pane of a group shows beside the group: its first run, its minutes, and the runs around
# it.


MAX_MINUTES: Final = 16
MAX_FIRST_RUNS: Final = 100
"""The oldest runs of a group, of which one started first."""

_RUNS_PER_STEP: Final = 128


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All runs around a group: the number of runs of its only task in the span, of those that were created after the
    newest of the group and have ended, and the start of its only version.
    """

    task_runs: int | None = None
    later_runs: int = 0
    version_start: VersionStart | None = None


def minutes_of(store: Store, run_ids: Sequence[RunId], group: ErrorGroup, now: datetime) -> Minutes | None:
    """Return the failures in each of the last minutes up to now, or up to the last failure if that is long ago.

    `run_ids` are the runs of the group, newest first.
    """
    if group.count < 2:
        return None
    is_recent = now - group.last_seen < MAX_MINUTES * MINUTE
    end = _minute(now.astimezone(UTC) if is_recent else group.last_seen) + MINUTE
    length = min(MAX_MINUTES, max(1, -(-(end - _minute(group.first_seen)) // MINUTE)))
    start = end - length * MINUTE
    counts = [0] * length
    for run_id in run_ids:
        run = store.get(run_id)
        at = None if run is None else run.created_at
        if at is None:
            continue
        if at < start:
            break
        counts[min((at - start) // MINUTE, length - 1)] += 1
    return Minutes(tuple(counts), end) if any(counts) else None


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def first_start(store: Store, run_ids: Sequence[RunId]) -> datetime | None:
    """Return when the first run of a group started. `run_ids` are newest first; it is among the oldest."""
    runs = map(store.get, run_ids[-MAX_FIRST_RUNS:])
    started = [run.state.started_at for run in runs if run is not None and run.state is not None]
    return min((each for each in started if each is not None), default=None)


def own_line(run: Run | None) -> int | None:
    """Return the line of the first own frame in the error of a run."""
    error = None if run is None else run.error_value
    frame = None if error is None or error.stack is None else first_own_frame(error.stack, error.message)
    return None if frame is None else frame.line


def search_around(
    store: Store, group: ErrorGroup, since: datetime, reached: datetime, now: datetime
) -> Iterator[Surroundings]:
    """Count the runs around a group, some in each step, newest first. The last result is that of all runs.

    The store has every run from `reached` on. The start of a version is known only if a run of another one started
    before.
    """
    task = group.tasks[0][0] if len(group.tasks) == 1 else None
    version = group.versions[0][0] if len(group.versions) == 1 else None
    count, later, starts = 0, 0, dict[bool, datetime]()
    for number, run_id in enumerate(store.created_between(reached, now + timedelta(days=1)), 1):
        if not number % _RUNS_PER_STEP:
            yield Surroundings()
        run = store.get(run_id)
        if run is None or run.created_at is None:
            continue
        count += run.fixed.task == task and run.created_at >= since
        later += run.fixed.task == task and run.created_at > group.last_seen and run.is_final
        started_at = None if run.state is None else run.state.started_at
        # Not by its creation: a run may have waited for a worker that has the version.
        if started_at is not None and run.fixed.version is not None:
            is_same = run.fixed.version == version
            starts[is_same] = min(started_at, starts.get(is_same, started_at))
    start = None
    if version is not None and True in starts and False in starts and starts[False] < starts[True]:
        start = VersionStart(version, starts[True])
    yield Surroundings(None if task is None else count, later, start)
