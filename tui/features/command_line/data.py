"""The numbers and the history that the command line shows, and the run of a pasted link."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import unquote

from tui.api.errors import ApiError
from tui.domain.filters import parse_period, parse_time_span
from tui.domain.run import Run, RunId
from tui.kit.commands import HistoryLine
from tui.kit.live_model import LiveModel
from tui.kit.state_files import MAX_BYTES, StateFile
from tui.lazy_dataclass import dataclass
from tui.store.addresses import ViewAddress
from tui.store.command_line import IdSearch, LoadedNames, MatchTally, ValueTally
from tui.store.filter import EVERYTHING, parse_filter, split_words
from tui.store.server_filter import ServerFilter, with_server_filters
from tui.sync.budget import Priority
from tui.sync.session import Session

# Counts loaded runs beside the keys: the first slice at once, the others between the keys.


SLICE_S: Final = 0.004
"""The longest time for which one slice blocks the event loop."""


TYPING_S: Final = 0.15
"""The pause after which the user is taken to look: what depends on the typed text is not counted for every letter."""


class Tally(Protocol):
    """Something that is counted in steps."""

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Count until the time is up. Return whether all is counted."""


T = TypeVar("T", bound=Tally)


class SlicedCount:
    """Runs one tally at a time. `on_done` is called when one is complete that took more than one slice."""

    def __init__(self, session: Session, on_done: Callable[[], None]) -> None:
        self._session = session
        self._on_done = on_done
        self._task: asyncio.Task[None] | None = None

    def start(self, tally: Tally, *, after_s: float = 0.0) -> None:
        """Count, and drop what is being counted. What the first slice leaves is counted after a pause."""
        self.stop()
        if not self._count_slice(tally):
            self._task = self._session.spawn(self._count(tally, after_s), "count runs")

    def stop(self) -> None:
        """Drop what is being counted."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _count(self, tally: Tally, after_s: float) -> None:
        if after_s:
            await self._session.clock.sleep(after_s)
        while not self._count_slice(tally):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)
        self._on_done()

    def _count_slice(self, tally: Tally) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return tally.count_some(lambda: monotonic_s() >= until_s)


# The commands that were run before, in a file of the state directory.
#
# There is one file for each environment of each API. It holds what the user typed and ran: no payload, and no text with
# a key. Two monitors of one environment share it: a save keeps what the other one has added.


VERSION: Final = 1
MAX_ENTRIES: Final = 200
MAX_ENTRY_CHARS: Final = 300
"""A longer command is not kept: it was pasted, and may be anything."""

_SECRET: Final = re.compile(
    r"\b(?:tr|sk|pk|rk|gh[a-z]|github_pat|npm|xox[a-z])_\w{3,}|\b(?:sk|glpat|xox[a-z])-[\w-]{12,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12}|\bey[JA]\w{10,}|\bbearer\b"
    r"|\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b\s*[=:]",
    re.IGNORECASE,
)
"""Keys of Trigger.dev and of others, and tokens."""


def may_keep(text: str) -> bool:
    """Return whether a command may be kept: it is short, printable, and contains nothing like a key."""
    return 0 < len(text) <= MAX_ENTRY_CHARS and text.isprintable() and _SECRET.search(unquote(text)) is None


def with_entry(entries: Sequence[HistoryLine], entry: HistoryLine) -> tuple[HistoryLine, ...]:
    """Return the history with one more entry, each command once, oldest first."""
    return (*[each for each in entries if each.text != entry.text], entry)[-MAX_ENTRIES:]


class CommandHistory(StateFile[tuple[HistoryLine, ...]]):
    """Reads and writes the history of one environment. `entries` has the oldest command first."""

    def __init__(self, state_dir: PurePath, *, owner: str, holds_key: Callable[[str], bool] = lambda _: False) -> None:
        """`owner` names the environment: equal names share a file. A text for which `holds_key` is true is not kept."""
        digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()
        super().__init__(Path(state_dir) / f"commands-{digest[:16]}.json", "commands", holds_key)
        self.entries: tuple[HistoryLine, ...] = ()
        self.is_loaded = False
        self._unsaved: list[HistoryLine] = []

    async def load(self) -> tuple[HistoryLine, ...]:
        """Read the file once. A file that cannot be read counts as empty."""
        self.entries = reduce(with_entry, self.entries, await super().load())  # some may have been run meanwhile
        self.is_loaded = True
        return self.entries

    def add(self, text: str, at: datetime) -> bool:
        """Add a command to `entries`. Return whether it may be kept, so that `save` has to be called."""
        if not may_keep(text) or self._holds_key(text):
            return False
        entry = HistoryLine(at.astimezone(UTC), text)
        self.entries = with_entry(self.entries, entry)
        self._unsaved.append(entry)
        return True

    async def save(self) -> None:
        """Write what was added. What another process has added meanwhile is kept."""
        unsaved, self._unsaved = self._unsaved, []

        def changed() -> tuple[HistoryLine, ...]:
            entries = reduce(with_entry, unsaved, self.read())
            while len(json.dumps(self.encode(entries), indent=1)) >= MAX_BYTES:
                entries = entries[1 + len(entries) // 8 :]
            return entries

        await self.change(changed)

    def texts_of(self, value: tuple[HistoryLine, ...]) -> Iterable[str]:  # noqa: ARG002  `add` has checked them
        return ()

    def encode(self, value: tuple[HistoryLine, ...]) -> dict[str, Any]:
        return {"version": VERSION, "commands": [[each.at.isoformat(timespec="seconds"), each.text] for each in value]}

    def decode(self, saved: Any) -> tuple[HistoryLine, ...]:
        if saved is None:
            return ()
        if saved["version"] != VERSION:
            raise ValueError
        kept = [(at, text) for at, text in saved["commands"] if isinstance(text, str) and may_keep(text)]
        return tuple(HistoryLine(_moment(at), text) for at, text in kept)[-MAX_ENTRIES:]


def _moment(text: str) -> datetime:
    """Decode a time with its zone. Raises `ValueError` or `TypeError`."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(text)
    return at.astimezone(UTC)


