"""The monitor as a surface: the real app and session behind the hostile proxy, in virtual time, without a terminal.

New panes of `PANES` and new screens in any module are covered automatically. The suite finds the keys that open a
screen by trying the live bindings, the rows of each pane, and the commands of the palette.
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

from textual.app import App
from textual.screen import Screen

import tui
from tests.hostile.cleanliness import dirty_text, first
from tests.hostile.commands import hang_ends
from tests.hostile.proxy import Proxy, Request, Response
from tests.hostile.response_fields import values_of
from tests.hostile.world import HostileFleet
from tests.support.fleet import FleetApi, serving
from tests.support.session import settings_for
from tests.support.ui.idle import IdleCheck
from tests.support.ui.monitor import Monitored
from tests.support.virtual_clock import VirtualClock
from tui.api.connection import Timeouts
from tui.features import FORMS, LISTED, OVERVIEW_PANES, PANES
from tui.features.detail.words import FETCHING
from tui.features.runs.screen import MainScreen
from tui.kit.bars import ViewScreen, live_keys
from tui.kit.layout import WORKSPACE
from tui.kit.list_panes import ListScreen, MainView
from tui.kit.page_screen import PageScreen
from tui.kit.painted import FormDialog, LineDialog, ListDialog, PaintedDialog, PaintedScreen, YesNoDialog
from tui.kit.pane import Pane
from tui.kit.screen import BaseScreen
from tui.program.app import TriggerApp
from tui.sync.session import Session

SIZES = ((80, 24), (120, 40))
HUNG_AFTER_S = 60.0
FIRST_S = 3.0
LOOK_S = 0.5
GLANCE_S = 0.1
ROWS = 20
"""Rows of a pane on which Enter is pressed, to find screens."""

SEEN_MIN, SEEN_MAX = 4, 16
"""Characters of a value that identify it on a screen."""

VISITED = 18
"""Rows of the list that a walk selects from: the examples and some of their children."""

LEARNED = 12
"""Rows of the list that are opened to find the visible fields."""

NAMED = ("messages",)
"""Commands of the palette that open a screen and have no key."""

WRITES = re.compile(
    r"(\x1b\]22;[a-z-]+\x07|\x1b\]52;c;[A-Za-z0-9+/=]*(\x07|\x1b\\)|\x1b\[6n|\x1b\[2[23];[012]t|\x1b\][02];(?P<title>[^\x00-\x1f\x7f-\x9f]*)(\x07|\x1b\\))*"
)
"""The allowed direct writes to the terminal: clipboard, cursor request, title, pointer shape."""

NO_ROUTE = frozenset({"leave", "quit_level", "suspend"})
"""Actions that end or suspend the program."""

RECIPES: dict[str, tuple[str, ...]] = {
    "ConfirmScreen": ("R",),
    "ComparedScreen": ("3", *"]" * 4, "="),
    "ColumnPathScreen": ("c", "a"),
    "ViewsScreen": ("colon", *"views", "enter"),
    "ViewQuestion": ("S", "a", "enter", "colon", *"views", "enter", "D"),
    "PartMenu": ("exclamation_mark", "Y"),
}
"""Keys that open a screen which needs a state, starting at the list of runs."""

VIEW_PANES: dict[str, tuple[str, ...]] = {
    **{f"errors, pane {number}": ("exclamation_mark", str(number)) for number in range(1, 5)},
    **{f"overview, pane {pane.title}": ("g", str(number)) for number, pane in enumerate(OVERVIEW_PANES, 2)},
    **{f"list of {name}": ("colon", *name, "enter") for name in LISTED},
}
"""Keys that show the panes of other views than that of the runs, and the lists that have no key."""

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


@dataclass(frozen=True, slots=True)
class Route:
    """The keys that open a screen, starting at the first run of the list."""

    keys: tuple[str, ...]


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

    @property
    def has_no_selection(self) -> bool:
        """Whether the overview stands in place of a run."""
        return self.monitor.screen.selection.run_id is None

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

    def is_in(self, pane: Pane) -> bool:
        """Whether the keys go to a pane of the main screen, and a run is selected: most keys need one."""
        screen = self.monitor.screen
        return self.is_at_home and screen.pane is pane and screen.focused is pane.body and not self.has_no_selection

    async def open(self, route: Route, *, row: int = 1) -> None:
        """Select a row of the list, and press the keys of a route."""
        await self.monitor.press("1", "g", *("j" * row), wait_s=LOOK_S)
        await self.monitor.press(*route.keys[:1], wait_s=LOOK_S)
        if len(route.keys) > 2:
            # The last key may need what the ones before it have read.
            await self.monitor.press(*route.keys[1:-1], wait_s=LOOK_S)
        if len(route.keys) > 1:
            await self.monitor.press(route.keys[-1], wait_s=LOOK_S)

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


@dataclass(frozen=True, slots=True)
class Known:
    """The results of a walk without poison.

    `kinds` are the kinds of responses that a monitor requests; `visible` are the fields (kind and path) on its screens.
    """

    kinds: frozenset[str]
    routes: dict[str, Route]
    visible: frozenset[tuple[str, str]]


@cache
def known() -> Known:
    """Walk through a monitor without poison, once per process."""
    with hostile_monitor_server() as (fleet, proxy, state), hang_ends(HUNG_AFTER_S):
        return asyncio.run(_find_out(fleet, proxy, state))


async def _find_out(fleet: HostileFleet, proxy: Proxy, state: Path) -> Known:
    routes: dict[str, Route] = {name: Route(keys) for name, keys in (RECIPES | VIEW_PANES).items()}
    answers: list[tuple[str, bytes]] = []
    seen: list[str] = []

    def listen(request: Request, response: Response) -> Response:
        answers.append((request.kind, response.body))
        return response

    proxy.rewrite = listen
    async with walking(SIZES[1], proxy, fleet, state) as walker:
        await walker.open(Route(()), row=0)
        for _ in range(LEARNED):
            await walker.monitor.press("1", "j", wait_s=LOOK_S)
            await walker.monitor.press("3", wait_s=LOOK_S)
            seen.append(walker.shown())
        for number in range(1, len(PANES) + 1):
            await walker.home()
            await walker.open(Route((str(number),)))
            seen.append(walker.shown())
            pane = walker.monitor.screen.pane
            for keys in list(_attempts(walker, is_first=number == 1)):
                await walker.monitor.press(*keys, wait_s=GLANCE_S)
                if not walker.is_at_home:
                    routes.setdefault(walker.top, Route((str(number), *keys)))
                if not walker.is_in(pane):
                    await walker.monitor.press("escape")
                if not walker.is_in(pane):
                    await walker.open(Route((str(number),)))
                    pane = walker.monitor.screen.pane
    # Another monitor, since a filter that the keys above set would hide rows.
    own = state / "rows"
    own.mkdir()
    async with walking(SIZES[1], proxy, fleet, own) as walker:
        for number in range(2, len(PANES) + 1):
            if not _unopened(routes):
                break
            await _try_rows(walker, number, routes)
    kinds = frozenset(request.kind for request in proxy.requests)
    return Known(kinds, routes, frozenset(_visible(answers, "\n".join(seen))))


def _visible(answers: Iterable[tuple[str, bytes]], seen: str) -> Iterator[tuple[str, str]]:
    """Yield the fields whose values begin with a text of the screens."""
    for kind, body in answers:
        for path, value in values_of(body):
            if len(value) >= SEEN_MIN and value[:SEEN_MAX].splitlines()[0] in seen:
                yield kind, path


async def _try_rows(walker: Walker, number: int, routes: dict[str, Route]) -> None:
    """Press Enter on each row of a pane."""
    await walker.open(Route((str(number),)))
    for row in range(ROWS):
        await walker.monitor.press("enter", wait_s=LOOK_S)
        while FETCHING in walker.shown():  # from the object store, which nothing else waits for
            await walker.monitor.later(GLANCE_S)
        if not walker.is_at_home:
            routes.setdefault(walker.top, Route((str(number), *("j" * row), "enter")))
            await walker.close()
        await walker.monitor.press("j")


def _attempts(walker: Walker, *, is_first: bool) -> Iterator[tuple[str, ...]]:
    """Yield keys that may open a screen: bindings of the pane, and for the first pane the common ones."""
    for key in live_keys(walker.app.screen):
        is_new = is_first or not (isinstance(key.node, (Screen, App)) or key.node.id == WORKSPACE)
        if is_new and key.works_now and not key.is_motion and key.action.partition("(")[0] not in NO_ROUTE:
            yield (key.key.split(",")[0],)
    if is_first:
        yield from ((":", *name, "enter") for name in NAMED)


def missing_screens() -> list[str]:
    """Return what to add here for screens that no walk opens."""
    return [
        f"no key opens {name}: add its keys to RECIPES, or name it in NOT_SHOWN" for name in _unopened(known().routes)
    ]


def _unopened(routes: Iterable[str]) -> list[str]:
    """Return the screens without a route."""
    reached = {*routes, *NOT_SHOWN}
    return [name for name in screen_names() if name not in reached]


def surfaces(size: tuple[int, int]) -> Iterable[str]:
    """Return the surfaces of a monitor of that size."""
    words = f"{size[0]}x{size[1]}"
    names = [name for name in (*screen_names(), *VIEW_PANES) if name in known().routes]
    return [f"{each} {words}" for each in (*pane_titles(), *names)]
