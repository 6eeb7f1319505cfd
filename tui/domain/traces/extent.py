"""When each span of a waterfall began and ended, and whether its end is known.

A span without an end runs only while its run does. In a run that has ended its end is unknown: after a crash the spans
of the last attempt stay open for ever, and the rows of a child run after the end of the requested run never come. The
end of a closed span is unknown too if the server sent no readable duration.
Source: tests/wire/recordings/README.md §5, §6.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from tui.domain.ids import RunId
from tui.domain.traces.waterfall import ROOT, SpanKind, Waterfall
from tui.lazy_dataclass import dataclass


class SpanState(Enum):
    """Whether a span has ended, runs, or ended at an unknown moment."""

    ENDED = "ended"
    RUNNING = "running"
    UNKNOWN = "unknown"


class RunEnd(NamedTuple):
    """What is known of a run besides its trace. `finished_at` may be unknown for a run that has ended."""

    is_final: bool
    finished_at: datetime | None = None


_US: Final = timedelta(microseconds=1)

RunEnds = Callable[[RunId], RunEnd | None]
"""Returns what is known of a run; None if nothing is."""


@dataclass(slots=True, eq=False)
class Extents:
    """The states and ends of all spans of a waterfall, by index. Times are µs since the root's start.

    * `ends`: of a span that has ended, its end; of a running one, the last sign of it; where the end is unknown, the
      latest moment at which it can have been
    * `seen`: the last sign of each span and of everything below it
    * `first`, `last`: the earliest start, and the latest known moment
    """

    states: list[SpanState]
    ends: list[int]
    seen: list[int]
    first: int
    last: int

    @property
    def is_live(self) -> bool:
        """Whether the requested run has not ended."""
        return self.states[ROOT] is SpanState.RUNNING

    def end(self, index: int, now: int) -> int:
        """Return the end of a span; while it runs, `now` or its last sign."""
        return max(now, self.ends[index]) if self.states[index] is SpanState.RUNNING else self.ends[index]


def nothing_known(_run_id: RunId) -> None:
    """Know nothing of any run besides its trace."""


def extents_of(waterfall: Waterfall, run_ends: RunEnds = nothing_known) -> Extents:
    """Return when the spans of a waterfall ended. Linear in their number, and never recursive."""
    spans, starts, parents, kinds = waterfall.spans, waterfall.starts, waterfall.parents, waterfall.kinds
    durations = [0 if span.duration is None else max(0, span.duration // _US) for span in spans]
    # Planned delays and the engine's rows say nothing about when a span was last seen at work.
    seen = [
        start if kind is SpanKind.DELAY else start + duration
        for start, duration, kind in zip(starts, durations, kinds, strict=True)
    ]
    for index in range(len(spans) - 1, 0, -1):
        if kinds[index] is not SpanKind.ENGINE:
            seen[parents[index]] = max(seen[parents[index]], seen[index])
    last = max(seen)
    states: list[SpanState] = []
    ends: list[int] = []
    followed_at = _next_attempts(waterfall)
    for index, span in enumerate(spans):
        parent = parents[index]
        if not (span.is_partial or span.duration is None):
            end = starts[index] + durations[index]
            if kinds[index] is SpanKind.DELAY and states[parent] is SpanState.ENDED:
                # A delay is planned. A run that is canceled meanwhile does not wait for its end.
                end = max(min(end, ends[parent]), starts[index])
            states.append(SpanState.ENDED)
            ends.append(end)
            continue
        is_run = kinds[index] is SpanKind.RUN
        known = run_ends(span.run_id) if is_run else None
        is_below_running = parent < 0 or states[parent] is SpanState.RUNNING
        if known is not None and known.is_final:
            finished = None if known.finished_at is None else waterfall.moment(known.finished_at)
            states.append(SpanState.UNKNOWN if finished is None else SpanState.ENDED)
            ends.append(max(seen[index], starts[index] if finished is None else finished))
        elif (known is not None or (is_below_running and span.is_partial)) and index not in followed_at:
            states.append(SpanState.RUNNING)
            ends.append(seen[index])
        else:
            bound = followed_at.get(index, last if parent < 0 else ends[parent])
            states.append(SpanState.UNKNOWN)
            ends.append(max(seen[index], bound))
    return Extents(states, ends, seen, min(starts), max((last, *ends)))


def _next_attempts(waterfall: Waterfall) -> dict[int, int]:
    """Return the start of what follows each open attempt that cannot run any more: a retry delay or another attempt."""
    found: dict[int, int] = {}
    for above in waterfall.dequeued:
        later: int | None = None
        own = [each for each in waterfall.below[above] if waterfall.kinds[each] in {SpanKind.ATTEMPT, SpanKind.DELAY}]
        for each in sorted(own, key=waterfall.starts.__getitem__, reverse=True):
            if later is not None and waterfall.kinds[each] is SpanKind.ATTEMPT and waterfall.spans[each].is_partial:
                found[each] = later
            later = waterfall.starts[each]
    return found
