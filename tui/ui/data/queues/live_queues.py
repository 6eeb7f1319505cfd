"""The queues of the queues view: read and kept up to date while the view is shown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from tui.domain.errors.error import build_error
from tui.domain.errors.kinds import ErrorKind, kind_of
from tui.domain.findings.facts import NO_FACTS, FactSource, Queue, WallFacts
from tui.domain.ids import TaskId
from tui.present.queues.facts import HolderSpeed, QueueFacts
from tui.present.queues.rule import QueuesState
from tui.present.queues.words import is_full
from tui.store.changes import Changes, Topic
from tui.store.findings.board import QueueRow
from tui.store.findings.bounds import MAX_WAITS_AGE
from tui.store.findings.queue_rows import next_late_at, queue_rows
from tui.store.findings.standstill import standstill_of
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.selected_queue import SelectedQueueReader
from tui.ui.model.queues.orders import QueueQuery
from tui.ui.model.queues.queue_list import QueueListModel

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

    def refresh(self) -> None:
        """Read the queue under the cursor again."""
        self.selected.refresh()

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
        if self._is_open:
            self.selected.follow(None if row is None else _queue_of(row))

    def _show(self, *, is_opening: bool = False) -> None:
        """Show the newest facts. During a pause, the view keeps those with which it was opened."""
        if self._live.pause is not None and not is_opening:
            return
        store, now = self._live.session.store, self._live.now
        known, at = store.wall_facts or NO_FACTS, now.frozen_at or now.at
        if known is not self._known:
            self._known, self._facts = known, None
        verdict = self._live.session.findings.verdict
        findings = () if verdict is None else verdict.findings
        are_waits_old = known.waits is not None and at - known.waits.at > MAX_WAITS_AGE
        session = self._live.session
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
