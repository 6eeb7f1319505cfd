"""The list of sources: one line each, and what they are built from.

What lives here: `SOURCES`. A new source is a file with `run(emit)` and a line here.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.sources import RELAY
from tui.sources.base import Source
from tui.sources.clock import Clock
from tui.sources.reads import Reads
from tui.sources.rest import Reach, RestSource
from tui.sources.single import SingleRunSource
from tui.store.store import Store

if TYPE_CHECKING:
    from tui.sources.link import Link


@dataclass(frozen=True, slots=True)
class SourceParts:
    """Everything that a source may be built from. `run_id` is only for sources of one run, `link` is there on a relay
    only.
    """

    reads: Reads
    store: Store
    clock: Clock
    interval_s: float
    reach: Reach
    filters: RunFilters
    run_id: RunId
    link: "Link | None" = None


def _relay(parts: SourceParts) -> Source:
    # Loaded by who is on a relay only: websockets is a tenth of a command's start.
    source: Source = importlib.import_module("tui.sources.relay").RelaySource(parts.link, parts.store, parts.clock)
    return source


SOURCES: Mapping[str, Callable[[SourceParts], Source]] = MappingProxyType(
    {
        RestSource.name: lambda parts: RestSource(
            parts.reads,
            parts.store,
            parts.clock,
            interval_s=parts.interval_s,
            reach=parts.reach,
            filters=parts.filters,
        ),
        SingleRunSource.name: lambda parts: SingleRunSource(
            parts.reads, parts.run_id, parts.clock, interval_s=parts.interval_s
        ),
        RELAY: _relay,
    }
)
