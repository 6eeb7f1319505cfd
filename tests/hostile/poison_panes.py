"""Poison for the monitor: one session for each shot of several poisons, which visits every pane and screen.

The `what` of a case does not depend on its surface, so that one session checks all surfaces of a size. The poisons of a
failing shot are tried alone.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.hostile.cases import Case, Result
from tests.hostile.cleanliness import first
from tests.hostile.commands import QUICK, Hung, describe, hang_ends
from tests.hostile.dosing import Dosing, draw
from tests.hostile.monitor import (
    HUNG_AFTER_S,
    KINDS,
    LOOK_S,
    ROUTES,
    SIZES,
    VISITED,
    Walker,
    hostile_monitor_server,
    missing,
    pane_titles,
    surfaces,
    walking,
)
from tests.hostile.packing import chosen_shots, shots
from tests.hostile.proxy import Proxy
from tests.hostile.world import HostileFleet

SHORT_SHOTS = {SIZES[0]: {"texts": 1, "structures": 0}, SIZES[1]: {"texts": 0, "structures": 1}}
"""Sessions of each size: visible texts on the small screen, structural poisons on the large one."""

SCREENS = "all screens"
"""The surface that checks whether a walk finds every screen."""

TITLE = "title and clipboard"
"""The surface for direct writes to the terminal."""

KEYS = "keyboard"
"""The surface that checks whether keys still work."""

END = "end of the session"
"""The surface for the end of the monitor."""

DIES = "the monitor died"


Walk = Callable[[tuple[int, int], Proxy, HostileFleet, Path], AbstractAsyncContextManager[Walker]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A way to start a monitor. `routes` open its screens, by name."""

    mode: str
    walk: Walk
    kinds: frozenset[str]
    routes: Mapping[str, tuple[str, ...]]


class PoisonPanes:
    """Poisons in every field of every response, on every pane and screen, in two sizes."""

    name = "poison-tui"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return each poison on each surface of a size. Each size has its own poisons."""
        kinds = KINDS
        drawn = draw(self.name, "", kinds, random, texts=1 + 2 * is_short, others=1)
        random.shuffle(drawn)
        found = []
        for index, size in enumerate(SIZES):
            whats = [case.what for case in drawn[index :: len(SIZES)]]
            groups = (
                chosen_shots(whats, self.name, kinds, **SHORT_SHOTS[size])
                if is_short
                else shots(whats, self.name, kinds)
            )
            found += [
                Case(self.name, surface, what)
                for group in groups
                for what in group
                for surface in (*surfaces(size), *common_surfaces(size))
            ]
        return [Case(self.name, SCREENS, "each is opened by some key"), *found]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one session for each shot of each size."""
        for case in cases:
            if case.surface == SCREENS:
                yield Result(case, "; ".join(missing()))
        if any(case.surface != SCREENS for case in cases):
            yield from run_on(Stage(self.name, walking, KINDS, ROUTES), cases)


def run_on(stage: Stage, cases: Sequence[Case]) -> Iterator[Result]:
    """Run one session of a stage for each shot of each size."""
    for size in SIZES:
        words = f"{size[0]}x{size[1]}"
        of_size = [case for case in cases if case.surface.endswith(words)]
        whats = list(dict.fromkeys(case.what for case in of_size))
        for group in shots(whats, stage.mode, stage.kinds):
            looked = _Looked(stage, size)
            looked.look(group)
            for case in of_size:
                if case.what in group:
                    yield looked.result(case)


def common_surfaces(size: tuple[int, int]) -> list[str]:
    return [f"{each} {size[0]}x{size[1]}" for each in (TITLE, KEYS, END)]


@dataclass
class _Looked:
    """The findings for some poisons at one size, by surface and poison."""

    stage: Stage
    size: tuple[int, int]
    troubles: dict[tuple[str, str], str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)

    def look(self, whats: Sequence[str]) -> None:
        """Run a session with these poisons. If something fails, run each alone."""
        seen = _Session(self.stage, whats, self.size).run()
        if seen.troubles and len(whats) > 1:
            for what in whats:
                self.look([what])
            if not self.troubles:
                self.troubles = {
                    (surface, whats[0]): f"only together: {text}" for surface, text in seen.troubles.items()
                }
            return
        self.troubles |= {(surface, what): text for surface, text in seen.troubles.items() for what in whats}
        self.reached |= seen.reached

    def result(self, case: Case) -> Result:
        """Return the result of a case."""
        trouble = self.troubles.get((case.surface, case.what), "")
        return Result(case, trouble, case.what in self.reached)


