"""A new finding calls the user: the bell, a notice, and a command, once each."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.ui.monitor import Monitored, monitored
from tests.support.ui.own_commands import config_of, environ, until_real
from tui.features.runs.data import RunSubscription
from tui.settings.secret import NO_SECRET
from tui.settings.settings import Settings, with_file

TERM = {"TERM": "xterm-256color"}
FAILS_AT_S = 14.0


def failing_fleet() -> Fleet:
    """Return a fleet in which every run of a task fails after some seconds, and of another one some time later."""
    fleet = fleet_of(
        FleetRun(number, -600.0 + 10 * number, -599.0 + 10 * number, -598.0 + 10 * number) for number in range(1, 50)
    )
    for number in range(20):
        for task, first, begin_s in (("charge", 100, FAILS_AT_S), ("bill", 200, FAILS_AT_S + 40)):
            at_s = begin_s + number / 4
            fleet.add_all([FleetRun(first + number, at_s, at_s + 0.1, at_s + 0.2, "FAILED", task=task)])
    fleet.allow_queries()
    return fleet


def test_new_finding_calls_once_by_all_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, script = tmp_path / "alerts.json", tmp_path / "record.sh"
    script.write_text('cat >> "$1"; printf "%s" "$TRIGGER_SECRET_KEY$MY_COPY" >> "$1.secret"; exit 3\n')
    command = f"on_alert = {json.dumps(['sh', str(script), str(out)])}\n"

    def settings_of(text: str) -> Settings:
        return with_file(Settings("", NO_SECRET), config_of(tmp_path, f"[bell]\n{text}"))

    def alerts() -> list[dict[str, Any]]:
        return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []

    async def story(monitor: Monitored, written: list[str]) -> None:
        session, app = monitor.session, monitor.app
        await monitor.press("j")  # hides the overview, which watches too
        assert session.findings.is_watched
        await monitor.later(FAILS_AT_S - 10)
        assert written == []
        await monitor.later(20)
        await until_real(monitor, lambda: any("on_alert" in each.text for each in app.messages), "the command's end")
        (call,) = written
        assert call.startswith("\x07\x1b]9;FAILING charge")
        assert call.endswith("\x07")
        (alert,) = alerts()
        assert {"word": "FAILING", "subject": "charge", "task": "charge", "quiet": False}.items() <= alert.items()
        assert "failed" in alert["sentence"]
        assert (tmp_path / "alerts.json.secret").read_text() == ""
        # The same finding is not new after the file has changed.
        for text in ("", f'ring = "both"\nquiet_hours = ["00:00-00:00"]\n{command}'):
            app.change_settings(replace(session.settings, bell=settings_of(text).bell))
            await monitor.later(8)
            assert session.findings.is_watched is bool(text)
        await monitor.later(30)
        await until_real(monitor, lambda: len(alerts()) == 2, "the second call of the command")
        assert (alerts()[1]["subject"], alerts()[1]["quiet"]) == ("bill", True)
        assert written == [call], "the hours are quiet"
        assert [each.count for each in app.messages if "on_alert: exited with code 3" in each.text] == [1]

    async def whole() -> None:
        settings = settings_of(f'ring = "both"\nslow = "off"\n{command}')
        changes: dict[str, Any] = {"bell": settings.bell, "file": settings.file}
        async with monitored(
            failing_fleet(), tmp_path, size=(80, 24), environ=environ() | TERM, has_overview=True, **changes
        ) as monitor:
            written: list[str] = []
            monkeypatch.setattr(monitor.app, "write", written.append)
            await story(monitor, written)

    asyncio.run(whole())


def test_restart_calls_for_no_finding_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    settings = with_file(Settings("", NO_SECRET), config_of(tmp_path, '[bell]\nring = "notice"\n'))
    monkeypatch.setattr(RunSubscription, "state_key", "one environment")  # each fleet has a port of its own

    async def whole() -> None:
        changes: dict[str, Any] = {"bell": settings.bell, "file": settings.file}
        for _ in range(2):  # the same minutes again, as a monitor that crashed and started again would see them
            async with monitored(
                failing_fleet(), tmp_path, size=(80, 24), environ=environ() | TERM, **changes
            ) as monitor:
                monkeypatch.setattr(monitor.app, "write", calls.append)
                await monitor.later(FAILS_AT_S + 10)
            assert ["FAILING charge" in each for each in calls] == [True]

    asyncio.run(whole())
    (file,) = tmp_path.rglob("alerts-*.json")
    assert "charge" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
