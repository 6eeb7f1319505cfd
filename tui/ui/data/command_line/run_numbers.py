"""The numbers that the command line shows: runs by their values, runs that a view would show, runs by their ids."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.filters import RunFilters, parse_period
from tui.domain.time_span import parse_time_span
from tui.lazy_dataclass import dataclass
from tui.store.addresses.view_address import ViewAddress
from tui.store.command_line.shell_command import LoadedNames
from tui.store.command_line.tallies import IdSearch, MatchTally, ValueTally
from tui.store.filter import EVERYTHING, parse_filter
from tui.store.filter_words import split_words
from tui.store.server_filter import ServerFilter, with_server_filters
from tui.ui.data.command_line.counting import TYPING_S, SlicedCount
from tui.ui.data.live_model import LiveModel

ROUNDING: Final = timedelta(seconds=1)
"""Two readings of the time may differ by so much."""


class ShownTime(NamedTuple):
    """The time that a view of runs shows. `end` None: it goes on."""

    begin: datetime
    end: datetime | None = None

    @property
    def is_span(self) -> bool:
        """Whether it has a fixed begin, so that older live runs are not shown."""
        return self.end is not None


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
        session = live.session
        self._counts = {name: SlicedCount(session, on_update) for name in ("values", "matches", "ids")}
        self._values: ValueTally | None = None
        self._matches: tuple[ViewAddress, MatchTally] | None = None
        self._ids: tuple[str, IdSearch] | None = None

    def close(self) -> None:
        """Stop counting."""
        for count in self._counts.values():
            count.stop()

    @property
    def loaded_count(self) -> int:
        """The number of loaded runs."""
        return len(self._live.session.store)

    @property
    def values(self) -> ValueTally:
        """The runs by their values. They are counted once, when they are first needed."""
        if self._values is None:
            self._values = ValueTally(self._live.get, self._live.newest_first_keys())
            self._counts["values"].start(self._values)
        return self._values

    @property
    def names(self) -> LoadedNames:
        """The values of the loaded runs."""
        return LoadedNames(self.values.counts, self.values.is_complete and self.values.has_all_tags)

    def ids(self, part: str) -> IdSearch:
        """The runs whose id ends with a text, or contains it."""
        if self._ids is None or self._ids[0] != part:
            self._ids = (part, IdSearch(self._live.newest_first_keys(), part))
            self._counts["ids"].start(self._ids[1], after_s=TYPING_S)
        return self._ids[1]

    def of_view(self, address: ViewAddress) -> ViewNumbers:
        """Return how many runs a view would show. Its address has been checked."""
        window = self.window_of(address.since)
        parsed = parse_filter(address.filter, now=self._live.now.frozen_at or self._live.now.at)
        if self._matches is None or self._matches[0] != address:
            self._matches = (address, self._tally(address, window))
            self._counts["matches"].start(self._matches[1], after_s=TYPING_S)
        tally = self._matches[1]
        store = self._live.session.store
        history, chosen = store.history, self._chosen
        is_same_list = address.server == _lists(chosen)
        asks_server = not is_same_list or self._window_of_list() != self._window_text(address)
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
            is_span=window.is_span,
        )

    def _window_of_list(self) -> object:
        return self._chosen.filters.created_from or self._chosen.period

    def _window_text(self, address: ViewAddress) -> object:
        if not address.since:
            return self._live.session.settings.history
        return parse_period(address.since) or self.window_of(address.since).begin


def _lists(chosen: ServerFilter) -> RunFilters:
    return replace(chosen.filters, period=None, created_from=None, created_to=None)
