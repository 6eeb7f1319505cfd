"""The causes of failures: the truth that groups of failures are measured by."""

import re
from collections import Counter, defaultdict
from functools import cache

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.orders import FAILURES, failure_of
from tui.emulator.demo_tasks.samples import ROOTS, as_built
from tui.emulator.environment import PRODUCTION
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Failure, Log, Script, Step
from tui.emulator.world import World

START_MS = 1_795_528_000_000
HOSTILE = "moderate-comment"
"""A task whose messages quote any text."""


@cache
def failed() -> tuple[Run, ...]:
    world = World(COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=5, rate_per_s=20, history=3_000)
    return tuple(run for run in world.ledger if run.status in GROUPED)


def test_every_failed_run_has_a_cause() -> None:
    causes = Counter(run.cause for run in failed() if run.task_id != HOSTILE)
    assert None not in causes
    assert 40 < len(causes) < 110
    assert causes.most_common(1)[0][1] > 10


def test_messages_of_one_cause_differ() -> None:
    messages: defaultdict[str, set[str]] = defaultdict(set)
    for number in range(0, 3_100 * 40, 100):
        failure = failure_of(number)
        messages[failure.cause].add(failure.message)
    assert len(messages) == len(FAILURES)
    constant = [cause for cause, found in messages.items() if len(found) == 1]
    assert all(re.search(r"status code|constraint|column|Cannot read", cause) for cause in constant), constant
    assert sum(len(found) > 20 for found in messages.values()) > 12


def test_cause_does_not_change_what_the_api_says() -> None:
    for number in range(0, 3_100, 100):
        failure = failure_of(number)
        bare = Failure(failure.kind, failure.message, failure.name, failure.stack)
        assert bare.stored() == failure.stored()
        assert (bare.in_rest(), bare.in_span()) == (failure.in_rest(), failure.in_span())


def test_builds_move_lines_and_folders() -> None:
    script = Script(throws=failure_of(0))
    built = [as_built(script, f"20261124.{number}").throws for number in range(40)]
    stacks = {failure.stack for failure in built if failure is not None}
    assert len(stacks) == 40
    assert all(any(f"({root}src/lib/orders.ts:" in stack for stack in stacks) for root in ROOTS)


def is_error(step: Step) -> bool:
    return isinstance(step, Log) and step.level == "ERROR"


def test_build_keeps_the_stack_of_a_span_and_its_attempt() -> None:
    run = next(run for run in failed() if run.task_id == "sync-order" and run.failure and run.failure.stack)
    script = run.script(len(run.attempts))
    assert run.failure is not None
    assert script.throws == run.failure
    [span] = [step for item in script.items for step in getattr(item, "steps", ()) if getattr(step, "failure", None)]
    assert span.failure == run.failure
    logged = [
        step.attributes["error"] for item in script.items for step in getattr(item, "steps", ()) if is_error(step)
    ]
    assert [error["stack"] for error in logged] == [run.failure.stack_trace]
    assert as_built(script, "") is script
