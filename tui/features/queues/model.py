"""The list of queues without its drawing, and its data, kept up to date while the view is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from tui.api.errors import ApiError
from tui.domain.errors.error import build_error
from tui.domain.errors.kinds import ErrorKind, kind_of
from tui.domain.facts import NO_FACTS, FactSource, Queue, QueueHour, QueueMetrics, WallFacts
from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.domain.ids import TaskId
from tui.features.queues.page import HolderSpeed, QueueFacts, QueuesState
from tui.features.queues.words import is_empty, is_full
from tui.kit.live_model import LiveModel
from tui.kit.rows import TableRows
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.store.filter import as_value, split_words
from tui.store.findings.bounds import MAX_WAITS_AGE, standstill_of
from tui.store.findings.rows import QueueRank, QueueRow, next_late_at, queue_rows, worst_first
from tui.sync.clock import Timer
from tui.sync.session import Session
from tui.text.blocks import SHOW_READING_AFTER, ReadStage

# The orders of the list of queues, and its typed filter.


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """An order of the list. `words` stand in the rule, `sentence` in the command line."""

    id: str
    words: str
    sentence: str
    rank: Callable[[QueueRow], QueueRank]


def _age_rank(row: QueueRow) -> float:
    return float("inf") if row.oldest_at is None else row.oldest_at.timestamp()


def _usage(row: QueueRow) -> float:
    return row.running / row.limit if row.running is not None and row.limit else 0.0


def _longest_first(row: QueueRow) -> QueueRank:
    return (-(row.queued or 0), _age_rank(row), row.stored_name)


def _oldest_first(row: QueueRow) -> QueueRank:
    return (_age_rank(row), -(row.queued or 0), row.stored_name)


def _fullest_first(row: QueueRow) -> QueueRank:
    return (-_usage(row), -(row.running or 0), row.stored_name)


def _busiest_first(row: QueueRow) -> QueueRank:
    return (-(row.started_per_min or 0), -(row.running or 0), row.stored_name)


WORST: Final = QueueOrder("worst", "worst first", "The worst queues first.", worst_first)
QUEUE_ORDERS: Final = (
    WORST,
    QueueOrder("queued", "most queued first", "Queues in which the most runs wait first.", _longest_first),
    QueueOrder("oldest", "longest wait first", "Queues whose oldest run waits longest first.", _oldest_first),
    QueueOrder("usage", "fullest first", "Queues that are nearest to their limit first.", _fullest_first),
    QueueOrder("starts", "most starts first", "Queues that start the most runs a minute first.", _busiest_first),
)


class QueueQuery(NamedTuple):
    """Which queues the list shows, and in which order."""

    order: QueueOrder = WORST
    text: str = ""

    def matches(self, row: QueueRow) -> bool:
        """Return whether every word of the typed filter is in the name or the health of a queue."""
        whole = f"{row.stored_name}\n{row.health.value}".casefold()
        return all(word in whole for word in self.text.casefold().split())


# The list of queues without its drawing: order, cursor, and the visible window of rows.
#
# At first the list *follows*: the order stays true, and the cursor is on the first row. Once the cursor was moved, the
# list is *held*: queues keep their places, and a new one stands at the end. Queues in which nothing runs or waits are
# folded into one last line.


MORE: Final = ""
"""The key of the line that stands for empty queues. Every queue has a name."""

_MIN_FOLDED: Final = 2


class QueueListModel(TableRows[str, QueueRow]):
    """The rows of the list, by the stored names of queues. The table compares visible rows with the painted ones."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, QueueRow] = {}
        self.query = QueueQuery()
        self.shown_count = 0
        """The number of queues that pass the filter, folded ones too."""
        self.is_folded = True
        self.folded_rows: Sequence[QueueRow] = ()
        """The empty queues that the last line stands for, or that are unfolded above it."""

    @property
    def known_count(self) -> int:
        """The number of queues, filtered or not."""
        return len(self._known)

    @property
    def current(self) -> QueueRow | None:
        """The queue under the cursor; None without one, and on the last line."""
        return None if self.cursor is None else self.get(self.cursor)

    def get(self, name: str) -> QueueRow | None:
        """Return a queue by its stored name, or the last state of a departed one."""
        return self._known.get(name) or self._departed.get(name)

    def show(self, rows: Iterable[QueueRow]) -> None:
        """Show these queues."""
        before, self._known = self._known, {row.stored_name: row for row in rows}
        if self.cursor in before and self.cursor not in self._known and self._is_held:
            self._departed[self.cursor] = before[self.cursor]
        for name in self._known:
            self._departed.pop(name, None)
        self._arrange()

    def show_query(self, query: QueueQuery) -> None:
        """Show the queues that pass another filter, or in another order. The cursor stays on its queue."""
        if query != self.query:
            self.query = query
            self._departed.clear()
            self._arrange(is_sorted_again=True)

    def toggle_fold(self) -> None:
        """Show the empty queues, or fold them again."""
        self.is_folded = not self.is_folded
        self._arrange(is_sorted_again=True)

    def to_top(self) -> None:
        self._is_held, self.cursor, self._top = False, None, 0
        self._departed.clear()
        self._arrange(is_sorted_again=True)

    def _go(self, index: int) -> None:
        if not self._order:
            return
        self._is_held = True
        self.cursor = self._order[max(0, min(index, len(self._order) - 1))]
        if gone := [name for name in self._departed if name != self.cursor]:
            self._order = [name for name in self._order if name not in gone]
            for name in gone:
                del self._departed[name]
        self._show_cursor()

    def _arrange(self, *, is_sorted_again: bool = False) -> None:
        """Put the rows into their places."""
        at = 0 if self.cursor is None or self.cursor not in self._order else self._order.index(self.cursor)
        matching = [row for row in self._known.values() if self.query.matches(row)]
        self.shown_count = len(matching)
        empty = [] if self.query.text else [row for row in matching if is_empty(row)]
        # A row that the user has moved to is not folded away below the cursor.
        kept = {self.cursor} if self._is_held else set()
        is_foldable = len(empty) >= _MIN_FOLDED and len(empty) < len(matching)
        self.folded_rows = empty if is_foldable else ()
        folded = {row.stored_name for row in empty} - kept if is_foldable and self.is_folded else set()
        ranked = sorted(
            (row for row in matching if row.stored_name not in folded),
            key=lambda row: (is_foldable and is_empty(row), *self.query.order.rank(row)),
        )
        names = [row.stored_name for row in ranked]
        if self._is_held and not is_sorted_again:
            placed, shown = set(self._order), set(names) | set(self._departed)
            names = [name for name in self._order if name in shown] + [name for name in names if name not in placed]
        self._order = [*names, MORE] if self.folded_rows else names
        if not self._is_held or self.cursor is None:
            self.cursor, self._top = next(iter(self._order), None), 0
        elif self.cursor not in self._order:
            self.cursor = self._order[min(at, len(self._order) - 1)] if self._order else None
        self._show_cursor()

    def _show_cursor(self) -> None:
        height = max(1, self._height)
        if self.cursor is None:
            self._top = 0
            return
        index = self._order.index(self.cursor)
        self._top = max(0, min(max(self._top, index - height + 1), index, len(self._order) - 1))
        # Rows that left must not leave blank lines while others are above the window.
        self._top = max(0, min(self._top, len(self._order) - height)) if len(self._order) > height else 0


