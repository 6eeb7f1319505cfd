"""The longest path through a trace: the spans that decide when its root ends.

It is followed backwards from the end of the root. Inside a span that lasts until a moment, the path goes through the
span below that ended last at or before this moment; then through the one that ended last before that one began; and so
on. Where no span below qualifies, the span itself took the time.

* The first span below may also end later than the moment: it then counts until the moment.
* Running spans end now, so they all end last. Of several that end last the one that began first is chosen, then the
  server's order. So the path of a run that has not ended does not change by the clock alone.
* A span that takes no time is not on the path, and neither are log lines and rows of the engine.
* Times are compared with a tolerance of a millisecond: the server rounds starts down to milliseconds.
"""

from typing import Final

from tui.domain.traces.extent import Extents, SpanState
from tui.domain.traces.waterfall import ROOT, SpanKind, Waterfall

TOLERANCE_US: Final = 1_000

_NEVER: Final = 1 << 62
_IGNORED: Final = frozenset({SpanKind.LOG, SpanKind.ENGINE})


def longest_path(waterfall: Waterfall, extents: Extents) -> frozenset[int]:
    """Return the indexes of the spans on the longest path, with the root. Never recursive."""
    ends = [
        _NEVER if state is SpanState.RUNNING else end for state, end in zip(extents.states, extents.ends, strict=True)
    ]
    found = {ROOT}
    pending = [(ROOT, ends[ROOT])]
    while pending:
        above, moment = pending.pop()
        for index, until in _last_to_end(waterfall, ends, above, moment):
            found.add(index)
            pending.append((index, until))
    return frozenset(found)


def _last_to_end(waterfall: Waterfall, ends: list[int], above: int, moment: int) -> list[tuple[int, int]]:
    """Return the spans below one that lasts until a moment, each with the moment until which it counts."""
    starts = waterfall.starts
    candidates = [
        (min(ends[each], moment), -starts[each], -each)
        for each in waterfall.below[above]
        if waterfall.kinds[each] not in _IGNORED and starts[each] < min(ends[each], moment)
    ]
    candidates.sort(reverse=True)
    chosen: list[tuple[int, int]] = []
    for end, minus_start, minus_index in candidates:
        until = min(end, moment)
        if (not chosen or end <= moment + TOLERANCE_US) and -minus_start < until:
            chosen.append((-minus_index, until))
            moment = -minus_start
    return chosen
