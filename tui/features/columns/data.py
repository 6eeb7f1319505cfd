"""The columns of each view: chosen ones, those of the config file, and the values that they read."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tui.api.errors import ApiError, NotFound, RateLimited, Refused, Unreachable
from tui.domain.filters import RunFilters
from tui.domain.run import Absent, Body, Run, RunId, RunStatus, Stamp
from tui.domain.update import RunsRead
from tui.features.columns import words
from tui.features.runs.data import RETRY_AFTER_S, VisibleReads
from tui.kit.state_files import StateFile
from tui.settings.schema import ColumnEntry
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text.table import SizedColumn, Table

# The columns of each view: those that the user chose, else those of the config file, else the program's own.


FILE_NAME = "columns.json"


class ChosenColumns:
    """Knows the columns of all views.

    * `say`: is called with a sentence about columns that cannot be read, saved or shown
    * `listeners`: are called when columns of any view have changed
    """

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self._session = session
        self._say = say
        path = Path(session.settings.state_dir) / FILE_NAME
        self._file = ColumnFile(path, "columns", dict)
        self._file.holds_key = lambda text: session.secrets.finds(text)  # noqa: PLW0108  made when first needed
        self._file.report = say
        self.saved: dict[str, words.ColumnSet] = {}
        """The columns that the user chose, by view. Without shown ones: the program's own."""
        self.of_file: dict[str, words.ColumnSet] = {}
        """The columns of the config file."""
        self.listeners: list[Callable[[], None]] = []
        self.use_settings()

    async def start(self) -> None:
        """Load the columns that the user chose in an earlier session."""
        self.saved = await self._file.load()
        if self.saved:
            self._publish()

    def use_settings(self) -> None:
        """Show the columns of the config file, which may have changed, in views without chosen ones."""
        settings = self._session.settings
        self.of_file, complaints = words.columns_of_file(settings.columns.filled, settings.file)
        for complaint in complaints:
            self._say(f"{complaint}.")
        self._publish()

    def shown(self, view: str) -> tuple[ColumnEntry, ...] | None:
        """Return the columns of a view, None for the program's own."""
        columns = self.saved.get(view) or self.of_file.get(view)
        return None if columns is None or not columns.shown else columns.shown

    def slots(self, table: Table[Any], choices: Sequence[ColumnEntry], width: int) -> list[SizedColumn[Any]]:
        """Return those of the chosen columns that fit into a list, with their widths."""
        return words.chosen_columns(table, choices, width)

    def choose(self, view: str, columns: words.ColumnSet | None) -> None:
        """Show and save other columns of a view; None: those of the config file, or the program's own."""
        if columns == self.saved.get(view):
            return
        if columns is None:
            self.saved.pop(view, None)
        else:
            self.saved[view] = columns
        self._publish()
        self._session.spawn(self._file.save(view, columns), "save the columns")

    def _publish(self) -> None:
        for listener in self.listeners:
            listener()


# Saves the columns that the user chose, for the lists of all environments.
#
# One small JSON file holds a set of columns for each view. A view that is absent shows those of the config file, or the
# program's own.


class ColumnFile(StateFile[dict[str, words.ColumnSet]]):
    """Reads and writes the file, which has a set of columns by view."""

    async def save(self, view: str, chosen: words.ColumnSet | None) -> None:
        """Save the columns of one view; None: it has none of its own any more. Other views keep theirs."""

        def changed() -> dict[str, words.ColumnSet]:
            # Another monitor may have saved the columns of another view meanwhile.
            others = {name: columns for name, columns in self.read().items() if name != view}
            return others if chosen is None else {**others, view: chosen}

        await self.change(changed)

    def texts_of(self, value: dict[str, words.ColumnSet]) -> Iterable[str]:
        choices = (each for columns in value.values() for each in (*columns.shown, *columns.hidden))
        return (text for each in choices for text in (each.column, each.title, each.format))

    def encode(self, value: dict[str, words.ColumnSet]) -> dict[str, Any]:
        views = {
            name: {"shown": [*map(_saved, columns.shown)], "hidden": [*map(_saved, columns.hidden)]}
            for name, columns in value.items()
        }
        return {"views": views}

    def decode(self, saved: Any) -> dict[str, words.ColumnSet]:
        return {
            view: words.ColumnSet(_choices(view, columns["shown"]), _choices(view, columns["hidden"]))
            for view, columns in saved["views"].items()
            if words.columns_of(view)
        }


