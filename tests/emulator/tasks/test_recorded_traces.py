"""What the attempts of the recorded tasks show in a trace, played from their scripts, against the recorded traces."""

from typing import Any

import pytest

from tests.support.emulator.recorded_runs import NASTY, PAYLOADS, body, finished
from tui.emulator.recorded_tasks import REFERENCE
from tui.emulator.simulation.runs import Attempt, Run
from tui.emulator.simulation.script import Item, Log, Script, Span, Start, Step, Wait, Work


def played(run: Run, attempt: Attempt) -> list[Any]:
    """What `run()` of that attempt shows: (message, level, whether it is an error, exception, what is in it)."""
    return [line for item in run.script(attempt.number).items for line in shown(item)]


def shown(item: Item) -> list[Any]:
    match item:
        case Work(steps=steps):
            return [step_shown(step) for step in steps]
        case Wait():
            return [("wait.for()", "TRACE", False, None, [])]
        case Start():
            return [(f"{item.function}()", "TRACE", False, None, [])]
        case _:
            return []


def step_shown(step: Step) -> Any:
    match step:
        case Log(level=level, message=message):
            return (message, level, level == "ERROR", None, [])
        case Span(message=message, steps=steps, failure=failure):
            exception = failure.in_exception() if failure else None
            return (message, "TRACE", failure is not None, exception, [step_shown(inner) for inner in steps])


def recorded_lines(node: Any) -> list[Any]:
    """The same of a recorded node: in order of time, without the runs below a trigger."""
    own = [child for child in node["children"] if child["runId"] == node["runId"]]
    children = sorted(own, key=lambda child: child["data"]["startTime"])
    return [
        (
            child["data"]["message"],
            child["data"]["level"],
            child["data"]["isError"],
            exception_of(child),
            recorded_lines(child),
        )
        for child in children
    ]


def exception_of(node: Any) -> Any:
    found = [event["properties"]["exception"] for event in node["data"]["events"] if event["name"] == "exception"]
    return found[0] if found else None


def nodes(node: Any, message: str) -> list[Any]:
    """The nodes of that name at any depth, in order of time."""
    found = [node] if node["data"]["message"] == message else []
    for child in node["children"]:
        found += nodes(child, message)
    return sorted(found, key=lambda one: one["data"]["startTime"])


TRACES: dict[str, Any] = {
    "234": {"ms": 1200},
    "240": {"name": "Grace"},
    "241": PAYLOADS["fail-retry"],
    "242": PAYLOADS["fail-cause"],
    "243": None,
    "245": None,
    "246": None,
    "247": None,
    "249": None,
    "250": {"x": 1},
    "251": body("112")["payload"],
    "253": {"seconds": 12},
}


@pytest.mark.parametrize("number", TRACES)
def test_every_attempt_shows_what_was_recorded(number: str) -> None:
    root = body(number)["trace"]["rootSpan"]
    run = finished(root["data"]["message"], TRACES[number])
    recorded = [child for child in root["children"] if child["data"]["message"].startswith("Attempt ")]
    assert [attempt.number for attempt in run.attempts] == [node["data"]["attemptNumber"] for node in recorded]
    for attempt, node in zip(run.attempts, recorded, strict=True):
        function = next(child for child in node["children"] if child["data"]["message"] == "run()")
        assert played(run, attempt) == recorded_lines(function)
        thrown = attempt.failure if attempt.failure and not attempt.failure.is_internal else None
        assert (thrown.in_exception() if thrown else None) == exception_of(node)


def test_the_middle_of_the_tree_shows_what_was_recorded() -> None:
    middle = finished("middle", {"n": 1})
    function = nodes(body("236")["trace"]["rootSpan"], "run()")[0]
    assert played(middle, middle.attempts[0]) == recorded_lines(function)


@pytest.mark.parametrize(
    ("number", "payload"), [("212", {}), ("238", {"n": 3, "fail": True}), ("241", {}), ("242", None), ("246", None)]
)
def test_waits_between_attempts_are_near_the_recorded_ones(number: str, payload: Any) -> None:
    root = body(number)["trace"]["rootSpan"]
    run = finished(root["data"]["message"], payload)
    delays = [child for child in root["children"] if child["data"]["message"].startswith("Retry #")]
    recorded_ms = [
        node["data"]["duration"] / 1e6 for node in sorted(delays, key=lambda node: node["data"]["startTime"])
    ]
    waits_ms = [
        attempt.retry_at_ms - attempt.ended_ms for attempt in run.attempts if attempt.retry_at_ms and attempt.ended_ms
    ]
    assert waits_ms == [pytest.approx(ms, rel=0.3) for ms in recorded_ms]


def test_a_canceled_run_has_the_recorded_hook() -> None:
    hook = nodes(body("230")["trace"]["rootSpan"], "onCancel()")[0]
    task = next(task for task in REFERENCE if task.id == "slow")
    assert [step_shown(step) for step in task.cancel_hook] == recorded_lines(hook)


def all_steps(script: Script) -> list[Step]:
    found = [step for item in script.items if isinstance(item, Work) for step in item.steps]
    for step in found:
        if isinstance(step, Span):
            found.extend(step.steps)
    return found


@pytest.mark.parametrize(
    ("number", "task_id"),
    [(number, "logs-nested") for number in ("272", "273", "274", "275", "276", "277")] + [("279", NASTY)],
)
def test_attributes_are_those_of_the_recorded_span(number: str, task_id: str) -> None:
    told = body(number)
    script = finished(task_id, {}).script(1)
    step = next(step for step in all_steps(script) if step.message == told["message"])
    assert step.attributes == told.get("properties")


def test_the_handled_error_is_that_of_the_recorded_span() -> None:
    told = body("278")
    script = finished("logs-nested", {}).script(1)
    spans = [step for step in all_steps(script) if isinstance(step, Span) and step.failure]
    assert [(span.message, span.failure.in_span()) for span in spans if span.failure] == [
        (told["message"], told["properties"]["error"])
    ]


@pytest.mark.parametrize("number", ["260", "269", "284", "285"])
def test_the_error_of_the_root_span_is_the_recorded_one(number: str) -> None:
    told = body(number)
    run = finished(told["message"], PAYLOADS.get(told["message"]))
    assert run.failure
    assert run.failure.in_span() == told["properties"]["error"]