# The filters that list the runs of a queue.


def runs_of_queue(text: str, queue: str, *, is_relayed: bool) -> tuple[RunFilters, str]:
    """Return the server's filters and the filter of the list for the runs of a queue.

    `text` is a filter with the word `queue:…`, `queue` the stored name. Rows do not name their queue: the server's
    filter finds all of its runs. A relay has no such filter, and in it a comma separates names. There a task names its
    queue, and for any other queue the search by the word `queue:…` finds the runs.
    """
    others = [word.source for word in split_words(text) if word.field != "queue"]
    if not is_relayed and "," not in queue:
        return RunFilters(queues=(queue,)), " ".join(others)
    task = queue.removeprefix(TASK_QUEUE_PREFIX)
    if task == queue:
        return RunFilters(), text
    return RunFilters(), " ".join([f"task:{as_value(task)}", *others])


# Reads the metrics and the last hour of the queue under the cursor, once it rests, and again every minute.


T = TypeVar("T")

REST_S: Final = 0.5
"""How long the cursor rests before anything is read: three requests."""

EVERY_S: Final = 60.0
"""The last hour changes by a minute."""

TIMEOUT_S: Final = 30.0
MAX_KEPT: Final = 50
"""Queues whose detail is kept. All are forgotten when there are more."""


