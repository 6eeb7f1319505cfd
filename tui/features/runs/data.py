"""The data of the list of runs: its sources, a search on the server, errors and outages, what is remembered."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from tui.api.errors import ApiError
from tui.domain.filters import LISTS, RunFilters, SearchProgress, parse_period, period_text
from tui.domain.run import RunId, filter_words
from tui.features.runs.model import SLICE_S, ListViews
from tui.kit.selection import CoalescedFetch
from tui.kit.state_files import StateFile, moment
from tui.kit.words import gap_sentence
from tui.lazy_dataclass import dataclass
from tui.settings.private_files import KINDS, MAX_BYTES, MAX_NAMES, names_path, owned_path
from tui.store.changes import Changes
from tui.store.freshness import Completeness, Gap, MissedRunCounter, MissedRuns
from tui.store.server_filter import ServerFilter, is_typable, known_values, plan_search
from tui.sync.clock import work_a_slice, work_in_slices
from tui.sync.session import Session

if TYPE_CHECKING:
    from tui.sync.search import Search


# Reads what the rows on the screen lack: why failed runs failed, which the list does not send, and values by path.


REST_S: Final = 0.4
"""How long the rows stay before they are read."""

RETRY_AFTER_S: Final = 30.0
"""After a failure of the server."""

MAX_TRIED: Final = 5_000
"""Runs that are remembered because their error was read, or cannot be read. All are forgotten when there are more."""


class VisibleReads:
    """Reads what visible runs lack, within the budget, once they have rested. `visible` returns the runs on the screen.

    A subclass finds these runs, and reads them.
    """

    def __init__(self, session: Session, visible: Callable[[], Sequence[RunId]]) -> None:
        self._session = session
        self._visible = visible
        self._fetch = CoalescedFetch(session.clock, self._start)
        self._blocked_until_s = 0.0

    def look(self) -> None:
        """Read what is lacking. Call it when other rows are visible, or runs have changed."""
        session = self._session
        if session.is_started and session.clock.monotonic_s() >= self._blocked_until_s and self._unread():
            self._fetch.schedule(REST_S)

    def _unread(self) -> list[RunId]:
        """Return the visible runs that have to be read."""
        raise NotImplementedError

    async def _read(self, run_ids: Sequence[RunId]) -> None:
        """Read runs. Raises `ApiError`."""
        raise NotImplementedError

    def _on_failure(self, run_ids: Sequence[RunId], error: ApiError) -> None:  # noqa: ARG002  for subclasses
        self._blocked_until_s = self._session.clock.monotonic_s() + RETRY_AFTER_S

    def _start(self) -> asyncio.Task[None] | None:
        unread = self._unread()
        return self._session.spawn(self._try(unread), "read visible runs") if unread else None

    async def _try(self, run_ids: Sequence[RunId]) -> None:
        try:
            await self._read(run_ids)
        except ApiError as error:
            self._on_failure(run_ids, error)
        finally:
            self._fetch.finish()


class VisibleErrors(VisibleReads):
    """Reads the errors of failed runs, each once."""

    def __init__(self, session: Session, visible: Callable[[], Sequence[RunId]]) -> None:
        super().__init__(session, visible)
        self._tried: set[RunId] = set()

    def _unread(self) -> list[RunId]:
        runs = [self._session.store.get(run_id) for run_id in self._visible() if run_id not in self._tried]
        return [run.id for run in runs if run and run.error is None and run.status.is_failed and not run.is_gone]

    async def _read(self, run_ids: Sequence[RunId]) -> None:
        from tui.sync.failures import ErrorFetcher  # noqa: PLC0415  loads httpx2

        if len(self._tried) > MAX_TRIED:
            self._tried.clear()
        self._tried.update(run_ids)
        await ErrorFetcher(self._session.fetcher, is_paced=True).read(run_ids)

    def _on_failure(self, run_ids: Sequence[RunId], error: ApiError) -> None:
        self._tried.difference_update(run_ids)
        super()._on_failure(run_ids, error)


# Runs the search that the last line of the list starts: one at a time, in the session's task group.
#
# A search belongs to one query in one environment. A change of either drops it.


class ServerSearch:
    """Starts and stops the search. `visible` returns the visible runs, `on_update` receives progress."""

    def __init__(
        self,
        session: Session,
        views: ListViews,
        visible: Callable[[], Sequence[RunId]],
        on_update: Callable[[], object],
    ) -> None:
        self._session = session
        self._views = views
        self._visible = visible
        self._on_update = on_update
        self._search: Search | None = None
        self._task: asyncio.Task[None] | None = None
        self.progress = SearchProgress()

    @property
    def is_running(self) -> bool:
        """Whether a search is running."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Start a search, or continue the last one of this query."""
        if self.is_running or not self._session.is_started:
            return
        if self._search is None:
            self._search = self._new_search()
        if not self._views.parsed.is_empty and not self._views.query.is_searched:
            # The search may find runs that are older than the period of the list.
            self._views.request(replace(self._views.query, is_searched=True))
        self._task = self._session.spawn(self._search.run(), "search the server")

    def stop(self) -> bool:
        """Stop the search; return whether one was running."""
        if self._task is None or not self.is_running:
            return False
        self._task.cancel()
        return True

    def drop(self) -> None:
        """Drop the search and its progress, because the query or the environment has changed."""
        self.stop()
        self._search = self._task = None
        self._set(SearchProgress())

    def _new_search(self) -> "Search":
        from tui.sync.search import Search, SearchScope  # noqa: PLC0415

        session, query = self._session, self._views.query
        scope = SearchScope(
            plan_search(query.text, query.filters, known_values(session.store)),
            query.filters,
            session.now() - query.period,
            is_plain=self._views.parsed.is_empty,
        )
        search: Search

        def report(progress: SearchProgress) -> None:
            if self._search is search:
                self._set(progress)

        search = Search(
            session.fetcher,
            session.store,
            session.clock,
            scope,
            unread=self._unread,
            bodiless=lambda: () if (view := self._views.bodiless) is None else view.slice(0, len(view)),
            report=report,
        )
        return search

    def _unread(self) -> list[RunId]:
        """Return the failed runs of the list whose errors were not fetched, visible ones first."""
        if (unread := self._views.unread) is None:
            return []
        visible = [run_id for run_id in self._visible() if run_id in unread]
        return list(dict.fromkeys([*visible, *unread.slice(0, len(unread))]))

    def _set(self, progress: SearchProgress) -> None:
        if progress != self.progress:
            self.progress = progress
            self._on_update()


