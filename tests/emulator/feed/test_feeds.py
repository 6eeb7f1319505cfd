"""The realtime feed: when a held request is answered and with which rows. The test owns the clock."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.emulator.server import ELECTRIC, PRODUCTION, EmulatorServer, LiveResponse, run_emulator
from tests.support.emulator.small_world import a_world
from tui.emulator.routes.feeds import array_literal, number_text
from tui.emulator.simulation.runs import NewRun

RUNS = "/realtime/v1/runs"
LIVE = f"{RUNS}?createdAt=1h&"


@pytest.fixture
def api() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


def snapshot(api: EmulatorServer, path: str = LIVE, **more: str) -> LiveResponse:
    with api.live(f"{path}{'' if path.endswith(('?', '&')) else '?'}offset=-1", **more) as live:
        return live.answer()


def followed(api: EmulatorServer, path: str, before: LiveResponse) -> tuple[int, LiveResponse]:
    """The next response, and the milliseconds until it came."""
    with api.live(f"{path}{before.next}") as live:
        took_ms = api.advance_to_response() if api.emulator.feeds.held else 0
        return took_ms, live.answer()


def assert_silent(api: EmulatorServer, path: str, before: LiveResponse) -> None:
    """Assert that nothing is sent during the hold and that the response at its end is empty."""
    took_ms, answer = followed(api, path, before)
    assert 17_000 <= took_ms <= 23_000
    assert answer.rows == []


# --- holding


def test_poll_ends_after_20_s_without_a_change(api: EmulatorServer) -> None:
    run_id = api.trigger("hello", options={"delay": "1h"})
    one, many = f"{RUNS}/{run_id}?", LIVE
    holds = set()
    for path, keeps_number in ((one, True), (many, False)) * 3:
        before = snapshot(api, path)
        took_ms, answer = followed(api, path, before)
        assert 17_000 <= took_ms <= 23_000
        assert answer.messages == [{"headers": {"control": "up-to-date"}}]
        assert "electric-schema" not in answer.headers
        # The time in the offset is that of the last row. A feed of one run keeps even the number.
        ms, _, number = before.headers["electric-offset"].partition("_")
        cursor = answer.headers["electric-cursor"]
        assert answer.headers["electric-offset"] == f"{ms}_{number if keeps_number else cursor}"
        holds.add(took_ms)
    assert len(holds) > 3


def test_changes_are_sent_at_the_end_of_their_window(api: EmulatorServer) -> None:
    for path, min_ms, max_ms in ((LIVE, 17, 340), (f"{LIVE}tags=slow&", 17, 340), ("one", 13, 35)):
        took = []
        for gap_ms in range(0, 250, 40):
            run_id = api.trigger("slow", options={"tags": ["slow"]})
            api.advance(1)
            feed = f"{RUNS}/{run_id}?" if path == "one" else path
            before = snapshot(api, feed)
            api.advance(gap_ms / 1000)
            with api.live(f"{feed}{before.next}") as live:
                api.ask("POST", f"/api/v1/runs/{run_id}/tags", json={"tags": ["more"]})
                took.append(api.advance_to_response())
                assert live.answer().rows == [("update", run_id, "EXECUTING")]
        assert min_ms <= min(took) < max(took) <= max_ms


def test_run_is_sent_once_for_many_changes_in_a_window(api: EmulatorServer) -> None:
    before = snapshot(api)
    statuses: list[str] = []
    run_id = api.trigger("hello")
    while "COMPLETED_SUCCESSFULLY" not in statuses:
        _, before = followed(api, LIVE, before)
        (row,) = before.rows
        assert row[:2] == ("update" if statuses else "insert", run_id)
        statuses.append(row[2])
    # It was PENDING, DEQUEUED and EXECUTING within a tenth of a second.
    assert len(statuses) < 4


def test_recent_change_is_sent_at_once_and_older_one_at_end(api: EmulatorServer) -> None:
    run_id = api.trigger("hello", options={"delay": "1h"})
    api.advance(1)
    for path in (LIVE, f"{RUNS}/{run_id}?"):
        before = snapshot(api, path)
        api.ask("POST", f"/api/v1/runs/{run_id}/tags", json={"tags": [f"early{len(path)}"]})
        api.advance(1.9)
        took_ms, before = followed(api, path, before)
        assert (took_ms, before.rows) == (0, [("update", run_id, "DELAYED")])
        api.ask("POST", f"/api/v1/runs/{run_id}/tags", json={"tags": [f"late{len(path)}"]})
        api.advance(2.1)
        took_ms, before = followed(api, path, before)
        assert 17_000 <= took_ms <= 23_000
        assert before.rows == [("update", run_id, "DELAYED")]
        assert_silent(api, path, before)


def test_lost_response_is_not_repeated(api: EmulatorServer) -> None:
    """As on the real server: a row that was sent once counts as known. A client starts again after an error."""
    run_id = api.running()
    before = snapshot(api)
    api.ask("POST", f"/api/v1/runs/{run_id}/tags", json={"tags": ["more"]})
    followed(api, LIVE, before)
    assert_silent(api, LIVE, before)
    assert snapshot(api).rows == [("insert", run_id, "EXECUTING")]


def test_feeds_do_not_affect_each_other(api: EmulatorServer) -> None:
    feeds = [snapshot(api) for _ in range(3)]
    run_id = api.trigger("slow")
    for before in feeds:
        _, answer = followed(api, LIVE, before)
        assert [row[:2] for row in answer.rows] == [("insert", run_id)]


def test_no_poll_is_due_while_the_clock_stands_still(api: EmulatorServer) -> None:
    assert api.emulator.feeds.next_due_ms() is None
    assert api.emulator.feeds.settle() == 0
    run_id = api.running()
    before = snapshot(api)
    with api.live(f"{LIVE}{before.next}") as live:
        api.ask("POST", f"/api/v1/runs/{run_id}/tags", json={"tags": ["more"]})
        assert [api.settle() for _ in range(3)] == [1, 1, 1]
        due_ms = api.emulator.feeds.next_due_ms()
        assert due_ms is not None
        api.time[0] = due_ms - 1
        assert api.settle() == 1
        api.time[0] = due_ms
        assert api.settle() == 0
        assert live.answer().rows == [("update", run_id, "EXECUTING")]


def test_ticking_worlds_answer_due_polls() -> None:
    with run_emulator(is_ticking=True) as api:
        before = snapshot(api)
        with api.live(f"{LIVE}{before.next}") as live:
            run_id = api.trigger("slow")
            api.advance(1)
            assert [row[:2] for row in live.answer().rows] == [("insert", run_id)]


def test_poll_ends_with_its_client_and_with_the_server() -> None:
    with run_emulator() as api:
        before = snapshot(api)
        with api.live(f"{LIVE}{before.next}"):
            assert api.emulator.feeds.held == 1
        api.answering.wait_for(0)
        assert api.emulator.feeds.held == 0
        with api.socket(f"{LIVE}{before.next}"):
            api.answering.wait_for(1)
    assert api.emulator.feeds.held == 0
    assert api.emulator.feeds.settle() == 0


def test_an_environment_holds_at_most_ten_polls(api: EmulatorServer) -> None:
    before = snapshot(api)
    path = f"{LIVE}{before.next}"
    with api.live(path) as first:
        others = [api.live(path) for _ in range(9)]
        for other in others:
            other.__enter__()
        with api.live(path) as refused:
            answer = refused.answer()
            assert (answer.status, answer.messages) == (429, {"error": "Too many concurrent requests"})
        snapshot(api)
        with api.live(path, key=PRODUCTION.key):
            assert api.emulator.feeds.held == 11
        api.answering.wait_for(10)
        first.connection.close()
        api.answering.wait_for(9)
        with api.live(path):
            assert api.emulator.feeds.held == 10
        for other in others:
            other.__exit__(None, None, None)


def test_fault_changes_the_number_of_held_polls(api: EmulatorServer) -> None:
    before = snapshot(api)
    api.faults({"kind": "realtime-limit", "most": 1})
    with api.live(f"{LIVE}{before.next}"), api.live(f"{LIVE}{before.next}") as refused:
        assert refused.answer().status == 429


# --- rows


def test_handle_is_forgotten_after_five_minutes(api: EmulatorServer) -> None:
    run_id = api.running()
    before = snapshot(api)
    for _ in range(3):
        api.advance(290)
        _, before = followed(api, LIVE, before)
    old = snapshot(api)
    new_id = api.trigger("slow")
    api.advance(310)
    took_ms, answer = followed(api, LIVE, old)
    assert (took_ms, answer.rows) == (0, [("update", new_id, "COMPLETED_SUCCESSFULLY")])
    assert answer.headers["electric-handle"] == old.headers["electric-handle"]
    assert_silent(api, LIVE, answer)
    assert run_id not in str(answer.messages)


def test_unknown_handle_gets_all_rows_as_updates(api: EmulatorServer) -> None:
    ids = [api.running() for _ in range(3)]
    with api.live(f"{LIVE}live=true&offset=0_0&handle=bogus") as live:
        answer = live.answer()
    assert answer.rows == sorted(("update", run_id, "EXECUTING") for run_id in ids)
    assert answer.headers["electric-handle"] == "bogus"
    assert_silent(api, LIVE, answer)


@pytest.mark.parametrize(
    "made_up", ["a%20b", "%0d%0ax-evil:%201", "%E6%97%A5", "runs_x_1", "runs_999999999999999999999_1", "runs_"]
)
def test_strange_handles_are_escaped_in_headers(api: EmulatorServer, made_up: str) -> None:
    run_id = api.running()
    for path in (LIVE, f"{RUNS}/{run_id}?"):
        answer = api.get(f"{path}offset=0_0&handle={made_up}", headers=ELECTRIC)
        assert answer.status_code == 200
        assert "x-evil" not in answer.headers


def test_only_the_newest_thousand_runs_are_sent(api: EmulatorServer) -> None:
    oldest = [api.trigger("hello", options={"delay": "1h"}) for _ in range(2)]
    for _ in range(1000):
        api.world().trigger(NewRun(task_id="hello", delay_ms=3_600_000))
    before = snapshot(api)
    assert len(before.rows) == 1000
    assert not set(oldest) & {run_id for _, run_id, _ in before.rows}
    second = min(run_id for _, run_id, _ in before.rows)
    api.ask("POST", f"/api/v1/runs/{oldest[1]}/tags", json={"tags": ["more"]})
    assert_silent(api, LIVE, before)
    # A new run replaces the oldest one that was sent.
    new_id = api.trigger("hello", options={"delay": "1h"})
    _, answer = followed(api, LIVE, before)
    assert answer.rows == [("insert", new_id, "DELAYED")]
    api.ask("POST", f"/api/v1/runs/{second}/tags", json={"tags": ["more"]})
    assert_silent(api, LIVE, answer)


def test_rows_are_not_in_the_order_of_creation(api: EmulatorServer) -> None:
    ids = [api.trigger("hello", options={"delay": "1h"}) for _ in range(30)]
    sent = [message["value"]["friendlyId"] for message in snapshot(api).messages[:-1]]
    assert sorted(sent) == sorted(ids)
    assert sent not in (ids, ids[::-1])


def test_feed_of_tags_has_the_runs_with_all_tags(api: EmulatorServer) -> None:
    both = api.trigger("slow", options={"tags": ["a", "b", "c"]})
    one = api.trigger("slow", options={"tags": ["a"]})
    path = f"{LIVE}tags=a,b&"
    before = snapshot(api, path)
    assert [row[1] for row in before.rows] == [both]
    api.advance(5)
    _, before = followed(api, path, before)
    assert [row[1] for row in before.rows] == [both]
    api.ask("POST", f"/api/v1/runs/{one}/tags", json={"tags": ["b"]})
    _, before = followed(api, path, before)
    assert before.rows == [("insert", one, "EXECUTING")]
    api.advance(100)
    assert sorted(row[1] for row in snapshot(api, path).rows) == sorted([both, one])


def test_window_is_a_day_at_most_and_starts_at_a_minute(api: EmulatorServer) -> None:
    api.trigger("hello")
    api.advance(3000)
    for window, is_sent in (("1h", True), ("49m", False), ("10m", False), ("50m", True), ("", True), ("9999d", True)):
        answer = snapshot(api, f"{RUNS}?createdAt={window}&")
        assert bool(answer.rows) is is_sent, window
        since_ms = int(answer.headers["electric-handle"].split("_")[1])
        assert since_ms % 60_000 == 0
        assert api.time[0] - since_ms <= 86_400_000 + 60_000
    api.advance(90_000)
    assert snapshot(api, f"{RUNS}?createdAt=30d&").rows == []


def test_batch_is_followed_to_the_end_of_its_runs(api: EmulatorServer) -> None:
    api.trigger("pipeline")
    api.advance(3)
    assert api.get("/api/v1/runs").status_code == 200
    batch_id = next(run.batch_id for run in api.world().ledger if run.batch_id)
    path = f"/realtime/v1/batches/{batch_id}?"
    before = snapshot(api, path)
    assert len(before.rows) == 3
    assert before.headers["electric-handle"].startswith(f"{batch_id}_")
    ended = {row[1] for row in before.rows if row[2] == "COMPLETED_SUCCESSFULLY"}
    while len(ended) < 3:
        _, before = followed(api, path, before)
        ended |= {row[1] for row in before.rows if row[2] == "COMPLETED_SUCCESSFULLY"}


def test_old_client_gets_old_names_and_never_dequeued(api: EmulatorServer) -> None:
    run_id = api.trigger("slow")
    for _ in range(80):
        status = api.get(f"{RUNS}/{run_id}?offset=-1", headers=ELECTRIC).json()[0]["value"]["status"]
        if status == "DEQUEUED":
            break
        api.advance(0.002)
    answer = api.get(f"{RUNS}/{run_id}?offset=-1")
    assert answer.json()[0]["value"]["status"] == "EXECUTING"
    assert answer.headers["electric-shape-id"] == f"run-{run_id.removeprefix('run_')}"
    assert "electric-handle" not in answer.headers
    query = f"live=true&shape_id=run-x&offset={answer.headers['electric-chunk-last-offset']}"
    with api.socket(f"{RUNS}/{run_id}?{query}"):
        api.answering.wait_for(1)


def test_stale_world_sends_nothing_new(api: EmulatorServer) -> None:
    before = snapshot(api)
    api.trigger("slow")
    api.advance(1)
    api.faults({"kind": "stale"})
    _, before = followed(api, LIVE, before)
    api.advance(5)
    assert_silent(api, LIVE, before)


def test_numbers_in_offsets_count_up(api: EmulatorServer) -> None:
    answers = [snapshot(api), snapshot(api, key=PRODUCTION.key), snapshot(api, f"{RUNS}/{api.trigger()}?")]
    numbers = [int(answer.headers["electric-offset"].partition("_")[2]) for answer in answers]
    # The handle of a feed of many runs takes a number too.
    assert [later - earlier for earlier, later in pairwise(numbers)] == [2, 1]


# --- access and limits


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        ("read:runs", "feed tag one batch"),
        ("read:all", "feed tag one batch"),
        ("admin", "feed tag one batch"),
        ("read:tags:child", "tag one"),
        ("read:runs:<run>", "one"),
        ("read:batch:<batch>", "batch"),
        ("read:tags:other", ""),
        ("write:runs", ""),
    ],
)
def test_public_token_follows_only_its_scopes(api: EmulatorServer, scope: str, opens: str) -> None:
    api.trigger("pipeline")
    api.advance(3)
    api.get("/api/v1/runs")
    ledger = api.world().ledger
    batch_id = next(run.batch_id for run in ledger if run.batch_id)
    run_id = next(run.id for run in ledger if run.tags)
    paths = {
        "feed": RUNS,
        "tag": f"{RUNS}?tags=child",
        "one": f"{RUNS}/{run_id}",
        "batch": f"/realtime/v1/batches/{batch_id}",
    }
    key = api.token(scope.replace("<run>", run_id).replace("<batch>", batch_id))
    opened = {name: api.get(path, key=key).status_code for name, path in paths.items()}
    assert opened == {name: 200 if name in opens.split() else 403 for name in paths}


def test_feeds_count_against_no_rate_limit(api: EmulatorServer) -> None:
    before = api.get("/api/v1/runs").headers["x-ratelimit-remaining"]
    answers = [api.get(f"{RUNS}?offset=-1") for _ in range(5)]
    assert not any("x-ratelimit-limit" in answer.headers for answer in answers)
    assert int(api.get("/api/v1/runs").headers["x-ratelimit-remaining"]) == int(before) - 1


def test_large_responses_are_gzipped_on_request(api: EmulatorServer) -> None:
    for _ in range(20):
        api.trigger("hello")
    packed = api.get(RUNS, headers={"accept-encoding": "gzip"})
    plain = api.get(RUNS, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()


# --- values


@pytest.mark.parametrize(
    ("tags", "literal"),
    [
        (("a", "b c"), '{"a","b c"}'),
        (('say "hi"', "back\\slash"), '{"say \\"hi\\"","back\\\\slash"}'),
        (("{,}",), '{"{,}"}'),
    ],
)
def test_array_is_formatted_like_postgres(tags: tuple[str, ...], literal: str) -> None:
    assert array_literal(tags) == literal


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (12.0, "12"),
        (0.0025, "0.0025"),
        (1.2e-05, "0.000012"),
        (1.5e-07, "1.5e-7"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_number_is_formatted_like_javascript(number: float, text: str) -> None:
    assert number_text(number) == text


def test_change_log_keeps_half_a_minute_without_history() -> None:
    world = a_world(rate_per_s=0, history=0)
    assert world.log.version == 0
    for _ in range(3):
        world.trigger(NewRun(task_id="hello"))
        world.advance(world.now_ms + 20_000)
    kept = list(world.log.after(0))
    assert [change.version for change in kept] == list(range(kept[0].version, world.log.version + 1))
    assert kept[0].version > 1
    assert all(change.ms >= kept[-1].ms - 30_000 for change in kept)
    assert list(world.log.since(kept[-1].ms)) == [change for change in kept if change.ms == kept[-1].ms]