class QueueDetail(NamedTuple):
    """The details of a queue, and why the rest was not read; both reasons are empty if all was.

    `lacks_count`: the number of running runs was not known, without which their series is not trusted.
    """

    metrics: QueueMetrics | None = None
    hour: QueueHour | None = None
    metrics_failure: str = ""
    failure: str = ""
    read_s: float = float("-inf")
    lacks_count: bool = False


_UNREAD: Final = QueueDetail()


class SelectedQueueReader:
    """Follows one queue at a time. `on_result` is called when something was read."""

    def __init__(self, session: Session, on_result: Callable[[], None]) -> None:
        self._session = session
        self._on_result = on_result
        self._kept: dict[str, QueueDetail] = {}
        self._wanted: Queue | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._began_s = 0.0

    def of(self, name: str) -> QueueDetail:
        """Return the details of a queue, by its stored name."""
        return self._kept.get(name, _UNREAD)

    @property
    def stage(self) -> ReadStage:
        """How far the read of the queue under the cursor has got."""
        if self._task is None:
            return ReadStage.DONE if self._timer is None else ReadStage.DUE
        is_late = self._session.clock.monotonic_s() - self._began_s >= SHOW_READING_AFTER.total_seconds()
        return ReadStage.LATE if is_late else ReadStage.DUE

    def follow(self, queue: Queue | None) -> None:
        """Read a queue soon, if it was not read within the last minute. The same queue only gets its new numbers."""
        before, self._wanted = self._wanted, queue
        if queue is None or before is None or before.stored_name != queue.stored_name:
            self.stop()
            self._wanted = queue
        if queue is not None and queue.running is not None and self.of(queue.stored_name).lacks_count:
            # It is read again soon: its number of running runs has become known.
            unread = self._kept[queue.stored_name]._replace(read_s=float("-inf"), lacks_count=False)
            self._kept[queue.stored_name] = unread
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if queue is None or self._task is not None or self._timer is not None:
            return
        clock, due_s = self._session.clock, self.of(queue.stored_name).read_s + EVERY_S
        self._timer = clock.call_later(max(REST_S, due_s - clock.monotonic_s()), self._begin)

    def keep(self, name: str, detail: QueueDetail) -> None:
        """Keep the details of a queue, by its stored name."""
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[name] = detail

    def refresh(self) -> None:
        """Read the queue under the cursor again now."""
        wanted = self._wanted
        self.stop()
        self._wanted = wanted
        if wanted is not None:
            self._begin()

    def stop(self) -> None:
        """Read nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._wanted = self._timer = self._task = None

    def _begin(self) -> None:
        self._timer = None
        if self._wanted is not None and self._session.is_started:
            self._began_s = self._session.clock.monotonic_s()
            self._task = self._session.spawn(self._read(self._wanted), "read the selected queue")

    async def _read(self, queue: Queue) -> None:
        from tui.sync.facts import QueueFetcher  # noqa: PLC0415  loaded when first used

        fetcher = QueueFetcher(self._session.fetcher, self._session.emit)
        before = self.of(queue.stored_name)
        (metrics, metrics_failure), (hour, failure) = await asyncio.gather(
            _result_of(fetcher.read_metrics(queue)), _result_of(fetcher.read_hour(queue))
        )
        read_s, lacks_count = self._session.clock.monotonic_s(), queue.running is None
        detail = QueueDetail(metrics, hour or before.hour, metrics_failure, failure, read_s, lacks_count)
        self.keep(queue.stored_name, detail)
        self._task = None
        self._on_result()


async def _result_of(read: Awaitable[T]) -> tuple[T | None, str]:
    """Return the result, or why there is none."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await read, ""
    except TimeoutError:
        return None, f"no answer for {TIMEOUT_S:.0f} s"
    except ApiError as error:
        return None, str(error)


