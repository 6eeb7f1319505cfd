"""Reads the values that the rows on the screen show in columns out of metadata, payload and output.

The list sends metadata, but neither payload nor output, and the feed of all runs sends none of them.
Source: tests/wire/recordings/README.md §3, §4, §8.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Absent, Body, Run, Stamp
from tui.domain.status import RunStatus
from tui.domain.update import RunsRead
from tui.present.own_columns.cell_value import CellValue, Unshown, cell_value
from tui.present.own_columns.column_path import METADATA, OUTPUT, PAYLOAD, ColumnPath
from tui.session import Session
from tui.ui.data.coalesced_fetch import CoalescedFetch

REST_S: Final = 0.4
"""How long the rows stay before their values are read."""

REREAD_AFTER_S: Final = 5.0
"""The metadata of a live run is read again after this, if the run has changed."""

RETRY_AFTER_S: Final = 30.0
"""After a failure of the server."""

MIN_PAGE_RUNS: Final = 4
"""Where at least as many of the newest runs lack their metadata alone, one page of the list brings it."""

PAGE_RUNS: Final = 100
PAGE_RETRY_AFTER_S: Final = 60.0
"""After a page without any of these runs, which a filter may cause."""

MAX_CONCURRENT_READS: Final = 3
MAX_RUNS: Final = 500
"""Runs whose values are kept: those that were read last."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


