"""Runs the real app and session on a fake fleet behind real HTTP, in virtual time.

Nothing sleeps: `later` moves the clock that the session, the ticker and the fleet share.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from tests.support.fleet import Fleet, FleetApi, serving
from tests.support.session import pass_time, settings_for
from tests.support.ui.idle import IdleCheck
from tui.features.runs.screen import MainScreen
from tui.kit.colors import ColorMode
from tui.kit.type_ahead import REACTION_S
from tui.program.app import OVERVIEW_AFTER_S, TriggerApp
from tui.store.addresses import ViewAddress
from tui.sync.session import Session

_CHARACTERS = {"slash": "/", "space": " ", "asterisk": "*", "colon": ":", "comma": ",", "full_stop": "."}

MAX_FRAMES = 5
"""Frames until every widget has its place: one that moves may give another one more room."""

NEVER_S = 1e6
"""How often Textual draws by itself, in real time."""

MAX_WAITS, WAIT_S = 40, 0.05
"""Looks at a state until it is reached, and the virtual seconds between two."""


@dataclass
class Monitored:
    """A running monitor."""

    app: TriggerApp
    pilot: Pilot[int]
    session: Session
    api: FleetApi
    idle: IdleCheck

    @property
    def screen(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    async def later(self, seconds: float = 0.0) -> None:
        """Let virtual time pass, and paint everything that it causes."""
        await self._pass(0.0)
        self.idle.paint_top()  # what waits for a frame begins now
        await self._pass(seconds)
        for _ in range(MAX_FRAMES):
            self.idle.paint()
            await self._pass(0.0)
            self.idle.paint_top()
            await self._pass(0.0)
            if not self.idle.has_to_place:
                break

    async def _pass(self, seconds: float) -> None:
        idle = self.idle
        await pass_time(self.session, self.api, seconds, is_busy=idle.is_busy, has_threads=idle.threads.is_busy)

    async def resize(self, width: int, height: int) -> None:
        """Resize the terminal, and paint everything in its new place."""
        await self.pilot.resize_terminal(width, height)
        await self.later()

    async def until(self, is_reached: Callable[[], bool], what: str, most: int = MAX_WAITS) -> None:
        """Wait for a state. On a busy machine, work that no check sees may take longer than `later`."""
        for _ in range(most):
            if is_reached():
                return
            await self.later(WAIT_S)
        raise AssertionError(f"waited in vain for {what}; on the screen:\n{self.text}")

    async def press(self, *keys: str, wait_s: float = 0.0) -> None:
        """Press keys without pauses, as a paste or a held key does."""
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
            self.send(events.Key(name, _CHARACTERS.get(name, key if len(key) == 1 else None)))
        await self.later(wait_s)

    def send(self, event: events.Event) -> None:
        """Send an event as the terminal's driver does."""
        assert self.app._driver is not None
        event.set_sender(self.app)
        self.app._driver.send_message(event)

    async def answer(self, times: int = 1) -> None:
        """Report the cursor position, as the terminal does when a dialog requests it. The user then sees the dialog."""
        for _ in range(times):
            self.send(events.CursorPosition(0, 0))
        await self.later()
        await self.later(REACTION_S)

    @property
    def lines(self) -> list[str]:
        """The text on the terminal, line by line, without spaces at the ends."""
        width, height = self.app.size
        return [
            "".join(segment.text for segment in strip)[:width].rstrip()
            for strip in self.app.screen._compositor.render_strips()
        ][:height]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line_of(self, part: str) -> int:
        """Return the number of the first line that contains a text."""
        return next(number for number, line in enumerate(self.lines) if part in line)


@asynccontextmanager
async def monitored(  # noqa: PLR0913  one parameter for each thing that a test may want
    fleet: Fleet,
    tmp_path: Path,
    *,
    size: tuple[int, int] = (120, 40),
    color_mode: ColorMode = ColorMode.DARK,
    is_ascii: bool = False,
    wait_s: float = 3.0,
    environ: dict[str, str] | None = None,
    environment_name: str | None = None,
    address: ViewAddress | None = None,
    has_overview: bool = False,
    app_type: type[TriggerApp] = TriggerApp,
    **changes: Any,
) -> AsyncIterator[Monitored]:
    """Yield a monitor on a fleet after its first seconds. Most tests are about other panes than the overview."""
    with serving(fleet) as api, patch("textual.screen.UPDATE_PERIOD", NEVER_S):
        session = Session(settings_for(api, tmp_path, **changes), clock=fleet.clock, random=Random(1))
        async with session:
            app = app_type(
                session,
                color_mode=color_mode,
                is_ascii=is_ascii,
                environ={"COLORTERM": "truecolor"} | (environ or {}),
                environment_name=environment_name,
                address=address,
                overview_after_s=OVERVIEW_AFTER_S if has_overview else math.inf,
            )
            idle = IdleCheck(app)
            async with app.run_test(size=size) as pilot:
                found = Monitored(app, pilot, session, api, idle)
                await found.later(wait_s)
                yield found


Story = Callable[[Monitored], Awaitable[None]]


def run_story(story: Story, tmp_path: Path, fleet: Fleet, **options: Any) -> None:
    """Run a story on a new monitor."""

    async def whole() -> None:
        async with monitored(fleet, tmp_path, **options) as monitor:
            await story(monitor)

    asyncio.run(whole())


def on_monitor(
    fleet: Callable[[], Fleet], **options: Any
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run the test as a story on a new monitor of a fleet. Its other parameters are filled by pytest."""
    return as_test(lambda story, tmp_path: run_story(story, tmp_path, fleet(), **options))


def as_test(
    play: Callable[[Callable[[Any], Awaitable[None]], Path], None],
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Return a decorator for tests whose first parameter is what a story is about. `play` runs a story in a folder."""

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        about, *others = signature(test).parameters.values()

        @wraps(test)
        def run(tmp_path: Path, **named: Any) -> None:
            play(lambda it: test(it, **named), tmp_path)

        # pytest fills the parameters of the signature.
        folder = Parameter("tmp_path", about.kind, annotation=Path)
        vars(run)["__signature__"] = Signature([folder, *others])
        return run

    return decorate
