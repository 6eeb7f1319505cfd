"""The attempts beside each other, by their keys."""

from functools import partial
from pathlib import Path

from starlette.responses import JSONResponse

from tests.support.fleet import DEV, EARLIEST_S, Fleet, in_ms
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Call, Failure, FailureKind, Log, Script, Task, Work
from tui.emulator.world import DemoTasks, World

TIMEOUT = Failure(FailureKind.ERROR, "30 s exceeded", "TimeoutError", "    at ask (file:///app/src/lib/shop.ts:41:20)")
GATEWAY = Failure(FailureKind.ERROR, "502", "ShopifyError", "    at check (file:///app/src/lib/shop.ts:63:9)")


def sync(call: Call, lasts_ms: int = 400) -> Script:
    """The second attempt fails in another way, and logs less."""
    is_odd = call.attempt == 2
    logs = (Log("INFO", "asks"),) if is_odd else (Log("INFO", "asks"), Log("WARN", "slow"))
    return Script((Work(lasts_ms, logs),), throws=GATEWAY if is_odd else TIMEOUT)


def fleet(began_s: float = -60.0, lasts_ms: int = 400) -> Fleet:
    fleet = Fleet(VirtualClock())
    script = partial(sync, lasts_ms=lasts_ms)
    tasks = (Task("sync-orders", script, "a.ts"), Task("once", lambda _: Script((Work(10),), throws=TIMEOUT), "a.ts"))
    fleet.world = World(DemoTasks(tasks), start_ms=in_ms(EARLIEST_S), environment=DEV, lag_ms=(0, 0))
    fleet.emulator.put(fleet.world)
    fleet.world.advance(in_ms(began_s - 10))
    fleet.world.trigger(NewRun(task_id="once", max_attempts=1))
    fleet.world.advance(in_ms(began_s))
    fleet.world.trigger(NewRun(task_id="sync-orders", max_attempts=3))
    fleet.world.advance(in_ms(0))
    return fleet


async def compare(monitor: Monitored) -> None:
    """Select the newest run, and compare its attempts once they are read: that takes two requests."""
    await monitor.press("j", "3", wait_s=1)
    pane = monitor.screen.panes["attempts"]
    for _ in range(20):
        if pane.check_action("compare", ()):
            break
        await monitor.later(0.2)
    await monitor.press("equals_sign", wait_s=1)


def row(monitor: Monitored, label: str) -> str:
    return " ".join(monitor.lines[monitor.line_of(f"  {label} ")].split())


def test_attempts_are_compared_and_left_again(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", wait_s=1)
        assert "= compare" in monitor.lines[-1]
        asked = len(monitor.api.fleet.requests)
        await monitor.press("equals_sign", wait_s=1)
        paths = [path.rpartition("/")[2] for _, path, _ in monitor.api.fleet.requests[asked:]]
        assert paths.count("events") == 1
        assert {"trace"}.isdisjoint(paths)
        assert "attempts · compared · sync-orders" in monitor.lines[1]
        assert "3 attempts · 2 different errors · final" in monitor.lines[1]
        assert row(monitor, "error") == "error TimeoutError ≠ ShopifyError TimeoutError"
        assert row(monitor, "logs") == "logs 2 lines, 1 warn ≠ 1 line 2 lines, 1 warn"
        assert "the same as attempt 1" in monitor.text
        assert ", . others" not in monitor.lines[-1]
        assert "= attempts" in monitor.lines[-1]
        await monitor.press("Y")
        assert "t  ticket" in monitor.text
        await monitor.press("escape", "equals_sign")
        assert "3:attempts" in monitor.text
        await monitor.press("j", "1", "j", "3", wait_s=1)
        assert "attempt 1 of 1" in monitor.text
        await monitor.press("equals_sign")
        assert "compared" not in monitor.text

    run_story(story, tmp_path, fleet())


def test_pair_of_attempts_moves_on_a_narrow_screen(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.api.fleet.fault = lambda path: JSONResponse({}, 403) if path.endswith("/events") else None
        await compare(monitor)
        assert "attempts 2 to 3 of 3" in monitor.text
        assert row(monitor, "error") == "error ≠ ShopifyError TimeoutError"
        assert row(monitor, "logs") == "logs · ·"
        assert "The logs could not be read" in monitor.text
        assert ", . others" in monitor.lines[-1]
        await monitor.press("comma", "comma")
        assert "attempts 1 to 2 of 3" in monitor.text
        await monitor.press("full_stop", "escape")
        assert "3:attempts" in monitor.text

    run_story(story, tmp_path, fleet(), size=(80, 24))


def test_running_attempt_is_followed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await compare(monitor)
        assert "so far" in monitor.text
        await monitor.later(40)
        assert "3 attempts · 2 different errors · final" in monitor.lines[1]
        assert "so far" not in monitor.text

    run_story(story, tmp_path, fleet(began_s=-40.0, lasts_ms=20_000))
