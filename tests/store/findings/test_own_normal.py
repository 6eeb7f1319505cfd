"""What is usual for a task that has no 7-day hours: its own runs before the present streak."""

from tests.support.domain.judged import ended, every, judged
from tests.support.domain.patches import at
from tui.domain.facts import WallFacts
from tui.domain.finding import TaskFails
from tui.store.findings.judging import Block, before_streak


def test_a_task_that_always_failed_needs_7_days_to_be_normal() -> None:
    half = [*every(4, 0, 7200, fails=True), *every(4, 2, 7200, 20_000)]
    (found,) = judged(half, WallFacts())
    assert isinstance(found.evidence, TaskFails)
    assert found.evidence.normal_rate is None


def test_the_normal_is_that_before_the_streak() -> None:
    begin = [*every(2, 0, 3600, version="1"), ended(9_999, 1801, fails=True)]
    for step_s in (4, 25):
        bad = [*every(step_s, 3600, 7200, 10_000, fails=True), *every(step_s, 3602, 7200, 20_000)]
        (found,) = judged([*begin, *bad], WallFacts())
        assert isinstance(found.evidence, TaskFails)
        assert found.since == at(3600)
        assert found.evidence.normal_rate is not None
        assert found.evidence.normal_rate < 0.01


def test_blocks_without_a_change_are_all_before() -> None:
    steady = [Block(-60.0 * minute, 1, 10) for minute in range(100)]
    assert before_streak(Block(0.0, 10, 100), steady) == (100, 1000)
    assert before_streak(Block(0.0, 0, 100), steady) == (100, 1000)
    failing = [Block(-60.0 * minute, 5, 10) for minute in range(30)]
    assert before_streak(Block(0.0, 50, 100), [*failing, *steady]) == (100, 1000)
    assert before_streak(Block(0.0, 50, 100), steady) == (100, 1000)
    assert before_streak(Block(0.0, 50, 100), []) == (0, 0)
