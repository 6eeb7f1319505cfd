"""An app without panes on a fake fleet behind real HTTP, to test actions and their dialogs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual import events
from textual.screen import Screen

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.monitor import Monitored, as_test, monitored
from tui.api.actions import Action
from tui.domain.run import RunId
from tui.features.actions.view import ActionController, ConfirmScreen
from tui.program.app import TriggerApp
from tui.sync.session import Session
from tui.terminal.cells import CURSOR_REQUEST
from tui.text.styled import plain

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
class Stage(Monitored):
    """A running `BareApp`, and records of the messages, notices and opened runs."""

    app: BareApp
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
            show_notice=lambda line: self.notices.append(plain(line)),
            open_run=self.opened.append,
            unmark=lambda: self.unmarked.append(True),
        )

    @property
    def fleet(self) -> Fleet:
        return self.api.fleet

    def is_confirming(self) -> bool:
        """Return whether a confirmation dialog is open."""
        return isinstance(self.app.screen, ConfirmScreen)

    def overlay_text(self, run: FleetRun) -> str | None:
        """Return the text that replaces the status in the row of a run."""
        piece = self.action_controller.action_queue.overlay(RunId(run.id))
        return None if piece is None else piece.text

    def works(self, name: str, *parameters: str, runs: Sequence[FleetRun] = ()) -> bool:
        """Return whether the key of an action would do something on these runs."""
        return self.action_controller.has_use_for(name, parameters, [RunId(run.id) for run in runs])

    def write_paths(self) -> list[str]:
        return [path for _, path, _ in self.fleet.requests if path.endswith(("/cancel", "/replay"))]

    async def ask(self, action: Action, *runs: FleetRun, hidden_marks: int = 0, wait_s: float = 0.0) -> None:
        self.action_controller.ask(action, [RunId(run.id) for run in runs], hidden_marks)
        await self.later(wait_s)

    def report_cursor_after(self, seconds: float) -> None:
        """Let the terminal answer each later request for the cursor position after a delay."""

        def schedule_answer(_: str) -> None:
            self.session.clock.call_later(seconds, lambda: self.send(events.CursorPosition(0, 0)))

        self.app.on_sent = schedule_answer

    async def wait_for_paint(self) -> None:
        """Wait until the dialog is painted, and answer every request of the app for the cursor position."""
        await self.later(0.5)
        requests = self.app.sent.count(CURSOR_REQUEST)
        self.app.sent.clear()
        await self.answer(requests)

    async def wait_until_done(self) -> None:
        """Wait until no action is in flight."""
        await self.until(lambda: not self.action_controller.action_queue.is_busy, "the actions", most=400)


@asynccontextmanager
async def staged(fleet: Fleet, tmp_path: Path, **options: Any) -> AsyncIterator[Stage]:
    """Yield a stage after the first seconds of polling."""
    async with monitored(fleet, tmp_path, app_type=BareApp, wait_s=0.0, **options) as each:
        assert isinstance(each.app, BareApp)
        stage = Stage(each.app, each.pilot, each.session, each.api, each.idle)
        store = each.session.store
        await stage.until(lambda: bool(len(store)) and store.is_environment_known, "the runs", most=200)
        yield stage


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
