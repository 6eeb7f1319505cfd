"""Clicks, which `--mouse` enables: tabs and titles of panes, titles of columns, keys of the footer, rows."""

from tests.support.fleet import FleetRun, fleet_of
from tests.support.ui.monitor import Monitored, on_monitor
from tui.kit.workspace import Workspace

RUNS = [FleetRun(1, -90, -80, -20, "FAILED", task="import"), FleetRun(2, -40, -39, -38, task="charge-card")]


async def click(monitor: Monitored, text: str, offset: int = 0, times: int = 1) -> None:
    """Click a text where it stands first."""
    y = next(number for number, line in enumerate(monitor.lines) if text in line)
    await monitor.pilot.click(None, offset=(monitor.lines[y].index(text) + offset, y), times=times)
    await monitor.later(1)


def focused(monitor: Monitored) -> str:
    workspace = monitor.screen.workspace
    assert isinstance(workspace, Workspace)
    return workspace.pane.title


@on_monitor(lambda: fleet_of(*RUNS), size=(80, 24))
async def test_clicks_do_what_keys_do(monitor: Monitored) -> None:
    await click(monitor, "took", 1)
    assert monitor.screen.run_list.views.query.order.id == "took"
    await click(monitor, "age")
    assert monitor.screen.run_list.views.query.order.id == "created"
    await click(monitor, "run  ")
    assert monitor.lines[-1].endswith("run: the list has no such order")
    await monitor.later(5)
    await click(monitor, "import")
    assert focused(monitor) == "runs", "a click selects"
    await click(monitor, "import", times=2)
    assert focused(monitor) == "detail", "two clicks open"
    for tab, title in (("4:tree", "tree"), ("5:logs", "logs"), ("1:runs", "runs"), ("3:att", "attempts")):
        await click(monitor, tab, 3)
        assert focused(monitor) == title
    await click(monitor, "1:runs")
    await click(monitor, "? keys", 3)
    assert "─ keys · runs" in monitor.text
    await monitor.press("escape")
    await monitor.resize(120, 40)
    for number, title in (("2:", "detail"), ("3:", "attempts"), ("1:", "runs")):
        await click(monitor, number)
        assert focused(monitor) == title
    await click(monitor, "4:tree")
    await monitor.press("t", wait_s=1)
    await click(monitor, "( ) zoom", 2)
    assert "( ) zoom   { } pan" in monitor.lines[-1], "the second key of a pair zooms in"
    await click(monitor, "( ) zoom", times=2)
    assert "{ } pan" not in monitor.lines[-1]
    await monitor.press("exclamation_mark", wait_s=1)
    await click(monitor, "since")
    assert "newest group first" in monitor.text
