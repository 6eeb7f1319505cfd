"""The queues: their list, read and kept up to date while the view is shown, and its keys."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import ClassVar, Final, NamedTuple, TypeVar

from textual.binding import BindingType

from tui.api.errors import ApiError
from tui.api.facts import QUEUES as QUEUE_PAGES
from tui.api.lists import GetRequest
from tui.domain.error import build_error
from tui.domain.error_kinds import ErrorKind, kind_of
from tui.domain.facts import NO_FACTS, FactSource, QueueHour, QueueMetrics, WallFacts
from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.domain.run import RunId, RunStatus, TaskId
from tui.features.queues import words
from tui.features.queues.words import HolderSpeed, QueueFacts
from tui.kit.keys import Help, bind
from tui.kit.list_panes import ListEntrance, ListScreen
from tui.kit.lists import WIDE, Clip, ListView, LiveList, ReadState, sentence_part
from tui.kit.live_model import LiveModel
from tui.kit.rows import ListOrder
from tui.kit.selection import Selected
from tui.store.changes import Changes, Topic
from tui.store.filter import as_value, split_words
from tui.store.findings.board import QueueHealth, QueueRow, queue_rows, worst_first
from tui.store.findings.bounds import is_at_limit, standstill_of
from tui.text.blocks import ListRuns, Row
from tui.text.styled import Line, Piece, Token

# The orders of the list of queues.

MAX_RETRIES: Final = 1_000
"""At most this many queued runs are looked at for those that wait to retry."""


def _age_rank(row: QueueRow) -> float:
    return float("inf") if row.oldest_at is None else row.oldest_at.timestamp()


def _usage(row: QueueRow) -> float:
    return row.running / row.limit if row.running is not None and row.limit else 0.0


QUEUE_ORDERS: Final[tuple[ListOrder[QueueRow], ...]] = (
    ListOrder("worst", "worst first", "The worst queues first.", worst_first),
    ListOrder("queued", "most queued first", "Queues in which the most runs wait first.",
              lambda row: (-(row.queued or 0), _age_rank(row))),
    ListOrder("oldest", "longest wait first", "Queues whose oldest run waits longest first.",
              lambda row: (_age_rank(row), -(row.queued or 0))),
    ListOrder("usage", "fullest first", "Queues that are closest to their limit first.",
              lambda row: (-_usage(row), -(row.running or 0))),
    ListOrder("starts", "most starts first", "Queues that start the most runs per minute first.",
              lambda row: (-(row.started_per_min or 0), -(row.running or 0))),
)  # fmt: skip


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


# The queues of the queues view: read and kept up to date while the view is shown.


T = TypeVar("T")

EVERY_S: Final = 60.0
"""The last hour of the queue under the cursor changes by a minute: it is read again after that, by three requests."""

TIMEOUT_S: Final = 30.0
MAX_SEARCHED_RUNS: Final = 500
"""Newest runs among which the newest failure of a queue is searched."""


class QueueDetail(NamedTuple):
    """The details of a queue, and why the rest was not read; both reasons are empty if all was."""

    metrics: QueueMetrics | None = None
    hour: QueueHour | None = None
    metrics_failure: str = ""
    failure: str = ""


_UNREAD: Final = QueueDetail()


async def _result_of(read: Awaitable[T]) -> tuple[T | None, str]:
    """Return the result, or why there is none."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await read, ""
    except TimeoutError:
        return None, f"no answer within {TIMEOUT_S:.0f} s"
    except ApiError as error:
        return None, str(error)


