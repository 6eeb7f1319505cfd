"""The detail pane by its keys."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.support.fleet import Fleet, FleetRun, fleet_of, in_ms
from tests.support.present.samples import HOSTILE
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.emulator.routes.runs import VALID_S
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Failure, FailureKind, Script, Work
from tui.features.detail import value
from tui.features.detail.value import ValueScreen, ValueView
from tui.features.detail.view import DetailPane

ORDER = {
    "order": 417041,
    "lines": [{"sku": f"A-{number}", "amount": number, "about": "a thing in a box"} for number in range(90)],
    "note": "first line\nsecond line\n" + "long " * 100,
}
LARGE = {
    "rows": [{"number": number, "text": f"row {number} of many, " + 9 * "all of them long "} for number in range(3_000)]
}


def fleet_with(payload: Any = ORDER, *, task: str = "charge-card", tags: tuple[str, ...] = ()) -> Fleet:
    """A parent that waits for a run with that payload, which fails; and a run before them."""
    fleet = fleet_of(FleetRun(1, -100, -99, -98), FleetRun(2, -50, -49, None, task="checkout"))
    failure = Failure(FailureKind.ERROR, "Card was declined", "CardError", "    at run (file:///app/src/card.ts:7:9)")

    def create() -> None:
        new = NewRun(
            task_id=task,
            id=FleetRun(3, 0).id,
            payload=payload,
            tags=tags,
            script=Script((Work(400),), throws=failure),
            max_attempts=1,
            starts_ms=in_ms(-30),
            parent=fleet.world.find(FleetRun(2, 0).id),
        )
        fleet.world.lifecycle.create(new)

    fleet.world.agenda.at(in_ms(-30), create)
    return fleet


def pane_of(monitor: Monitored) -> DetailPane:
    pane = monitor.screen.panes["detail"]
    assert isinstance(pane, DetailPane)
    return pane


def view_of(monitor: Monitored) -> ValueView:
    screen = monitor.app.screen
    assert isinstance(screen, ValueScreen)
    return screen.view


def cursor_row(monitor: Monitored) -> str:
    row = pane_of(monitor).page.row
    return "" if row is None else "".join(piece.text for piece in row.line).strip()


def go_to(monitor: Monitored, part: str) -> None:
    """Put the cursor of the pane on the row that says something."""
    page = pane_of(monitor).page
    assert page.go_to(next(row.key for row in page.rows if part in "".join(piece.text for piece in row.line)))


async def fetch(monitor: Monitored) -> None:
    """Press Enter on what has to be fetched, and wait until it is here."""
    await monitor.press("enter")
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("fetch the")]
    if tasks:
        await asyncio.wait(tasks)
    await monitor.later()


@on_monitor(fleet_with, size=(120, 50))
async def test_enter_opens_the_detail_of_a_final_run(monitor: Monitored) -> None:
    assert "j or ↓ selects a run" in monitor.text
    await monitor.press("j", "enter", wait_s=1)
    rule = monitor.lines[monitor.line_of("2:detail")]
    assert "final" in rule
    assert cursor_row(monitor) == "✗ Failed  after 1 attempt  the last attempt failed"
    for part in ("CardError Card was declined", "payload   ▾ 3 keys", "order: 417041"):
        assert part in monitor.text, part
    assert monitor.text.count("Card was declined") == 2, "in the list and in the attempts"
    await monitor.press("z", wait_s=0.2)
    assert "at src/card.ts:7:9" in monitor.text, "alone, the page shows the error"
    await monitor.press("z", wait_s=0.2)
    # The parent opens as the selected run, and Esc goes back.
    go_to(monitor, "checkout")
    await monitor.press("enter", wait_s=1)
    assert pane_of(monitor).selection.run_id == FleetRun(2, 0).id
    assert "◐ Executing  for" in monitor.text
    assert "✗ 1 Failed" in monitor.text
    await monitor.press("escape", wait_s=1)
    assert pane_of(monitor).selection.run_id == FleetRun(3, 0).id


@on_monitor(fleet_with)
async def test_values_fold_are_searched_and_open(monitor: Monitored) -> None:
    await monitor.press("j", "enter", wait_s=1)
    go_to(monitor, "lines:")
    assert cursor_row(monitor).startswith("▸ lines: [ {")
    await monitor.press("enter")
    assert cursor_row(monitor) == "▾ lines: 90 items"
    await monitor.press("j", "j")
    assert 'sku: "A-1"' in cursor_row(monitor)
    await monitor.press("h")
    assert cursor_row(monitor) == "▾ lines: 90 items"
    await monitor.press("h")
    assert cursor_row(monitor).startswith("▸ lines: [ {")
    await monitor.press("l")
    assert cursor_row(monitor) == "▾ lines: 90 items"
    # A value leads to all runs with it, and Esc back to this run.
    await monitor.press("l", "j", "j", "l", "j")
    assert "Enter runs with it" in monitor.lines[-1]
    run_id = pane_of(monitor).selection.run_id
    await monitor.press("enter", wait_s=1)
    assert "/payload.lines.sku:A-1 " in monitor.lines[1]
    await monitor.press("escape", wait_s=1)
    assert pane_of(monitor).selection.run_id == run_id
    go_to(monitor, "lines:")
    # A search finds what is folded, and folds it again.
    await monitor.press("h", "slash", *"a-77", "enter")
    assert 'sku: "A-77"' in monitor.text
    assert pane_of(monitor).page.hits == (1, 1)
    await monitor.press("escape")
    assert '"A-77"' not in monitor.text
    # A long text opens on a page of its own.
    go_to(monitor, "note:")
    assert cursor_row(monitor).endswith("523 B, 3 lines")
    await monitor.press("enter")
    assert "payload of charge-card" in monitor.lines[1]
    assert [line.strip() for line in monitor.lines[2:4]] == ["▌ first line", "second line"]
    assert monitor.lines[4].count("long") > 20 < monitor.lines[5].count("long")
    await monitor.press("w")
    assert monitor.lines[4].endswith("…")
    await monitor.press("escape")
    assert monitor.app.screen is monitor.screen
    assert "e E unfold all" in monitor.lines[-1]
    await monitor.press("E", "g")
    assert not any("sku:" in "".join(piece.text for piece in row.line[:2]) for row in pane_of(monitor).page.rows)
    await monitor.press("e")
    assert any("more line" in "".join(piece.text for piece in row.line) for row in pane_of(monitor).page.rows)


@on_monitor(lambda: fleet_with(LARGE), size=(100, 34))
async def test_stored_value_is_fetched_on_enter(monitor: Monitored) -> None:
    fleet = monitor.api.fleet
    await monitor.press("j", "enter", wait_s=1)
    go_to(monitor, "Enter reads it")
    assert not any("/packets/" in path for _, path, _ in fleet.requests)
    await fetch(monitor)
    view = view_of(monitor)
    assert "payload of charge-card" in monitor.lines[1]
    await monitor.press("e", "G")
    assert "2999" in monitor.text
    # Millions of rows are a matter of asking for the next one.
    assert len(view._shown) == view.size.height
    await monitor.press("slash", *"2345 of", "enter", wait_s=1)
    assert "match 1 of 1" in monitor.lines[1]
    assert "row 2345 of many" in monitor.text
    await monitor.press("escape", "escape")
    assert "large value" in monitor.text


@on_monitor(lambda: fleet_with(LARGE))
async def test_value_fetch_reports_errors_and_renews_its_address(
    monitor: Monitored, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=VALID_S) > value._ADDRESS_LIFETIME
    monkeypatch.setattr(value, "_ADDRESS_LIFETIME", timedelta(seconds=15))
    fleet = monitor.api.fleet
    await monitor.press("j", "enter", wait_s=1)
    fleet.fault = lambda path: JSONResponse({}, 403) if path.startswith("/packets/") else None
    go_to(monitor, "Enter reads it")
    await fetch(monitor)
    assert cursor_row(monitor).startswith("payload   403, its URL may")
    assert "Signature" not in monitor.text
    fleet.fault = lambda _: None
    await monitor.later(16)
    detail = f"/api/v3/runs/{FleetRun(3, 0).id}"
    count_before = len(fleet.requests_to(detail))
    await fetch(monitor)
    assert len(fleet.requests_to(detail)) == count_before + 1
    view_of(monitor)


@on_monitor(fleet_with)
async def test_detail_says_when_its_run_is_gone(monitor: Monitored) -> None:
    await monitor.press("G", "enter", wait_s=1)
    monitor.api.fleet.forget(FleetRun(1, -100, -99, -98))
    await monitor.press("r", wait_s=1)
    assert "The server does not know this run any more." in monitor.text
    assert "gone" in monitor.lines[monitor.line_of("2:detail")]
    assert "send-email" in monitor.text


def test_hostile_text_is_clean_at_every_size(tmp_path: Path) -> None:
    payload = {HOSTILE: HOSTILE, "list": [HOSTILE] * 3, "long": HOSTILE * 200}

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "enter", wait_s=1)
        for size in ((60, 20), (200, 60)):
            await monitor.resize(*size)
            await monitor.press("w")
            assert not any(ord(character) < 0x20 and character != "\n" for character in monitor.text)
            assert "\u202e" not in monitor.text
        go_to(monitor, "long:")
        await monitor.press("enter")
        assert "[bold]" in monitor.text
        assert not any(ord(character) < 0x20 and character != "\n" for character in monitor.text)

    run_story(story, tmp_path, fleet_with(payload, tags=(HOSTILE[:40].replace("\ud800", ""),)))
