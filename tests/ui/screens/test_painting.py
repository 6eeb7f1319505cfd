"""What is painted and read: lines that changed, and nothing for a screen that another one covers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.strip import Strip

from tests.perf.screen import Emulator, Screen
from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.terminal_frames import MODES, cells
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.kit.terminal.output import PaintedPiece
from tui.program.app import TriggerApp
from tui.store.changes import Changes

STEPS = (
    *("j", "j", "z", "pagedown", "z", "2", "j", "3", "4", "question_mark", "j", "escape", "colon", "x", "escape"),
    *("f", "tab", "escape", "1", "slash", "f", "escape", "R", "escape", "w", "s"),
)
"""Keys that lead through the list, all panes, the help, the palette, the dialogs and a text field."""


def test_repainted_parts_make_the_whole_screen(tmp_path: Path) -> None:
    columns, lines = size = (120, 24)
    parts, whole = Emulator(Screen(columns, lines)), Emulator(Screen(columns, lines))

    async def story(monitor: Monitored) -> None:
        for terminal in (parts, whole):
            terminal.feed(MODES.encode())
        monitor.screen.refresh()
        for key in ("", *STEPS):
            await monitor.press(*([key] if key else []), wait_s=1)
            compositor, console = monitor.app.screen._compositor, monitor.app.console
            whole.feed(compositor.render_full_update().render_segments(console).replace("\n", "").encode())
            assert cells(parts) == cells(whole), f"after {key!r}"

    def display(app: TriggerApp, _: Any, update: CompositorUpdate | list[PaintedPiece] | None) -> None:
        if isinstance(update, list):
            for piece in update:
                parts.feed(f"\x1b[{piece.y + 1};{piece.x + 1}H{Strip(piece.segments).render(app.console)}".encode())
        elif update is not None:
            parts.feed(update.render_segments(app.console).replace("\n", "").encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TriggerApp, "_display", display)
        run_story(story, tmp_path, small_fleet(80), size=size, has_overview=True)


OLD_S = -80_000.0


def old_fleet() -> Fleet:
    """Return a fleet of finished runs whose ages stay the same."""
    return fleet_of(FleetRun(number, OLD_S - number, OLD_S, OLD_S + 1) for number in range(30))


def test_quiet_fleet_paints_and_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, published = list[object](), list[Changes]()

    def display(_app: TriggerApp, _screen: object, update: object) -> None:
        frames.append(update)

    async def story(monitor: Monitored) -> None:
        await monitor.later(23 - monitor.api.fleet.now_s)  # the queues are read at 22 s
        monitor.app.changed.subscribe(monitor.screen, published.append)
        monkeypatch.setattr(TriggerApp, "_display", display)
        count_before = len(monitor.api.fleet.requests)
        await monitor.later(8)
        assert len(monitor.api.fleet.requests) > count_before
        assert frames == []
        assert published == []

    run_story(story, tmp_path, old_fleet(), has_overview=True)


HIDDEN_S = 35.0
"""Longer than anything waits that is read again and again."""


def live_fleet(*, may_query: bool = True) -> Fleet:
    """Return a fleet whose newest run is live."""
    fleet = small_fleet()
    if may_query:
        fleet.allow_queries()
    fleet.add(FleetRun(500, -5.0, -4.0, 1e6))
    return fleet


async def asked_while_hidden(monitor: Monitored, seconds: float = HIDDEN_S) -> Sequence[str]:
    """Return the paths that are asked for from now on, without those of the list."""
    await monitor.later(2)  # what was asked before
    before = len(monitor.api.fleet.requests)
    await monitor.later(seconds)
    return [path for _, path, _ in monitor.api.fleet.requests[before:] if path != "/api/v1/runs"]


@on_monitor(live_fleet)
async def test_covered_run_is_read_once_it_is_shown_again(monitor: Monitored) -> None:
    fleet = monitor.api.fleet
    run = next(run for run in fleet.runs if run.ended_s == 1e6)
    await monitor.press("j", "4", "t", wait_s=4)
    await monitor.press("question_mark")
    asked = await asked_while_hidden(monitor)
    assert not [path for path in asked if run.id in path]
    fleet.cancel(run)
    assert not [path for path in await asked_while_hidden(monitor, 5) if run.id in path]
    before = len(fleet.requests)
    await monitor.press("escape", wait_s=2)
    read = {path.rpartition("/")[2] for _, path, _ in fleet.requests[before:] if run.id in path}
    assert read == {run.id, "trace"}
    # A run that executes may begin to wait, which no list says: it is read again at times.
    other = fleet.add(FleetRun(501, fleet.now_s, fleet.now_s + 0.1, 1e6))
    await monitor.press("1", wait_s=5)
    await monitor.press("g", "j", wait_s=1)
    begun = len(fleet.requests_to(f"/api/v3/runs/{other.id}"))
    await monitor.later(31)
    assert 2 <= len(fleet.requests_to(f"/api/v3/runs/{other.id}")) - begun <= 3
