"""The session: its tasks and connections end with it, and the pump between sources and store."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import Fleet, FleetRun, fleet_of, serving
from tests.support.session import pass_time, polling, session_on, started
from tests.support.virtual_clock import VirtualClock
from tui.api.client import Client
from tui.domain.run import Fixed, RunId
from tui.domain.update import RunPatch, RunsRead
from tui.store.changes import Changes
from tui.store.store import Store
from tui.sync.session import QUEUE_SIZE, Pump, Session


def other_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def named(number: int, *, ahead: timedelta = timedelta()) -> RunsRead:
    read_at = VirtualClock().now() + ahead
    return RunsRead((RunPatch(RunId(f"run_{number}"), read_at, fixed=Fixed(depth=0)),))


class Broken:
    name = "broken"

    async def run(self, emit: object) -> None:  # noqa: ARG002  the signature of `Source.run`
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")


async def test_session_keeps_as_many_runs_as_the_file_says(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -number, -number + 0.2, -number + 0.5) for number in range(1, 251)))
    async with polling(fleet, tmp_path, max_runs=120) as (session, later):
        await later(20)
        history = session.store.history
        assert len(session.store) <= 120
        assert history is not None
        assert history.is_cut  # older runs are not read, and none of them is said to be missing


def test_session_leaves_no_task_connection_or_thread(tmp_path: Path) -> None:
    async def scenario() -> None:
        with serving(Fleet(VirtualClock())) as api:
            async with started(api, tmp_path) as session:
                session.sources.follow("rest")
                await pass_time(session, api, 10)
                assert {"pump", "source rest"} <= other_tasks()
                client = session.fetcher.api
                assert isinstance(client, Client)
            assert other_tasks() == set()
            assert client._connection._transports == {}

    before = threading.active_count()
    asyncio.run(scenario())
    assert threading.active_count() == before


async def fail_as_a_source(session: Session) -> None:
    session.spawn(session.sources.supervise(Broken()), "source broken")


async def fail_as_a_listener(session: Session) -> None:
    def broken(_: Changes) -> None:
        raise KeyError("mine")

    session.subscribe(broken)
    await session.emit(named(1))


async def fail_as_a_block(session: Session) -> None:
    async def broken_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("a bug in a cleanup")

    session.spawn(broken_at_the_end(), "broken")
    await asyncio.sleep(0)
    raise LookupError("mine")


@pytest.mark.parametrize(
    ("fail", "kind"),
    [(fail_as_a_source, ZeroDivisionError), (fail_as_a_listener, KeyError), (fail_as_a_block, LookupError)],
)
async def test_session_ends_with_the_first_exception(
    tmp_path: Path, fail: Callable[[Session], Awaitable[None]], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="mine") as caught:
        async with session_on(Fleet(VirtualClock()), tmp_path) as (session, _):
            session.sources.follow("rest")
            await fail(session)
            await asyncio.Event().wait()
    assert type(caught.value) is kind
    if kind is LookupError:
        assert any("a bug in a cleanup" in note for note in caught.value.__notes__)
    assert other_tasks() == set()


async def test_session_raises_when_a_delayed_listener_fails(tmp_path: Path) -> None:
    class LoopClock(VirtualClock):
        """Calls from the event loop like the system clock, where an exception of the call reaches no caller."""

        def call_later(self, delay_s: float, call: Callable[[], None]) -> Any:
            loop = asyncio.get_running_loop()

            def hand_over() -> None:
                loop.call_soon(call)

            return super().call_later(delay_s, hand_over)

    published: list[Changes] = []

    def broken_later(changes: Changes) -> None:
        published.append(changes)
        if len(published) > 1:
            raise KeyError("a bug in a pane")

    with pytest.raises(KeyError, match="a bug in a pane"):
        async with session_on(Fleet(LoopClock()), tmp_path) as (session, later):
            session.subscribe(broken_later)
            for number in (1, 2):
                await session.emit(named(number))
                await later(0.01)
            assert len(published) == 1
            async with asyncio.timeout(100):
                await later(1)
                await asyncio.Event().wait()
    assert len(published) == 2


async def test_cancelled_block_cancels_the_session(tmp_path: Path) -> None:
    async def program() -> None:
        async with polling(Fleet(VirtualClock()), tmp_path):
            await asyncio.Event().wait()

    task = asyncio.create_task(program())
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other_tasks() == set()


@asynccontextmanager
async def pumping() -> AsyncIterator[tuple[VirtualClock, Pump, list[tuple[float, Changes]]]]:
    clock = VirtualClock()
    pump = Pump(Store(), clock)
    published: list[tuple[float, Changes]] = []
    pump.subscribe(lambda changes: published.append((clock.monotonic_s(), changes)))
    task = asyncio.create_task(pump.run())
    try:
        yield clock, pump, published
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_pump_publishes_at_once_then_merges() -> None:
    async with pumping() as (clock, pump, published):
        await pump.emit(named(0))
        await clock.run(0.01)
        await pump.emit(named(0))
        await clock.run(0.01)
        assert [moment for moment, _ in published] == [0.0], "the second update changed nothing"
        for number in range(1, 31):
            await pump.emit(named(number))
            await clock.run(0.01)
        await clock.run(1)
        moments = [moment for moment, _ in published]
        assert len(moments) == 5
        assert all(later - earlier >= 0.0999 for earlier, later in itertools.pairwise(moments))
        assert set().union(*(changes.added for _, changes in published)) == {RunId(f"run_{n}") for n in range(31)}


async def test_full_queue_makes_the_source_wait() -> None:
    pump = Pump(store := Store(), VirtualClock())
    sent = 0

    async def source() -> None:
        nonlocal sent
        for number in range(QUEUE_SIZE + 50):
            await pump.emit(named(number))
            sent += 1

    task = asyncio.create_task(source())
    for _ in range(QUEUE_SIZE + 100):
        await asyncio.sleep(0)
    assert sent == QUEUE_SIZE
    running = asyncio.create_task(pump.run())
    await task
    await pump.settle()
    assert len(store) == QUEUE_SIZE + 50
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_new_session_loads_no_httpx2_or_pydantic() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tui.sync.session import Session; from tui.settings.settings import read_settings;"
        "Session(read_settings({'TRIGGER_SECRET_KEY': 'tr_dev_x'}));"
        "print(sorted({'httpx2', 'pydantic', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == "[]"
