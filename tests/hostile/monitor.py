"""The monitor as a surface: the real app and session behind the hostile proxy, in virtual time, without a terminal.

New panes of `PANES` are covered automatically. A new screen needs its keys in `ROUTES`: a case fails without them.
"""

import asyncio
import importlib
import pkgutil
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from textual.screen import Screen

import tui
from tests.hostile.cleanliness import dirty_text, first
from tests.hostile.commands import hang_ends
from tests.hostile.proxy import Proxy
from tests.hostile.world import HostileFleet
from tests.support.fleet import FleetApi, serving
from tests.support.session import settings_for
from tests.support.ui.idle import IdleCheck
from tests.support.ui.monitor import Monitored
from tests.support.virtual_clock import VirtualClock
from tui.api.connection import Timeouts
from tui.features import FORMS, LISTED, OVERVIEW_PANES, PANES
from tui.features.copying.view import PartMenu
from tui.features.detail.words import FETCHING
from tui.features.runs.screen import MainScreen
from tui.kit.bars import ViewScreen
from tui.kit.list_panes import ListScreen, MainView
from tui.kit.page_screen import PageScreen
from tui.kit.painted import FormDialog, LineDialog, ListDialog, PaintedDialog, PaintedScreen, YesNoDialog
from tui.kit.screen import BaseScreen
from tui.program.app import TriggerApp
from tui.sync.session import Session

SIZES = ((80, 24), (120, 40))
HUNG_AFTER_S = 300.0
FIRST_S = 3.0
LOOK_S = 0.5
VISITED = 18
"""Rows of the list that a walk selects from: the examples and some of their children."""

WRITES = re.compile(
    r"(\x1b\]22;[a-z-]+\x07|\x1b\]52;c;[A-Za-z0-9+/=]*(\x07|\x1b\\)|\x1b\[6n|\x1b\[2[23];[012]t|\x1b\][02];(?P<title>[^\x00-\x1f\x7f-\x9f]*)(\x07|\x1b\\))*"
)
"""The allowed direct writes to the terminal: clipboard, cursor request, title, pointer shape."""

ROUTES: dict[str, tuple[str, ...]] = {
    "ColumnPathScreen": ("c", "a"),
    "ColumnsScreen": ("c",),
    "CommandLineScreen": ("colon",),
    "ComparedScreen": ("3", *"]" * 4, "="),
    "ConfirmScreen": ("R",),
    "CopyMenu": ("Y",),
    "ErrorsScreen": ("exclamation_mark",),
    "HelpScreen": ("question_mark",),
    "LetterMenu": ("apostrophe",),
    "MessagesScreen": ("colon", *"messages", "enter"),
    "QueuesScreen": ("Q",),
    "ReadMenu": ("O",),
    "SaveView": ("S",),
    "ServerFiltersScreen": ("f",),
    "ValueScreen": ("2", *"j" * 12, "enter"),
    "ViewQuestion": ("S", "a", "enter", "colon", *"views", "enter", "D"),
    "ViewsScreen": ("colon", *"views", "enter"),
    "WallScreen": ("W",),
    **{f"errors, pane {number}": ("exclamation_mark", str(number)) for number in range(1, 5)},
    **{f"overview, pane {pane.title}": ("g", str(number)) for number, pane in enumerate(OVERVIEW_PANES, 2)},
    **{f"list of {name}": ("colon", *name, "enter") for name in LISTED},
}
"""Keys that open each screen and the panes of other views than that of the runs, starting at a run of the list."""

KINDS: frozenset[str] = frozenset(
    {
        *("GET /api/v1/deployments", "GET /api/v1/errors", "GET /api/v1/queues", "GET /api/v1/queues/{}/metrics"),
        *("GET /api/v1/runs", "GET /api/v1/runs/{}/events"),
        *("GET /api/v1/runs/{}/trace", "GET /api/v1/schedules", "GET /api/v1/waitpoints/{}", "GET /api/v1/whoami"),
        *("GET /api/v3/runs/{}", "GET /packets/{}/dev/{}/output.json", "GET /packets/{}/dev/{}/payload.json"),
        *("GET /realtime/v1/runs", "POST /api/v1/query"),
    }
)
"""The kinds of responses that a monitor requests."""

