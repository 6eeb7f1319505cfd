"""The list of error groups without its drawing: spans, orders, cursor, and the facts about a group."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from sortedcontainers import SortedList

from tui.domain.errors.error import FrameKind, parse_stack
from tui.domain.errors.groups import ErrorState
from tui.domain.errors.kinds import Fingerprint
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.features.errors.words import Minutes, VersionStart, first_known, task_words
from tui.kit.rows import TableRows
from tui.lazy_dataclass import dataclass
from tui.store.error_groups import ErrorGroup, TimeSpan
from tui.store.store import Store

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

GroupRank = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class GroupOrder:
    """An order of the list. `words` stand in the rule, `sentence` in the command line."""

    id: str
    words: str
    sentence: str
    rank: Callable[[ErrorGroup], GroupRank]


_STATE_RANK: Final = {ErrorState.NEW: 0, ErrorState.REGRESSED: 1, ErrorState.ACKNOWLEDGED: 3}


def _new_first(group: ErrorGroup) -> GroupRank:
    rank = 2 if group.state is None else _STATE_RANK.get(group.state, 2)
    return (rank, -group.count, -group.last_seen.timestamp(), group.fingerprint)


def _most_first(group: ErrorGroup) -> GroupRank:
    return (-group.count, -group.last_seen.timestamp(), group.fingerprint)


def _latest_first(group: ErrorGroup) -> GroupRank:
    return (-group.last_seen.timestamp(), group.fingerprint)


def _youngest_first(group: ErrorGroup) -> GroupRank:
    return (-first_known(group).timestamp(), group.fingerprint)  # as in the column `since`


def _by_task(group: ErrorGroup) -> GroupRank:
    return (task_words(group.tasks), -group.count, group.fingerprint)


NEW_FIRST: Final = GroupOrder(
    "new", "new first", "New groups first, then those that failed again, acknowledged ones last.", _new_first
)
GROUP_ORDERS: Final = (
    NEW_FIRST,
    GroupOrder("most", "most first", "Groups with the most runs first.", _most_first),
    GroupOrder("latest", "latest first", "The latest failure first.", _latest_first),
    GroupOrder("first-seen", "youngest first", "Groups that were first seen last.", _youngest_first),
    GroupOrder("task", "by task", "By the name of the task.", _by_task),
)


def matches_text(group: ErrorGroup, text: str) -> bool:
    """Return whether every word of a typed filter is in the type, message, place, tasks or versions of a group."""
    words = text.casefold().split()
    if not words:
        return True
    kind, frame = group.kind, group.kind.frame
    parts = [kind.type or "", kind.message, group.state or "", group.fingerprint]
    parts += [] if frame is None else [frame.file, frame.function or ""]
    parts += [task for task, _ in group.tasks] + [version for version, _ in group.versions]
    whole = "\n".join(parts).casefold()
    return all(word in whole for word in words)


# Collects the facts that the pane of a group shows beside the group: its first run, its minutes, and the runs around
# it.


MAX_MINUTES: Final = 16
MAX_FIRST_RUNS: Final = 100
"""The oldest runs of a group, of which one started first."""

_RUNS_PER_STEP: Final = 128
_LINES_KEPT: Final = 128
"""Each keeps a stack, some 1.5 KB. On a busy server there are new ones all the time."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All runs around a group: the number of runs of its only task in the span, and the start of its only version."""

    task_runs: int | None = None
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
    return None if error is None or error.stack is None else _own_line(error.stack, error.message)


@lru_cache(_LINES_KEPT)
def _own_line(stack: Raw, message: Raw) -> int | None:
    frames = parse_stack(stack, message)
    return next((frame.line for frame in frames if frame.kind is FrameKind.OWN and frame.short_file is not None), None)


class SurroundingsSearch:
    """Counts the runs around a group, in steps. `result` is complete when `steps` has ended.

    The store has every run from `reached` on.
    """

    def __init__(self, store: Store, group: ErrorGroup, since: datetime, reached: datetime, now: datetime) -> None:
        self._store = store
        self._run_ids = store.created_between(reached, now + timedelta(days=1))
        self._since = since
        self._task: TaskId | None = group.tasks[0][0] if len(group.tasks) == 1 else None
        self._version: Raw | None = group.versions[0][0] if len(group.versions) == 1 else None
        self._count = 0
        self._start: datetime | None = None
        self._other_start: datetime | None = None

    @property
    def result(self) -> Surroundings:
        """What was found. The start of a version is known only if a run of another version started before."""
        start, other = None, self._other_start
        if self._version is not None and self._start is not None and other is not None and other < self._start:
            start = VersionStart(self._version, self._start)
        return Surroundings(None if self._task is None else self._count, start)

    def steps(self) -> Iterator[None]:
        """Look at some runs in each step, newest first."""
        for number, run_id in enumerate(self._run_ids):
            if number % _RUNS_PER_STEP == _RUNS_PER_STEP - 1:
                yield
            run = self._store.get(run_id)
            if run is None or run.created_at is None:
                continue
            self._count += run.fixed.task == self._task and run.created_at >= self._since
            started_at = None if run.state is None else run.state.started_at
            # Not by its creation: a run may have waited for a worker that has the version.
            if started_at is None or run.fixed.version is None:
                continue
            if run.fixed.version == self._version:
                self._start = min(started_at, self._start or started_at)
            else:
                self._other_start = min(started_at, self._other_start or started_at)


