"""Where a random user works: an emulated company, its server, and a monitor on a terminal, in some variant."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Self

from tests.hostile.commands import state_directory
from tests.hostile.proxy import PATIENCE_S, Proxy, Request, Response
from tests.perf.link import Link
from tests.perf.terminal import Terminal
from tests.screenshots import TOKEN, relay
from tests.support.commands import environment
from tui.emulator.access import sign_token
from tui.emulator.demo_world import WorldOptions
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.routes.table import NAMES
from tui.emulator.server.application import application
from tui.emulator.server.serving import serve_in_thread
from tui.program.main import STORIES

DEMO = "demo"
STORY_NAMES = (DEMO, *(story for story in STORIES if story != "calm"))
HISTORY = 120
RATE_PER_S = 2.0
HOUR_S = 3600.0
SHELL = (sys.executable, "-m", "tests.hostile.random_user.shell")
SCRIBBLER = "sh -c 'printf \"\\033[2J\\033[31m\\033[4;7Hother program\\033[3;9r\"' -"
"""What $PAGER and $EDITOR are: it leaves a text, a colour and margins on the screen."""

ERRORS: list[dict[str, Any]] = [
    {"kind": "error", "status": 500, "share": 0.08},
    {"kind": "error", "status": 429, "share": 0.08},
    {"kind": "error", "status": 502, "body": "[1, {", "share": 0.08},
    {"kind": "cut", "share": 0.05},
]


@dataclass(frozen=True, slots=True)
class Variant:
    """How the monitor is started, and how its server fails."""

    arguments: tuple[str, ...] = ("--mouse",)
    environ: Mapping[str, str] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    scopes: tuple[str, ...] = ()
    is_relayed: bool = False
    is_agreeing: bool = False
    """Whether the user confirms actions."""


VARIANTS: dict[str, Variant] = {
    "plain": Variant(),
    "agreeing": Variant(is_agreeing=True),
    "slow": Variant(("--mouse", "--slow")),
    "light": Variant(("--theme", "light")),
    "16 colours": Variant(("--mouse", "--theme", "16")),
    "ascii": Variant(("--mouse", "--ascii")),
    "no colour": Variant(environ={"NO_COLOR": "1"}),
    "plain driver": Variant(environ={"TRIGGER_TUI_DRIVER": "plain"}),
    "read-only key": Variant(scopes=("read:runs",)),
    "polling": Variant(("--mouse", "--no-realtime")),
    "failing server": Variant(faults=ERRORS),
    "relay": Variant(is_relayed=True),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A story, the first size of the terminal, and the variant. Its text is the surface of a case."""

    story: str
    size: tuple[int, int]
    variant: str

    def __str__(self) -> str:
        return f"{self.story} {self.size[0]}x{self.size[1]} {self.variant}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a place."""
        story, size, variant = text.split(" ", 2)
        columns, rows = map(int, size.split("x"))
        return cls(story, (columns, rows), variant)


@dataclass
class World:
    """A place with its server. `proxy` records the requests."""

    place: Place
    variant: Variant
    proxy: Proxy
    arguments: tuple[str, ...]
    environ: dict[str, str]
    is_open: Event = field(default_factory=Event)
    """Whether responses may arrive."""

    def __post_init__(self) -> None:
        self.is_open.set()
        self.proxy.rewrite = self.hold

    def start(self) -> tuple[Terminal, Link]:
        """Start a monitor on a new terminal."""
        command = (*SHELL, sys.executable, "-m", "tui", *self.arguments)
        link = Link()
        env = self.environ
        return Terminal(command, size=self.place.size, env=env, link=link, is_controlling=True, name="xterm(390)"), link

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let no response arrive until the block ends."""
        self.is_open.clear()
        yield
        self.is_open.set()

    def hold(self, _: Request, response: Response) -> Response:
        """Return a response when responses may arrive."""
        self.is_open.wait(PATIENCE_S)
        return response

    @property
    def writes(self) -> list[str]:
        """The kinds of the requests that change something on the server."""
        kinds = [request.kind for request in list(self.proxy.requests)]
        return [kind for kind in kinds if not kind.startswith("GET ") and kind != "POST /api/v1/query"]


@contextmanager
def world_at(place: Place) -> Iterator[World]:
    """Serve the story of a place."""
    variant = VARIANTS[place.variant]
    story = None if place.story == DEMO else place.story
    options = WorldOptions(1, RATE_PER_S, HISTORY, 1.0, None, story, hostile_texts=True)
    emulator = options.new_emulator(is_demo=story is None)
    emulator.make(DEVELOPMENT.slug)
    emulator.faults.set(variant.faults, NAMES)
    with ExitStack() as running:
        url = running.enter_context(serve_in_thread(application(emulator), emulator))
        proxy = running.enter_context(Proxy(url))
        now_s = time.time()
        token = sign_token(DEVELOPMENT, list(variant.scopes), issued_s=now_s, expires_s=now_s + HOUR_S)
        environ = environment(
            proxy.url,
            TRIGGER_SECRET_KEY=token if variant.scopes else DEVELOPMENT.key,
            XDG_STATE_HOME=running.enter_context(state_directory()),
            NO_PROXY="*",
            PAGER=SCRIBBLER,
            EDITOR=SCRIBBLER,
            BROWSER="true",
            **variant.environ,
        )
        arguments = variant.arguments
        if variant.is_relayed:
            arguments = (*arguments, "--relay", running.enter_context(relay(environ)))
            environ |= {"TRIGGER_TUI_RELAY_TOKEN": TOKEN}
        world = World(place, variant, proxy, arguments, environ)
        yield world
        world.is_open.set()