class LiveQueues(LiveList[QueueRow]):
    """The queues in their list, and the facts of the selected one."""

    needs_facts = True

    def __init__(self, live: LiveModel, view: ListView[QueueRow]) -> None:
        super().__init__(live, view)
        self._known: WallFacts = NO_FACTS
        """The facts that are shown; none while the view is closed."""
        self._rows: tuple[QueueRow, ...] = ()
        self.selected: Selected[QueueRow, QueueDetail] = Selected(
            live.session,
            self._read,
            self._on_detail,
            key=lambda row: row.stored_name,
            name="read the selected queue",
            # It is read again once its number of running runs is known, without which their series is not trusted.
            version=lambda row: row.running is None,
            every_s=EVERY_S,
        )

    @property
    def facts(self) -> QueueFacts | None:
        """The queue under the cursor and its surroundings."""
        if (row := self.list.current) is None:
            return None
        known, detail = self._known, self.selected.of(row.stored_name) or _UNREAD
        hour = detail.hour
        tasks = (TaskId(row.name),) if row.is_task else () if hour is None else hour.tasks
        p95s = [] if hour is None else [each for each in hour.p95 if each is not None]
        speeds = {} if known.minutes is None else {each.task: each.p95 for each in known.minutes.speeds}
        normals = {} if known.normals is None else {each.task: each.p95 for each in known.normals.normals}
        is_one, now = len(tasks) == 1, p95s[-1] if p95s else None
        holder = row.holders[0].task if row.holders and is_at_limit(row) else None
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

    @property
    def request(self) -> GetRequest:
        return QUEUE_PAGES.request("")

    def begin(self) -> None:
        super().begin()
        self._show()

    def close(self) -> None:
        super().close()
        self._known = NO_FACTS

    def refresh(self) -> None:
        self.selected.refresh()

    def on_changes(self, changes: Changes) -> None:
        if self.is_open and changes.topics & {Topic.WALL_FACTS, Topic.VERDICT}:
            self._show()
            self.on_update()

    def _show(self) -> None:
        """Show the newest facts. During a pause, the view keeps those with which it was opened.

        A thousand rows, the most there are, take 10 ms. They are made each second, since time makes queues late.
        """
        if self.live.pause is not None and self._known is not NO_FACTS:
            return
        session, now = self.live.session, self.live.now
        known, at = session.store.wall_facts or NO_FACTS, now.until
        self._known, self.state = known, _state_of(known)
        still = standstill_of(known, session.findings.own, session.store.environment, at)
        rows = queue_rows(known, session.findings.verdict, at, still)
        if rows != self._rows:
            self._rows = rows
            self._show_rows()
        self.follow_row()

    def _show_rows(self) -> None:
        self.list.show_all(self._with_detail(row) for row in self._rows)

    def _with_detail(self, row: QueueRow) -> QueueRow:
        """Return a row with how many of its runs had to wait for its limit, where that was read."""
        detail = self.selected.of(row.stored_name)
        metrics = None if detail is None else detail.metrics
        return row if metrics is None or not metrics.is_measured else replace(row, throttled=metrics.throttled)

    async def _read(self, row: QueueRow, before: QueueDetail | None) -> QueueDetail:
        from tui.sync.facts import QueueFetcher  # noqa: PLC0415  loaded when first used

        fetcher = QueueFetcher(self.live.session.fetcher)
        (metrics, metrics_failure), (hour, failure) = await asyncio.gather(
            _result_of(fetcher.read_metrics(row)), _result_of(fetcher.read_hour(row))
        )
        return QueueDetail(metrics, hour or (before or _UNREAD).hour, metrics_failure, failure)

    def _on_detail(self) -> None:
        self._show_rows()
        super()._on_detail()

    def counts(self, width: int) -> list[Line]:
        """Return what runs and waits in the environment: `≥` where more queues exist. A filter says what it lets
        through, and in a narrow rule nothing else.
        """
        shown = super().counts(width) if self.query.text else []
        if shown and width < WIDE:
            return shown
        are_waits_unread = any(not row.are_waits_read for row in self._rows)
        running = _total([row.running for row in self._rows], is_cut=self.state.is_cut)
        queued = _total([row.queued for row in self._rows], is_cut=self.state.is_cut or are_waits_unread)
        sign = "≥" if self.state.is_cut else ""
        if running is not None:
            shown.append((Piece(f"{sign}{words.number(running)}", Token.TEXT), Piece(" running", Token.MUTED)))
        if queued is not None:
            count = f"{'≥' if are_waits_unread else sign}{words.number(queued)}"
            shown.append((Piece(count, Token.AMBER if queued else Token.TEXT), Piece(" queued", Token.MUTED)))
        else:
            is_reading = any(row.is_reading for row in self._rows)
            shown.append((Piece(f"queued: {words.READING if is_reading else 'not known'}", Token.MUTED),))
        store = self.live.session.store
        counts = store.status_counts(self.live.now.at)
        # The header counts them as queued, the queues of the server may not.
        queued_runs = islice(store.with_statuses((RunStatus.QUEUED,)), MAX_RETRIES)
        beside = (sum(run.is_waiting_to_retry for run in queued_runs), "to retry"), (counts.delayed, "delayed")
        for number, word in beside:
            if number:
                count = f"{'≥' if counts.is_live_partial else ''}{words.number(number)}"
                shown.append((Piece(count, Token.TEXT), Piece(f" {word}", Token.MUTED)))
        return shown

    @property
    def read_words(self) -> str:
        queues = self._known.queues
        return "a page read" if queues is not None and queues.has_pages else super().read_words

    def more_line(self) -> Line:
        return words.more_line(self.list.folded_rows, is_folded=self.list.is_folded)

    def page(self, limit: int) -> Sequence[Row]:
        facts = self.facts
        return super().page(limit) if facts is None else words.queue_page(facts, self.live.now, limit)

    def page_left(self) -> Line:
        row = self.list.current
        if row is None or row.health in {QueueHealth.FINE, QueueHealth.BUSY}:
            return super().page_left()
        dot, name = super().page_left()
        return (dot, words.health_glyph(row.health), Piece(" "), name)

    def page_right(self, width: int) -> Line:
        facts = self.facts
        text = "" if facts is None else words.cell_words(facts, width)
        return (Piece(text, Token.MUTED),) if text else ()

    def summary(self, width: int) -> tuple[Line, ...]:
        facts = self.facts
        return super().summary(width) if facts is None else words.queue_summary_lines(facts, self.live.now, width)

    def _newest_error(self, row: QueueRow, tasks: tuple[TaskId, ...], known: WallFacts) -> ErrorKind | None:
        """Return the kind of the newest failure: by the server's groups of the last hour, else by the runs."""
        groups = [] if known.errors is None else [each for each in known.errors.groups if each.task in tasks]
        newest = max(groups, key=lambda group: group.last_seen.timestamp() if group.last_seen else 0.0, default=None)
        if newest is not None:
            return kind_of(build_error(newest.message, name=newest.type))
        since = self.live.now.at - timedelta(hours=1)
        for key in islice(self.live.newest_first_keys(), MAX_SEARCHED_RUNS):
            run = self.live.get(key[-1])
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


