"""The stories: one thing goes wrong, at its time. `tests/store/findings/test_stories.py` judges what the wall shows."""

from functools import cache

from tui.emulator.simulation.names import digest
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.stories import CHARGE_BUG, EMAIL, TALES, tell
from tui.emulator.world import World
from tui.program.main import STORIES

START_MS = 1_795_528_000_000 + 17_123
SEEDS = 8
RATE_PER_S = 5.0


@cache
def after_a_while(name: str, seed: int = 0, rate_per_s: float = RATE_PER_S) -> World:
    """A world of the story, two minutes after its start. No test changes it."""
    company, story = tell(name, digest(seed, "dev"), START_MS, rate_per_s)
    world = World(company, start_ms=START_MS, seed=seed, rate_per_s=rate_per_s, history=100, story=story)
    world.advance(START_MS + 120_000)
    return world


def event_of(world: World) -> int:
    assert world.story.event_ms is not None
    return world.story.event_ms


def touched(world: World) -> list[Run]:
    return [run for run in world.ledger if world.label(run) == world.story.name]


def test_event_comes_5_to_15_s_after_the_start() -> None:
    assert tuple(TALES) == STORIES
    assert tell("calm", 0, START_MS, RATE_PER_S)[1].event_ms is None
    for name in STORIES[1:]:
        events = set()
        for seed in range(SEEDS):
            start_ms = START_MS + seed * 41_500
            event_ms = tell(name, seed, start_ms, RATE_PER_S)[1].event_ms
            assert event_ms is not None, name
            assert 5_000 <= event_ms - start_ms <= 15_000, (name, seed)
            events.add(event_ms - start_ms)
        assert len(events) > SEEDS // 2, name


def test_bad_deploy_breaks_every_second_charge() -> None:
    world = after_a_while("bad-deploy")
    later = [run for run in world.ledger if (run.started_ms or 0) > event_of(world) and not run.parent]
    charges = [run for run in later if run.task_id == "charge-card" and run.status.is_final]
    failed = touched(world)
    assert {(run.status, run.failure, run.version) for run in failed} == {
        (Status.FAILED, CHARGE_BUG, world.lifecycle.dispatch.version)
    }
    assert set(failed) < set(charges)
    assert abs(len(failed) / len(charges) - 0.5) < 0.02
    assert 0.3 < len(charges) / len(later) < 0.5


def test_queue_stays_at_its_limit_at_any_rate() -> None:
    for rate_per_s in (RATE_PER_S, 30.0):
        world = after_a_while("queue-at-limit", rate_per_s=rate_per_s)
        queue = world.queues.named(EMAIL)
        assert queue.limit == (20 if rate_per_s == RATE_PER_S else 30)
        assert queue.running == queue.limit == sum(run.status is Status.EXECUTING for run in touched(world))
        assert set(touched(world)) >= {run for run in world.ledger if run.number in queue.waiting}
        assert len(queue.waiting) > 5
