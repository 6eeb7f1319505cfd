"""Queues: rows, pages and pauses as recorded, and the effect of a pause."""

from typing import Any

import pytest

from tests.support.emulator.small_world import a_world, ask, later, refused, shape, started
from tests.support.recordings import recording
from tui.emulator.recorded_tasks import RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.routes import environment
from tui.emulator.simulation.runs import NewRun, Status
from tui.emulator.world import DemoTasks, World


def body(number: str) -> Any:
    return recording(number)["response"]["body"]


def test_queues_are_in_order_of_their_names() -> None:
    answer = ask(environment.list_queues, a_world()).body
    assert list(answer) == list(body("600"))
    assert shape(answer["data"][0]) == shape(body("600")["data"][0])
    names = [row["name"] for row in answer["data"]]
    assert names == sorted(names)
    assert {row["type"] for row in answer["data"] if row["name"] != "single-file"} == {"task"}
    assert answer["pagination"] == {"currentPage": 1, "totalPages": 1, "count": len(names)}


def test_pages_of_queues() -> None:
    world = a_world()
    everything = ask(environment.list_queues, world, {"perPage": "100"}).body["data"]
    page = ask(environment.list_queues, world, {"page": "2", "perPage": "2"}).body
    assert page["data"] == everything[2:4]
    assert shape(page["pagination"]) == shape(body("601")["pagination"])
    assert page["pagination"] == {"currentPage": 2, "totalPages": -(-len(everything) // 2), "count": len(everything)}
    for number in ("99", "9" * 5000):
        assert ask(environment.list_queues, world, {"page": number}).body["data"] == []
    for size in ("1000", "9" * 5000):
        assert len(ask(environment.list_queues, world, {"perPage": size}).body["data"]) == len(everything)


@pytest.mark.parametrize("query", [{"page": "0"}, {"perPage": "-1"}, {"page": "x"}, {"perPage": "1.5"}])
def test_invalid_pages_are_refused(query: dict[str, str]) -> None:
    answer = refused(environment.list_queues, a_world(), query)
    assert (answer.status, answer.body["error"]) == (400, "Query Error")
    assert answer.body["details"][0]["path"] == list(query)


def test_queue_counts_its_runs() -> None:
    world = a_world()
    for _ in range(3):
        started(world, "single", 500)
    row = ask(environment.queue, world, {"type": "custom"}, queue="single-file").body
    recorded = next(row for row in body("614")["data"] if row["name"] == "single-file")
    assert shape(row) == shape(recorded)
    assert (row["running"], row["queued"]) == (recorded["running"], recorded["queued"])
    assert row["concurrency"] == recorded["concurrency"]


def test_run_in_a_long_backoff_counts_as_queued() -> None:
    world = World(DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS), start_ms=0)
    run, _ = world.trigger(NewRun(task_id="fail-slow-retry", payload={}))
    world.advance(10_000)
    assert (run.status, len(run.attempts)) == (Status.QUEUED, 1)
    row = ask(environment.queue, world, {"type": "task"}, queue="fail-slow-retry").body
    assert (row["running"], row["queued"]) == (0, 1)
    world.cancel(run)
    assert ask(environment.queue, world, {"type": "task"}, queue="fail-slow-retry").body["queued"] == 0


def test_run_that_was_handed_to_a_worker_is_counted_nowhere() -> None:
    world = a_world()
    world.lifecycle.set_worker(has_worker=False)
    runs = [started(world, "single", 500) for _ in range(3)]
    row = ask(environment.queue, world, {"type": "custom"}, queue="single-file").body
    assert (row["running"], row["queued"]) == (0, 2), "the limit is 1: the other two wait in the queue"
    assert {run.status for run in runs} == {Status.QUEUED}
    world.cancel(runs[0])
    assert ask(environment.queue, world, {"type": "custom"}, queue="single-file").body["queued"] == 1
    world.lifecycle.set_worker(has_worker=True)
    later(world, 500)
    assert [run.status for run in runs] == [Status.CANCELED, Status.EXECUTING, Status.QUEUED]


def test_handed_run_expires_while_there_is_no_worker() -> None:
    world = a_world()
    world.lifecycle.set_worker(has_worker=False)
    run, _ = world.trigger(NewRun(task_id="hello", payload={}, ttl="1m"))
    later(world, 61_000)
    assert (run.status, world.queues.named("task/hello").running) == (Status.EXPIRED, 0)


def test_newer_server_lists_limits_apart_from_queues() -> None:
    world = a_world()
    assert refused(environment.concurrency_limits, world).status == 404
    world.queues.is_v2 = True
    started(world, "single", 500)
    row = ask(environment.queue, world, {"type": "custom"}, queue="single-file").body
    assert (row["version"], row["concurrencyLimit"], row["running"]) == ("V2", None, 1)
    (limit,) = [
        each for each in ask(environment.concurrency_limits, world).body["data"] if each["name"] == "single-file"
    ]
    assert (limit["total"]["current"], limit["running"], limit["paused"]) == (1, 1, False)


def test_paused_environment_hands_out_no_run() -> None:
    world = a_world()
    world.lifecycle.set_paused(is_paused=True)
    assert ask(environment.whoami, world).body["paused"]
    run = started(world, "hello", 5_000)
    assert run.status is Status.QUEUED
    world.lifecycle.set_paused(is_paused=False)
    later(world, 1_000)
    assert run.status is not Status.QUEUED


@pytest.mark.parametrize(("name", "kind", "number"), [("single-file", "custom", "602"), ("hello", "task", "603")])
def test_one_queue_has_the_recorded_keys(name: str, kind: str, number: str) -> None:
    world = a_world()
    row = ask(environment.queue, world, {"type": kind}, queue=name).body
    assert shape(row) == shape(body(number))
    assert (row["name"], row["type"], row["concurrencyLimit"]) == (name, kind, body(number)["concurrencyLimit"])
    assert ask(environment.queue, world, queue=row["id"]).body == row


@pytest.mark.parametrize(
    ("name", "kind"),
    [("queue_doesnotexist", "id"), ("single-file", "id"), ("single-file", "task"), ("hello", "custom")],
)
def test_unknown_queue_is_404(name: str, kind: str) -> None:
    answer = refused(environment.queue, a_world(), {"type": kind}, queue=name)
    assert (answer.status, answer.body) == (404, body("605"))


def test_unknown_type_is_refused() -> None:
    answer = refused(environment.queue, a_world(), {"type": "x"}, queue="single-file")
    assert (answer.status, answer.body["details"][0]["code"]) == (400, "invalid_enum_value")


def test_pause_and_resume_a_queue() -> None:
    world = a_world()
    pausing = {"type": "custom", "action": "pause"}
    paused = ask(environment.pause_queue, world, queue="single-file", body=pausing).body
    assert shape(paused) == shape(body("606"))
    assert paused["paused"]
    run = started(world, "single", 5000)
    assert run.started_ms is None
    row = ask(environment.queue, world, {"type": "custom"}, queue="single-file").body
    assert shape(row) == shape(body("607"))
    assert (row["queued"], row["running"], row["paused"]) == (1, 0, True)
    resumed = ask(environment.pause_queue, world, queue="single-file", body={**pausing, "action": "resume"}).body
    assert shape(resumed) == shape(body("608"))
    assert not resumed["paused"]
    later(world, 1000)
    assert run.status is Status.EXECUTING


def test_pause_a_queue_by_id() -> None:
    world = a_world()
    queue_id = ask(environment.queue, world, {"type": "task"}, queue="hello").body["id"]
    assert ask(environment.pause_queue, world, queue=queue_id, body={"action": "pause"}).body["paused"]
    assert world.queues.named("task/hello").is_paused


def test_invalid_action_is_refused_as_recorded() -> None:
    sent = recording("609")["request"]["body"]
    answer = refused(environment.pause_queue, a_world(), queue="single-file", body=sent)
    assert (answer.status, answer.body) == (400, body("609"))


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        ({"type": "custom"}, 400, 'Required at "action"'),
        ({"type": "x", "action": "pause"}, 400, "Expected 'id' | 'task' | 'custom', received 'x' at \"type\""),
        ([], 400, "Expected object, received array"),
        (b"{", 400, "Invalid JSON"),
        ({"type": "task", "action": "pause"}, 404, "queue-not-found"),
    ],
)
def test_invalid_pauses_are_refused(sent: Any, status: int, text: str) -> None:
    answer = refused(environment.pause_queue, a_world(), queue="single-file", body=sent)
    assert answer.status == status
    assert text in answer.body["error"]


def test_slash_in_a_name_is_encoded_twice() -> None:
    world = a_world()
    started(world, "hello", queue="mail/urgent")
    assert ask(environment.queue, world, {"type": "custom"}, queue="mail%2Furgent").body["name"] == "mail/urgent"
    assert ask(environment.queue, world, {"type": "custom"}, queue="mail/urgent").body["name"] == "mail/urgent"