# Reads the run of a pasted link once the user pauses, so that it is named before it is opened.


PAUSE_S: Final = 0.6
"""Nothing is read while the user types."""

MAX_WAIT_S: Final = 5.0
"""A request that would have to wait longer for the budget is not sent."""

MAX_FAILURES: Final = 50


class LinkedRun:
    """Reads one run at a time. `on_update` is called when it was read, or could not be.

    `failures` has what the server said of runs that could not be read.
    """

    def __init__(self, session: Session, on_update: Callable[[], None]) -> None:
        self._session = session
        self._on_update = on_update
        self._task: asyncio.Task[None] | None = None
        self._wanted: RunId | None = None
        self.failures: dict[RunId, str] = {}

    def find(self, run_id: RunId) -> Run | None:
        """Return the run if the store has it, otherwise read it after a pause."""
        run = self._session.store.get(run_id)
        if run is not None and run.state is not None and not run.is_gone:
            self.stop()
            return run
        if run_id not in self.failures and run_id != self._wanted and self._session.is_started:
            self.stop()
            self._wanted = run_id
            self._task = self._session.spawn(self._read(run_id), "read the run of a link")
        return None

    def stop(self) -> None:
        """Read nothing."""
        self._wanted = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _read(self, run_id: RunId) -> None:
        await self._session.clock.sleep(PAUSE_S)
        try:
            await self._session.fetcher.fetch_run(run_id, Priority.SELECTED, max_wait_s=MAX_WAIT_S)
            await self._session.settle()
        except ApiError as error:
            while len(self.failures) >= MAX_FAILURES:
                del self.failures[next(iter(self.failures))]
            self.failures[run_id] = str(error)
        self._wanted = self._task = None
        self._on_update()


# The numbers that the command line shows: runs by their values, runs that a view would show, runs by their ids.


ROUNDING: Final = timedelta(seconds=1)
"""Two readings of the time may differ by so much."""


class ShownTime(NamedTuple):
    """The time that a view of runs shows. `end` None: it goes on."""

    begin: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ViewNumbers:
    """How many runs a view shows of those that are loaded.

    * `is_counted`: False while runs are still being counted
    * `is_lower_bound`: more may match, since the errors of some runs are not read, or the queues of all
    * `asks_server`: the view asks the server for other runs than the list shows now
    * `is_all_loaded`: the server has no other runs for it
    """

    matched: int
    total: int
    is_counted: bool
    is_lower_bound: bool
    asks_server: bool
    is_all_loaded: bool


