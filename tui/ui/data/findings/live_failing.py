"""`LiveFailing`: the error groups of the last hour, from the store's runs and the server's groups."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.findings.facts import FactSource
from tui.store.changes import Changes, Topic
from tui.store.filter import EVERYTHING
from tui.store.findings.cell_sums import CellSums
from tui.store.findings.failing import FailingGroup, FailingNow, failing_now
from tui.store.server_filter import with_server_filters
from tui.ui.data.errors.group_updates import GroupUpdates
from tui.ui.data.live_model import LiveModel
from tui.ui.model.errors.facts import own_line
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.model.errors.spans import SPANS

HOUR: Final = SPANS[0]

MAX_LINES: Final = 12
"""The groups whose line in the source is looked up: more are on no screen."""

MAX_NOTED: Final = 20_000
"""Runs that changed during a rest. After more of them, everything is grouped again."""


class LiveFailing:
    """Groups the failed runs of the last hour in slices. It reads nothing: the errors come with the runs.

    `on_update` is called when the groups are others.
    """

    def __init__(self, live: LiveModel, on_update: Callable[[], None]) -> None:
        self._session = live.session
        self._on_update, self._on_grouped = on_update, live.record_groups
        self._updates: GroupUpdates | None = None
        self._is_resting = False
        self.failing = FailingNow()

    def open(self) -> None:
        """Group the failed runs of the store, after a rest only those that have changed meanwhile."""
        self._is_resting = False
        if self._updates is not None:
            self._take_server_groups(self._updates)
            self._updates.request()
            return
        runs_filter = with_server_filters(RunFilters(), EVERYTHING)
        span = HOUR.at(self._session.now())
        self._updates = GroupUpdates(self._session, GroupListModel(), runs_filter, span, self._show, self._on_grouped)
        self._take_server_groups(self._updates)
        self._updates.request()

    def rest(self) -> None:
        """Group nothing until the next `open`."""
        self._is_resting = True
        if self._updates is not None:
            self._updates.stop()

    def close(self) -> None:
        """Stop, and forget the groups."""
        if self._updates is not None:
            self._updates.stop()
        self._updates, self.failing = None, FailingNow()

    def on_changes(self, changes: Changes) -> None:
        """Group the runs that changed, and use the newest groups of the server."""
        updates = self._updates
        if updates is None:
            return
        if self._is_resting:
            updates.note(changes.added | changes.changed | changes.removed)
            if updates.waiting_count > MAX_NOTED:
                self._updates = None
            return
        if Topic.WALL_FACTS in changes.topics:
            self._take_server_groups(updates)
            updates.request()
            self._show()
        if Topic.RUNS in changes.topics:
            updates.add(changes.added | changes.changed | changes.removed)

    def tick(self) -> None:
        """Move the hour, once a minute."""
        if self._updates is not None:
            span = HOUR.at(self._session.now())
            if span != self._updates.span:
                self._updates.move_span(span)
            known = self.failing.is_known, self.failing.known_since
            if not self.failing.groups and self._known_since(span.since) != known:
                self._show()

    def _take_server_groups(self, updates: GroupUpdates) -> None:
        facts = self._session.store.wall_facts
        if facts is not None and facts.errors is not None:
            updates.groups.on_server_groups(facts.errors.groups)

    def _known_since(self, hour: datetime) -> tuple[bool, datetime | None]:
        """Return whether the failures are known, and since when, if that is not the whole hour."""
        facts, own = self._session.store.wall_facts, self._session.findings.own
        is_filled = self._updates is not None and self._updates.is_filled
        if self._failed_count(hour) is not None:
            return is_filled, None
        if facts is not None and facts.errors is not None and not facts.errors.is_cut:
            return is_filled, None
        since = None if own is None else own.counted_since
        return is_filled and since is not None, since if since is not None and since > hour else None

    def _failed_count(self, hour: datetime) -> int | None:
        """Return how many runs failed in the last hour, by the server where the list does not reach back so far."""
        facts, own, updates = self._session.store.wall_facts, self._session.findings.own, self._updates
        if own is None or updates is None or updates.reading is None:
            return None
        if own.counted_since is not None and own.counted_since <= hour:
            return updates.reading.failed_count
        sums = CellSums(None if facts is None else facts.minutes, own, self._session.now())
        hour_sums = sums.total(*sums.last_hour)
        return None if hour_sums is None else max(hour_sums.failed, updates.reading.failed_count)

    def _show(self) -> None:
        updates, facts = self._updates, self._session.store.wall_facts
        if updates is None or updates.reading is None:
            return
        now, span = self._session.now(), updates.span
        server = () if facts is None or facts.errors is None else facts.errors.groups
        unread = None if facts is None else facts.unread.get(FactSource.ERRORS)
        groups = failing_now(updates.groups.groups(span, now), server, span.since, now)
        counted = sum(group.count for group in groups)
        groups = tuple(self._with_line(group) if index < MAX_LINES else group for index, group in enumerate(groups))
        is_known, known_since = self._known_since(span.since)
        self.failing = FailingNow(
            groups,
            unread_count=max(0, (self._failed_count(span.since) or updates.reading.failed_count) - counted),
            is_known=is_known or bool(groups),
            known_since=known_since,
            problem="" if unread is None or not unread.is_refused else unread.reason,
        )
        self._on_update()

    def _with_line(self, group: FailingGroup) -> FailingGroup:
        run = None if group.newest is None else self._session.store.get(group.newest)
        line = own_line(run)
        return group if line is None else replace(group, line=line)
