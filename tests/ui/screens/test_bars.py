"""Header, run summary and footer of the running monitor."""

import asyncio
from pathlib import Path

from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import monitored
from tui.kit.colors import ColorMode
from tui.kit.words import RuleText, Tab, rule_line
from tui.text.styled import Piece, line_width, plain

RUNS = "/api/v1/runs"


def refused(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status_code=status)


def test_outage_is_shown_from_first_failure_to_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = small_fleet(3)
        async with monitored(fleet, tmp_path, size=(110, 24)) as monitor:
            assert monitor.lines[0].startswith("  DEV   ")
            assert "● polling" in monitor.lines[0]
            assert "✗1" in monitor.lines[0]
            assert monitor.lines[0].endswith(" UTC")
            assert "need a connection" not in monitor.lines[-1]
            fleet.fault = lambda path: refused(503, "upstream down") if path == RUNS else None
            await monitor.later(20)
            assert "○ retrying " in monitor.lines[0]
            assert "503 from the server" in monitor.lines[0]
            assert "as of 14:00" in monitor.lines[0]
            assert monitor.lines[-1].startswith(" r try now   / filter ")
            assert "? keys" in monitor.lines[-1]
            assert monitor.lines[-1].endswith("   C and R need a connection")
            fleet.fault = lambda _: None
            await monitor.press("r", wait_s=2)
            assert "● polling" in monitor.lines[0]
            assert "try now" not in monitor.lines[-1]
            texts = [message.text for message in monitor.app.messages]
            assert "The server has trouble (503): upstream down." in texts
            assert sum(text.startswith("Connected again after ") for text in texts) == 1

    asyncio.run(scenario())


def test_wrong_key_or_url_gives_advice(tmp_path: Path) -> None:
    async def scenario(answer: Response) -> str:
        fleet = small_fleet(3)
        fleet.fault = lambda path: answer if path == RUNS else None
        async with monitored(fleet, tmp_path, size=(80, 24)) as monitor:
            return monitor.text

    wrong_key = asyncio.run(scenario(refused(401, "Invalid or Missing API key")))
    assert "○ stopped  the key was refused (401)" in wrong_key
    assert "Set TRIGGER_SECRET_KEY to the secret key of an environment" in wrong_key
    wrong_address = asyncio.run(scenario(HTMLResponse("<html>Welcome</html>")))
    assert "a web page answers" in wrong_address
    assert "Set TRIGGER_API_URL to the address of the server" in wrong_address


def test_empty_environment_explains_how_to_trigger(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(0), tmp_path, size=(80, 24)) as monitor:
            assert "No runs yet in dev." in monitor.text

    asyncio.run(scenario())


def test_header_shows_read_only_and_pause_numbers(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = small_fleet(3)
        async with monitored(fleet, tmp_path, size=(120, 40), read_only=True) as monitor:
            assert "   READ-ONLY   ● polling" in monitor.lines[0]
            await monitor.press("p", wait_s=61)
            assert "‖ paused  61 s ago, p resumes" in monitor.lines[0]
            assert "as of 14:00" in monitor.lines[0]
            await monitor.press("p", wait_s=1)
            assert "● polling" in monitor.lines[0]

    asyncio.run(scenario())


def test_pause_in_an_outage_keeps_the_age(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = fleet_of(executing(1))
        async with monitored(fleet, tmp_path, size=(120, 24)) as monitor:
            fleet.fault = lambda path: refused(503, "upstream down") if path == RUNS else None
            await monitor.later(150)
            timers = [line.split("~")[0] for line in monitor.lines if "~" in line]
            assert timers
            assert "as of 14:00" in monitor.lines[0]
            await monitor.press("p", wait_s=61)
            assert "‖ paused  ○ retrying in " in monitor.lines[0]
            assert "as of 14:00" in monitor.lines[0]
            assert [line.split("~")[0] for line in monitor.lines if "~" in line] == timers

    asyncio.run(scenario())


def test_summary_shows_the_run_under_the_cursor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(80, 24), color_mode=ColorMode.SIXTEEN) as monitor:
            assert monitor.lines[-3].strip() == "The list follows new runs. j or ↓ selects a run."
            await monitor.press("x", wait_s=2)
            assert set(monitor.lines[-4]) == {"─"}
            assert monitor.lines[-3].startswith("  ✗ Failed  send-email  run_")
            assert monitor.lines[-3].rstrip().endswith("  attempt 1 of 1")
            assert monitor.lines[-2] == "    Error Upstream returned 503"

    asyncio.run(scenario())


def test_long_title_keeps_the_word_stale() -> None:
    text = RuleText((Tab(1, "runs"),), (Piece(" · last 24h" * 9),), (Piece("last confirmed 44s ago"),), is_stale=True)
    assert "…  STALE ╌" in plain(rule_line(text, 80))
    assert line_width(rule_line(text, 80)) == 80


def test_notice_is_shown_for_four_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(120, 40)) as monitor:
            monitor.screen.footer.notice((Piece("id sent to the terminal"),))
            await monitor.later(3)
            assert monitor.lines[-1].endswith("  id sent to the terminal")
            await monitor.later(3)
            assert "id sent" not in monitor.lines[-1]

    asyncio.run(scenario())