def _choices(view: str, saved: Any) -> tuple[ColumnEntry, ...]:
    """Raises `ValueError` for values that this program does not write."""
    from tui.settings.reader import read_entry  # noqa: PLC0415  loads pydantic_core

    choices: list[ColumnEntry] = [read_entry(ColumnEntry, each) for each in saved]
    if any(words.problem_in(view, choice) is not None for choice in choices):
        raise ValueError
    return words.without_duplicates(choices)


def _saved(choice: ColumnEntry) -> dict[str, str | int]:
    """Return the name, and what differs from the usual values."""
    return {each.name: value for each in fields(choice) if (value := getattr(choice, each.name)) != each.default}


# Reads the values that the rows on the screen show in columns out of metadata, payload and output.
#
# The list sends metadata, but neither payload nor output, and the feed of all runs sends none of them.
# Source: tests/wire/recordings/README.md §3, §4, §8.


REREAD_AFTER_S: Final = 5.0
"""The metadata of a live run is read again after this, if the run has changed."""

MIN_PAGE_RUNS: Final = 4
"""Where at least as many of the newest runs lack their metadata alone, one page of the list brings it."""

PAGE_RUNS: Final = 100
PAGE_RETRY_AFTER_S: Final = 60.0
"""After a page without any of these runs, which a filter may cause."""

