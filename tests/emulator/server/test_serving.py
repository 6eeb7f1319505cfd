"""A server in a thread: ready when it says so, and gone without a trace afterwards."""

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.emulator.server import DEVELOPMENT, read_all, request, run_emulator
from tests.support.emulator.small_world import COMPANY, START_MS
from tui.emulator.demo_tasks import COMPANY as LIVE
from tui.emulator.server.application import application
from tui.emulator.server.child import PortTaken, address, listen
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve, serve_in_thread

LIST = "/api/v1/runs"


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Assert that no thread, descriptor or warning is left."""
    gc.collect()
    threads, files = set(threading.enumerate()), psutil.Process().num_fds()
    yield
    for thread in set(threading.enumerate()) - threads:
        # The thread that builds a world ends a few instructions after it hands the world over.
        thread.join(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert set(threading.enumerate()) - threads == set()
    assert psutil.Process().num_fds() <= files


def an_emulator() -> Emulator:
    return Emulator(COMPANY, Options(rate_per_s=0, history=0), lambda: START_MS)


def port_of(url: str) -> int:
    port = httpx2.URL(url).port
    assert port is not None
    return port


def test_port_can_be_used_again() -> None:
    port = 0
    for _ in range(3):
        emulator = an_emulator()
        with serve_in_thread(application(emulator), emulator, port=port) as url:
            assert port in {0, port_of(url)}
            port = port_of(url)
            assert httpx2.get(url + LIST, trust_env=False).status_code == 401
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_two_servers_at_once() -> None:
    with run_emulator() as one, run_emulator() as other:
        run_id = one.trigger()
        assert one.get(f"/api/v3/runs/{run_id}").status_code == 200
        assert other.get(f"/api/v3/runs/{run_id}").status_code == 404


def test_server_listens_on_loopback_only() -> None:
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_taken_port_raises_with_a_reason() -> None:
    with run_emulator() as api:
        port = port_of(api.url)
        for take in (lambda: listen(port), lambda: enter(port)):
            with pytest.raises(PortTaken, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                take()
        assert api.get(LIST).status_code == 200
    with listen(0) as idle, pytest.raises(PortTaken):
        listen(idle.getsockname()[1])


def enter(port: int) -> None:
    emulator = an_emulator()
    with serve_in_thread(application(emulator), emulator, port=port):
        pass


def test_server_stops_with_clients_connected() -> None:
    """Idle, in the middle of a request, hanging, half-open, late: no client keeps the server, and all see it end."""
    with ExitStack() as clients:
        with run_emulator() as api:
            run_id = api.trigger(payload="x" * 400_000)
            hang, half_open = {"kind": "hang", "route": "list"}, {"kind": "half-open", "route": "detail"}
            late = {"kind": "latency", "ms": 3_600_000, "route": "trace"}
            api.faults(hang, half_open, late)
            paths = ("", "", LIST, f"/api/v3/runs/{run_id}", f"/api/v1/runs/{run_id}/trace")
            left = [clients.enter_context(api.socket(path)) for path in paths]
            left[1].sendall(request(LIST)[:-10])
            api.answering.wait_for(3)
        for connection in left:
            with suppress(ConnectionResetError):
                read_all(connection)
        assert api.answering.count == 0


def test_client_connecting_at_the_end_does_not_block() -> None:
    stop, outcomes = threading.Event(), set()

    def connect(port: int) -> None:
        while not stop.wait(0.0005):
            try:
                with socket.create_connection(("127.0.0.1", port), 0.3) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\n")
                outcomes.add("connected")
            except OSError:
                outcomes.add("refused")

    for _ in range(3):
        with run_emulator() as api:
            thread = threading.Thread(target=connect, args=(port_of(api.url),))
            thread.start()
            api.get(LIST)
        stop.set()
        thread.join()
        stop.clear()
    assert "connected" in outcomes


def test_error_in_the_block_stops_the_server() -> None:
    port = []

    def fail() -> None:
        with run_emulator() as api:
            port.append(port_of(api.url))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port[0]))


def test_failing_start_raises_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = an_emulator()

    def broken() -> Any:
        raise LookupError("no protocol")

    monkeypatch.setattr(emulator.sockets, "protocol", broken)
    with pytest.raises(LookupError, match="no protocol"), serve_in_thread(application(emulator), emulator):
        pass


# --- ticking


def test_worlds_advance_without_requests() -> None:
    with run_emulator(LIVE, is_ticking=True, rate_per_s=5.0, history=20) as api:
        world = api.world() if api.get(LIST).status_code == 200 else None
        assert world is not None
        moved = threading.Event()
        advance = world.advance

        def watched(to_ms: int) -> None:
            advance(to_ms)
            if to_ms >= api.time[0] > START_MS:
                moved.set()

        world.advance = watched  # type: ignore[method-assign]
        api.advance(60)
        assert moved.wait(20)
        assert world.now_ms == api.time[0]


def test_failing_tick_is_logged_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    with run_emulator(is_ticking=True) as api:
        api.get(LIST)
        world = api.world()
        advance, calls, went_on = world.advance, [], threading.Event()

        def failing(to_ms: int) -> None:
            calls.append(to_ms)
            if len(calls) == 1:
                raise ZeroDivisionError("a mistake of the world")
            advance(to_ms)
            went_on.set()

        world.advance = failing  # type: ignore[method-assign]
        assert went_on.wait(20)
        assert api.get(LIST).status_code == 200
    assert "a mistake of the world" in caplog.text


def test_requests_are_answered_while_a_world_catches_up() -> None:
    """A night of a busy world is seconds of work. Other requests do not wait for it."""
    with run_emulator(LIVE, rate_per_s=30.0, history=20) as api:
        api.get(LIST, key="tr_prod_emulator")
        api.get(LIST)
        begin_ms, dev = api.time[0], api.world()
        api.advance(60)
        slow = threading.Thread(target=api.get, args=(LIST,))
        begun = threading.Event()
        advance = dev.advance

        def watched(to_ms: int) -> None:
            advance(to_ms)
            begun.set()

        dev.advance = watched  # type: ignore[method-assign]
        slow.start()
        assert begun.wait(20)
        assert httpx2.get(f"{api.url}/emulator/faults", trust_env=False).status_code == 200
        assert begin_ms < dev.now_ms < api.time[0]
        slow.join()
        assert dev.now_ms == api.time[0]


def test_slices_produce_the_same_world() -> None:
    def world(**options: Any) -> bytes:
        with run_emulator(LIVE, history=20, rate_per_s=10.0, **options) as api:
            api.get(LIST)
            for seconds in (0.4, 30, 0.001, 20):
                api.advance(seconds)
                api.get(LIST)
            return api.client.get(f"{api.url}/emulator/world?limit=all").content

    def at_once() -> bytes:
        with run_emulator(LIVE, history=20, rate_per_s=10.0) as api:
            api.get(LIST)
            api.advance(50.401)
            api.world().advance(api.time[0])
            return api.client.get(f"{api.url}/emulator/world?limit=all").content

    assert world() == at_once()


# --- serving in the foreground


def has_queries(emulator: Emulator) -> bool:
    return emulator._slots["dev"].queries is not None


def test_serve_ends_with_its_task_and_closes_queries() -> None:
    async def run() -> None:
        emulator = an_emulator()
        listener = listen(0)
        task = asyncio.get_running_loop().create_task(serve(application(emulator), emulator, listener))
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(address(listener) + LIST, headers={"authorization": f"Bearer {DEVELOPMENT.key}"})
        assert answer.status_code == 200
        assert has_queries(emulator)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not has_queries(emulator)
        listener.close()

    asyncio.run(run())


def test_early_connection_is_answered_after_the_start() -> None:
    with listen(0) as listener, socket.create_connection(listener.getsockname(), 20) as early:
        early.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        emulator = an_emulator()

        async def run() -> bytes:
            task = asyncio.get_running_loop().create_task(serve(application(emulator), emulator, listener))
            received = await asyncio.to_thread(read_all, early)
            task.cancel()
            await asyncio.wait([task])
            return received

        assert asyncio.run(run()).startswith(b"HTTP/1.1 401")
