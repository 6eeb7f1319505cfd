"""Fetches what the visible panes need of the selected run: once the cursor has rested, and again when it changes."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from tui.domain.ids import RunId
from tui.domain.source_names import FEEDS
from tui.domain.update import SourceRetrying
from tui.lazy_dataclass import dataclass
from tui.session import Session
from tui.store.changes import Changes, Topic
from tui.ui.data.coalesced_fetch import REFETCH_AFTER_S, CoalescedFetch
from tui.ui.model.selection import FetchState, Need, Selection
from tui.wire.errors import ApiError

T = TypeVar("T")

REST_S: Final = 0.15
"""How long the cursor rests before anything is fetched for the run under it."""

HELD_REST_S: Final = 0.6
"""The delay after `MAX_FETCHES` within `FETCHES_WITHIN_S`: a held key would spend the requests that the list needs."""

MAX_FETCHES: Final = 6
FETCHES_WITHIN_S: Final = 6.0

MAX_BUDGET_SHARE: Final = 0.2
"""The maximum share of the request budget for repeated fetches of one need. It sets their interval."""

HUNG_AFTER: Final = timedelta(seconds=2)
"""A fetch in flight for longer is canceled when the user asks for a refresh: its response may never come."""

LAG_RETRIES_S: Final = (1.0, 2.0, 4.0)
"""Delays of the fetches that follow a lagging result: a trace reports the end of a run later than the run does."""


@dataclass
class _NeedFetch:
    """The fetches of one need."""

    fetch: CoalescedFetch
    version: datetime | None = None
    """The last update of the run that was known when its last fetch began. None: the value has to be fetched again."""

    starts_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_FETCHES))
    lag_retries_s: Iterator[float] = field(default_factory=lambda: iter(LAG_RETRIES_S))

    def is_busy(self, now_s: float) -> bool:
        """Return whether fetches were started as fast as a held key causes them."""
        return len(self.starts_s) == MAX_FETCHES and now_s - self.starts_s[0] < FETCHES_WITHIN_S


class SelectionLoader:
    """Fetches the needs of the selected run. `show` is called with every new `Selection`."""

    def __init__(self, session: Session, show: Callable[[Selection], None]) -> None:
        self._session = session
        self._show = show
        self._selection = Selection()
        self._needs: tuple[Need[Any], ...] = ()
        self._fetches: dict[Need[Any], _NeedFetch] = {}
        self._version: datetime | None = None
        """The last update of the run that the fetched data includes; None: nothing was fetched yet."""
        self._refetched_version: datetime | None = None
        self._was_down = False
        self._rested_s = float("-inf")
        """When the cursor has rested on the run."""

    @property
    def selection(self) -> Selection:
        """The selection as it is shown now."""
        return self._selection

    def select(self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False) -> None:
        """Select a run or none, and fetch its needs once the cursor has rested, or at once."""
        if run_id != self._selection.run_id:
            self._cancel()
            self._rested_s = self._session.clock.monotonic_s() + (0.0 if at_once else self._rest_s())
            store = self._session.store
            if self._selection.run_id is not None:
                store.unpin([self._selection.run_id])
            if run_id is not None:
                store.pin([run_id])
                self._set(Selection(run_id))
            self._version = self._refetched_version = None
            for each in self._fetches.values():
                each.lag_retries_s = iter(LAG_RETRIES_S)
        if run_id is None:
            self._set(Selection(is_list_end=is_list_end))
        elif at_once or self._version is None:
            self._schedule_all(0.0 if at_once else self._rest_s())

    def require(self, needs: Sequence[Need[Any]], *, at_once: bool = True) -> None:
        """Fetch these needs from now on, and nothing else: hidden panes cost no requests.

        Without `at_once`, added ones wait until the cursor has rested on the run. What was fetched before is fetched
        again only if the run has changed since.
        """
        added = [need for need in needs if need not in self._needs]
        self._needs = tuple(needs)
        if self._selection.run_id is not None:
            rest_s = 0.0 if at_once else max(0.0, self._rested_s - self._session.clock.monotonic_s())
            for need in added:
                if self._selection.state_of(need).value is None:
                    self._schedule(need, rest_s)
                elif self._is_behind(need):
                    self._schedule(need, max(rest_s, self._least_delay_s(need)))

    def refetch(self) -> None:
        """Fetch everything that is needed again, now."""
        if self._selection.run_id is None:
            return
        now = self._session.now()
        for need, state in self._selection.states.items():
            if state.started_at is not None and now - state.started_at > HUNG_AFTER:
                self._fetch_of(need).fetch.cancel()
        self._version = None
        for each in self._fetches.values():
            each.version = None  # a hidden value is fetched when its pane is shown
        self._schedule_all(0.0)

    def on_changes(self, changes: Changes) -> None:
        """Fetch again what changed since it was fetched, and everything after an outage."""
        if Topic.SOURCES in changes.topics and self._is_back():
            self.refetch()
            return
        run_id = self._selection.run_id
        if run_id is None or self._version is None:
            return
        if run_id not in changes.changed:
            for need, each in self._fetches.items():
                if need.is_outdated_by(self._session, run_id, changes):
                    each.version = None
                    self._schedule(need, REFETCH_AFTER_S)
            return
        version = self._known_version(run_id)
        if version is not None and version > self._version:
            self._schedule_all(REFETCH_AFTER_S, is_last=self._is_final(run_id))

    def tick(self) -> None:
        """Repeat the fetches whose values change without a notification from the server. Called every second."""
        run_id = self._selection.run_id
        if run_id is None:
            return
        for need in self._needs:
            state = self._selection.state_of(need)
            if state.fetched_at is None or state.is_fetching:
                continue
            # `abs`: the time is the server's, and may be set back.
            age = abs(self._session.now() - state.fetched_at)
            is_due = age >= timedelta(seconds=self._repeat_after_s(need))
            if is_due and need.may_change(self._session, run_id, state.value):
                self._schedule(need, 0.0)

    def close(self) -> None:
        """Select no run any more: the store may drop it. Shows nothing, since what would show it is closed too."""
        self._cancel()
        if self._selection.run_id is not None:
            self._session.store.unpin([self._selection.run_id])
            self._selection = Selection()

    def _cancel(self) -> None:
        """Cancel every fetch, in flight or scheduled."""
        for each in self._fetches.values():
            each.fetch.close()

    def _rest_s(self) -> float:
        now_s = self._session.clock.monotonic_s()
        return HELD_REST_S if any(each.is_busy(now_s) for each in self._fetches.values()) else REST_S

    def _repeat_after_s(self, need: Need[Any]) -> float:
        refill = self._session.budget.refill
        return max(need.repeat_after_s, need.requests * refill.period_s / (refill.share * MAX_BUDGET_SHARE))

    def _is_back(self) -> bool:
        """Return whether the server answers again after an outage."""
        statuses = self._session.store.source_statuses.items()
        is_down = any(isinstance(status, SourceRetrying) for name, status in statuses if name not in FEEDS)
        is_back = self._was_down and not is_down
        self._was_down = is_down
        return is_back

    def _known_version(self, run_id: RunId) -> datetime | None:
        run = self._session.store.get(run_id)
        return run.state.updated_at if run is not None and run.state is not None else None

    def _is_behind(self, need: Need[Any]) -> bool:
        """Whether what was fetched for a need may not be all that the server knows by now."""
        fetched = self._fetch_of(need).version
        known = None if self._selection.run_id is None else self._known_version(self._selection.run_id)
        return known is not None and (fetched is None or known > fetched)

    def _is_final(self, run_id: RunId) -> bool:
        run = self._session.store.get(run_id)
        return run is not None and run.is_final

    def _schedule_all(self, delay_s: float, *, is_last: bool = False) -> None:
        """Fetch all needs after a delay. `is_last`: the run has ended, and no need waits for its interval."""
        for need in self._needs:
            least_s = 0.0 if is_last else max(need.min_rest_s, self._least_delay_s(need))
            self._schedule(need, max(delay_s, least_s) if delay_s else 0.0)

    def _least_delay_s(self, need: Need[Any]) -> float:
        """Return how long the next fetch that an update of the run causes has to wait."""
        starts_s = self._fetch_of(need).starts_s
        if not need.min_interval_s or not starts_s or self._selection.state_of(need).fetched_at is None:
            return 0.0
        return starts_s[-1] + need.min_interval_s - self._session.clock.monotonic_s()

    def _schedule(self, need: Need[Any], delay_s: float) -> None:
        if need in self._needs:
            self._fetch_of(need).fetch.schedule(delay_s)

    def _fetch_of(self, need: Need[Any]) -> _NeedFetch:
        if need not in self._fetches:
            self._fetches[need] = _NeedFetch(CoalescedFetch(self._session.clock, partial(self._start, need)))
        return self._fetches[need]

    def _start(self, need: Need[T]) -> asyncio.Task[None] | None:
        run_id = self._selection.run_id
        if run_id is None:
            return None
        self._fetch_of(need).version = self._known_version(run_id)
        if (found := need.find(self._session, run_id)) is not None:
            self._set_state(need, FetchState(found.value, found.failure, fetched_at=found.fetched_at))
            return None
        self._fetch_of(need).starts_s.append(self._session.clock.monotonic_s())
        state = self._selection.state_of(need)
        self._set_state(need, replace(state, started_at=self._session.now()))
        return self._session.spawn(self._fetch(need, run_id), f"fetch {need.name or 'the run'} {run_id}")

    async def _fetch(self, need: Need[T], run_id: RunId) -> None:
        value, now = self._selection.state_of(need).value, self._session.now
        try:
            fetched = await need.fetch(self._session, run_id)
        except ApiError as error:
            self._version = self._known_version(run_id) or now()
            self._finish(need, FetchState(value, str(error), fetched_at=now()))
            return
        self._version = fetched.version or self._version or self._known_version(run_id) or now()
        if fetched.version is not None:
            self._fetch_of(need).version = fetched.version
        if fetched.is_lagging:
            self._fetch_of(need).version = None
        if fetched.is_lagging and (delay_s := next(self._fetch_of(need).lag_retries_s, None)) is not None:
            self._schedule(need, delay_s)
        self._finish(need, FetchState(fetched.value, fetched.failure, fetched_at=fetched.fetched_at or now()))
        if fetched.version is not None:
            self._refetch_if_changed(run_id)

    def _finish(self, need: Need[T], state: FetchState[T]) -> None:
        self._set_state(need, state)
        self._fetch_of(need).fetch.finish()

    def _refetch_if_changed(self, run_id: RunId) -> None:
        """Fetch a run again that changed during the fetch. Once for each version: the response may stay behind."""
        version = self._known_version(run_id)
        if version is None or self._version is None or version <= self._version:
            return
        if version != self._refetched_version:
            self._refetched_version = version
            self._schedule_all(REFETCH_AFTER_S)

    def _set_state(self, need: Need[T], state: FetchState[T]) -> None:
        if state == self._selection.state_of(need):
            return  # such as a queue for which a run that has ended does not wait
        self._set(replace(self._selection, states={**self._selection.states, need: state}))

    def _set(self, selection: Selection) -> None:
        if selection != self._selection:
            self._selection = selection
            self._show(selection)
