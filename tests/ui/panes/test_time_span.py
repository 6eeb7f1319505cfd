"""A list of a span of time."""

from datetime import timedelta
from pathlib import Path

from tests.support.fleet import at, in_ms
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story


def test_list_shows_only_the_runs_of_a_span(tmp_path: Path) -> None:
    begin, end = at(-130), at(-70)
    text = f"{begin:%H:%M:%S}-{end:%H:%M:%S}"

    async def story(monitor: Monitored) -> None:
        await monitor.press("f", wait_s=0.2)
        await monitor.press("shift+tab", "up", wait_s=0.2)
        await monitor.press(*["backspace"] * 5, *text)
        await monitor.press("enter", wait_s=6)
        assert f"{begin:%Y-%m-%d} {text} UTC" in monitor.lines[1]
        shown = monitor.screen.run_list.views.shown
        created = [monitor.session.store.get(shown.at(index)).created_at for index in range(len(shown))]  # type: ignore[union-attr]
        assert len(created) == 7
        assert all(moment is not None and begin <= moment <= end for moment in created)
        _, query = monitor.api.fleet.requests_to("/api/v1/runs")[-1]
        assert query["filter[createdAt][from]"] == str(in_ms(-130))
        assert query["filter[createdAt][to]"] == str(in_ms(-70))
        assert "filter[createdAt][period]" not in query
        await monitor.later(90)
        assert len(monitor.screen.run_list.views.shown) == 7, "the span stays while time passes"
        await monitor.press("0", wait_s=3)
        assert "last 24h" in monitor.lines[1]
        assert len(monitor.screen.run_list.views.shown) == 30

    run_story(story, tmp_path, small_fleet(), history=timedelta(hours=24))
