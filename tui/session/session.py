"""The session owns everything about one environment: the client, the sources, the store, the actions, and all tasks.

Use it as a context manager. When the block ends, by an exit, Ctrl-C or a crash, every task is canceled and every
connection is closed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tui import __version__
from tui.actions import REPLAY, Action
from tui.domain.action import ActionStatus, CommandEvent, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.source_names import RELAY
from tui.domain.tree import RunTree
from tui.domain.update import RunsRead, SourceConnected, Update
from tui.present.redaction import Redactor, redactor_of
from tui.session import data_layer
from tui.session.action_log import ActionLog
from tui.session.action_runner import ActionRunner
from tui.session.findings import LiveFindings
from tui.session.interlock import Interlock
from tui.session.pump import Listener, Pump
from tui.session.server_time import ServerTime
from tui.session.sleep import detect_sleep
from tui.session.source_supervisor import SourceSupervisor
from tui.session.untracked import load_untrack
from tui.settings import Settings
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
    from tui.wire.errors import Refused

MAX_APPLIED_RUNS = 1_000
"""Runs in one update of the store, about 10 ms of work. A run with more children is split into several updates."""

MAX_TRUNCATIONS = 100
"""Sentences about truncated responses to keep and report; later ones are dropped."""

CLOSE_TIMEOUT_S = 3.0
"""After this, the process ends without closing the remaining connections."""

FORBIDDEN: Final = 403


class Session:
    """One environment, followed while the program runs.

    `store` can be used at once, `fetcher` and `perform` only after `start`.
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
        """`on_rate_limit_wait` is called with the seconds that a user's request has to wait for the budget.

        `on_truncated` receives one sentence for each kind of response that was too large and was truncated.
        """
        self.settings = settings
        self.clock = clock or SystemClock()
        self.store = Store(max_runs=settings.max_runs)
        self.interlock = Interlock(settings.expect_env)
        self.action_log = ActionLog(
            Path(settings.state_dir),
            lambda text: self.secrets.cut(text),  # noqa: PLW0108  they are made when first needed
        )
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
        overrides = {"timeouts": timeouts, "feed_timeouts": feed_timeouts}
        self._timeouts = {name: each for name, each in overrides.items() if each is not None}
        self.truncations: dict[str, None] = {}
        """Sentences about truncated responses, in order; a dict instead of an ordered set."""
        self._on_truncated = on_truncated
        self._action_runner: ActionRunner
        self._pump = Pump(self.store, self.clock)
        self._server_time = ServerTime(self.clock)
        self.findings = LiveFindings(self)
        self._denials: dict[str, str] = {}
        """Why the server refuses a kind of action to the key, by the id of the action."""
        self._action_number = 0
        self._actions_in_flight: dict[int, ActionStatus] = {}
        self.context = copy_context()
        """The context of new tasks. That of their creator refers to a screen, and would keep it after it was closed: a
        canceled timer stays in the event loop, with its context, until it is due."""
        self._tasks = asyncio.TaskGroup()
        self._spawned: set[asyncio.Task[None]] = set()
        self._closers = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self.spawn(self._pump.run(), "pump")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._spawned):
            task.cancel()
        # Other exceptions than a cancellation come from the block. The task group must not wrap them in a group.
        is_from_block = kind is not None and not issubclass(kind, asyncio.CancelledError)
        try:
            await self._tasks.__aexit__(*((None, None, None) if is_from_block else (kind, error, trace)))
        except BaseExceptionGroup as group:
            if error is not None and is_from_block:
                error.add_note(f"Tasks of the session failed too: {group.exceptions!r}")
            elif len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            else:
                raise
        finally:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._closers.aclose()
            except TimeoutError:
                pass  # a peer that does not answer must not delay the exit
            finally:
                await self.action_log.close()

    @cached_property
    def secrets(self) -> Redactor:
        """Knows the key and the token of this session: no file, log or copied address may hold them."""
        return redactor_of(self.settings)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start a task in the session's task group. An exception in it ends the session."""
        task = self.context.copy().run(lambda: self._tasks.create_task(work, name=name))
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard, context=self.context)
        return task

    async def start(self) -> None:
        """Load the data layer in a thread, and open the connection to the API or to the relay."""
        api: Client | RelayConnection
        client: Client | None = None
        if self.settings.relay_url is None:
            api = client = await self._open_client()
        else:
            api = self.sources.relay = await self._open_relay(self.settings.relay_url)
        api.on_truncated = self._on_response_truncated
        run_fetcher, self.store.untrack = await asyncio.gather(
            asyncio.to_thread(data_layer.load_run_fetcher), asyncio.to_thread(load_untrack)
        )
        self._closers.push_async_callback(api.aclose)
        self.fetcher = self.sources.fetcher = run_fetcher(
            api, self.budget, self.emit, self.now, self.store.get, self.settle, lists=client
        )
        self.spawn(detect_sleep(self.clock, self.sources.refresh), "sleep")
        self._action_runner = ActionRunner(
            client,
            self.fetcher,
            self.clock,
            now=self.now,
            publish=self._publish,
            record=self._record,
            get_run=self.store.get,
            on_refused=self._record_denial,
        )
        self.findings.on_started()

    def _on_response_truncated(self, text: str) -> None:
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
        """Queue an update for the store. All updates of the session pass through here."""
        self.interlock.observe(update)
        match update:
            case RunsRead() if update.patches and self.sources.relay is None:
                self._server_time.observe(update.patches[0].read_at)
            case SourceConnected() if self.sources.relay is None or update.source == RELAY:
                # The `Date` header has whole seconds. A response from a cache confirms an earlier moment.
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
        """Return the server's time, estimated from its `Date` headers."""
        return self._server_time.now()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with merged changes, at most ten times a second. Return a function that unsubscribes it."""
        return self._pump.subscribe(listener)

    async def changes(self) -> AsyncGenerator[Changes, None]:
        """Yield changes without end. Changes that arrive while the caller is busy are merged."""
        pending, arrived = Changes(), asyncio.Event()

        def on_changes(changes: Changes) -> None:
            pending.merge(changes)
            arrived.set()

        unsubscribe = self.subscribe(on_changes)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                changes, pending = pending, Changes()
                yield changes
        finally:
            unsubscribe()

    async def fetch_run_with_attempts(self, run_id: RunId) -> tuple[Run, str | None]:
        """Read a run with its attempts. The second value says why attempts are missing, if some are.

        Raises `ApiError` if the run itself cannot be read.
        """
        return await self.fetcher.fetch_run_with_attempts(run_id, Priority.SELECTED)

    async def fetch_tree(self, run_id: RunId, *, is_thorough: bool = False) -> RunTree:
        """Read the whole tree around a run. Raises `ApiError`.

        `is_thorough` is for the plan of an action: waits for the budget, and reads live runs that a replica may lack.
        """
        priority = Priority.ACTION if is_thorough else Priority.SELECTED
        return await self._tree_fetcher().fetch_tree(run_id, priority, is_thorough=is_thorough)

    async def fetch_trees_of_roots(self, roots: Sequence[Run]) -> dict[RunId, RunTree] | None:
        """Read the trees below several roots by one query. Return None if the query is refused or fails."""
        return await self._tree_fetcher().fetch_trees_of_roots(roots, Priority.ACTION)

    def _tree_fetcher(self) -> "TreeFetcher":
        from tui.sources.tree_fetcher import TreeFetcher

        return TreeFetcher(self.fetcher, self.clock)

    @property
    def is_started(self) -> bool:
        """Whether `start` has opened the connection."""
        return hasattr(self, "fetcher")

    def change_settings(self, settings: Settings) -> None:
        """Use settings that were read again. The connection, the key and the action log stay as they were."""
        self.settings = settings
        self.sources.change_settings(settings)

    def local_now(self) -> datetime:
        """Return the server's time in the zone of the settings. Texts show times in the zone of their `now`."""
        return self.now().astimezone(self.settings.zone)

    @property
    def is_read_only(self) -> bool:
        """Whether the settings or the key forbid writing here. The config file may protect some environments."""
        interlock = self.interlock
        where = self.settings.read_only_in
        return not self.settings.may_write or where.forbids(interlock.name, is_production=interlock.is_production)

    @property
    def write_block(self) -> str | None:
        """Why no action may be sent in this session, or None."""
        if self.settings.relay_url is not None:
            return "a relay takes no actions"
        if self.settings.read_only:
            by_file = self.settings.origins.get("read_only") == "file"
            return "the config file makes this session read-only" if by_file else "this session is read-only"
        if not self.settings.key.may_write:
            return "the public token has no scope that writes runs"
        if self.is_read_only:
            return f"the config file makes {self.interlock.name or 'an unknown environment'} read-only"
        return self.interlock.reason

    @property
    def offers_actions(self) -> bool:
        """Whether the keys of actions exist. Where the key or a relay forbids writing, they say so."""
        interlock, settings = self.interlock, self.settings
        if settings.relay_url is not None:
            return True
        where = settings.read_only_in
        return not settings.read_only and not where.forbids(interlock.name, is_production=interlock.is_production)

    def denial(self, action: Action) -> str | None:
        """Why actions of this kind are not taken from this key or this screen, as far as is known; None if they are.

        A refusal of the server is remembered until the user refreshes. Source: tests/wire/recordings/RIGHTS.md
        """
        key = self.settings.key
        if self.settings.relay_url is not None or not key.may_write:
            return self.write_block
        if key.is_public and action is REPLAY:
            return "the server takes no replay from a public token"
        return self._denials.get(action.id)

    def block(self, action: Action) -> str | None:
        """Why no action of this kind may be sent now, or None."""
        return self.write_block or self.denial(action)

    def refresh(self) -> None:
        """Ask the server now; the next action, too, finds out whether the key may act."""
        self._denials.clear()
        self.sources.refresh()

    def _record_denial(self, action: Action, error: "Refused") -> None:
        # A token for single runs may still act on others. A proxy refuses one request with a web page.
        if error.status == FORBIDDEN and not error.is_page and self.settings.key.writable_runs is None:
            self._denials[action.id] = f"the server refuses it to this key ({FORBIDDEN})"

    @property
    def actions_in_flight(self) -> list[ActionStatus]:
        """Actions that were sent and have no outcome yet. The store receives them slightly later."""
        return list(self._actions_in_flight.values())

    async def perform(self, action: Action, before: Run, *, via: Via = Via.KEY) -> ActionStatus:
        """Send an action for a run, and return its outcome. `before` is the run as it was last read."""
        self._action_number += 1
        return await self._action_runner.perform(action, before, self._action_number, lambda: self.block(action), via)

    async def _publish(self, status: ActionStatus) -> None:
        self._record(status)
        if status.phase.is_end:
            self._actions_in_flight.pop(status.number, None)
        else:
            self._actions_in_flight[status.number] = status
        await self.emit(status)

    def record_command(self, event: CommandEvent) -> None:
        """Write into the action log that a command of the user has started or ended."""
        self.action_log.record_command(event, environment=self.interlock.name, api_url=self.settings.api_url)

    def _record(self, status: ActionStatus) -> None:
        self.action_log.record(status, environment=self.interlock.name, api_url=self.settings.api_url)
