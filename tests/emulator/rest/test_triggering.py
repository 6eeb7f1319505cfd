"""The body of a trigger: invalid ones, and the effect of each option."""

from typing import Any

import pytest

from tests.support.emulator.small_world import START_MS, a_world, ask, refused
from tui.emulator.routes import runs
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World


def triggered(world: World, body: Any, task: str = "hello") -> Run:
    found = world.find(ask(runs.trigger, world, body=body, task=task).body["id"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"{not json", 400, "Invalid JSON"),
        (b'{"payload": NaN}', 400, "Invalid JSON"),
        (b"[" * 100_000, 400, "Invalid JSON"),
        (b"\xff\xfe\x00", 400, "Invalid JSON"),
        ([1], 400, "Validation error: Expected object, received array"),
        ({"options": 3}, 400, 'Validation error: Expected object, received number at "options"'),
        ({"options": {"tags": {}}}, 400, 'Validation error: Invalid input at "options.tags"'),
        ({"options": {"tags": ["a", 1]}}, 400, 'Expected string, received number at "options.tags[1]"'),
        ({"options": {"tags": "x" * 129}}, 400, 'Tags must be less than 128 characters at "options.tags"'),
        ({"options": {"tags": ["🚀" * 65]}}, 400, 'Tags must be less than 128 characters at "options.tags[0]"'),
        ({"options": {"delay": 5}}, 400, 'Expected string, received number at "options.delay"'),
        ({"options": {"delay": "soon"}}, 422, "Invalid delay: soon"),
        ({"options": {"delay": "99999999999d"}}, 422, "Invalid delay: 99999999999d"),
        ({"options": {"delay": "9" * 5000 + "s"}}, 422, "Invalid delay: 999"),
        ({"options": {"delay": "1e15"}}, 422, "Invalid delay: 1e15"),
        ({"options": {"ttl": []}}, 400, 'Invalid input at "options.ttl"'),
        ({"options": {"ttl": -1}}, 400, 'Invalid input at "options.ttl"'),
        ({"options": {"ttl": 1.5}}, 400, 'Invalid input at "options.ttl"'),
        ({"options": {"ttl": 1e30}}, 400, 'Invalid input at "options.ttl"'),
        ({"options": {"queue": 1}}, 400, 'Expected object, received number at "options.queue"'),
        ({"options": {"queue": {"name": 1}}}, 400, 'received number at "options.queue.name"'),
        ({"options": {"machine": "huge-9x"}}, 400, "received 'huge-9x' at \"options.machine\""),
        ({"options": {"test": "yes"}}, 400, 'Expected boolean, received string at "options.test"'),
        ({"options": {"maxAttempts": True}}, 400, 'Expected number, received boolean at "options.maxAttempts"'),
        ({"options": {"metadata": "{"}}, 400, "Invalid JSON"),
    ],
)
def test_invalid_triggers_are_refused(body: Any, status: int, text: str) -> None:
    world = a_world()
    answer = refused(runs.trigger, world, body=body, task="hello")
    assert answer.status == status
    assert text in answer.body["error"]
    assert len(world.ledger) == 0


def test_trigger_with_all_options() -> None:
    world = a_world()
    options = {
        "tags": ["a", "b", "a"],
        "delay": "1h30m",
        "ttl": 5400,
        "queue": {"name": "my-queue"},
        "concurrencyKey": "user-1",
        "machine": "large-1x",
        "metadata": '{"step":1}',
        "metadataType": "application/json",
        "test": True,
        "maxAttempts": 7,
        "lockToVersion": "20261124.1",
    }
    run = triggered(world, {"payload": [1], "context": {}, "options": options})
    assert run.given_payload == [1]
    assert run.tags == ("a", "b")
    assert (run.status, run.delay_until_ms) == (Status.DELAYED, START_MS + 5_400_000)
    assert (run.ttl, run.queue, run.machine) == ("1h30m", "my-queue", "large-1x")
    assert (run.concurrency_key, run.metadata, run.max_attempts) == ("user-1", {"step": 1}, 7)
    assert run.is_test


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"tags": "one"}, "tags", ("one",)),
        ({"tags": None}, "tags", ()),
        ({"tags": [" ", "a"]}, "tags", ("a",)),
        ({"ttl": "20m"}, "ttl", "20m"),
        ({"ttl": 45}, "ttl", "45s"),
        ({"ttl": 0}, "ttl", "10m"),
        ({}, "ttl", "10m"),
        ({"queue": "single-file"}, "queue", "single-file"),
        ({"queue": {"name": "bad\x1b name!"}}, "queue", "badname"),
        ({}, "queue", "task/hello"),
        ({"metadata": {"a": 1}}, "metadata", {"a": 1}),
        ({"metadata": '{"json":{"a":1}}', "metadataType": "application/super+json"}, "metadata", {"a": 1}),
        ({"delay": "2026-11-24T13:46:50Z"}, "delay_until_ms", START_MS + 10_000),
        ({"delay": "2020-01-01"}, "delay_until_ms", None),
    ],
)
def test_trigger_with_one_option(options: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(triggered(a_world(), {"payload": {}, "options": options}), field) == value


@pytest.mark.parametrize(
    ("payload", "kind", "expected"),
    [
        ('{"json":{"n":1},"meta":{}}', "application/super+json", {"n": 1}),
        ({"json": {"n": 1}}, "application/super+json", {"n": 1}),
        ({"json": {"n": 1}}, "application/json", {"json": {"n": 1}}),
        ("plain", "text/plain", "plain"),
        (None, "application/json", None),
    ],
)
def test_payload_is_read_by_its_type(payload: Any, kind: str, expected: Any) -> None:
    assert triggered(a_world(), {"payload": payload, "options": {"payloadType": kind}}).payload() == expected


def test_trigger_without_a_body() -> None:
    world = a_world()
    run = triggered(world, b"")
    assert run.payload() is None
    assert triggered(world, {}, "no-such-task").payload() is None


def test_idempotency_key_is_shown_by_its_original_text() -> None:
    world = a_world()
    options = {"idempotencyKey": "5d41402a", "idempotencyKeyOptions": {"key": "order-42", "scope": "global"}}
    run = triggered(world, {"options": options})
    assert run.idempotency_key == "5d41402a"
    assert ask(runs.detail, world, id=run.id).body["idempotencyKey"] == "order-42"
    assert triggered(world, {"options": options}) is run
    assert triggered(world, {"options": {"idempotencyKey": "order-42"}}) is not run
    wrong = {"options": {"idempotencyKeyOptions": {"key": 1}}}
    text = 'Expected string, received number at "options.idempotencyKeyOptions.key"'
    assert text in refused(runs.trigger, world, body=wrong, task="hello").body["error"]