# `GroupRanking`: the error groups that pass a typed filter, in one order, kept sorted group by group.


_GROUPS_PER_STEP: Final = 16


class GroupQuery(NamedTuple):
    """Which groups the list shows, and in which order."""

    order: GroupOrder = NEW_FIRST
    text: str = ""


class GroupRanking:
    """The groups that match a query, by rank. A rank ends with the fingerprint of its group."""

    def __init__(self, query: GroupQuery) -> None:
        self.query = query
        self._ranks: dict[Fingerprint, GroupRank] = {}
        self._sorted = SortedList()

    def __contains__(self, fingerprint: Fingerprint) -> bool:
        return fingerprint in self._ranks

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[Fingerprint]:
        """Iterate over the groups in their order."""
        return (rank[-1] for rank in self._sorted)

    def rank_of(self, fingerprint: Fingerprint) -> GroupRank:
        """Return the rank of a group. Raises `KeyError`."""
        return self._ranks[fingerprint]

    def put(self, fingerprint: Fingerprint, group: ErrorGroup | None) -> None:
        """Add a group or move it to its place. Drop it if it is gone or does not match."""
        rank = None if group is None or not matches_text(group, self.query.text) else self.query.order.rank(group)
        before = self._ranks.get(fingerprint)
        if rank == before:
            return
        if before is not None:
            self._sorted.remove(before)
            del self._ranks[fingerprint]
        if rank is not None:
            self._sorted.add(rank)
            self._ranks[fingerprint] = rank

    def fill(self, groups: Iterable[ErrorGroup]) -> Iterator[None]:
        """Add groups, some in each step."""
        for number, group in enumerate(groups, 1):
            self.put(group.fingerprint, group)
            if not number % _GROUPS_PER_STEP:
                yield


# The list of error groups without its drawing: order, cursor, and the visible window of rows.
#
# The cursor is a group. While it is at the top and was not moved, the list *follows*: the order stays true, and the
# cursor stays on the first row. Once it was moved, the list is *held*: rows keep their places, new groups go above the
# first row, out of sight, and a group that vanishes keeps its row until the cursor moves.


MAX_PUT_AT_ONCE: Final = 128
"""So many groups find their new places within 2 ms. If more have changed, all are sorted again, in steps."""

_FREED_PER_STEP: Final = 256

SORT_EVERY_S: Final = 10.0
"""How often the list is sorted again while only counts have changed: a storm changes its own row, and no other."""


