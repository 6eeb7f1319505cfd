"""Faults of the realtime feed: those that meet an arriving poll, and those that begin while a poll is held."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.emulator.feed.test_feeds import LIVE, RUNS, followed, snapshot
from tests.support.emulator.server import (
    ELECTRIC,
    EmulatorServer,
    PendingRequest,
    is_waiting,
    read_all,
    request,
    run_emulator,
)
from tui.emulator.routes.table import NAMES


@pytest.fixture
def api() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


@contextmanager
def struck(api: EmulatorServer, fault: dict[str, Any], *, is_held: bool) -> Iterator[PendingRequest]:
    """A poll that meets a fault, on arrival or while it is held."""
    before = snapshot(api)
    if not is_held:
        api.faults(fault)
    with api.live(f"{LIVE}{before.next}") as live:
        if is_held:
            api.faults(fault)
        yield live


both = pytest.mark.parametrize("is_held", [False, True], ids=["as it comes", "while it is held"])


@both
def test_close_closes_the_connection(api: EmulatorServer, is_held: bool) -> None:
    with struck(api, {"kind": "close"}, is_held=is_held) as live:
        assert live.is_closed()
    assert api.emulator.feeds.held == 0


@both
def test_error_ends_a_held_poll_at_once(api: EmulatorServer, is_held: bool) -> None:
    with struck(api, {"kind": "error", "status": 500}, is_held=is_held) as live:
        answer = live.answer()
    assert (answer.status, answer.messages) == (500, {"error": "Internal Server Error"})


def test_hang_keeps_a_held_poll_until_the_faults_change(api: EmulatorServer) -> None:
    with struck(api, {"kind": "hang"}, is_held=True) as live:
        assert api.settle(60) == 0
        assert is_waiting(live.connection.sock)
        api.faults()
        assert live.is_closed()


def test_held_poll_skips_a_hang_that_already_ended(api: EmulatorServer) -> None:
    before = snapshot(api)
    with api.live(f"{LIVE}{before.next}") as live:

        def come_and_go() -> bool:
            api.emulator.faults.set([{"kind": "hang"}], NAMES)
            api.emulator.faults.set([], NAMES)
            return True

        assert api.emulator.feeds._on_loop(come_and_go, otherwise=False)
        assert live.is_closed()


def test_hang_keeps_an_arriving_poll(api: EmulatorServer) -> None:
    before = snapshot(api)
    api.faults({"kind": "hang"})
    api.answering.wait_for(0)
    with api.socket(f"{LIVE}{before.next}") as connection:
        api.answering.wait_for(1)
        assert (api.settle(60), is_waiting(connection)) == (0, True)
        api.faults()
        assert read_all(connection) == b""


def test_half_open_silences_a_held_poll(api: EmulatorServer) -> None:
    with struck(api, {"kind": "half-open"}, is_held=True) as live:
        api.faults()
        assert api.settle(60) == 0
        assert is_waiting(live.connection.sock)
    api.answering.wait_for(0)


@pytest.mark.parametrize("kind", ["cut", "lost-answer"])
@both
def test_response_faults_wait_for_the_response(api: EmulatorServer, kind: str, is_held: bool) -> None:
    with struck(api, {"kind": kind, "route": "feed"}, is_held=is_held) as live:
        assert is_waiting(live.connection.sock)
        api.trigger("hello")
        api.advance_to_response()
        assert live.is_closed()


def test_ended_fault_does_not_affect_a_held_poll(api: EmulatorServer) -> None:
    with struck(api, {"kind": "cut"}, is_held=True) as live:
        api.faults()
        run_id = api.trigger("hello")
        api.advance_to_response()
        assert [row[1] for row in live.answer().rows] == [run_id]


def test_fault_of_another_route_does_not_affect_polls(api: EmulatorServer) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "close", "route": "run-feed"},
        {"kind": "hang", "route": ["batch-feed", "list"]},
        {"kind": "close", "environment": "prod"},
    ]
    with api.live(f"{LIVE}{snapshot(api).next}") as live:
        api.faults(*faults)
        run_id = api.trigger("hello")
        api.advance_to_response()
        assert [row[1] for row in live.answer().rows] == [run_id]


def test_times_counts_held_polls(api: EmulatorServer) -> None:
    before = snapshot(api)
    with api.live(f"{LIVE}{before.next}") as one, api.live(f"{LIVE}{before.next}") as other:
        api.faults({"kind": "close", "times": 1, "route": "feed"})
        assert api.emulator.feeds.held == 1
        assert one.is_closed()
        api.advance(23)
        api.settle()
        assert other.answer().rows == []


def test_buffering_proxy_sends_whole_responses(api: EmulatorServer) -> None:
    for is_held in (False, True):
        with struck(api, {"kind": "buffered"}, is_held=is_held) as live:
            run_id = api.trigger("hello")
            assert 17_000 <= api.advance_to_response() <= 23_000
            assert [row[1] for row in live.answer().rows] == [run_id]
        assert api.get(RUNS).status_code == 200
        api.faults()


def test_caching_proxy_returns_old_responses(api: EmulatorServer) -> None:
    api.faults({"kind": "cached"})
    paths = (f"{RUNS}?offset=-1", "/api/v1/runs", f"{RUNS}?offset=0_0&handle=mine")
    first = [api.get(path) for path in paths]
    before = snapshot(api)
    with api.live(f"{LIVE}{before.next}") as live:
        api.running()
        api.advance_to_response()
        sent = live.answer()
    assert len(sent.rows) == 1
    for old, path in zip(first, paths, strict=True):
        again = api.get(path)
        assert (again.content, again.headers) == (old.content, old.headers)
    with api.live(f"{LIVE}{before.next}") as live:
        repeated = live.answer()
    assert (repeated.messages, repeated.headers) == (sent.messages, sent.headers)
    # Another client counts separately, and only GETs are cached.
    assert api.get(f"{RUNS}?offset=-1", headers=ELECTRIC).content != first[0].content
    assert api.trigger("hello") != api.trigger("hello")
    api.faults()
    assert api.get("/api/v1/runs").content != first[1].content


def test_must_refetch_replaces_a_handle_once(api: EmulatorServer) -> None:
    run_id = api.running()
    for path in (LIVE, f"{RUNS}/{run_id}?"):
        api.faults()
        before = snapshot(api, path)
        with api.live(f"{path}{before.next}") as live:
            api.faults({"kind": "must-refetch"})
            answer = live.answer()
        assert (answer.status, answer.messages) == (409, [{"headers": {"control": "must-refetch"}}])
        new = answer.headers["electric-handle"]
        assert new != before.headers["electric-handle"]
        # The client starts again with the new handle, and keeps it.
        with api.live(f"{path}offset=-1&handle={new}") as live:
            begun = live.answer()
        assert begun.headers["electric-handle"] == new
        assert begun.rows == before.rows
        for again in (begun, before):
            with api.live(f"{path}{again.next}") as live:
                assert api.emulator.feeds.held == 1
                api.settle(23)
                assert live.answer().status == 200
    api.faults({"kind": "must-refetch", "times": 1})
    for status in (409, 200):
        with api.live(f"{LIVE}{snapshot(api).next}") as live:
            api.settle(23)
            assert live.answer().status == status


@both
def test_old_headers_use_the_old_names(api: EmulatorServer, is_held: bool) -> None:
    before = snapshot(api)
    api.faults(*([] if is_held else [{"kind": "old-headers"}]))
    with api.live(f"{LIVE}{before.next}") as live:
        api.faults({"kind": "old-headers"})
        api.settle(23)
        answer = live.answer()
    assert {"electric-shape-id", "electric-chunk-last-offset"} <= answer.headers.keys()
    assert "electric-handle" not in answer.headers


def test_drop_resets_open_connections_only(api: EmulatorServer) -> None:
    with api.live(f"{LIVE}{snapshot(api).next}") as live, api.socket() as idle:
        idle.sendall(request("/api/v1/runs", more="connection: keep-alive\r\n"))
        assert idle.recv(12) == b"HTTP/1.1 200"
        api.faults({"kind": "drop"})
        assert live.is_closed()
        with pytest.raises(ConnectionResetError):
            read_all(idle)
        api.answering.wait_for(0)
        assert api.emulator.feeds.held == 0
        # The connection that set the fault is exempt, and new ones work.
        assert api.client.get(f"{api.url}/emulator/faults").json()["faults"] == [{"kind": "drop"}]
        assert httpx2.get(f"{api.url}{RUNS}", headers={"authorization": "Bearer tr_dev_emulator"}).status_code == 200


def test_latency_delays_a_due_poll(api: EmulatorServer) -> None:
    with struck(api, {"kind": "latency", "ms": 0}, is_held=True) as live:
        run_id = api.trigger("hello")
        api.advance_to_response()
        assert [row[1] for row in live.answer().rows] == [run_id]
    _, answer = followed(api, LIVE, snapshot(api))
    assert answer.status == 200