class RunNumbers:
    """Counts for one command line. `on_update` is called when a count that took longer than one slice is complete."""

    def __init__(self, live: LiveModel, chosen: ServerFilter, on_update: Callable[[], None]) -> None:
        """`chosen` are the filters that the list has now."""
        self._live = live
        self._chosen = chosen
        self._on_update = on_update
        self._counted: dict[str, tuple[SlicedCount, object, Tally]] = {}

    def close(self) -> None:
        """Stop counting."""
        for count, _, _ in self._counted.values():
            count.stop()

    def _count(self, name: str, about: object, tally: Callable[[], T], *, after_s: float = TYPING_S) -> T:
        """Return the count of a name, which begins again when it is about something else."""
        count, known, found = self._counted.get(name) or (SlicedCount(self._live.session, self._on_update), None, None)
        if found is None or known != about:
            found = tally()
            self._counted[name] = count, about, found
            count.start(found, after_s=after_s)
        return cast("T", found)

    @property
    def loaded_count(self) -> int:
        """The number of loaded runs."""
        return len(self._live.session.store)

    @property
    def values(self) -> ValueTally:
        """The runs by their values. They are counted once, when they are first needed."""
        keys = self._live.newest_first_keys
        return self._count("values", "", lambda: ValueTally(self._live.get, keys()), after_s=0.0)

    @property
    def names(self) -> LoadedNames:
        """The values of the loaded runs."""
        return LoadedNames(self.values.counts, self.values.is_complete and self.values.has_all_tags)

    def ids(self, part: str) -> IdSearch:
        """The runs whose id ends with a text, or contains it."""
        return self._count("ids", part, lambda: IdSearch(self._live.newest_first_keys(), part))

    def of_view(self, address: ViewAddress) -> ViewNumbers:
        """Return how many runs a view would show. Its address has been checked."""
        window = self.window_of(address.since)
        parsed = parse_filter(address.filter, now=self._live.now.frozen_at or self._live.now.at)
        tally = self._count("matches", address, lambda: self._tally(address, window))
        history, chosen = self._live.session.store.history, self._chosen
        is_same_list = address.server == replace(chosen.filters, period=None, created_from=None, created_to=None)
        of_list = chosen.filters.created_from or chosen.period
        asks_server = not is_same_list or of_list != self._window_text(address)
        is_all_read = history is not None and history.is_complete and not history.is_cut
        begin = chosen.filters.created_from or self._live.session.now() - chosen.period
        is_covered = chosen.filters.created_to is None and begin - ROUNDING <= window.begin
        return ViewNumbers(
            tally.matched,
            tally.total,
            tally.is_complete,
            parsed.depends_on_errors or any(word.field == "queue" for word in split_words(address.filter)),
            asks_server,
            is_all_read and is_same_list and is_covered,
        )

    def window_of(self, since: str) -> ShownTime:
        """Return the time that a view shows. `since` is a period, a span, or empty for the usual period."""
        now = self._live.session.local_now()
        period = parse_period(since) if since else self._live.session.settings.history
        if period is None and (span := parse_time_span(since, now)) is not None:
            return ShownTime(span.begin, span.end)
        return ShownTime(now - (period or self._live.session.settings.history))

    def _tally(self, address: ViewAddress, window: ShownTime) -> MatchTally:
        now = self._live.now
        parsed = parse_filter(address.filter, now=now.frozen_at or now.at)
        end = window.end

        def is_before_end(run_filter: Callable[..., bool]) -> Callable[..., bool]:
            if end is None:
                return run_filter
            return lambda run: (run.created_at is None or run.created_at <= end) and run_filter(run)

        return MatchTally(
            self._live.get,
            self._live.newest_first_keys(),
            base=is_before_end(with_server_filters(address.server, EVERYTHING).matches),
            matches=parsed.matches,
            since=window.begin,
            is_span=window.end is not None,  # older live runs are not shown then
        )

    def _window_text(self, address: ViewAddress) -> object:
        if not address.since:
            return self._live.session.settings.history
        return parse_period(address.since) or self.window_of(address.since).begin
