"""Poison for the command line: each case runs one command in this process, over real HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.hostile.cases import Case, Result
from tests.hostile.cleanliness import dirty_json, first
from tests.hostile.commands import (
    ENDLESS,
    FOLLOWING,
    PATIENT,
    STYLES,
    Command,
    Done,
    command_environ,
    run_command,
    state_directory,
    surfaces,
    trouble_of,
)
from tests.hostile.dosing import JSON_TYPE, Dosing, draw, route_of
from tests.hostile.proxy import Early, Proxy, Request, Response, Rewriter, unchanged
from tests.hostile.world import HostileFleet, hostile_server
from tui.api.connection import Timeouts

ACTION_LOG = "action log"
"""The surface of the action log, which is checked instead of the command's output."""

LIVE_POLLS = 1
MAX_REQUESTS = 25
REFUSED = Response(401, [JSON_TYPE], b'{"error":"Invalid API key"}')
SHORT_CASES = 2
"""Short cases of each surface."""

SLOW_SHARE = 12
"""The following styles run one in this many of the shared cases, since each case takes half a second."""

Reach = dict[str, list[int]]
"""The kinds that a surface requests, each with the numbers of the example runs."""

MAX_CALLS = 5
"""On a busy machine the time of `status` may be over before its first request."""

_REACHES: dict[tuple[str, ...], Reach] = {}
"""The reach of each command by its arguments, computed once per process. It has one entry for each command."""


class PoisonCommands:
    """Poisons in every field of every response that a command requests."""

    name = "poison"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return cases for all fields of each surface, or for some of them."""
        found = []
        with hostile_server() as (fleet, proxy), state_directory() as state:
            runner = CommandRunner(fleet, proxy, state)
            for surface, command in command_surfaces().items():
                drawn = self._drawn(surface, command, runner, random)
                found += random.sample(drawn, min(SHORT_CASES, len(drawn))) if is_short else drawn
        return found

    def _drawn(self, surface: str, command: Command, runner: "CommandRunner", random: Random) -> list[Case]:
        """Return each field at least once among the styles of a command, which send the same requests."""
        kinds = runner.reach(command)
        styles = list(STYLES)
        if surface == ACTION_LOG:
            return draw(self.name, surface, kinds, random, texts=1, others=0)
        if command.style in styles:
            return draw(self.name, surface, kinds, random, texts=3, others=1)[
                styles.index(command.style) :: len(styles)
            ]
        usual = runner.reach(replace(command, style=styles[0]))
        own = draw(self.name, surface, set(kinds) - set(usual), random, texts=2, others=1)
        shared = draw(self.name, surface, set(usual) & set(kinds), random, texts=1, others=0)[::SLOW_SHARE]
        return list(dict.fromkeys(own + shared))  # both draw errors and headers

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one command for each case."""
        known = command_surfaces()
        with hostile_server() as (fleet, proxy), state_directory() as state:
            runner = CommandRunner(fleet, proxy, state)
            for case in cases:
                yield runner.run(case, known[case.surface])


def command_surfaces() -> dict[str, Command]:
    """Return the surfaces of the command line by name, and the action log."""
    commands = surfaces()
    found = {command.surface: command for command in commands}
    writing = next(command for command in commands if command.is_writing)
    return found | {ACTION_LOG: writing}


class CommandRunner:
    """Runs commands on one server. The requests of a command do not depend on its style, so they are computed once."""

    def __init__(
        self,
        fleet: HostileFleet,
        proxy: Proxy,
        state: str,
        *,
        timeouts: Timeouts = PATIENT,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.fleet = fleet
        self.proxy = proxy
        self._timeouts = timeouts
        self._state = state
        self._environ = environ or command_environ(proxy.url, state)

    def reach(self, command: Command) -> Reach:
        """Return the requests of the command without poison."""
        flags = command.arguments(self.fleet, 0)
        key = tuple(word for word in flags if word not in {"--json", "--ascii"} and not word.startswith("run_"))
        key = (*key, command.style) if command.style in {FOLLOWING, ENDLESS} else key
        if key not in _REACHES:
            reach: Reach = {}
            for number in range(len(self.fleet.run_ids)) if command.has_examples else (0,):
                for _ in range(MAX_CALLS):
                    self.call(command, command.arguments(self.fleet, number), unchanged)
                    if self.proxy.requests:
                        break
                for kind in {request.kind for request in self.proxy.requests}:
                    reach.setdefault(kind, []).append(number)
            _REACHES[key] = reach
        return _REACHES[key]

    def run(self, case: Case, command: Command) -> Result:
        """Run the command with poison in its responses, and check its output."""
        reach = self.reach(command)
        numbers = reach[route_of(case, reach)]
        arguments = command.arguments(self.fleet, numbers[case.number % len(numbers)])
        dosing = Dosing([case], reach)
        log = Path(self._state, "trigger-tui", "actions.jsonl")
        log.unlink(missing_ok=True)
        done = self.call(command, arguments, dosing)
        logged = log.read_text() if log.exists() else ""
        trouble = first((trouble_of(done, command), dirty_json(logged, "the action log")))
        return Result(case, trouble, case in dosing.reached)

    def call(self, command: Command, arguments: list[str], rewrite: Rewriter, *, early: Early | None = None) -> Done:
        """Run the command with rewritten responses. A command that follows is refused after some polls."""
        # The server's time stands still, so thousands of requests would exhaust its rate limit.
        self.fleet.emulator.limiter.forget()
        self.proxy.calm()
        self.proxy.rewrite = rewrite
        self.proxy.live_polls_wait = False
        polls = 0

        def refuse(request: Request) -> Response | None:
            nonlocal polls
            polls += request.is_live_poll
            return REFUSED if polls > LIVE_POLLS or request.number >= MAX_REQUESTS else None

        self.proxy.early = early or refuse
        return run_command(arguments, self._environ, style=command.style, timeouts=self._timeouts)
