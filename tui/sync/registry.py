"""The registry of sources. A new source is a module with a `Source` class, and an entry in `SOURCES`."""

from collections.abc import Callable, Mapping
from typing import Final

from tui.api.feed import FeedTarget
from tui.domain.run import REALTIME, RELAY, RUN_FEED
from tui.sync.base import Source
from tui.sync.feed import RealtimeSource
from tui.sync.lists import SourceParts
from tui.sync.polling import RestSource, SingleRunSource


def _environment_feed(parts: SourceParts) -> Source:
    """Return the feed of the environment, filtered by the tag if there is a single one.

    Several tags mean any of them in a list, and all of them in a feed.
    """
    tags = parts.filters.tags if len(parts.filters.tags) == 1 else ()
    return RealtimeSource(parts, FeedTarget(window=parts.history.age, tags=tags))


def _relay(parts: SourceParts) -> Source:
    # websockets takes a tenth of a command's start.
    from tui.sync.relay import RelaySource  # noqa: PLC0415  only a session on a relay loads it

    assert parts.relay is not None
    return RelaySource(parts.relay, parts.store, parts.clock)


SOURCES: Final[Mapping[str, Callable[[SourceParts], Source]]] = {
    RestSource.name: RestSource,
    SingleRunSource.name: SingleRunSource,
    REALTIME: _environment_feed,
    RUN_FEED: lambda parts: RealtimeSource(parts, FeedTarget(run_id=parts.run_id)),
    RELAY: _relay,
}