# The last outages that the list shows: when there was no data, and how many runs were missed.


MAX_GAPS: Final = 3


class Outages:
    """The last gaps. `report` receives one sentence about each, once its count is final.

    It subscribes to the session itself, so that runs are counted during a pause too.
    """

    def __init__(self, session: Session, report: Callable[[str], None]) -> None:
        self._session = session
        self._report = report
        self._counters: list[MissedRunCounter] = []
        self._unreported: list[MissedRunCounter] = []
        session.subscribe(self._on_changes)

    def record(self, gap: Gap | None) -> None:
        """Start to count the missed runs of the last gap, unless it is known already."""
        if gap is None or (self._counters and self._counters[-1].gap == gap):
            return
        counter = MissedRunCounter(self._session.store, gap)
        self._counters = [*self._counters, counter][-MAX_GAPS:]
        self._unreported = [*self._unreported, counter][-MAX_GAPS:]
        clock = self._session.clock
        if not work_a_slice(clock, SLICE_S, counter.count_more):
            self._session.spawn(work_in_slices(clock, SLICE_S, counter.count_more), "outage")

    def missed(self, now: datetime) -> dict[Gap, MissedRuns]:
        """Return the gaps with their missed runs, the oldest first. Report those whose count is final now."""
        for counter in tuple(self._unreported):
            missed = counter.missed(now)
            if missed.completeness is not Completeness.SO_FAR:
                self._unreported.remove(counter)
                self._report(gap_sentence(counter.gap, missed, now))
        return {counter.gap: counter.missed(now) for counter in self._counters}

    def _on_changes(self, changes: Changes) -> None:
        for counter in self._counters:
            counter.on_changes(changes)


# Saves the server's filters and the arrangement of the list for the next start.
#
# There is one small JSON file for each environment of each API. It holds names that the user typed, never a key or a
# run. A file that cannot be decoded is reported, ignored, and replaced by the next save.


_LISTS: Final = tuple(LISTS.values())