class GroupListModel(TableRows[Fingerprint, ErrorGroup]):
    """The rows of the list. After each change, the widget compares the visible rows with what it has painted."""

    def __init__(self, query: GroupQuery | None = None) -> None:
        super().__init__()
        self._groups: dict[Fingerprint, ErrorGroup] = {}
        self._replaced: dict[Fingerprint, ErrorGroup] = {}
        self._ranking = GroupRanking(query or GroupQuery())
        self._placed: set[Fingerprint] = set()
        self._new: set[Fingerprint] = set()
        self._sorted_s = float("-inf")

    def emptied(self, query: GroupQuery) -> "GroupListModel":
        """Return a list of the same height without groups."""
        model = GroupListModel(query)
        model.resize(self._height)
        return model

    @property
    def query(self) -> GroupQuery:
        """The order of the rows, and the typed filter that they pass."""
        return self._ranking.query

    @property
    def sort_order(self) -> GroupOrder:
        """The order of the rows."""
        return self._ranking.query.order

    @property
    def known_count(self) -> int:
        """The number of groups, filtered or not."""
        return len(self._groups)

    @property
    def shown_count(self) -> int:
        """The number of groups that pass the filter and have failures in the span."""
        return len(self._order) - len(self._departed)

    @property
    def new_count(self) -> int:
        """The number of groups that appeared above the window since the cursor was moved."""
        return len(self._new)

    @property
    def current(self) -> ErrorGroup | None:
        """The group under the cursor, as it was last known."""
        return None if self.cursor is None else self.get(self.cursor)

    def get(self, fingerprint: Fingerprint) -> ErrorGroup | None:
        """Return a group of the list, or what a departed one was."""
        return self._groups.get(fingerprint) or self._departed.get(fingerprint)

    def show(
        self, changed: Mapping[Fingerprint, ErrorGroup | None], query: GroupQuery, now_s: float, *, is_new: bool = False
    ) -> Iterator[None]:
        """Take over groups that changed (None: it is gone), and show those that match a query, in steps.

        The rows change in the last step. The steps may be abandoned before. Rows that are `is_new`, such as those of
        another span, do not keep the places of earlier ones. `now_s` is a monotonic time.
        """
        ranking, groups = self._ranking, self._groups
        is_sorted_again = is_new or query != ranking.query
        if is_sorted_again or len(changed) > MAX_PUT_AT_ONCE:
            ranking = GroupRanking(query)
            kept = (group for each, group in self._groups.items() if each not in changed)
            found = [*kept, *(group for group in changed.values() if group is not None)]
            groups = {group.fingerprint: group for group in found}
            yield
            yield from ranking.fill(found)
        else:
            for fingerprint, group in changed.items():
                ranking.put(fingerprint, group)
        self._ranking = ranking
        if is_sorted_again or (not self._is_held and self._is_sort_due(changed, now_s)):
            self._take_over(groups, changed)
            self._sort(now_s)
        else:
            before = {each: group for each in changed if (group := self._groups.get(each)) is not None}
            self._take_over(groups, changed)
            if self._is_held:
                self._show_held(before, changed)

    def free(self) -> Iterator[None]:
        """Free the groups that many others have replaced, in steps: 10,000 of them take some 5 ms."""
        while self._replaced:
            for _ in range(min(_FREED_PER_STEP, len(self._replaced))):
                self._replaced.popitem()
            yield

    def to_top(self) -> None:
        self._is_held, self.cursor = False, None
        self._sort(self._sorted_s)

    def to_new(self, step: int) -> bool:
        """Move the cursor to the next (1) or previous (-1) NEW group, around the end. Return whether there is one."""
        index, count = self._index(), len(self._order)
        if index is None:
            return False
        for distance in range(1, count):
            at = (index + step * distance) % count
            group = self.get(self._order[at])
            if group is not None and group.state is ErrorState.NEW:
                self._go(at)
                return True
        return False

    def _index(self) -> int | None:
        return self._order.index(self.cursor) if self.cursor in self._placed else None

    def _go(self, index: int) -> None:
        if not self._order:
            return
        self._is_held = True
        target = self._order[max(0, min(index, len(self._order) - 1))]
        # The departed rows go now, apart from the target. The rows above it move down to close the gaps.
        gone = [each for each in self._departed if each != target]
        above = sum(self._order.index(each) < self._order.index(target) for each in gone)
        if gone:
            self._order = [each for each in self._order if each not in self._departed or each == target]
        self._placed.difference_update(gone)
        for each in gone:
            del self._departed[each]
        self._top = max(0, self._top - above)
        self.cursor = target
        self._show_cursor()

    def _take_over(
        self, groups: dict[Fingerprint, ErrorGroup], changed: Mapping[Fingerprint, ErrorGroup | None]
    ) -> None:
        if groups is not self._groups:
            self._replaced, self._groups = self._groups, groups
            return
        for fingerprint, group in changed.items():
            if group is None:
                self._groups.pop(fingerprint, None)
            else:
                self._groups[fingerprint] = group

    def _show_held(
        self, before: Mapping[Fingerprint, ErrorGroup], changed: Mapping[Fingerprint, ErrorGroup | None]
    ) -> None:
        placed, ranking = self._placed, self._ranking
        for fingerprint in changed:
            if fingerprint not in placed:
                continue
            if fingerprint in ranking:
                self._departed.pop(fingerprint, None)
            elif fingerprint not in self._departed and fingerprint in before:
                self._departed[fingerprint] = before[fingerprint]
        added = [each for each in changed if each not in placed and each in ranking]
        if not added:
            return
        added.sort(key=ranking.rank_of)
        self._order = [*added, *self._order]
        self._placed.update(added)
        self._new.update(added)
        self._top += len(added)
        if self.cursor is None:
            self.cursor = self._order[0]
        self._show_cursor()

    def _is_sort_due(self, changed: Mapping[Fingerprint, ErrorGroup | None], now_s: float) -> bool:
        if now_s - self._sorted_s >= SORT_EVERY_S:
            return True
        before = self._groups
        return any(
            group is None or each not in before or before[each].state is not group.state
            for each, group in changed.items()
        )

    def _sort(self, now_s: float) -> None:
        self._sorted_s = now_s
        index = self._index()
        row = None if index is None else index - self._top
        self._order = list(self._ranking)
        self._placed = set(self._order)
        self._departed.clear()
        if not self._is_held or self.cursor not in self._placed:
            self.cursor, self._top, self._is_held = next(iter(self._order), None), 0, False
        elif row is not None:
            self._top = max(0, min(self._order.index(self.cursor) - row, len(self._order) - self._height))
        self._new.clear()
        self._show_cursor()

    def _show_cursor(self) -> None:
        index, height = self._index(), max(1, self._height)
        self._top = 0 if index is None else min(max(self._top, index - height + 1), index)
        # Rows in the window are not new any more.
        self._new.difference_update(self.window)
