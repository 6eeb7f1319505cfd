"""The copy menu leads back to the run and to the view, and never has a key."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fleet import SECRET
from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.features.copying.view import THROUGH_RELAY
from tui.kit.page_screen import NO_DASHBOARD
from tui.settings.schema import Dashboard


def test_menu_leads_to_the_run_the_list_and_the_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    async def copied(monitor: Monitored, key: str) -> str:
        await monitor.press("Y", wait_s=1)
        await monitor.press(key)
        return base64.b64decode(written[-1].split(";")[2].rstrip("\x07")).decode()

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(monitor.app, "write", written.append)
        url = monitor.session.settings.api_url
        await monitor.press("Y")
        assert "back to this list" not in monitor.text  # without a run there is only one group
        await monitor.press("escape", "j", wait_s=1)
        run_id = monitor.screen.pane.target
        assert await copied(monitor, "a") == f"run?id={run_id}"
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui show {run_id}"
        assert await copied(monitor, "A") == "runs?"
        await monitor.press("j")
        await monitor.press("Y", "t", wait_s=1)  # the letter of a row that is not read yet
        assert "ticket sent to the terminal" in monitor.text
        await monitor.press("k", wait_s=1)
        assert await copied(monitor, "S") == f"TRIGGER_API_URL={url} trigger-tui ls"
        request = await copied(monitor, "C")
        assert request.startswith('curl -sS -H "Authorization: Bearer $TRIGGER_SECRET_KEY" -H ')
        assert request.endswith("&page%5Bsize%5D=100'")
        await monitor.press("Y", "d")
        assert NO_DASHBOARD[:30] in monitor.text
        await monitor.press("escape")
        monitor.session.settings = replace(monitor.session.settings, dashboard=Dashboard("https://d.example.com"))
        assert (await copied(monitor, "d")).startswith("https://d.example.com/projects/v3/proj_")
        await monitor.press("5")
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui logs {run_id}"
        assert (await copied(monitor, "c")).endswith(f"/api/v1/runs/{run_id}/events")
        await monitor.press("escape", "exclamation_mark", wait_s=8)
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui errors --since 24h"
        assert "/api/v1/errors?" in await copied(monitor, "c")
        assert not any(SECRET in base64.b64decode(each.split(";")[2].rstrip("\x07")).decode() for each in written)

    run_story(story, tmp_path, failing_fleet())


def test_reason_why_a_row_is_missing_fits_80_columns() -> None:
    assert max(len(NO_DASHBOARD), len(THROUGH_RELAY)) <= 44, "in the menu"
    assert len(f"no link to the dashboard: {NO_DASHBOARD}") <= 70, "in the footer beside ? keys"