@dataclass
class _Session:
    """One monitor with some poisons in its responses."""

    stage: Stage
    whats: Sequence[str]
    size: tuple[int, int]
    troubles: dict[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)

    def run(self) -> "_Session":
        """Walk through the monitor. An exception is a finding too."""
        cases = [Case(self.stage.mode, "", what) for what in self.whats]
        dosing = Dosing(cases, self.stage.kinds)
        try:
            with hostile_monitor_server() as (fleet, proxy, state), hang_ends(HUNG_AFTER_S):
                proxy.rewrite = dosing

                async def whole() -> None:
                    async with self.stage.walk(self.size, proxy, fleet, state) as walker:
                        await self._walk(walker)

                asyncio.run(whole())
        except (Exception, Hung) as bug:  # noqa: BLE001  any exception is a finding
            self.troubles.setdefault(self._named(END), f"{DIES}: {describe(bug)}")
        self.reached = {case.what for case in dosing.reached}
        return self

    async def _walk(self, walker: Walker) -> None:
        row = 1 + sum(map(len, self.whats)) % VISITED
        await walker.open((), row=row)
        for title in pane_titles():
            await walker.show_pane(title)
            self._see(walker, title)
        for name, keys in self.stage.routes.items():
            await walker.open(keys)
            self._see(walker, walker.top if walker.is_at_home else name)
            if trouble := await walker.home():
                self.troubles[self._named(KEYS)] = trouble
        await self._end(walker)

    def _see(self, walker: Walker, surface: str) -> None:
        named = self._named(surface)
        if trouble := walker.trouble():
            self.troubles.setdefault(named, trouble)
        if trouble := walker.writes_trouble():
            self.troubles.setdefault(self._named(TITLE), trouble)

    async def _end(self, walker: Walker) -> None:
        if trouble := await help_trouble(walker):
            self.troubles.setdefault(self._named(KEYS), trouble)
        if trouble := await end_trouble(walker):
            self.troubles.setdefault(self._named(END), trouble)

    def _named(self, surface: str) -> str:
        return f"{surface} {self.size[0]}x{self.size[1]}"


async def help_trouble(walker: Walker) -> str:
    """Check that `?` still opens the help."""
    await walker.monitor.press("question_mark", wait_s=LOOK_S)
    if walker.top != "HelpScreen":
        return f"? does not open the help but leaves {walker.top}"
    return await walker.home()


async def end_trouble(walker: Walker) -> str:
    """Check that ctrl-q ends the monitor."""
    await walker.monitor.press("ctrl+q")
    return "" if walker.app.return_code == 0 else f"ctrl-q ends with {walker.app.return_code}"


async def monitor_end(walker: Walker) -> str:
    """Visit all panes, then end the monitor. Return what is wrong, or ""."""
    await walker.open(())
    for title in pane_titles():
        await walker.show_pane(title)
        if trouble := first((walker.trouble(), walker.writes_trouble())):
            return f"{title}: {trouble}"
    return await help_trouble(walker) or await end_trouble(walker)


def died(story: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """Run the story of a monitor. Return what is wrong; an exception or a hang is a finding, too."""
    try:
        with hang_ends(HUNG_AFTER_S):
            return asyncio.run(story())
    except (Exception, Hung) as bug:  # noqa: BLE001  any exception is a finding
        return f"the monitor died: {describe(bug)}"


def broken_monitor(proxy: Proxy, fleet: HostileFleet, state: str | Path, **options: Any) -> str:
    """Run a monitor over a broken API: it stays responsive, shows clean lines, and ends by its key."""

    async def session() -> str:
        async with walking(SIZES[1], proxy, fleet, Path(state), timeouts=QUICK, **options) as walker:
            return await monitor_end(walker)

    return died(session)
