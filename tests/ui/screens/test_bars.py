"""Header and footer in an outage, the messages that are kept, and the screen on a slow link."""

import asyncio
from datetime import timedelta
from pathlib import Path

from rich.color import ColorType
from starlette.responses import HTMLResponse, JSONResponse, Response
from textual.strip import Strip

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored, on_monitor
from tests.support.virtual_clock import START
from tui.kit.live_model import DUPLICATE_WINDOW, MAX_MESSAGES, Messages
from tui.kit.screen import SLOW_LINK_REST_S
from tui.kit.terminal.input import LinkSpeedChanged

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
            assert "The server failed (503): upstream down." in texts
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


URL = "https://trigger.acme.example"


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_messages_are_bounded_and_duplicates_are_counted() -> None:
    messages = Messages()
    for text in ("a", "b", "a", "a"):
        messages.add(START + at(messages.added_count), text)
    assert [(each.text, each.count, each.at, each.first_at) for each in messages] == [
        ("b", 1, START + at(1), START + at(1)),
        ("a", 3, START + at(3), START),
    ]
    for number in range(DUPLICATE_WINDOW):
        messages.add(START, f"other {number}")
    messages.add(START, "a")
    assert [each.count for each in messages if each.text == "a"] == [3, 1]
    for number in range(2 * MAX_MESSAGES):
        messages.add(START, f"message {number}")
    assert (len(messages), next(iter(messages)).text) == (MAX_MESSAGES, f"message {MAX_MESSAGES}")


RIGHT_EDGE = 999


def table_strips(monitor: Monitored) -> list[Strip]:
    table = monitor.screen.run_list.table
    return [table.render_line(y) for y in range(table.size.height)]


def sentences(monitor: Monitored) -> list[str]:
    """The messages about the link."""
    return [message.text for message in monitor.app.messages if message.text.startswith("The link")]


def colour_types(monitor: Monitored) -> set[ColorType]:
    """The kinds of colours on the whole screen, those of Textual's own widgets included."""
    styles = [segment.style for strip in monitor.app.screen._compositor.render_strips() for segment in strip]
    colors = [color for style in styles if style is not None for color in (style.color, style.bgcolor)]
    return {color.type for color in colors if color is not None}


async def report_speed(monitor: Monitored, *, is_slow: bool) -> None:
    """Post what the driver posts."""
    monitor.app.post_message(LinkSpeedChanged(is_slow=is_slow))
    await monitor.later(0.05)


@on_monitor(lambda: small_fleet(12), slow_link=True)
async def test_panes_wait_on_a_slow_link_until_the_cursor_rests(monitor: Monitored) -> None:
    screen = monitor.screen
    await monitor.press("j", wait_s=1)
    before, first, footer = table_strips(monitor), screen.selection.run_id, monitor.lines[-1]
    await monitor.press("j", wait_s=SLOW_LINK_REST_S / 6)
    after = table_strips(monitor)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 2, "two edges"
    assert [strip.crop(2, RIGHT_EDGE) for strip in after] == [strip.crop(2, RIGHT_EDGE) for strip in before]
    assert screen.run_list.target != first == screen.selection.run_id
    assert monitor.lines[-1] == footer
    await monitor.later(SLOW_LINK_REST_S)
    assert screen.selection.run_id == screen.run_list.target
    # A pane that is entered shows the run of the cursor at once.
    for key in ("tab", "2", "enter", "f"):
        await monitor.press("1", "j", wait_s=1)
        await monitor.press("j", key, wait_s=SLOW_LINK_REST_S / 6)
        expected = screen.run_list.target
        assert screen.history.current == expected, key
        assert key == "f" or screen.selection.run_id == screen.pane.target == expected, key
    for key in ("f", ":", "slash", "question_mark"):
        await monitor.press(*([] if key == "f" else [key]), wait_s=1)
        assert colour_types(monitor) == {ColorType.EIGHT_BIT}, key
        await monitor.press("escape")


@on_monitor(lambda: small_fleet(6))
async def test_speed_of_the_link_changes_while_the_monitor_runs(monitor: Monitored) -> None:
    await monitor.press("j", wait_s=1)
    before, strips = monitor.lines, table_strips(monitor)
    await report_speed(monitor, is_slow=True)
    assert "slow link" in monitor.lines[0]
    assert table_strips(monitor) != strips
    assert colour_types(monitor) == {ColorType.EIGHT_BIT}
    await report_speed(monitor, is_slow=False)
    assert monitor.lines == before
    assert colour_types(monitor) == {ColorType.TRUECOLOR}
    assert [text[:17] for text in sentences(monitor)] == ["The link is slow.", "The link is fast "]