@dataclass(frozen=True, slots=True)
class Remembered:
    """The saved choices.

    * `filters`: only their lists are saved; times, a batch and the kind of run do not outlive a session
    * `period`: how far back runs are shown; None: the period of the settings
    * `order`: the id of a `store.changes.Order`; None: the default order
    * `is_wide`: whether the list shows whole run ids or more columns
    * `chosen_at`: when the filters were chosen; None in files of older versions
    """

    filters: RunFilters = field(default_factory=RunFilters)
    period: timedelta | None = None
    order: str | None = None
    is_wide: bool = False
    chosen_at: datetime | None = None


class FilterFile(StateFile[Remembered]):
    """Reads and writes the file of one environment. `environment` is any name: equal names share a file."""

    def __init__(self, state_dir: PurePath, *, api_url: str, environment: str) -> None:
        self._owner = {"api": api_url, "environment": environment}
        super().__init__(owned_path(state_dir, "screen", f"{api_url}\n{environment}"), "filters", Remembered)

    async def save(self, remembered: Remembered) -> None:
        """Save the choices."""
        await self.change(lambda: remembered)

    def texts_of(self, value: Remembered) -> Iterable[str]:
        return (text for name in _LISTS for text in getattr(value.filters, name))

    def encode(self, value: Remembered) -> dict[str, Any]:
        # A span of time is over at the next start, and its period was made for it.
        period = value.period if value.filters.created_from is None else None
        return self._owner | {
            "filters": {name: list(values) for name in _LISTS if (values := getattr(value.filters, name))},
            "period": None if period is None else period_text(period),
            "order": value.order,
            "wide": value.is_wide,
            "kept_at": None if value.chosen_at is None else value.chosen_at.isoformat(),
        }

    def decode(self, saved: Any) -> Remembered:
        if any(saved[name] != text for name, text in self._owner.items()):
            raise ValueError
        lists = {name: _values(name, values) for name, values in saved["filters"].items()}
        period, order = saved["period"], saved["order"]
        length = None if period is None else parse_period(period)
        if (length is None) is not (period is None) or not (order is None or isinstance(order, str)):
            raise ValueError
        # mypy cannot know the types of fields that are given by name.
        filters = replace(RunFilters(), **lists)  # type: ignore[arg-type]
        kept_at = saved.get("kept_at")
        return Remembered(filters, length, order, saved["wide"] is True, kept_at and moment(kept_at))


def _values(name: str, values: Any) -> tuple[Any, ...]:
    """Decode the values of one filter. Raises `ValueError` for a text that the user could not have typed."""
    if name not in _LISTS or not isinstance(values, list):
        raise ValueError(name)
    for value in values:
        is_known = isinstance(value, str) and (name != "statuses" or value in filter_words(value))
        if not is_known or not is_typable(value):
            raise ValueError(name)
    return tuple(values)


# Keeps the names of runs for the shell, which completes them.


NAMES_AFTER_S: Final = 10.0
NAMES_EVERY_S: Final = 300.0
"""The names are saved so long after the start, then this often."""

MAX_NAMED_RUNS: Final = 2_000
MAX_NAME_CHARS: Final = 128
Names = dict[str, list[str]]


class NamesFile(StateFile[Names]):
    """Saves tasks, tags, queues and versions. Those of earlier sessions follow those of this one, as many as fit."""

    max_bytes = MAX_BYTES

    def __init__(self, session: Session) -> None:
        self._session = session
        super().__init__(names_path(session.settings.state_dir, session.settings.key.reveal()), "names", dict)

    async def save_often(self) -> None:
        """Save the names of the newest runs again and again."""
        session = self._session
        await session.clock.sleep(NAMES_AFTER_S)
        from tui.store.command_line import ValueTally  # noqa: PLC0415  the first rows do not need it

        while True:
            tally = ValueTally(session.store.snapshot().get, session.store.newest_first_keys()[:MAX_NAMED_RUNS])
            await work_in_slices(session.clock, SLICE_S, tally.count_some)
            known = {kind: [*filter(self._may_keep, tally.counts[kind])][:MAX_NAMES] for kind in KINDS}
            await self.change(partial(self._with_earlier, known))
            await session.clock.sleep(NAMES_EVERY_S)

    def _may_keep(self, name: str) -> bool:
        return len(name) <= MAX_NAME_CHARS and is_typable(name) and not self._session.secrets.finds(name)

    def _with_earlier(self, known: Names) -> Names:
        earlier = self.read()
        return {kind: [*dict.fromkeys([*names, *earlier.get(kind, ())])][:MAX_NAMES] for kind, names in known.items()}

    def decode(self, saved: Any) -> Names:
        return {kind: list(map(str, names)) for kind, names in saved["names"].items()}

    def encode(self, value: Names) -> dict[str, Any]:
        return {"names": value}