# The queues of the queues view: read and kept up to date while the view is shown.


MAX_SEARCHED_RUNS: Final = 500
"""Newest runs among which the newest failure of a queue is searched."""


class LiveQueues:
    """The queues in their list, and the facts of the selected one. `on_update` is called after a change."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._is_open = False
        self._known: WallFacts = NO_FACTS
        self._made_from: tuple[object, ...] | None = None
        self._late_at: datetime | None = None
        self._rows: tuple[QueueRow, ...] = ()
        self._facts: QueueFacts | None = None
        self._unwatch: Callable[[], None] | None = None
        self.list = QueueListModel()
        self.on_update: Callable[[], None] = lambda: None
        self.selected = SelectedQueueReader(live.session, self._on_selected)

    @property
    def read(self) -> QueuesState:
        """How far the queues were read, and their totals."""
        known = self._known
        queues, unread = known.queues, known.unread.get(FactSource.QUEUES)
        reason = "" if unread is None else unread.reason
        is_refused = unread is not None and unread.is_refused
        is_cut = queues is not None and queues.is_cut
        are_waits_unread = any(not row.are_waits_read for row in self._rows)
        return QueuesState(
            known.waits.at if queues is None and known.waits is not None else None if queues is None else queues.at,
            _total([row.running for row in self._rows], is_cut=is_cut),
            _total([row.queued for row in self._rows], is_cut=is_cut or are_waits_unread),
            refusal=reason if is_refused else "",
            failure="" if is_refused else reason,
            is_public=self._live.session.settings.key.is_public,
            is_cut=is_cut,
            is_paged=queues is not None and queues.has_pages,
            is_queued_least=are_waits_unread,
            is_reading=any(row.is_reading for row in self._rows),
        )

    @property
    def facts(self) -> QueueFacts | None:
        """The queue under the cursor and its surroundings."""
        row = self.list.current
        if row is None:
            return None
        if self._facts is None or self._facts.row is not row or self._facts.stage is not self.selected.stage:
            self._facts = self._facts_of(row)
        return self._facts

    def throttled(self, name: str) -> int | None:
        """Return how many runs of a queue had to wait for its limit in the last hour, where that was read."""
        metrics = self.selected.of(name).metrics
        return metrics.throttled if metrics is not None and metrics.is_measured else None

    def open(self) -> None:
        """Read the queues from now on."""
        self._is_open = True
        if self._unwatch is None:
            self._unwatch = self._live.session.findings.watch()
        self._show(is_opening=True)

    def rest(self) -> None:
        """Show nothing until `resume`. The findings are still judged: otherwise the next verdict would not be known."""
        self._is_open = False
        self.selected.stop()

    def resume(self) -> None:
        """Show the queues again."""
        self._is_open = True
        self._show()

    def close(self) -> None:
        """Read nothing more. The queues stay, for the way back."""
        self.rest()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def on_changes(self, changes: Changes) -> None:
        """Show the queues again if a fact or the verdict changed."""
        if self._is_open and changes.topics & {Topic.WALL_FACTS, Topic.VERDICT}:
            self._show()
            self.on_update()

    def tick(self) -> None:
        """Show ages, and the health that follows from them. Called every second while the view is shown."""
        if self._is_open:
            self._show()

    def show_query(self, query: QueueQuery) -> None:
        """Show the queues that pass another filter, or in another order."""
        self.list.show_query(query)
        self.on_cursor()
        self.on_update()

    def on_cursor(self) -> None:
        """Follow the queue under the cursor."""
        self._facts = None
        self._follow()

    def _follow(self) -> None:
        row = self.list.current
        if self._is_open and row is None:
            self.selected.follow(None)
        elif self._is_open and row is not None:
            numbers = row.running, row.queued, row.limit
            self.selected.follow(Queue(row.stored_name, row.name, row.is_task, *numbers, row.is_paused))

    def _show(self, *, is_opening: bool = False) -> None:
        """Show the newest facts. During a pause, the view keeps those with which it was opened."""
        if self._live.pause is not None and not is_opening:
            return
        session, now = self._live.session, self._live.now
        known, at = session.store.wall_facts or NO_FACTS, now.frozen_at or now.at
        if known is not self._known:
            self._known, self._facts = known, None
        verdict = session.findings.verdict
        findings = () if verdict is None else verdict.findings
        are_waits_old = known.waits is not None and at - known.waits.at > MAX_WAITS_AGE
        still = standstill_of(known, session.findings.own, session.store.environment, at)
        made_from = (known.queues, known.waits, findings, still, FactSource.WAITS in known.unread, are_waits_old)
        # A thousand rows take 10 ms: a second that passes makes them again only if a queue becomes late in it.
        if made_from != self._made_from or (self._late_at is not None and at > self._late_at):
            rows = queue_rows(known, verdict, at, still)
            self._made_from, self._late_at = made_from, next_late_at(rows, at)
            if rows != self._rows:
                self._rows, self._facts = rows, None
                self.list.show(rows)
        self._follow()

    def _on_selected(self) -> None:
        self._facts = None
        self.on_update()

    def _facts_of(self, row: QueueRow) -> QueueFacts:
        known, detail = self._known, self.selected.of(row.stored_name)
        hour = detail.hour
        tasks = (TaskId(row.name),) if row.is_task else () if hour is None else hour.tasks
        p95s = [] if hour is None else [each for each in hour.p95 if each is not None]
        speeds = {} if known.minutes is None else {each.task: each.p95 for each in known.minutes.speeds}
        normals = {} if known.normals is None else {each.task: each.p95 for each in known.normals.normals}
        is_one, now = len(tasks) == 1, p95s[-1] if p95s else None
        holder = row.holders[0].task if row.holders and is_full(row) else None
        held = now if tasks[:1] == (holder,) and now is not None else speeds.get(holder) if holder else None
        return QueueFacts(
            row,
            hour,
            detail.metrics,
            speeds.get(tasks[0]) if now is None and is_one else now,
            normals.get(tasks[0]) if tasks else None,
            self._newest_error(row, tasks, known),
            detail.failure,
            detail.metrics_failure,
            self.selected.stage,
            None if known.waits is None else known.waits.at,
            known.queues.full_limits if known.queues is not None and row.is_v2 else (),
            HolderSpeed(holder, held, normals.get(holder)) if holder else None,
        )

    def _newest_error(self, row: QueueRow, tasks: tuple[TaskId, ...], known: WallFacts) -> ErrorKind | None:
        """Return the kind of the newest failure: by the server's groups of the last hour, else by the runs."""
        groups = [] if known.errors is None else [each for each in known.errors.groups if each.task in tasks]
        newest = max(groups, key=lambda group: group.last_seen.timestamp() if group.last_seen else 0.0, default=None)
        if newest is not None:
            return kind_of(build_error(newest.message, name=newest.type))
        since = self._live.now.at - timedelta(hours=1)
        for key in islice(self._live.newest_first_keys(), MAX_SEARCHED_RUNS):
            run = self._live.get(key[-1])
            if run is None or not run.status.is_failed or run.error_value is None:
                continue
            is_here = run.fixed.queue == row.stored_name if run.fixed.queue else run.fixed.task in tasks
            ended_at = None if run.state is None else run.state.finished_at
            if is_here and ended_at is not None and ended_at > since:
                return kind_of(run.error_value)
        return None


def _total(numbers: list[int | None], *, is_cut: bool) -> int | None:
    """Return the sum, None if a number is not known. That of a cut list is what is known of it."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known and (is_cut or len(known) == len(numbers)) else None


def _queue_of(row: QueueRow) -> Queue:
    return Queue(row.stored_name, row.name, row.is_task, row.running, row.queued, row.limit, row.is_paused)
