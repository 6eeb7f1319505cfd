"""The demo tasks: they produce everything a client must handle, in realistic shares, and reproducibly."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from inspect import unwrap
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.recordings import recording
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.examples import SHORT_TEXTS, TEXTS
from tui.emulator.demo_tasks.history import OLD_RUNS
from tui.emulator.demo_tasks.samples import TICKS
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.simulation.runs import FINAL, Run, Status
from tui.emulator.simulation.script import (
    NOTHING,
    AddTags,
    Call,
    Child,
    Failure,
    FailureKind,
    Item,
    Json,
    Lines,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Step,
    Task,
    Wait,
    Work,
)
from tui.emulator.world import World

START_MS = 1_795_528_000_000
HISTORY = 5_000
TASKS = {task.id: task for task in COMPANY.tasks}

INLINE_PAYLOAD = 512 * 1024
INLINE_OUTPUT = 128 * 1024


@cache
def world(environment: Environment = PRODUCTION, seed: int = 1) -> World:
    """A world that no test changes."""
    history = HISTORY if environment is PRODUCTION else HISTORY // 5
    return World(COMPANY, start_ms=START_MS, environment=environment, seed=seed, rate_per_s=20, history=history)


@cache
def finished() -> tuple[Run, ...]:
    return tuple(run for run in world().ledger if run.status.is_final)


@cache
def scripts() -> tuple[tuple[Task, Script], ...]:
    """Scripts of each task, for a few hundred calls, first and second attempts."""
    found = []
    for task in COMPANY.tasks:
        for seed in range(100):
            payload = task.payload(Random(seed))
            found += [(task, task.script(Call(payload, attempt, Random(seed * 31 + attempt)))) for attempt in (1, 2)]
    return tuple(found)


def steps_of(script: Script) -> Iterator[Log | Span]:
    waiting: list[Step] = [step for item in script.items if isinstance(item, Work) for step in item.steps]
    while waiting:
        step = waiting.pop()
        if isinstance(step, Lines):
            yield step.line(0)
            continue
        yield step
        if isinstance(step, Span):
            waiting.extend(step.steps)


def size(value: Json) -> int:
    return len(json.dumps(value))


def facts(run: Run) -> tuple[object, ...]:
    """The facts in which two equal runs agree."""
    return (
        run.id,
        run.task_id,
        run.status,
        run.created_ms,
        run.updated_ms,
        run.finished_ms,
        run.version,
        run.tags,
        run.metadata,
        run.usage_ms,
        run.failure,
        run.ttl,
        run.parent and run.parent.id,
        [(a.started_ms, a.ended_ms, a.failure, a.retry_at_ms, len(a.blocks)) for a in run.attempts],
    )


# --- the tasks themselves


def test_tasks_have_plain_ids_and_are_all_triggered() -> None:
    started = {child.task for _, script in scripts() for item in script.items for child in children_of(item)}
    examples = {example.new.task_id for example in COMPANY.examples}
    assert 20 <= len(TASKS) == len(COMPANY.tasks)
    for task in COMPANY.tasks:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+|heartbeat", task.id), task.id
        assert re.fullmatch(r"src/trigger/[a-z]+\.ts", task.file)
        assert task.weight > 0 or task.every_s or task.id in started | examples, task.id
    assert started <= set(TASKS)


def children_of(item: Item) -> tuple[Child, ...]:
    return item.children if isinstance(item, Start) else ()


def test_limits_and_bugs_belong_to_tasks() -> None:
    queues = {task.queue for task in COMPANY.tasks if task.queue}
    assert set(COMPANY.limits) == queues
    assert set(COMPANY.pausable) <= queues
    assert {task_id for task_id, _ in COMPANY.bugs} <= set(TASKS)
    assert len(COMPANY.bugs) >= 6
    assert len({failure.message for _, failure in COMPANY.bugs}) == len(COMPANY.bugs)


def test_every_kind_of_item_and_step_is_used() -> None:
    items = {type(item) for _, script in scripts() for item in script.items}
    assert items == {Work, Wait, Start, SetMetadata, AddTags}
    starts = [item for _, script in scripts() for item in script.items if isinstance(item, Start)]
    assert {start.function for start in starts} >= {"trigger", "triggerAndWait", "batchTrigger", "batchTriggerAndWait"}
    assert {start.must_succeed for start in starts if start.is_awaited} == {True, False}
    waits = [item.ms for _, script in scripts() for item in script.items if isinstance(item, Wait)]
    assert min(waits) < 5_000
    assert 20_000 < max(waits) <= 90_000
    steps = [step for _, script in scripts() for step in steps_of(script)]
    logs = [step for step in steps if isinstance(step, Log)]
    assert {log.level for log in logs} == {"DEBUG", "LOG", "INFO", "WARN", "ERROR"}
    assert any(log.level == "INFO" and log.attributes is None for log in logs), "a console line"
    spans = [step for step in steps if isinstance(step, Span)]
    assert any(span.failure for span in spans)
    assert max(map(nesting, spans)) >= 3


def nesting(span: Span) -> int:
    return 1 + max((nesting(step) for step in span.steps if isinstance(step, Span)), default=0)


def test_span_can_fail_while_the_task_continues() -> None:
    handled = [
        step
        for _, script in scripts()
        if script.throws is None
        for step in steps_of(script)
        if isinstance(step, Span) and step.failure
    ]
    assert handled


def test_attributes_are_of_every_type() -> None:
    types: set[type] = set()
    waiting: list[Json] = [step.attributes for _, script in scripts() for step in steps_of(script) if step.attributes]
    while waiting:
        value = waiting.pop()
        types.add(type(value))
        waiting.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    assert types == {dict, list, str, int, float, bool, type(None)}


def test_metadata_has_status_and_numbers() -> None:
    keys = {
        key for _, script in scripts() for item in script.items if isinstance(item, SetMetadata) for key in item.values
    }
    assert keys >= {"status", "progress", "total", "percent", "steps"}


def test_every_kind_of_failure_is_thrown() -> None:
    thrown = {script.throws.kind for _, script in scripts() if script.throws}
    rare = {
        task.script(Call(task.payload(Random(seed)), 1, Random(seed))).throws
        for task in (TASKS["crm-sync"], TASKS["transcode-rendition"])
        for seed in range(3_000)
    }
    kinds = thrown | {failure.kind for failure in rare if failure}
    # These happen to a run rather than being thrown by its script: see `test_history_has_every_label`.
    elsewhere = {FailureKind.CHILD, FailureKind.BAD_DEPLOY, FailureKind.CANCELED, FailureKind.EXPIRED}
    assert kinds == set(FailureKind) - elsewhere


def test_stacks_look_like_nodes() -> None:
    failures: set[Failure] = {script.throws for _, script in scripts() if script.throws}
    failures |= {failure for _, failure in COMPANY.bugs}
    stacks = {failure.stack for failure in failures if failure.stack}
    frame = re.compile(
        r"    at (async )?([^()]+ \((file:///|node:|<anonymous>)[^()]*\)|(file:///app/|node:)\S+:\d+:\d+|.*)"
    )
    for stack in stacks:
        lines = stack.split("\n")
        assert len(lines) <= 10
        assert all(frame.fullmatch(line) for line in lines), stack
        assert "file:///app/src/" in stack
        # The caller of a function that was not resumed is on the stack itself and awaits nothing yet.
        for above, below in pairwise(lines):
            assert not below.startswith("    at async ") or "async " in above or TICKS in above or "Promise." in below
        assert not lines[0].startswith("    at async ")
    assert sum(len(stack.split("\n")) == 10 for stack in stacks) > len(stacks) // 2
    everything = "\n".join(stacks)
    for part in ("at async ", "node:internal/", "/node_modules/stripe/", "/node_modules/undici/", "/node_modules/pg-"):
        assert part in everything


def test_executor_frames_are_as_recorded() -> None:
    recorded = recording("144")["response"]["body"]["error"]["stackTrace"].split("\n")[2:]
    bug = COMPANY.bugs[0][1].stack.split("\n")
    own = [line for line in bug if "/app/src/" in line or TICKS in line]
    assert bug == own + recorded[: 10 - len(own)]


def test_internal_failures_have_recorded_messages() -> None:
    task = TASKS["transcode-rendition"]
    played = [task.script(Call(task.payload(Random(seed)), 1, Random(seed))) for seed in range(3_000)]
    messages = {script.throws.in_span()["message"] for script in played if script.throws}
    assert recording("269")["response"]["body"]["properties"]["error"]["message"] in messages
    timed_out = recording("285")["response"]["body"]["properties"]["error"]["message"]
    assert re.sub(r"\d+", "120", timed_out) in messages


def test_bad_deployment_throws_the_new_error() -> None:
    for task_id, bug in COMPANY.bugs:
        task = TASKS[task_id]
        for attempt in (1, 2, 3):
            script = task.script(Call(task.payload(Random(attempt)), attempt, Random(attempt), bug))
            assert script.throws is bug
            assert bug.kind is FailureKind.BAD_DEPLOY


def test_every_script_accepts_its_own_payload() -> None:
    for task in COMPANY.tasks:
        script = unwrap(task.script)
        assert script is not task.script
        for seed in range(40):
            script(Call(task.payload(Random(seed)), 1, Random(seed)))
    for run in list(world().ledger)[::4]:
        unwrap(TASKS[run.task_id].script)(Call(run.payload(), 1, Random(run.seed)))


@pytest.mark.parametrize(
    "payload",
    [None, 7, "text", [], {}, {"order": "x"}, {"message": None}, {"event": 1}, {"level": "deep"}, {"renditions": 5}],
    ids=str,
)
def test_any_payload_produces_a_script(payload: Json) -> None:
    for task in COMPANY.tasks:
        script = task.script(Call(payload, 1, Random(1)))
        assert isinstance(script, Script)
        assert script.items


def test_missing_fields_are_filled_in() -> None:
    script = TASKS["send-email"].script(Call({"to": "somebody@example.com", "message": 100_999}, 1, Random(1)))
    assert script.throws is None
    assert script.output["accepted"] == ["somebody@example.com"]


def test_unusable_payload_throws() -> None:
    script = TASKS["process-payment"].script(Call({"order": "x"}, 1, Random(1)))
    assert script.throws is not None
    assert script.throws.name == "TypeError"


def test_script_depends_only_on_its_call() -> None:
    for task in COMPANY.tasks:
        for seed in range(20):
            one, other = (task.script(Call(task.payload(Random(seed)), 1, Random(seed))) for _ in range(2))
            assert one == other


# --- sizes


def test_payloads_are_of_all_sizes() -> None:
    payloads = [task.payload(Random(seed)) for task in COMPANY.tasks for seed in range(40)]
    sizes = [size(payload) for payload in payloads]
    assert None in payloads
    assert any(isinstance(payload, list) for payload in payloads)
    assert any(280_000 < size < INLINE_PAYLOAD for size in sizes)
    assert sum(size > INLINE_PAYLOAD for size in sizes) < 20
    assert max(sizes) > INLINE_PAYLOAD
    assert sum(size < 400 for size in sizes) > len(sizes) // 2


def test_outputs_are_of_all_kinds() -> None:
    outputs = [script.output for _, script in scripts() if script.throws is None]
    returned = [output for output in outputs if output is not NOTHING]
    assert NOTHING in outputs
    assert {type(output) for output in returned} == {dict, list, str}
    big = [script.output for task, script in scripts() if task.id == "index-documents"][:20]
    assert min(map(size, big)) < INLINE_OUTPUT < max(map(size, big))


def test_large_values_are_shared() -> None:
    payloads = [TASKS["index-documents"].payload(Random(seed))["documents"] for seed in range(30)]
    assert len({id(documents) for documents in payloads}) == 2


# --- hostile text


def test_hostile_texts_cover_every_kind() -> None:
    text = "".join(TEXTS)
    kinds = [
        "\x1b[31m",
        "\x1b]8;;",
        "\x1b]52;",
        "\x07",
        "\r",
        "\b",
        "\x9b",
        "\x01",
        "\x7f",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\u200d",
        "\u0301",
        "日本語",
        "\n",
        "\u2028",
        "مرحبا",
    ]
    assert [kind for kind in kinds if kind not in text] == []
    assert max(map(len, TEXTS)) > 10_000
    assert "\0" not in text
    text.encode()


def test_hostile_text_reaches_every_part_of_a_run() -> None:
    def hostile(value: str) -> bool:
        return any(text[:12] in value for text in TEXTS)

    def as_text(value: Json) -> str:
        return json.dumps(value, ensure_ascii=False).replace("\\u001b", "\x1b").replace("\\r", "\r")

    runs = [run for run in world().ledger if run.task_id == "moderate-comment"]
    played = [run.script(attempt.number) for run in runs for attempt in run.attempts]
    logs = [step for script in played for step in steps_of(script) if isinstance(step, Log)]
    spans = [step for script in played for step in steps_of(script) if isinstance(step, Span)]
    assert any(hostile(tag) for run in runs for tag in run.tags)
    assert any(hostile(key) for run in runs for key in run.metadata or ())
    assert any(hostile(as_text(run.metadata)) for run in runs)
    assert any(hostile(as_text(run.payload())) for run in runs)
    assert any(hostile(key) for run in runs for key in run.payload())
    assert any(hostile(as_text(run.output())) for run in runs if run.output() is not NOTHING)
    assert any(hostile(log.message) for log in logs)
    assert any(hostile(key) for log in logs for key in log.attributes or ())
    assert any(hostile(as_text(log.attributes)) for log in logs)
    assert any(hostile(span.message) for span in spans)
    assert any(hostile(run.failure.message) for run in runs if run.failure)
    assert any(hostile(run.failure.name) for run in runs if run.failure)


def test_tags_respect_the_servers_limits() -> None:
    assert max(map(len, SHORT_TEXTS)) <= 128
    for run in world().ledger:
        assert len(run.tags) <= 10
        assert all(tag and len(tag) <= 128 for tag in run.tags)


# --- a history


@pytest.mark.parametrize("seed", range(6))
def test_history_has_the_requested_number_of_runs(seed: int) -> None:
    company = World(COMPANY, start_ms=START_MS, seed=seed, rate_per_s=10, history=600)
    assert sum(run.status.is_final for run in company.ledger) == 600
    busy = [run for run in company.ledger if run.created_ms > START_MS - 20_000]
    assert len(busy) > 40


def test_history_has_every_label() -> None:
    labels = Counter(run.label for run in finished())
    rare = {FailureKind.STALLED, FailureKind.SYSTEM, FailureKind.OUT_OF_MEMORY, FailureKind.CANCELED}
    assert set(labels) >= set(FailureKind) - rare
    assert labels[FailureKind.BAD_DEPLOY] > 1


def test_most_runs_succeed() -> None:
    statuses = Counter(run.status for run in finished())
    failed = sum(statuses[word] for word in (Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE))
    assert 0.03 < failed / len(finished()) < 0.07
    assert 0 < statuses[Status.EXPIRED] / len(finished()) < 0.05
    assert {Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.EXPIRED} <= set(statuses)


def test_many_runs_recover_in_a_later_attempt() -> None:
    recovered = [run for run in finished() if run.status is Status.COMPLETED and len(run.attempts) > 1]
    assert len(recovered) > 0.02 * len(finished())
    assert max(len(run.attempts) for run in recovered) >= 3


def test_some_runs_have_a_long_backoff() -> None:
    waits = [
        attempt.retry_at_ms - attempt.ended_ms
        for run in finished()
        for attempt in run.attempts
        if attempt.retry_at_ms is not None and attempt.ended_ms is not None
    ]
    assert sum(wait > 30_000 for wait in waits) > 5
    assert sum(wait < 3_000 for wait in waits) > len(waits) // 2


def test_families_are_deep_and_wide() -> None:
    depths = Counter(run.depth for run in world().ledger)
    assert all(depths[depth] for depth in range(5))
    assert max(len(run.children) for run in world().ledger) > 30


def test_failed_child_fails_a_parent_that_needs_it() -> None:
    failed = [run for run in finished() if run.label is FailureKind.CHILD]
    assert {run.task_id for run in failed} >= {"generate-report"}
    assert all(any(child.status is not Status.COMPLETED for child in run.children) for run in failed)


def test_most_work_is_short() -> None:
    seconds = sorted(run.usage_ms / 1000 for run in finished() if run.status is Status.COMPLETED)
    assert 0.3 < seconds[len(seconds) // 2] < 3
    assert 2 < sum(seconds) / len(seconds) < 8
    assert seconds[-20] > 30


def test_no_task_dominates() -> None:
    counts = Counter(run.task_id for run in world().ledger)
    assert counts.most_common(1)[0][1] < 0.3 * len(world().ledger)
    assert set(counts) >= {task.id for task in COMPANY.tasks if task.weight >= 0.4}


def test_run_computes_as_long_as_its_script_says() -> None:
    for run in world(DEVELOPMENT).ledger:
        if run.status is Status.COMPLETED and len(run.attempts) == 1:
            assert run.usage_ms == sum(item.ms for item in run.script(1).items if isinstance(item, Work)), run.id


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION], ids=lambda environment: environment.slug)
def test_history_ends_with_every_live_status(environment: Environment) -> None:
    seen = Counter(run.status for run in world(environment).ledger if not run.status.is_final)
    # One moment need not contain each of them, so several are checked.
    follower = World(COMPANY, start_ms=START_MS, environment=environment, seed=9, rate_per_s=10)
    for _ in range(8):
        follower.advance(follower.now_ms + 4_000)
        seen += Counter(run.status for run in follower.ledger if not run.status.is_final)
    expected = {Status.EXECUTING, Status.QUEUED, Status.DELAYED, Status.DEQUEUED}
    assert set(seen) == (expected | {Status.WAITING} if environment.suspends else expected)


@pytest.mark.parametrize("rate_per_s", [4, 12])
def test_nothing_grows_without_bound(rate_per_s: int) -> None:
    company = World(COMPANY, start_ms=START_MS, seed=1, rate_per_s=rate_per_s)
    live = []
    for minute in range(1, 11):
        company.advance(START_MS + minute * 60_000)
        live.append(sum(run.status not in FINAL for run in company.ledger))
    assert max(live[6:]) < 15 * rate_per_s + 120
    assert max(live[6:]) > 4 * rate_per_s


# --- reproducibility


def test_same_seed_produces_the_same_world() -> None:
    one, other = (World(COMPANY, start_ms=START_MS, seed=3, rate_per_s=10, history=600) for _ in range(2))
    assert [facts(run) for run in one.ledger] == [facts(run) for run in other.ledger]


def test_another_seed_produces_another_world() -> None:
    other = World(COMPANY, start_ms=START_MS, seed=4, rate_per_s=2, history=50)
    third = World(COMPANY, start_ms=START_MS, seed=5, rate_per_s=2, history=50)
    assert [facts(run) for run in other.ledger] != [facts(run) for run in third.ledger]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 50), st.lists(st.integers(0, 30_000), max_size=12), st.sampled_from([DEVELOPMENT, PRODUCTION]))
def test_one_long_step_equals_many_short_ones(seed: int, moments: list[int], environment: Environment) -> None:
    one, many = (World(COMPANY, start_ms=START_MS, environment=environment, seed=seed, rate_per_s=8) for _ in range(2))
    one.advance(START_MS + 30_000)
    for moment in sorted(moments):
        many.advance(START_MS + moment)
    many.advance(START_MS + 30_000)
    assert [facts(run) for run in one.ledger] == [facts(run) for run in many.ledger]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 50), st.data())
def test_any_run_can_be_cancelled_at_any_moment(seed: int, data: st.DataObject) -> None:
    company = World(COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=seed, rate_per_s=8)
    company.advance(START_MS + data.draw(st.integers(2_000, 20_000)))
    runs = list(company.ledger)
    for index in data.draw(st.lists(st.integers(0, len(runs) - 1), max_size=20)) if runs else ():
        was_over = runs[index].status.is_final
        company.cancel(runs[index])
        assert was_over or runs[index].status is Status.CANCELED
    company.advance(START_MS + 60_000)
    assert all(queue.running >= 0 for queue in company.queues.all())
    canceled = [run for run in company.ledger if run.status is Status.CANCELED]
    assert all(run.finished_ms is not None for run in canceled)


def test_old_runs_change_nothing_about_the_rest() -> None:
    plain, aged = (
        World(COMPANY, start_ms=START_MS, rate_per_s=2, history=300, seed=5, old_runs=old) for old in ((), OLD_RUNS)
    )
    old = list(aged.ledger)[: len(OLD_RUNS)]
    assert [(START_MS - run.created_ms) // 86_400_000 for run in old] == [40, 20, 8]
    assert [run.status for run in old] == [Status.EXECUTING, Status.EXECUTING, Status.DELAYED]
    for world in (plain, aged):
        world.advance(START_MS + 60_000)
    recent = [
        [(run.id, run.status, run.updated_ms) for run in world.ledger if run.created_ms > START_MS - 86_400_000]
        for world in (plain, aged)
    ]
    assert recent[0] == recent[1]
    assert all(not run.status.is_final and run.listed_status is run.status for run in old)