def _state_of(known: WallFacts) -> ReadState:
    queues, unread = known.queues, known.unread.get(FactSource.QUEUES)
    read_at = known.waits.at if queues is None and known.waits is not None else None if queues is None else queues.at
    reason = "" if unread is None else sentence_part(unread.reason)
    is_refused = unread is not None and unread.is_refused
    is_cut = queues is not None and queues.is_cut
    return ReadState(read_at, reason if is_refused else "", "" if is_refused else reason, is_cut)


# The declaration of the list.


LATE_AFTER: Final = timedelta(seconds=45)
"""The age from which on queues are late. They are read every 15 s."""

HOLDERS: Final = "status:executing,dequeued"
"""The filter of the runs that hold the places of a queue. One that is suspended gives its place back."""


QUEUES: Final[ListView[QueueRow]] = ListView(
    name="queues",
    noun="queue",
    sentence="Queues: why runs wait, and whether the queue gets shorter.",
    table=words.QUEUE_TABLE,
    key=lambda row: row.stored_name,
    title=lambda row: row.name,
    orders=QUEUE_ORDERS,
    fields={"queue": lambda row: row.stored_name, "health": lambda row: row.health.value},
    opens=lambda row, _: ListRuns(f"queue:{as_value(row.name)}", queue=row.stored_name),
    copies=lambda row: (Clip("n", "name of the queue", row.stored_name),),
    folds=words.is_empty,
    late_after=LATE_AFTER,
    live=LiveQueues,
)


# The queues view: the keys that the list of queues has beside those of every list.


class QueuesEntrance(ListEntrance):
    """The way to the queues and back."""

    def make(self) -> "QueuesScreen":
        return QueuesScreen(self)


class QueuesScreen(ListScreen):
    """The list of queues, and the selected one: since when and why it is blocked, whether it drains, its last hour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("Q", "leave_view", "back to the runs", "Leave the queues.", id="queues"),
        bind("v", "oldest_run", "oldest run", "Open the run that waits longest in the queue.", rank=45, need=30,
             help=Help("move", 130, "the oldest run of a queue")),
        bind("h", "holders", "running", "List the runs of the queue that are executing.", rank=46,
             need=32, help=Help("move", 140, "the running runs of a queue")),
    ]  # fmt: skip

    @property
    def _queue(self) -> QueueRow | None:
        row = self.rows.list.current
        return row if isinstance(row, QueueRow) else None

    @property
    def _oldest_run(self) -> RunId | None:
        return None if self._queue is None else self._queue.oldest_run

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "oldest_run":
            return self._oldest_run is not None
        if action == "holders":
            return self._queue is not None and bool(self._queue.running or self._queue.holders)
        return super().has_use_for(action, parameters)

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of queues, the one that waits longest in the queue."""
        return self.pane.target or self._oldest_run

    def action_holders(self) -> None:
        runs = None if self._queue is None else QUEUES.opens(self._queue, None)
        if runs is not None and self.has_use_for("holders", ()):
            self.entrance.list_runs(ListRuns(f"{runs.filter_text} {HOLDERS}", queue=runs.queue))
        else:
            self.say("no running run of this queue is known")

    def action_oldest_run(self) -> None:
        if self._queue is not None and self._oldest_run is not None:
            self.entrance.list_runs(QUEUES.opens(self._queue, None), self._oldest_run)
        else:
            self.say("no queued run of this queue is known")
