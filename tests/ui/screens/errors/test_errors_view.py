"""The errors view: its keys, its way to the runs and back, outages and refusals."""

from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from tests.support.fleet import Fleet, FleetRun, fleet_of, in_ms
from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tests.ui.outgoing.test_copying import taken
from tui.domain.facts import ErrorState
from tui.emulator.simulation import runs as emulated
from tui.emulator.simulation.ledger import GroupKey
from tui.features.actions.view import ConfirmScreen
from tui.features.errors.screen import ErrorsScreen
from tui.features.runs.screen import MainScreen

LIST_LINE = 3
"""The first line of the list of groups."""


def view_of(monitor: Monitored) -> ErrorsScreen:
    screen = monitor.app.screen
    assert isinstance(screen, ErrorsScreen)
    return screen


def view_of_stack(monitor: Monitored) -> ErrorsScreen:
    """The view below a dialog."""
    return next(each for each in monitor.app.screen_stack if isinstance(each, ErrorsScreen))


async def opened(monitor: Monitored) -> ErrorsScreen:
    await monitor.press("exclamation_mark", wait_s=8)
    return view_of(monitor)


def groups_shown(monitor: Monitored) -> list[str]:
    """Return the tasks of the groups on the screen, in the order of their rows."""
    names = ("task-0", "task-1", "task-2")
    rows = monitor.lines[LIST_LINE : LIST_LINE + 9]
    return [name for row in rows for name in names if name in row]


@on_monitor(failing_fleet)
async def test_groups_open_list_their_runs_and_lead_back(monitor: Monitored) -> None:
    now_s = monitor.api.fleet.now_s
    monitor.api.fleet.add(FleetRun(90, now_s + 1, now_s + 2, now_s + 3, task="task-0"))
    screen = await opened(monitor)
    await monitor.later(20)
    assert "9 of 10 runs failed, not the newest 1" in monitor.text
    assert "1:errors · last 24h · new first" in monitor.lines[1]
    assert "18 failed runs, all read · 3 groups" in monitor.lines[1]
    assert groups_shown(monitor) == ["task-0", "task-1", "task-2"]
    assert monitor.lines[LIST_LINE].startswith("▌ ✗     9 ")
    await monitor.press("j", "j", "k", wait_s=2)
    assert "No such customer: cus_17" in monitor.text
    # Enter lists the runs of the group; Esc comes back to its line.
    await monitor.press("enter", wait_s=2)
    assert isinstance(monitor.app.screen, MainScreen)
    group = screen.groups.list.current
    assert group is not None
    assert f"/group:{group.fingerprint[:8]}  Error No such customer: " in monitor.lines[1]
    assert " 6 of 19 " in monitor.lines[1]
    assert groups_shown(monitor) == ["task-1"] * 6
    assert monitor.screen.selection.run_id == group.run_ids[0]
    await monitor.press("enter", wait_s=1)
    assert monitor.screen.pane.title == "detail"
    await monitor.press("escape", "slash", *" task:x", "escape", wait_s=1)
    assert f"/group:{group.fingerprint[:8]}  Error" in monitor.lines[1], "Esc from typing leaves the way back"
    await monitor.press("escape", wait_s=2)
    assert view_of(monitor).groups.list.cursor == group.fingerprint
    assert monitor.lines[LIST_LINE + 1].startswith("▌")
    # Actions work on the runs of the group alone.
    for pane in "123":
        await monitor.press(pane, "R")
        assert [type(each) for each in monitor.app.screen_stack] == [MainScreen, ErrorsScreen], "R does nothing here"
        assert "R replay" not in monitor.lines[-1]
    await monitor.press("4", wait_s=1)
    await monitor.press("j", "R", wait_s=1)
    assert [type(each) for each in monitor.app.screen_stack] == [MainScreen, ErrorsScreen, ConfirmScreen]
    assert view_of_stack(monitor).groups.run_ids[1] in monitor.text
    await monitor.press("escape")
    assert "R replay" in monitor.lines[-1]
    await monitor.press("1")
    for key, *again in (("q", "colon", *"errors", "enter"), ("escape", "exclamation_mark"), ("exclamation_mark",)):
        assert [type(each) for each in monitor.app.screen_stack] == [MainScreen, ErrorsScreen]
        await monitor.press(key)
        assert [type(each) for each in monitor.app.screen_stack] == [MainScreen]
        assert "/group:" not in monitor.lines[1]
        await monitor.press(*again)


def test_keys_sort_filter_copy_and_change_the_span(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("s", "s", "s")
        assert "newest group first" in monitor.lines[1]
        await monitor.press("slash", *"customer", "enter", wait_s=1)
        assert (groups_shown(monitor), " 1 of 3 groups" in monitor.lines[1]) == (["task-1"], True)
        await monitor.press("escape", *["right_parenthesis"] * 3, wait_s=3)
        assert len(groups_shown(monitor)) == 3
        assert "last 1h" in monitor.lines[1]
        assert "this is the shortest period" in monitor.lines[-1]
        await monitor.press("left_parenthesis", wait_s=3)
        assert "last 6h" in monitor.lines[1]
        monkeypatch.setattr(monitor.app, "write", written.append)
        await monitor.press("Y", "g", "y")
        ticket, fingerprint = (taken(each) for each in written)
        assert ticket.startswith("## `Error`: ")
        assert len(fingerprint) == 16
        # An outage makes the groups stale: no minute of it is shown as one without failures.
        row = monitor.lines[LIST_LINE]
        monitor.api.fleet.fault = lambda _: PlainTextResponse("", 503)
        await monitor.later(70)
        assert monitor.lines[LIST_LINE] == row
        assert "STALE" in monitor.lines[1]
        assert "last confirmed " in monitor.lines[1]
        assert "goes on" not in monitor.text

    run_story(story, tmp_path, failing_fleet())


def test_view_without_failures_says_so_when_it_is_known(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "No run failed in the last 24h." in monitor.text
        await monitor.press("enter", "Y", "j", "x", "s", "2", "3", "4", "1")
        assert isinstance(monitor.app.screen, ErrorsScreen)

    fleet = fleet_of(FleetRun(1, -60.0, -59.0, -50.0))
    run_story(story, tmp_path, fleet)


def two_failures() -> Fleet:
    """A task that failed two hours ago and a minute ago."""
    return fleet_of(
        (FleetRun(n, at_s, at_s + 1, at_s + 2, "FAILED") for n, at_s in ((1, -7200.0), (2, -60.0))), may_query=True
    )


@on_monitor(two_failures)
async def test_acknowledged_group_says_who_and_why(monitor: Monitored) -> None:
    fleet = monitor.api.fleet
    run = fleet.truth(fleet.runs[0])
    assert run.failure is not None
    state = emulated.ErrorState(word=emulated.IGNORED, at_ms=in_ms(-30.0), reason="the bank is down")
    fleet.world.error_states[GroupKey(run.failure.fingerprint, run.task_id)] = state
    await opened(monitor)
    assert " acknowledged " in monitor.lines[LIST_LINE], "though its first failure is in the span"
    assert "the bank is down" in monitor.text


def test_refused_states_are_said(tmp_path: Path) -> None:
    fleet = failing_fleet()
    fleet.fault = lambda path: PlainTextResponse("", 403) if path.startswith("/api/v1/errors") else None

    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        assert screen.groups.reading.groups.result.refusal
        assert "403" in monitor.text
        assert " runs  only NEW " in monitor.lines[2]
        states = {screen.groups.list.get(each).state for each in screen.groups.list.window}  # type: ignore[union-attr]
        assert states <= {None, ErrorState.NEW}

    run_story(story, tmp_path, fleet)
