"""The waterfall of a trace as it was read, with everything that takes long to compute."""

from tui.domain.ids import RunId
from tui.domain.traces.extent import Extents, RunEnd
from tui.domain.traces.row_tree import RowTree
from tui.domain.traces.waterfall import Waterfall
from tui.lazy_dataclass import dataclass

KnownEnds = dict[RunId, RunEnd]
"""What the store knew of the runs that the trace shows as open."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTrace:
    """A waterfall with its rows, ends and longest path, as of `known_ends`. `tree` leaves the engine's spans out."""

    waterfall: Waterfall
    tree: RowTree
    extents: Extents
    path: frozenset[int]
    known_ends: KnownEnds


@dataclass(frozen=True, slots=True, eq=False)
class TraceReading:
    """The result of one read. `placed` is None if the server has no trace of the run.

    `cost_s` is how long the read took, from the request to the placed trace, and `ended_s` when it ended, by the clock.
    """

    placed: PlacedTrace | None
    cost_s: float = 0.0
    ended_s: float = 0.0
