"""The routes of reports: the health report as Markdown or JSON. Any other report is refused.

Source: tests/wire/recordings/README.md §15 (recordings 1168-1172).
"""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from tui.emulator.access import forbidden
from tui.emulator.exchange import ApiRequest, ApiResponse
from tui.emulator.reports.health import HealthReport
from tui.emulator.reports.markdown import as_markdown
from tui.emulator.reports.measures import measure
from tui.emulator.simulation.new_run import duration_ms
from tui.emulator.world import World

DEFAULT_PERIOD = "1h"
CACHED_MS = 60_000
"""The server makes a report at most once a minute."""

MAX_CACHED = 20
MARKDOWN: Mapping[str, str] = {"content-type": "text/markdown; charset=utf-8"}

_cached: WeakKeyDictionary[World, dict[str, HealthReport]] = WeakKeyDictionary()
"""For each world its last report of each period."""


async def health(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/reports/health?period&format`: Markdown, or with `format=json` JSON (recordings 1169, 1170)."""
    period = request.query.get("period", DEFAULT_PERIOD)
    window_ms = duration_ms(period)
    if not window_ms:
        period, window_ms = DEFAULT_PERIOD, 3_600_000
    report = await _report(request, period, window_ms)
    if request.query.get("format") == "json":
        return ApiResponse(report.as_json())
    return ApiResponse(as_markdown(report), headers=MARKDOWN)


async def other(_: ApiRequest) -> ApiResponse:
    """Any other report, for any key (recordings 1168, 1171, 1172)."""
    raise forbidden()


async def _report(request: ApiRequest, period: str, window_ms: int) -> HealthReport:
    world = request.world
    now_ms = world.now_ms
    reports = _cached.setdefault(world, {})
    known = reports.get(period)
    if known is not None and now_ms - known.measures.now_ms < CACHED_MS:
        return known
    report = HealthReport(world.environment, period, await measure(request.queries, now_ms, window_ms))
    if len(reports) >= MAX_CACHED:
        reports.clear()
    reports[period] = report
    return report
