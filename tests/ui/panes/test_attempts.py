"""The attempts pane, and the attempts beside each other, by their keys."""

from functools import partial
from pathlib import Path

from tests.support.fleet import DEV, EARLIEST_S, Fleet, FleetRun, fleet_of, in_ms
from tests.support.present.samples import HOSTILE
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Call, Failure, FailureKind, Log, Script, Task, Work
from tui.emulator.world import DemoTasks, World
from tui.features.attempts.view import AttemptsPane

STACK = (
    "    at charge (file:///app/src/lib/payments/charge.ts:41:20)\n"
    "    at async run (file:///app/src/trigger/orders.ts:31:13)\n"
    "    at async TaskExecutor.execute (file:///app/node_modules/@trigger.dev/core/dist/task.js:67:28)\n"
    "    at async AsyncLocalStorage.run (node:internal/async_local_storage:65:14)"
)


def fleet_with(message: str = "Upstream returned 503", *, began_s: float = -60.0, lasts_ms: int = 400) -> Fleet:
    """A run that crashed, and a newer one whose three attempts throw."""
    fleet = fleet_of(FleetRun(1, -100, -99, -98, "CRASHED", task="resize-images"))
    failure = Failure(FailureKind.ERROR, message, "UpstreamError", STACK)
    new = NewRun(
        task_id="charge-card",
        id=FleetRun(2, 0).id,
        script=Script((Work(lasts_ms),), throws=failure),
        max_attempts=3,
        starts_ms=in_ms(began_s),
    )

    def create() -> None:
        fleet.world.lifecycle.create(new)

    fleet.world.agenda.at(in_ms(began_s), create)
    return fleet


def pane_of(monitor: Monitored) -> AttemptsPane:
    pane = monitor.screen.panes["attempts"]
    assert isinstance(pane, AttemptsPane)
    return pane


def rule_of(monitor: Monitored) -> str:
    return next(line for line in monitor.lines if "3:attempts" in line)


def cursor_row(monitor: Monitored) -> str:
    """What the row under the cursor of the pane says."""
    row = pane_of(monitor).page.row
    return "" if row is None else "".join(piece.text for piece in row.line)


def rows_below(monitor: Monitored) -> list[str]:
    """The rows from the cursor on."""
    page = pane_of(monitor).page
    return ["".join(piece.text for piece in row.line) for row in [*page.rows][page.cursor :]]


@on_monitor(fleet_with)
async def test_attempts_open_at_the_last_failed_one(monitor: Monitored) -> None:
    await monitor.press("j", "3", wait_s=1)
    assert "attempt 3 of 3" in rule_of(monitor)
    assert ", . attempt" in monitor.lines[-1]
    third = monitor.lines[monitor.line_of("✗ 3  ")]
    assert "▌ ✗ 3 " in third
    assert "404ms" in third
    assert "the same in all 3 attempts" in monitor.text
    await monitor.press("comma", "comma", "comma")
    assert "attempt 1 of 3" in rule_of(monitor)
    assert cursor_row(monitor).startswith("✗ 1")
    await monitor.press("j", "enter")
    assert "attempt 2 of 3" in rule_of(monitor)
    await monitor.press("full_stop", "full_stop")
    assert "attempt 3 of 3" in rule_of(monitor)
    await monitor.press("comma")
    await monitor.press("right_square_bracket", wait_s=1)
    assert "attempt 1 of 1" in rule_of(monitor)
    assert ", . attempt" not in monitor.lines[-1]
    assert cursor_row(monitor).startswith("▼ 1 ")
    assert "Process exited with code 1 after signal null." in monitor.text
    await monitor.press("left_square_bracket", wait_s=1)
    assert "attempt 3 of 3" in rule_of(monitor)
    assert cursor_row(monitor).startswith("✗ 3")
    # Frames of libraries unfold by Enter, and where a search finds something.
    assert "charge     src/lib/payments/charge.ts:41:20" in monitor.text
    await monitor.press(*["j"] * next(at for at, row in enumerate(rows_below(monitor)) if "⋯ 2 frames" in row))
    for is_open in (True, False):
        await monitor.press("enter")
        assert ("async_local_storage:65" in monitor.text) is is_open
    await monitor.press("slash", *"local_storage")
    assert "async_local_storage:65" in monitor.text
    assert "1 of 1" in monitor.lines[-1]
    await monitor.press("escape")
    assert "async_local_storage" not in monitor.text


def test_zoomed_attempts_name_their_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", "z", wait_s=1)
        assert "3:attempts · ✗ Failed  charge-card  run_00…0002  4:tree" in monitor.lines[1]
        assert " running ─" in monitor.lines[1]
        assert monitor.lines[3].split()[:5] == ["#", "started", "took", "waited", "0s"]
        assert "[bold]" in monitor.text
        assert not set(monitor.text) & set("\x1b\x07\x9b\u202e\u200b")
        assert "the very end" in monitor.text
        await monitor.press("w")
        assert "the very end" not in monitor.text
        await monitor.press("z")
        assert "· ✗ Failed" not in rule_of(monitor)
        await monitor.resize(80, 24)
        assert monitor.lines[1] == "─ 1:runs  2:detail  3:attempts · charge-card  4:tree  5:logs ── attempt 3 of 3 ─"
        assert "waited" in monitor.lines[3]

    hostile = HOSTILE.replace("\ud800", "")
    run_story(story, tmp_path, fleet_with(f"{hostile} {'far too long ' * 9}to the very end"))


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


def row(monitor: Monitored, label: str) -> str:
    return " ".join(monitor.lines[monitor.line_of(f"  {label} ")].split())


@on_monitor(fleet)
async def test_attempts_are_compared_and_left_again(monitor: Monitored) -> None:
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
