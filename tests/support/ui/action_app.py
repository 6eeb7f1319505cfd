"""An app without panes on a fake fleet behind real HTTP, to test actions and their dialogs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from textual import events
from textual.screen import Screen

from tests.support.fleet import Fleet, FleetApi, FleetRun, serving
from tests.support.session import pass_time, settings_for
from tests.support.ui.idle import IdleCheck
from tests.support.ui.monitor import as_test
from tests.support.virtual_clock import VirtualClock
from tui.api.actions import Action
from tui.domain.run import RunId
from tui.features.actions.view import ActionController, ConfirmScreen
from tui.kit.type_ahead import REACTION_S
from tui.program.app import TriggerApp
from tui.sync.session import Session
from tui.terminal.cells import CURSOR_REQUEST
from tui.text.styled import Line, plain

LONG = 1e6


class BareApp(TriggerApp):
    """The app without panes. `sent` has the texts that were written to the terminal outside of frames."""

    def __init__(self, session: Session, **options: Any) -> None:
        super().__init__(session, **options)
        self.sent: list[str] = []
        self.on_sent: Callable[[str], None] = lambda _: None

    def get_default_screen(self) -> Screen[None]:
        return Screen()

    def write(self, data: str) -> None:
        self.sent.append(data)
        self.on_sent(data)


@dataclass
class Stage:
    """A running `BareApp` with its session and fleet, and records of the messages, notices and opened runs."""

    app: BareApp
    session: Session
    api: FleetApi
    idle: IdleCheck
    messages: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    opened: list[RunId] = field(default_factory=list)
    unmarked: list[bool] = field(default_factory=list)
    action_controller: ActionController = field(init=False)

    def __post_init__(self) -> None:
        self.action_controller = ActionController(
            self.app.live,
            lambda: self.app,
            add_message=self.messages.append,
            show_notice=self.add_notice,
            open_run=self.opened.append,
            unmark=lambda: self.unmarked.append(True),
        )

    def add_notice(self, line: Line) -> None:
        self.notices.append(plain(line))

    @property
    def fleet(self) -> Fleet:
        return self.api.fleet

    def is_confirming(self) -> bool:
        """Return whether a confirmation dialog is open."""
        return isinstance(self.app.screen, ConfirmScreen)

    @property
    def text(self) -> str:
        """The text on the terminal without trailing spaces."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    def overlay_text(self, run: FleetRun) -> str | None:
        """Return the text that replaces the status in the row of a run."""
        piece = self.action_controller.overlay(RunId(run.id))
        return None if piece is None else piece.text

    def works(self, name: str, *parameters: str, runs: Sequence[FleetRun] = ()) -> bool:
        """Return whether the key of an action would do something on these runs."""
        return self.action_controller.has_use_for(name, parameters, [RunId(run.id) for run in runs])

    def write_paths(self) -> list[str]:
        return [path for _, path, _ in self.fleet.requests if path.endswith(("/cancel", "/replay"))]

    async def ask(self, action: Action, *runs: FleetRun, hidden_marks: int = 0, wait_s: float = 0.0) -> None:
        self.action_controller.ask(action, [RunId(run.id) for run in runs], hidden_marks)
        await self.later(wait_s)

    async def report_cursor(self) -> None:
        """Report the cursor position, as the terminal does when the app requests it. The user then sees the dialog."""
        self._send(events.CursorPosition(0, 0))
        await self.later()
        await self.later(REACTION_S)

    def report_cursor_after(self, seconds: float) -> None:
        """Let the terminal answer each later request for the cursor position after a delay."""

        def schedule_answer(_: str) -> None:
            self.session.clock.call_later(seconds, lambda: self._send(events.CursorPosition(0, 0)))

        self.app.on_sent = schedule_answer

    async def press(self, *keys: str, wait_s: float = 0.0) -> None:
        for key in keys:
            self._send(events.Key(key, key if len(key) == 1 else None))
        await self.later(wait_s)

    async def wait_for_paint(self) -> None:
        """Wait until the dialog is painted, and answer every request of the app for the cursor position."""
        await self.later(0.5)
        for _ in range(self.app.sent.count(CURSOR_REQUEST)):
            self._send(events.CursorPosition(0, 0))
        self.app.sent.clear()
        await self.later()
        await self.later(REACTION_S)

    async def later(self, seconds: float = 0.0) -> None:
        await self._painted()
        await pass_time(self.session, self.api, seconds, is_busy=self.idle.is_busy)
        await self._painted()
        await pass_time(self.session, self.api, 0.0, is_busy=self.idle.is_busy)
        await self._painted()

    async def wait_until_done(self) -> None:
        """Wait until no action is in flight."""
        for _ in range(200):
            await self.later(0.1)
            if not self.action_controller.action_queue.is_busy:
                await self._painted()
                return

    def _send(self, event: events.Event) -> None:
        event.set_sender(self.app)
        assert self.app._driver is not None
        self.app._driver.send_message(event)

    async def _painted(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.app.screen._on_timer_update()
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def staged(
    fleet: Fleet, tmp_path: Path, *, size: tuple[int, int] = (120, 40), **changes: Any
) -> AsyncIterator[Stage]:
    """Yield a stage after the first seconds of polling."""
    with serving(fleet) as api:
        session = Session(settings_for(api, tmp_path, **changes), clock=fleet.clock, random=Random(1))
        async with session:
            app = BareApp(session)
            idle = IdleCheck(app)
            async with app.run_test(size=size):
                stage = Stage(app, session, api, idle)
                for _ in range(200):
                    await stage.later(0.05)
                    if len(session.store) and session.store.is_environment_known:
                        break
                yield stage


def fleet_of(*runs: FleetRun) -> Fleet:
    fleet = Fleet(VirtualClock())
    fleet.add_all(runs)
    return fleet


def executing(number: int, **changes: Any) -> FleetRun:
    return FleetRun(number, -100.0 + number, -60.0, LONG, **changes)


Scenario = Callable[[Stage], Awaitable[None]]


def play(fleet: Fleet, tmp_path: Path, scenario: Scenario, **options: Any) -> None:
    """Run a scenario on a stage."""

    async def whole() -> None:
        async with staged(fleet, tmp_path, **options) as stage:
            await scenario(stage)

    asyncio.run(whole())


def on_stage(
    fleet: Callable[[], Fleet], **options: Any
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run the test on a new stage of a fleet. Its other parameters are filled by pytest."""
    return as_test(lambda scenario, tmp_path: play(fleet(), tmp_path, scenario, **options))
