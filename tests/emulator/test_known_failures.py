"""The failures that are older than the history of the demo."""

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.history import KNOWN_FAILURES
from tui.emulator.routes.errors import groups_since
from tui.emulator.simulation.runs import FINAL
from tui.emulator.world import World

DAY_MS = 86_400_000
START_MS = 1_795_528_000_000


def test_known_failures_fail_and_stay_beside_the_history() -> None:
    plain, aged = (
        World(COMPANY, start_ms=START_MS, rate_per_s=2, history=400, seed=5, old_runs=old)
        for old in ((), KNOWN_FAILURES)
    )
    tasks = [(old.new.task_id, old.age_ms // DAY_MS) for old in KNOWN_FAILURES]
    failed = [run for run in aged.ledger if START_MS - run.created_ms > 2 * DAY_MS]
    roots = [(run.task_id, (START_MS - run.created_ms) // DAY_MS) for run in failed if run.root is None]
    assert roots == tasks
    assert all(run.failure is not None and run.status in FINAL for run in failed)
    recent = [
        {(run.id, run.status, run.updated_ms) for run in world.ledger if run.created_ms > START_MS - DAY_MS}
        for world in (plain, aged)
    ]
    # They are a part of the history, of which the oldest others are missing.
    assert recent[1] < recent[0]
    assert [sum(run.status in FINAL for run in world.ledger) for world in (plain, aged)] == [400, 400]


def test_demo_has_groups_of_every_state() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=2, history=1_200, seed=0, old_runs=KNOWN_FAILURES)
    groups = [group for group in groups_since(world, START_MS - DAY_MS) if not group.key.task_id.startswith("example-")]
    known = [group for group in groups if group.first_ms < START_MS - DAY_MS]
    assert {group.state.word for group in known} >= {"unresolved", "resolved"}
    assert any(group.state.at_ms is not None and group.last_ms > group.state.at_ms for group in known)
    assert {group.state.word for group in groups if group not in known} == {"unresolved"}
    assert {group.state.word for group in groups_since(world, START_MS - 10 * DAY_MS)} >= {"ignored"}