# The running sources of the list of runs, and the server's filters that they use.
#
# There is one set of sources at a time. Changed filters replace it. Filters that the user chose are saved for the next
# start; those of a view that was opened by its address are not.


class RunSubscription:
    """Follows the runs that pass the server's filters.

    * `environment_name`: the name under which the filters are saved; None: a digest of the key
    * `is_recalled`: whether the current filters were chosen in an earlier session
    * `on_filters`: is called when filters were loaded or chosen; `shown` has them
    * `on_failure`: is called with a sentence when the filters could not be loaded or saved
    """

    def __init__(self, session: Session, *, environment_name: str | None = None) -> None:
        settings = session.settings
        digest = hashlib.sha256(settings.key.reveal().encode()).hexdigest()
        self._session = session
        self._sources: tuple[asyncio.Task[None], ...] = ()
        self._file = FilterFile(
            settings.state_dir,
            api_url="" if environment_name else settings.api_url,
            environment=environment_name or f"{digest[:16]} {settings.branch or ''}".rstrip(),
        )
        self._file.holds_key = lambda text: session.secrets.finds(text)  # noqa: PLW0108  made when first needed
        self._file.report = lambda text: self.on_failure(text)  # noqa: PLW0108  it is set later
        self._remembered = Remembered()
        """The filters and arrangement that are saved for the next start."""
        self.shown = Remembered()
        """The current filters and arrangement of the list: the same, or the view of an address."""
        self._is_visiting = False
        self.is_recalled = False
        self.on_filters: Callable[[], object] = lambda: None
        self.on_failure: Callable[[str], None] = lambda _: None

    @property
    def chosen(self) -> ServerFilter:
        """The current filters."""
        return ServerFilter(self.shown.filters, self.shown.period or self._session.settings.history)

    @property
    def state_key(self) -> str:
        """A name of the environment that is the same at every start, for other files of the state directory."""
        return self._file.path.stem

    @property
    def is_filtered(self) -> bool:
        """Whether the current filters differ from the defaults."""
        return self.chosen != self._default

    @property
    def _default(self) -> ServerFilter:
        return ServerFilter(RunFilters(), self._session.settings.history)

    async def start(self) -> None:
        """Load the filters of the last session, and follow the runs that pass them. An address that was opened wins."""
        self._remembered = await self._file.load()
        if self._is_visiting:
            self.shown = replace(self.shown, is_wide=self._remembered.is_wide)
        else:
            self.shown = self._remembered
            self.is_recalled = self.is_filtered
        self.on_filters()
        self._follow()

    def visit(self, chosen: ServerFilter, order: str) -> None:
        """Follow the runs of a view that was opened by its address. Nothing of it is saved."""
        before = self.chosen
        self._is_visiting, self.is_recalled = True, False
        self.shown = replace(self.shown, **self._fields(chosen), order=order)
        if self._sources and self.chosen != before:
            self._follow()

    def choose(self, chosen: ServerFilter) -> None:
        """Follow the runs that pass other filters."""
        self.is_recalled = False
        self.save(**self._fields(chosen))
        self.on_filters()
        self._follow()

    def _fields(self, chosen: ServerFilter) -> dict[str, Any]:
        return {"filters": chosen.filters, "period": chosen.period, "chosen_at": self._session.now()}

    def clear(self) -> None:
        """Remove every server filter."""
        if self.is_filtered:
            self.choose(self._default)

    def save(self, **values: Any) -> None:
        """Show other choices, fields of `Remembered`, and save them for the next start."""
        self.shown = replace(self.shown, **values)
        self._remembered = replace(self._remembered, **values)
        self._session.spawn(self._file.save(self._remembered), "save the filters")

    def refresh(self) -> None:
        """Poll now. If a source has stopped, start all of them again."""
        self._session.refresh()
        if any(source.done() for source in self._sources):
            self._follow()

    def _follow(self) -> None:
        if self._session.settings.relay_url is not None and self._sources and not self._sources[0].done():
            return  # a relay sends all runs, independent of the filters
        for source in self._sources:
            source.cancel()
        self._sources = self._session.sources.follow_runs(filters=self.shown.filters, history=self.chosen.period)
