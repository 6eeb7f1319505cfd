"""The attempts pane by its keys."""

from pathlib import Path

from starlette.responses import JSONResponse

from tests.support.fleet import Fleet, FleetRun, in_ms
from tests.support.present.samples import HOSTILE
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Failure, FailureKind, Script, Work
from tui.features.attempts.view import AttemptsPane

STACK = (
    "    at charge (file:///app/src/lib/payments/charge.ts:41:20)\n"
    "    at async run (file:///app/src/trigger/orders.ts:31:13)\n"
    "    at async TaskExecutor.execute (file:///app/node_modules/@trigger.dev/core/dist/task.js:67:28)\n"
    "    at async AsyncLocalStorage.run (node:internal/async_local_storage:65:14)"
)


def fleet_with(message: str = "Upstream returned 503", *, began_s: float = -60.0, lasts_ms: int = 400) -> Fleet:
    """A run that crashed, and a newer one whose three attempts throw."""
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -100, -99, -98, "CRASHED", task="resize-images"))
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


def test_attempts_open_at_the_last_failed_one(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
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

    run_story(story, tmp_path, fleet_with())


def test_stack_frames_unfold_by_enter_and_search(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", wait_s=1)
        assert "charge     src/lib/payments/charge.ts:41:20" in monitor.text
        page = pane_of(monitor).page
        while "⋯ 2 frames" not in cursor_row(monitor):
            assert page.cursor < len(page.rows) - 1
            await monitor.press("j")
        await monitor.press("enter")
        assert "async_local_storage:65" in monitor.text
        assert cursor_row(monitor).startswith("▾ 2 frames")
        await monitor.press("enter")
        assert "async_local_storage" not in monitor.text
        await monitor.press("slash", *"local_storage")
        assert "async_local_storage:65" in monitor.text
        assert "1 of 1" in monitor.lines[-1]
        await monitor.press("escape")
        assert "async_local_storage" not in monitor.text

    run_story(story, tmp_path, fleet_with())


def test_zoomed_attempts_name_their_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", "z", wait_s=1)
        assert "3:attempts · ✗ Failed  charge-card  run_000000000000000000000002 " in monitor.lines[1]
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
        assert "✗ Failed  charge-card  run_00…0002" in monitor.lines[1]
        assert "attempt 3 of 3" in monitor.lines[1]
        assert "waited" in monitor.lines[3]

    hostile = HOSTILE.replace("\ud800", "")
    run_story(story, tmp_path, fleet_with(f"{hostile} {'far too long ' * 9}to the very end"))


def test_failed_detail_is_reported_and_refetched(tmp_path: Path) -> None:
    fleet = fleet_with()
    broken = "/trace"
    fleet.fault = lambda path: JSONResponse({"error": "boom"}, 500) if broken in path else None

    async def story(monitor: Monitored) -> None:
        nonlocal broken
        await monitor.press("j", "j", "3", "z", wait_s=1)
        assert "The attempts are not known: " in monitor.text
        assert "r tries again." in monitor.text
        broken = "/spans/"
        await monitor.press("r", wait_s=1)
        assert "attempts are not known" not in monitor.text
        assert "▼ 1 " in monitor.text
        assert "The server reports only a code." in monitor.text
        assert "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE" in monitor.text

    run_story(story, tmp_path, fleet, size=(99, 40))  # without a column of errors


def test_live_run_is_followed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", wait_s=1)
        assert "◐ Executing  3.0s so far" in monitor.text
        await monitor.later(1)
        assert "◐ Executing  4.0s so far" in monitor.text
        await monitor.later(30)
        assert "attempt 3 of 3" in rule_of(monitor)
        assert "so far" not in monitor.text

    run_story(story, tmp_path, fleet_with(began_s=1.0, lasts_ms=6_000))


def test_comparison_waits_until_the_attempts_are_read(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "j", wait_s=1)
        await monitor.press("k", "3", "equals_sign")
        assert "reading the attempts…" in monitor.lines[-1]
        await monitor.later(1)
        assert "compared" in monitor.lines[1]
        await monitor.press("equals_sign", wait_s=1)
        footer = monitor.lines[-1]
        assert "= compare" in footer
        await monitor.press("right_square_bracket")
        assert monitor.lines[-1] == footer, "it changes once, when the next run is read"
        await monitor.later(1)
        assert "Enter open" in monitor.lines[-1]
        assert "= compare" not in monitor.lines[-1]
        await monitor.press("equals_sign")
        assert "only one attempt: nothing to compare" in monitor.lines[-1]

    run_story(story, tmp_path, fleet_with())


def test_comparison_stays_closed_once_the_focus_moved_on(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", "equals_sign", "1", wait_s=2)
        assert "compared" not in monitor.lines[1]

    run_story(story, tmp_path, fleet_with())