class VisibleValues:
    """Reads values of visible runs within the budget, the newest run first.

    * `visible`: returns the runs on the screen
    * `on_values`: is called with the runs whose values were read, by a task of the session
    * `on_refused`: is called once with a sentence when the key may not read single runs
    """

    def __init__(
        self,
        session: Session,
        visible: Callable[[], Sequence[RunId]],
        on_values: Callable[[Collection[RunId]], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._session = session
        self._visible = visible
        self._on_values = on_values
        self._on_refused = on_refused
        self._paths: frozenset[ColumnPath] = frozenset()
        self._values: dict[RunId, dict[ColumnPath, CellValue]] = {}
        """Values out of payloads and outputs."""

        self._next_s: dict[tuple[RunId, bool], float] = {}
        """The moment of the clock before which a run is not read again, live (False) or at its end (True)."""

        self._fetch = CoalescedFetch(session.clock, self._start)
        self._blocked_until_s = self._no_page_until_s = 0.0
        self._is_refused = False

    def show(self, paths: Iterable[ColumnPath]) -> None:
        """Read the values at these paths from now on, and no others."""
        before, self._paths = self._paths, frozenset(paths)
        if self._paths != before:
            self._next_s.clear()
            self.look()

    def value(self, run: Run, path: ColumnPath) -> CellValue:
        """Return a value as far as it is known."""
        if path.root == METADATA:
            return Unshown.NOT_READ if run.metadata is None else cell_value(path.find(run.metadata_values))
        if path.root == OUTPUT and not _may_have_output(run):
            return Unshown.MISSING
        known = self._values.get(run.id)
        if known is not None and path in known:
            return known[path]
        return Unshown.NOT_READ if run.body is None else value_in_body(run, *run.body, path)

    def look(self) -> None:
        """Read the values of visible runs that lack them. Call it when other rows are visible, or runs have changed."""
        session = self._session
        if not self._paths or self._is_refused or not session.is_started:
            return
        if session.clock.monotonic_s() >= self._blocked_until_s and self._unread():
            self._fetch.schedule(REST_S)

    def retry(self) -> None:
        """Read again what could not be read: the user asks for it."""
        self._is_refused, self._blocked_until_s = False, 0.0
        self._next_s.clear()
        self.look()

    def _unread(self) -> list[RunId]:
        """Return the visible runs that have to be read, newest first."""
        now_s, store = self._session.clock.monotonic_s(), self._session.store
        runs = [run for run_id in self._visible() if (run := store.get(run_id)) is not None]
        unread = [
            run for run in runs if self._next_s.get((run.id, run.is_final), 0.0) <= now_s and self._lacks_value(run)
        ]
        unread.sort(key=lambda run: run.created_at or _EARLIEST, reverse=True)
        return [run.id for run in unread]

    def _lacks_value(self, run: Run) -> bool:
        if run.is_gone:
            return False
        if run.body is not None:
            self._keep(run, *run.body)  # the store keeps few bodies
        return bool(self._missing_roots(run))

    def _missing_roots(self, run: Run) -> set[str]:
        known = self._values.get(run.id, {})
        return {path.root for path in self._paths if self._is_unread(run, path, known)}

    def _is_unread(self, run: Run, path: ColumnPath, known: Collection[ColumnPath]) -> bool:
        match path.root:
            case "metadata":
                facet = run.metadata_facet
                return facet is None or (run.state is not None and facet[0].updated_at < run.state.updated_at)
            case "output" if not _may_have_output(run):
                return False
            case _:
                return path not in known

    def _start(self) -> asyncio.Task[None] | None:
        unread = self._unread()
        return self._session.spawn(self._read(unread), "read visible values") if unread else None

    async def _read(self, run_ids: Sequence[RunId]) -> None:
        from tui.sources.searching.pace import Pace  # noqa: PLC0415  loads httpcore
        from tui.wire.errors import ApiError  # noqa: PLC0415  as above

        session = self._session
        pace = Pace(session.budget, session.clock)
        try:
            run_ids = await self._read_page(run_ids)
            for start in range(0, len(run_ids), MAX_CONCURRENT_READS):
                visible = set(self._visible())
                some = [run_id for run_id in run_ids[start : start + MAX_CONCURRENT_READS] if run_id in visible]
                if not some or not self._paths:
                    continue
                await pace.wait(len(some))
                results = await asyncio.gather(*map(self._read_one, some), return_exceptions=True)
                self._on_values(some)
                for error in results:
                    if isinstance(error, BaseException):
                        raise error
        except ApiError as error:
            self._record_failure(error)
        finally:
            self._fetch.finish()

    async def _read_page(self, run_ids: Sequence[RunId]) -> Sequence[RunId]:
        """Read the newest page of the list if that saves reads. Return the runs that remain. Raises `ApiError`."""
        from tui.sources.budget import Priority  # noqa: PLC0415  loads httpcore

        session, store = self._session, self._session.store
        newest = store.newest()
        runs = [run for run_id in run_ids if (run := store.get(run_id)) is not None]
        of_page = {run.id for run in runs if self._missing_roots(run) == {METADATA}}
        is_at_top = newest is not None and newest.id in self._visible()
        now_s = session.clock.monotonic_s()
        has_lists = session.fetcher.lists is not None and now_s >= self._no_page_until_s
        if not has_lists or not is_at_top or len(of_page) < MIN_PAGE_RUNS:
            return run_ids
        page = await session.fetcher.fetch_page(RunFilters(), Priority.VISIBLE, size=PAGE_RUNS)
        await session.emit(RunsRead(page.patches))
        await session.settle()
        found = of_page & {patch.id for patch in page.patches}
        if not found:
            self._no_page_until_s = now_s + PAGE_RETRY_AFTER_S
        self._next_s |= {(run.id, run.is_final): now_s + REREAD_AFTER_S for run in runs if run.id in found}
        self._on_values(found)
        return [run_id for run_id in run_ids if run_id not in found]

    async def _read_one(self, run_id: RunId) -> None:
        """Read one run. Raises `ApiError` if no other run can be read either."""
        from tui.sources.budget import Priority  # noqa: PLC0415  loads httpcore
        from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, Unreachable  # noqa: PLC0415  as above

        now_s = self._session.clock.monotonic_s()
        if len(self._next_s) >= MAX_RUNS:
            self._next_s.clear()
        before = self._session.store.get(run_id)
        key = run_id, before is not None and before.is_final
        self._next_s[key] = now_s + RETRY_AFTER_S
        try:
            response = await self._session.fetcher.fetch_run(run_id, Priority.VISIBLE)
        except NotFound:
            return  # emitted as gone
        except (Refused, Unreachable, RateLimited):
            raise
        except ApiError:
            return  # this run alone may be unreadable
        self._next_s[key] = now_s + REREAD_AFTER_S
        await self._session.settle()
        run = self._session.store.get(run_id)
        if run is not None and response.patch.body is not None:
            self._keep(run, *response.patch.body)

    def _keep(self, run: Run, stamp: Stamp, body: Body) -> None:
        """Keep the values of the shown columns, and forget those of the run that was read first."""
        known = self._values.pop(run.id, {})
        for path in self._paths:
            if path.root == METADATA or path in known or (path.root == OUTPUT and not _may_have_output(run)):
                continue
            value = value_in_body(run, stamp, body, path)
            if value is not Unshown.NOT_READ:
                known[path] = value
        if known:
            self._values[run.id] = known
        if len(self._values) > MAX_RUNS:
            del self._values[next(iter(self._values))]

    def _record_failure(self, error: Exception) -> None:
        from tui.wire.errors import Refused  # noqa: PLC0415  loads httpcore

        if isinstance(error, Refused) and error.is_about_the_key:
            self._is_refused = True
            self._on_refused(f"Columns out of payload, output and metadata stay unread: {error}")
        else:
            self._blocked_until_s = self._session.clock.monotonic_s() + RETRY_AFTER_S


def value_in_body(run: Run, stamp: Stamp, body: Body, path: ColumnPath) -> CellValue:
    """Return the value at a path of a payload or an output. A body that was read before the end has no output yet."""
    is_payload = path.root == PAYLOAD
    if not is_payload and not _is_after_end(run, stamp):
        return Unshown.NOT_READ
    if (body.payload_url if is_payload else body.output_url) is not None:
        return Unshown.APART
    value = body.payload if is_payload else body.output
    return Unshown.MISSING if isinstance(value, Absent) else cell_value(path.find(value))


def _is_after_end(run: Run, stamp: Stamp) -> bool:
    state = run.state
    return state is not None and stamp.updated_at >= (state.finished_at or state.updated_at)


def _may_have_output(run: Run) -> bool:
    """Return whether the run has ended well: other runs have no output."""
    return run.status is RunStatus.COMPLETED_SUCCESSFULLY
