"""The session: one task group around the client, the sources, the store and the actions.

What lives here: who is started, who is told, what is closed. Heavy rooms are imported in `start` only. The session
encloses whatever shows it (`async with Session(...) as session: ...`), so that nothing outlives it: at exit, at
Ctrl-C and after a crash of any part every task, socket and timer is gone. Source: DESIGN §3.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tui import __version__
from tui.actions import Action
from tui.config import Settings
from tui.domain.action import ActionStatus, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.source_names import RELAY
from tui.domain.tree import RunTree
from tui.domain.update import RunsRead, SourceConnected, Update
from tui.session import data_layer
from tui.session.action_log import ActionLog
from tui.session.action_runner import ActionRunner
from tui.session.interlock import Interlock
from tui.session.pump import Listener, Pump
from tui.session.server_time import ServerTime
from tui.session.sleep import notice_sleep
from tui.session.source_supervisor import SourceSupervisor
from tui.sources.budget import PUBLIC_TOKEN, SECRET_KEY, Budget, Priority
from tui.sources.clock import Clock, SystemClock
from tui.store.changes import Changes
from tui.store.store import Store

if TYPE_CHECKING:
    from tui.sources.relay.connection import RelayConnection
    from tui.sources.run_fetcher import RunFetcher
    from tui.sources.tree_fetcher import TreeFetcher
    from tui.wire.client import Client
    from tui.wire.connection import Timeouts

MAX_APPLIED_RUNS = 1_000
"""Runs that the store takes in one go, some 10 ms of work: the children of a run may be more."""

MAX_TRUNCATIONS = 100
"""Answers that were cut and are told apart: a server that cuts them all says no more by the next."""

CLOSE_WITHIN_S = 3.0
"""Closing connections is politeness: the program ends all the same."""


class Session:
    """Everything about one environment while the program runs.

    `store` is there from the start; `reads` and `perform` after `start()`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        on_rate_limit_wait: Callable[[float], None] = lambda _: None,
        on_truncated: Callable[[str], None] = lambda _: None,
        timeouts: "Timeouts | None" = None,
        feed_timeouts: "Timeouts | None" = None,
    ) -> None:
        """`on_truncated` is called once with each sentence about an answer that was too large to be taken whole.

        `timeouts` and those of the feed, whose polls are held, are the client's own unless others are given.
        """
        self.settings = settings
        self.clock = clock or SystemClock()
        self.store = Store()
        self.interlock = Interlock(settings.expect_env)
        self.action_log = ActionLog(Path(settings.state_dir))
        self.budget = Budget(
            self.clock, PUBLIC_TOKEN if settings.key.is_public else SECRET_KEY, on_wait=on_rate_limit_wait
        )
        self.fetcher: RunFetcher
        self.sources = SourceSupervisor(
            settings,
            self.store,
            self.clock,
            random or Random(),  # noqa: S311  spreads retries, guards nothing
            emit=self.emit,
            now=self.now,
            spawn=self.spawn,
        )
        given = {"timeouts": timeouts, "feed_timeouts": feed_timeouts}
        self._timeouts = {name: each for name, each in given.items() if each is not None}
        self.truncations: dict[str, None] = {}
        """What was said of answers that were too large, at most MAX_TRUNCATIONS sentences."""
        self._on_truncated = on_truncated
        self._action_runner: ActionRunner
        self._pump = Pump(self.store, self.clock)
        self._server_time = ServerTime(self.clock)
        self._action_number = 0
        self._actions_in_flight: dict[int, ActionStatus] = {}
        self._tasks = asyncio.TaskGroup()
        self._born: set[asyncio.Task[None]] = set()
        self._closers = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self.spawn(self._pump.run(), "pump")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._born):
            task.cancel()
        # An exception of the enclosed program is its own: only cancellation may be the task group's doing.
        is_own = kind is not None and not issubclass(kind, asyncio.CancelledError)
        try:
            await self._tasks.__aexit__(*((None, None, None) if is_own else (kind, error, trace)))
        except BaseExceptionGroup as group:
            if error is not None and is_own:
                error.add_note(f"While this ended the session, its parts failed too: {group.exceptions!r}")
            elif len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            else:
                raise
        finally:
            try:
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self._closers.aclose()
            except TimeoutError:
                pass  # a peer that does not answer a goodbye must not keep the program
            finally:
                await self.action_log.close()

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run something until it or the session ends, or it is cancelled; a bug in it ends the session."""
        task = self._tasks.create_task(work, name=name)
        self._born.add(task)
        task.add_done_callback(self._born.discard)
        return task

    async def start(self) -> None:
        """Load the data layer, in a thread that leaves the screen alive, and open the client."""
        api: Client | RelayConnection
        if self.settings.relay_url is None:
            api = await self._open_client()
        else:
            api = self.sources.relay = await self._open_relay(self.settings.relay_url)
        api.on_truncated = self._note_truncated
        run_fetcher = await asyncio.to_thread(data_layer.load_run_fetcher)
        self._closers.push_async_callback(api.aclose)
        self.fetcher = self.sources.fetcher = run_fetcher(
            api, self.budget, self.emit, self.now, self.store.get, self.settle
        )
        self.spawn(notice_sleep(self.clock, self.sources.refresh), "sleep")
        self._action_runner = ActionRunner(
            api,
            self.fetcher,
            self.clock,
            now=self.now,
            publish=self._publish,
            record=self._record,
            known=self.store.get,
        )

    def _note_truncated(self, text: str) -> None:
        if text not in self.truncations and len(self.truncations) < MAX_TRUNCATIONS:
            self.truncations[text] = None
            self._on_truncated(text)

    async def _open_client(self) -> "Client":
        client = await asyncio.to_thread(data_layer.load_client)
        settings = self.settings
        return client(
            api_url=settings.api_url,
            key=settings.key.reveal(),
            branch=settings.branch,
            user_agent=f"trigger-tui/{__version__}",
            on_rate_limit=self.budget.observe,
            clock=self.clock.now,
            **self._timeouts,
        )

    async def _open_relay(self, url: str) -> "RelayConnection":
        connection = await asyncio.to_thread(data_layer.load_relay_connection)
        return connection(url, self.settings.relay_token, self.clock, ca=self.settings.relay_ca)

    async def emit(self, update: Update) -> None:
        """Queue an update for the store; every update of the session passes here."""
        self.interlock.observe(update)
        match update:
            case RunsRead() if update.patches and self.sources.relay is None:
                self._server_time.observe(update.patches[0].read_at)
            case SourceConnected() if self.sources.relay is None or update.source == RELAY:
                # Of the moment, and not of the second that a `Date` names; an old answer confirms what was then.
                age = self._server_time.observe(update.at)
                update = replace(update, at=self.now() - age)
            case _:
                pass
        if isinstance(update, RunsRead):
            for start in range(0, max(1, len(update.patches)), MAX_APPLIED_RUNS):
                await self._pump.emit(RunsRead(update.patches[start : start + MAX_APPLIED_RUNS]))
        else:
            await self._pump.emit(update)

    async def settle(self) -> None:
        """Wait until everything emitted so far is in the store."""
        await self._pump.settle()

    def now(self) -> datetime:
        """The server's time, as well as its Date headers tell."""
        return self._server_time.now()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with merged changes, at most ten times a second; the answer ends that."""
        return self._pump.subscribe(listener)

    async def changes(self) -> AsyncGenerator[Changes, None]:
        """Merged changes, one after the other, without end; what comes while the caller is busy is merged further."""
        heard, arrived = Changes(), asyncio.Event()

        def hear(changes: Changes) -> None:
            heard.merge(changes)
            arrived.set()

        end = self.subscribe(hear)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                told, heard = heard, Changes()
                yield told
        finally:
            end()

    async def run_with_attempts(self, run_id: RunId) -> tuple[Run, str | None]:
        """Read all there is about one run, as the store then has it; the second value says what could not be read.

        Raises `ApiError`.
        """
        return await self.fetcher.fetch_run_with_attempts(run_id, Priority.SELECTED)

    async def tree(self, run_id: RunId, *, is_thorough: bool = False) -> RunTree:
        """Read the whole tree around a run; `is_thorough` before something is done to it. Raises `ApiError`."""
        priority = Priority.ACTION if is_thorough else Priority.SELECTED
        return await self._tree_fetcher().tree(run_id, priority, is_thorough=is_thorough)

    async def trees_of_roots(self, roots: Sequence[Run]) -> dict[RunId, RunTree] | None:
        """Read the trees below several roots at once before something is done to them; see `TreeReads`."""
        return await self._tree_fetcher().trees_of_roots(roots, Priority.ACTION)

    def _tree_fetcher(self) -> "TreeFetcher":
        from tui.sources.tree_fetcher import TreeFetcher

        return TreeFetcher(self.fetcher, self.clock)

    @property
    def is_started(self) -> bool:
        """Whether `start` is done, so that `fetcher` can be used."""
        return hasattr(self, "fetcher")

    @property
    def write_block(self) -> str | None:
        """Why no action may be sent in this session, or None."""
        if self.settings.read_only:
            return "this session is read-only"
        if not self.settings.key.may_write:
            return "the public token has no scope that writes runs"
        return self.interlock.reason

    @property
    def actions_in_flight(self) -> list[ActionStatus]:
        """Actions that were sent and have no end yet. The store learns of them a moment later."""
        return list(self._actions_in_flight.values())

    async def perform(self, action: Action, before: Run, *, via: Via = Via.KEY) -> ActionStatus:
        """Carry an action out on a run as it was last seen, and find out what became of it."""
        self._action_number += 1
        return await self._action_runner.perform(action, before, self._action_number, lambda: self.write_block, via)

    async def _publish(self, status: ActionStatus) -> None:
        self._record(status)
        if status.phase.is_end:
            self._actions_in_flight.pop(status.number, None)
        else:
            self._actions_in_flight[status.number] = status
        await self.emit(status)

    def _record(self, status: ActionStatus) -> None:
        self.action_log.record(status, environment=self.interlock.name, api_url=self.settings.api_url)
