"""The figures of the command `errors`: how many requests it needs for 500 failed runs.

Their time is that of the server, or of its rate limit: the program adds less than a second.
"""

from collections.abc import Callable
from typing import Final

from tests.perf.figures.row import Effort, Reading
from tests.support.commands import in_this_process
from tests.support.fleet import FleetRun, fleet_of, serving
from tests.support.responses import server_error

RUNS: Final = 500
PAGES: Final = 5
QUERIES: Final = 3
"""For 200 runs each."""

BEFORE: Final = 1
"""The list of the time before, which tells which groups are new."""

_REFUSED: Final = ("/api/v1/query", "/api/v1/errors", "/realtime/v1/runs")


def requests_for_500(*, may_query: bool) -> Callable[[Effort], Reading]:
    """Return a measurement for a key that may query, or for one that may only read runs."""
    goal = PAGES + 1 + QUERIES if may_query else PAGES + BEFORE + len(_REFUSED) + RUNS

    def measure(_: Effort) -> Reading:
        fleet = fleet_of(
            (FleetRun(n, -float(n), -float(n), -n + 0.5, "FAILED") for n in range(1, RUNS + 1)), may_query=True
        )
        if not may_query:
            fleet.fault = lambda path: server_error(403) if path in _REFUSED else None
        with serving(fleet) as api:
            done = in_this_process("errors", "--since", "24h", "--json", url=api.url)
        count = len(fleet.requests)
        return Reading(f"{count} requests", done.code == 0 and count <= goal)

    return measure
