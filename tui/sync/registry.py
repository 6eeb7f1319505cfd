"""The registry of sources. A new source is a module with a `Source` class, and an entry in `SOURCES`."""

from collections.abc import Callable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from tui.api.feed import FeedTarget
from tui.domain.filters import RunFilters
from tui.domain.ids import REALTIME, RELAY, RUN_FEED, RunId
from tui.lazy_dataclass import dataclass
from tui.store.store import Store
from tui.sync.base import Source
from tui.sync.clock import Clock, OnWake
from tui.sync.feed import RealtimeSource
from tui.sync.fetch import RunFetcher
from tui.sync.lists import Coverage
from tui.sync.polling import HistoryLimits, RestSource, SingleRunSource

if TYPE_CHECKING:
    from tui.sync.relay import RelayConnection


@dataclass(frozen=True, slots=True)
class SourceParts:
    """The arguments that sources are built from.

    Sources of a single run need `run_id`. A feed and the poller beside it share a `coverage`. `on_wake` registers
    wake-up callbacks. Only the source of a relay needs `relay`.
    """

    fetcher: RunFetcher
    store: Store
    clock: Clock
    interval: Callable[[], float]
    history: HistoryLimits
    filters: RunFilters
    run_id: RunId | None = None
    coverage: Coverage = field(default_factory=Coverage)
    on_wake: OnWake = lambda _: lambda: None
    relay: "RelayConnection | None" = None


def _feed(parts: SourceParts, target: FeedTarget) -> RealtimeSource:
    parts.coverage.tags = target.tags
    return RealtimeSource(
        parts.fetcher,
        parts.store,
        parts.clock,
        parts.coverage,
        target,
        filters=parts.filters if target.run_id is None else RunFilters(),
        max_age=parts.history.age,
        on_wake=parts.on_wake,
    )


def _environment_feed(parts: SourceParts) -> FeedTarget:
    """Return the feed of the environment, filtered by the tag if there is a single one.

    Several tags mean any of them in a list, and all of them in a feed.
    """
    tags = parts.filters.tags if len(parts.filters.tags) == 1 else ()
    return FeedTarget(window=parts.history.age, tags=tags)


def _run_id(parts: SourceParts) -> RunId:
    if parts.run_id is None:
        raise ValueError("a source of a single run needs a run id")
    return parts.run_id


def _relay(parts: SourceParts) -> Source:
    # websockets takes a tenth of a command's start.
    from tui.sync.relay import RelaySource  # noqa: PLC0415  only a session on a relay loads it

    if parts.relay is None:
        raise ValueError("a relay source needs a relay connection")
    return RelaySource(parts.relay, parts.store, parts.clock)


SOURCES: Mapping[str, Callable[[SourceParts], Source]] = MappingProxyType(
    {
        RestSource.name: lambda parts: RestSource(
            parts.fetcher,
            parts.store,
            parts.clock,
            interval=parts.interval,
            history=parts.history,
            filters=parts.filters,
            coverage=parts.coverage,
            on_wake=parts.on_wake,
        ),
        SingleRunSource.name: lambda parts: SingleRunSource(
            parts.fetcher, _run_id(parts), parts.clock, interval=parts.interval, coverage=parts.coverage
        ),
        REALTIME: lambda parts: _feed(parts, _environment_feed(parts)),
        RUN_FEED: lambda parts: _feed(parts, FeedTarget(run_id=_run_id(parts))),
        RELAY: _relay,
    }
)
