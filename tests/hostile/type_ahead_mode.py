"""Keys typed before a dialog is visible, on links with different round trips: none of them may act.

The terminal reports its cursor a round trip after the request. Keys that arrive before the report were typed before the
dialog was drawn. Afterwards the dialog has to accept its keys, or the case would prove nothing. Requests are counted at
the proxy.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from textual import events

from tests.hostile.cases import SEPARATOR, Case, Result
from tests.hostile.monitor import SIZES, Walker, hostile_monitor_server, walking
from tests.hostile.poison_panes import died
from tui.features.actions.view import ConfirmScreen
from tui.terminal.cells import CURSOR_REQUEST

DELAYS_MS = (0, 100, 300, 600, 900, 1_000, 1_100, 1_500, 2_000, 2_500, 3_000, 4_000)
NEVER = "never"
JUST_BEFORE_S = 0.05
WATCH_S = 13.0
"""Longer than a silent terminal is waited for, after which the dialog asks for a word."""

VICTIMS = 3
SHORT_CASES = 5

DIALOGS: dict[str, tuple[str, ...]] = {
    "cancel": ("C",),
    "replay": ("R",),
    "cancel of three": ("space", "j", "space", "j", "space", "C"),
    "replay of three": ("space", "j", "space", "j", "space", "R"),
    "cancel in production": ("C",),
    "cancel of three in production": ("space", "j", "space", "j", "space", "C"),
    "quit": (),
}
"""Keys that open a dialog while the first run of the list is selected."""

AHEAD: dict[str, tuple[str, ...]] = {
    "y": ("y",),
    "y y y": ("y", "y", "y"),
    "Y": ("Y",),
    "enter": ("enter",),
    "y and enter": ("y", "enter"),
    "a word": ("c", "a", "n", "c", "e", "l", "enter"),
    "the environment": ("p", "r", "o", "d", "enter"),
    "the count": ("3", "enter"),
    "space": ("space", "y"),
    "esc and y": ("escape", "y"),
    "n and y": ("n", "y"),
}
"""Keys typed ahead."""

AT = ("at once", "half way", "just before")
"""The moment within the round trip when they arrive."""


class TypeAheads:
    """Every dialog with every delay, and keys that could confirm it."""

    name = "type-ahead"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return each dialog with each delay, and random keys and moments."""
        delays = (*(f"{ms} ms" for ms in DELAYS_MS), NEVER)
        found = [
            Case(self.name, dialog, SEPARATOR.join((delay, keys, random.choice(AT))))
            for dialog in DIALOGS
            for delay in delays
            for keys in random.sample(list(AHEAD), 2)
        ]
        return random.sample(found, SHORT_CASES) if is_short else found

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one monitor for each case."""
        for case in cases:
            yield Result(case, _run(case))


def _run(case: Case) -> str:
    with hostile_monitor_server() as (fleet, proxy, state):
        if "production" in case.surface:
            fleet.lead_to("prod", "PRODUCTION")
        for _ in range(VICTIMS):
            fleet.victim()

        async def story() -> str:
            async with walking(SIZES[1], proxy, fleet, state) as walker:
                return await _Story(walker, case).run()

        return died(story)


@dataclass
class _Story:
    """One dialog on a terminal with slow reports."""

    walker: Walker
    case: Case

    def __post_init__(self) -> None:
        delay, keys, at = self.case.what.split(SEPARATOR)
        self._round_trip_s = None if delay == NEVER else int(delay.removesuffix(" ms")) / 1000
        self._keys = AHEAD[keys]
        share = {"at once": 0.0, "half way": 0.5, "just before": 1.0}[at]
        self._keys_after_s = share * (
            1.0 if self._round_trip_s is None else max(0.0, self._round_trip_s - JUST_BEFORE_S)
        )
        self._watch_s = WATCH_S if self._round_trip_s is None else 2 * self._round_trip_s + 2.0
        assert self.walker.app._driver is not None
        self.walker.app._driver.write = self._write  # type: ignore[assignment, method-assign]

    async def run(self) -> str:
        """Type ahead, let time pass, and check the requests. Then confirm for real."""
        if self.case.surface == "quit":
            return await self._quit()
        await self.walker.monitor.press("g", "j", wait_s=1.0)
        await self._open(*DIALOGS[self.case.surface])
        if sent := self._sent():
            return f"keys typed ahead sent {sent}"
        if not isinstance(self.walker.app.screen, ConfirmScreen):
            return "" if "escape" in self._keys else f"the dialog is gone: {self.walker.top} is seen"
        return await self._agree()

    async def _open(self, *keys: str) -> None:
        """Open the dialog, type ahead, and let the terminal report."""
        if not self._keys_after_s:
            await self.walker.monitor.press(*keys, *self._keys)
            await self._pass(self._watch_s)
            return
        await self.walker.monitor.press(*keys)
        await self._pass(self._keys_after_s)
        await self.walker.monitor.press(*self._keys)
        await self._pass(self._watch_s)

    async def _quit(self) -> str:
        """Confirm an action on several runs, which waits some seconds, and quit meanwhile with keys typed ahead."""
        walker = self.walker
        await walker.monitor.press("g", "j", wait_s=1.0)
        own, self._round_trip_s = self._round_trip_s, 0.0
        await walker.monitor.press(*DIALOGS["cancel of three"])
        await self._pass(1.0)
        await walker.monitor.press("y")
        self._round_trip_s = own
        await walker.monitor.press("q", *self._keys)
        await self._pass(1.0)
        if walker.app.return_code is not None:
            return "keys typed ahead ended the program while actions waited"
        return ""

    async def _agree(self) -> str:
        """Check that the dialog accepts its keys, or the rest proves nothing."""
        screen = self.walker.app.screen
        assert isinstance(screen, ConfirmScreen)
        wanted = screen.question.texts
        keys = (*("backspace",) * 20, *wanted[0], "enter") if wanted else ("y",)
        await self.walker.monitor.press(*keys)
        await self._pass(7.0)
        return "" if self._sent() else f"{' '.join(wanted) or 'y'} does not agree: {self.walker.top} is seen"

    async def _pass(self, seconds: float) -> None:
        await self.walker.monitor.later(seconds)

    def _write(self, written: str) -> None:
        """Record a write to the terminal, and answer each cursor request a round trip later."""
        self.walker.writes.append(written)
        if self._round_trip_s is not None:
            for _ in range(written.count(CURSOR_REQUEST)):
                self.walker.fleet.clock.call_later(self._round_trip_s, self._answer)

    def _answer(self) -> None:
        self.walker.monitor.send(events.CursorPosition(0, 0))

    def _sent(self) -> list[str]:
        """Return the actions that arrived at the proxy."""
        verbs: Callable[[str], bool] = lambda kind: kind.endswith(("/cancel", "/replay"))  # noqa: E731
        return [request.kind for request in self.walker.proxy.requests if verbs(request.kind)]