MAX_CONCURRENT_READS: Final = 3
MAX_RUNS: Final = 500
"""Runs whose values are kept: those that were kept last."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


class VisibleValues(VisibleReads):
    """Reads values of visible runs, the newest run first.

    * `on_values`: is called when values were read, by a task of the session
    * `on_refused`: is called once with a sentence when the key may not read single runs
    """

    def __init__(
        self,
        session: Session,
        visible: Callable[[], Sequence[RunId]],
        on_values: Callable[[], object],
        on_refused: Callable[[str], None],
    ) -> None:
        super().__init__(session, visible)
        self._on_values = on_values
        self._on_refused = on_refused
        self._paths: frozenset[words.ColumnPath] = frozenset()
        self._values: dict[RunId, dict[words.ColumnPath, words.CellValue]] = {}
        """Values out of payloads and outputs."""

        self._next_s: dict[tuple[RunId, bool], float] = {}
        """The moment of the clock before which a run is not read again, live (False) or at its end (True)."""

        self._no_page_until_s = 0.0
        self._is_refused = False

    def show(self, paths: Iterable[words.ColumnPath]) -> None:
        """Read the values at these paths from now on, and no others."""
        before, self._paths = self._paths, frozenset(paths)
        if self._paths != before:
            self._next_s.clear()
            self.look()

    def value(self, run: Run, path: words.ColumnPath) -> words.CellValue:
        """Return a value as far as it is known."""
        if path.root == words.METADATA:
            return words.Unshown.NOT_READ if run.metadata is None else words.cell_value(path.find(run.metadata_values))
        if not _may_have(run, path):
            return words.Unshown.MISSING
        known = self._values.get(run.id, {})
        if path in known:
            return known[path]
        return words.Unshown.NOT_READ if run.body is None else value_in_body(run, *run.body, path)

    def retry(self) -> None:
        """Read again what could not be read: the user asks for it."""
        self._is_refused, self._blocked_until_s = False, 0.0
        self._next_s.clear()
        self.look()

    def _unread(self) -> list[RunId]:
        if not self._paths or self._is_refused:
            return []
        now_s, store = self._session.clock.monotonic_s(), self._session.store
        runs = [run for run_id in self._visible() if (run := store.get(run_id)) is not None]
        due = [run for run in runs if not run.is_gone and self._next_s.get((run.id, run.is_final), 0.0) <= now_s]
        unread = [run for run in due if self._missing_roots(run)]
        unread.sort(key=lambda run: run.created_at or _EARLIEST, reverse=True)
        return [run.id for run in unread]

    def _missing_roots(self, run: Run) -> set[str]:
        if run.body is not None:
            self._keep(run, *run.body)  # the store keeps few bodies
        facet, known = run.metadata_facet, self._values.get(run.id, {})
        is_old = facet is None or (run.state is not None and facet[0].updated_at < run.state.updated_at)
        lacking = (path for path in self._paths if path.root != words.METADATA and path not in known)
        roots = {path.root for path in lacking if _may_have(run, path)}
        return roots | {path.root for path in self._paths if path.root == words.METADATA and is_old}

    async def _read(self, run_ids: Sequence[RunId]) -> None:
        run_ids = await self._read_page(run_ids)
        for start in range(0, len(run_ids), MAX_CONCURRENT_READS):
            visible = set(self._visible())
            some = [run_id for run_id in run_ids[start : start + MAX_CONCURRENT_READS] if run_id in visible]
            if not some or not self._paths:
                continue
            await self._session.budget.wait_for_room(len(some))
            results = await asyncio.gather(*map(self._read_one, some), return_exceptions=True)
            self._on_values()
            for error in results:
                if isinstance(error, BaseException):
                    raise error

    def _on_failure(self, run_ids: Sequence[RunId], error: ApiError) -> None:
        if isinstance(error, Refused) and error.is_about_the_key:
            self._is_refused = True
            self._on_refused(f"Columns from payload, output and metadata cannot be read: {error}")
        else:
            super()._on_failure(run_ids, error)

    async def _read_page(self, run_ids: Sequence[RunId]) -> Sequence[RunId]:
        """Read the newest page of the list if that saves reads. Return the runs that remain. Raises `ApiError`."""
        session, store = self._session, self._session.store
        newest = store.newest()
        runs = [run for run_id in run_ids if (run := store.get(run_id)) is not None]
        of_page = {run.id for run in runs if self._missing_roots(run) == {words.METADATA}}
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
        self._on_values()
        return [run_id for run_id in run_ids if run_id not in found]

    async def _read_one(self, run_id: RunId) -> None:
        """Read one run. Raises `ApiError` if no other run can be read either."""
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
        """Keep the values of the shown columns, and forget those of the run that was kept longest ago."""
        known = self._values.pop(run.id, {})
        for path in self._paths - known.keys():
            if path.root != words.METADATA and _may_have(run, path):
                value = value_in_body(run, stamp, body, path)
                if value is not words.Unshown.NOT_READ:
                    known[path] = value
        if known:
            self._values[run.id] = known
        if len(self._values) > MAX_RUNS:
            del self._values[next(iter(self._values))]


def value_in_body(run: Run, stamp: Stamp, body: Body, path: words.ColumnPath) -> words.CellValue:
    """Return the value at a path of a payload or an output. A body that was read before the end has no output yet."""
    is_payload = path.root == words.PAYLOAD
    ended_at = None if run.state is None else run.state.finished_at or run.state.updated_at
    if not is_payload and (ended_at is None or stamp.updated_at < ended_at):
        return words.Unshown.NOT_READ
    if (body.payload_url if is_payload else body.output_url) is not None:
        return words.Unshown.APART
    value = body.payload if is_payload else body.output
    return words.Unshown.MISSING if isinstance(value, Absent) else words.cell_value(path.find(value))


def _may_have(run: Run, path: words.ColumnPath) -> bool:
    """Return whether a run may have a value at a path: only those that have ended well have an output."""
    return path.root != words.OUTPUT or run.status is RunStatus.COMPLETED_SUCCESSFULLY