FORM_KEYS: dict[str, str] = {"waterfall": "t"}
"""The key that shows another form of a pane."""

NOT_SHOWN: dict[str, str] = {
    "LeaveScreen": "needs actions that wait; the type-ahead mode opens it",
    "LinkDialog": "needs a machine without a browser",
    "OwnCommandScreen": "needs a config file; tests/ui/own_commands/test_own_commands.py opens it",
}
"""Screens that no walk opens, with the mode or test that covers each."""


BASES = {
    BaseScreen,
    FormDialog,
    LineDialog,
    ListDialog,
    ListScreen,
    MainScreen,
    MainView,
    PageScreen,
    PaintedDialog,
    PaintedScreen,
    PartMenu,
    ViewScreen,
    YesNoDialog,
}
"""Classes that screens derive from, and the screen of runs, whose panes are surfaces of their own."""


def pane_titles() -> list[str]:
    """Return the titles of the panes, in the order of their keys."""
    return [pane.title for pane in (*PANES, *FORMS)]


@cache
def screen_names() -> list[str]:
    """Return the class names of all screens above the main screen."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    found, pending = set(), list(Screen.__subclasses__())
    while pending:
        each = pending.pop()
        pending.extend(each.__subclasses__())
        if each.__module__.startswith("tui.") and each not in BASES:
            found.add(each.__name__)
    return sorted(found)


@dataclass
class Walker:
    """Drives a monitor. `writes` has its direct writes to the terminal."""

    monitor: Monitored
    fleet: HostileFleet
    proxy: Proxy
    writes: list[str] = field(default_factory=list)

    @property
    def app(self) -> TriggerApp:
        return self.monitor.app

    @property
    def top(self) -> str:
        """The class name of the current screen."""
        return type(self.app.screen).__name__

    @property
    def is_at_home(self) -> bool:
        return len(self.app.screen_stack) == 1

    async def home(self) -> str:
        """Close all screens, and go to the list of runs. Return an error if Esc does not close one."""
        if trouble := await self.close():
            return trouble
        await self.monitor.press("escape", "1")
        return ""

    async def close(self) -> str:
        """Close all screens above the main screen. Return an error if Esc does not close one."""
        for _ in range(6):
            if self.is_at_home:
                return ""
            await self.monitor.press("escape")
        return "" if self.is_at_home else f"Esc does not leave {self.top}"

    async def open(self, keys: tuple[str, ...], *, row: int = 1) -> None:
        """Select a row of the list, and press keys."""
        await self.monitor.press("1", "g", *("j" * row), wait_s=LOOK_S)
        await self.monitor.press(*keys[:1], wait_s=LOOK_S)
        if len(keys) > 2:
            # The last key may need what the ones before it have read.
            await self.monitor.press(*keys[1:-1], wait_s=LOOK_S)
        if len(keys) > 1:
            await self.monitor.press(keys[-1], wait_s=LOOK_S)

    async def show_pane(self, title: str) -> None:
        form = next((pane for pane in FORMS if pane.title == title), None)
        base = title if form is None else form.form_of
        await self.monitor.press(str([pane.title for pane in PANES].index(base) + 1), wait_s=LOOK_S)
        if form is not None:
            await self.monitor.press(FORM_KEYS[title], wait_s=LOOK_S)

    def trouble(self) -> str:
        """Return what is wrong with the current screen, or ""."""
        if self.app._exception is not None:
            return f"the monitor died: {type(self.app._exception).__name__}: {str(self.app._exception)[:200]}"
        width, _ = self.app.size
        strips = self.app.screen._compositor.render_strips()
        lines = ["".join(segment.text for segment in strip if not segment.control) for strip in strips]
        wrong = [number for number, strip in enumerate(strips) if strip.cell_length != width]
        return first(
            (
                f"line {wrong[0]} has {strips[wrong[0]].cell_length} cells of {width}: {lines[wrong[0]]!r}"
                if wrong
                else "",
                *(dirty_text(line, self.top) for line in lines),
            )
        )

    def writes_trouble(self) -> str:
        """Return what is wrong with the direct writes to the terminal, or ""."""
        return first(dirty_write(written) for written in self.writes)

    def shown(self) -> str:
        """Return the text of the screen."""
        return self.monitor.text


def dirty_write(written: str) -> str:
    """Return what is wrong with a direct write to the terminal, or ""."""
    found = WRITES.fullmatch(written)
    if found is None:
        return f"the terminal was sent {written[:100]!r}"
    return dirty_text(found["title"] or "", "the title")


@asynccontextmanager
async def walking(
    size: tuple[int, int],
    proxy: Proxy,
    fleet: HostileFleet,
    state: Path,
    *,
    timeouts: Timeouts | None = None,
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Walker]:
    """Start a monitor behind the proxy, and let its first seconds pass."""
    url = proxy.url if environ is None else environ["TRIGGER_API_URL"]
    settings = settings_for(FleetApi(fleet, url), state, realtime=True)
    async with Session(settings, clock=fleet.clock, random=Random(1), timeouts=timeouts) as session:
        app = TriggerApp(session, environ={})
        quiet = IdleCheck(app)
        async with app.run_test(size=size) as pilot:
            walker = Walker(Monitored(app, pilot, session, FleetApi(fleet, proxy.url), quiet), fleet, proxy)
            assert app._driver is not None
            app._driver.write = walker.writes.append  # type: ignore[assignment, method-assign]
            await walker.monitor.later(FIRST_S)
            yield walker


@contextmanager
def hostile_monitor_server() -> Iterator[tuple[HostileFleet, Proxy, Path]]:
    """Yield a fleet, its proxy, and a state directory for one monitor."""
    fleet = HostileFleet(VirtualClock())
    with serving(fleet) as api, Proxy(api.url) as proxy, tempfile.TemporaryDirectory(prefix="hostile-") as state:
        yield fleet, proxy, Path(state)


def missing() -> list[str]:
    """Walk through a monitor without poison. Return what to add here, or to change."""
    with hostile_monitor_server() as (fleet, proxy, state), hang_ends(HUNG_AFTER_S):
        found = asyncio.run(_wrong_routes(fleet, proxy, state))
        kinds = {request.kind for request in proxy.requests}
    names = [name for name in screen_names() if name not in {*ROUTES, *NOT_SHOWN}]
    found += [f"no keys open {name}: add them to ROUTES, or name it in NOT_SHOWN" for name in names]
    return found + [f"KINDS lacks {kind}" for kind in sorted(kinds - KINDS)]


async def _wrong_routes(fleet: HostileFleet, proxy: Proxy, state: Path) -> list[str]:
    wrong = []
    async with walking(SIZES[1], proxy, fleet, state) as walker:
        for name, keys in ROUTES.items():
            await walker.open(keys)
            while FETCHING in walker.shown():  # from the object store, which nothing else waits for
                await walker.monitor.later(LOOK_S)
            if name in screen_names() and walker.top != name:
                wrong.append(f"the keys of {name} open {walker.top}")
            await walker.home()
        for title in pane_titles():
            await walker.show_pane(title)
    return wrong


def surfaces(size: tuple[int, int]) -> Iterable[str]:
    """Return the surfaces of a monitor of that size."""
    words = f"{size[0]}x{size[1]}"
    return [f"{each} {words}" for each in (*pane_titles(), *ROUTES)]
