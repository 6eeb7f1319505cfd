"""Broken HTTP for the command line and the monitor: each case breaks the responses of one route."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.hostile.cases import SEPARATOR, Case, Result
from tests.hostile.cleanliness import first
from tests.hostile.commands import QUICK, Command, Done, state_directory, trouble_of
from tests.hostile.http_faults import FAULTS, SLOW
from tests.hostile.monitor import KINDS, hostile_monitor_server
from tests.hostile.poison_commands import CommandRunner, command_surfaces
from tests.hostile.poison_panes import broken_monitor
from tests.hostile.proxy import Request, Response, Script
from tests.hostile.world import HostileFleet, hostile_server

MONITOR = "monitor 120x40"
SHORT_OF_EACH = 1
LONG_OF_EACH = 12
"""Faults for each route of a command."""

SHORT_SESSIONS = 1
LONG_SESSIONS = 40
"""Monitors, each with one fault on one route."""


class Http:
    """Broken HTTP."""

    name = "http"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return some faults for each route of each command, and for routes of the monitor."""
        found = []
        with hostile_server() as (fleet, proxy), state_directory() as state:
            runner = CommandRunner(fleet, proxy, state)
            for surface, command in _surfaces().items():
                kinds = sorted(runner.reach(command))
                kinds = random.sample(kinds, min(2, len(kinds))) if is_short else kinds
                for kind in kinds:
                    faults = _some(random, SHORT_OF_EACH if is_short else LONG_OF_EACH, may_be_slow=not is_short)
                    found += [Case(self.name, surface, SEPARATOR.join((kind, fault))) for fault in faults]
        routes = sorted(KINDS) if not is_short else [("GET /api/v1/runs"), "GET /api/v3/runs/{}"]
        for number in range(SHORT_SESSIONS if is_short else LONG_SESSIONS):
            (fault,) = _some(random, 1, may_be_slow=False)
            found.append(Case(self.name, MONITOR, SEPARATOR.join((routes[number % len(routes)], fault))))
        return found

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one command or one monitor for each case."""
        commands = _surfaces()
        with hostile_server() as (fleet, proxy), state_directory() as state:
            runner = CommandRunner(fleet, proxy, state, timeouts=QUICK)
            for case in cases:
                yield _monitor(case) if case.surface == MONITOR else _command(case, commands[case.surface], runner)


def _surfaces() -> dict[str, Command]:
    """Return the commands without the styles for ASCII and colour, which make no difference here."""
    return {name: command for name, command in command_surfaces().items() if command.style not in {"--ascii", "colour"}}


def _some(random: Random, count: int, *, may_be_slow: bool) -> list[str]:
    """Select faults of every sort. A third of them are statuses."""
    statuses = [name for name in FAULTS if name.startswith("status ") and name.split()[1].isdigit()]
    others = [name for name in FAULTS if name not in statuses and (may_be_slow or name not in SLOW)]
    few = min(len(statuses), -(-count // 3)) if count > 1 else random.randint(0, 1)
    return [*random.sample(statuses, few), *random.sample(others, count - few)]


@dataclass
class _Breaking:
    """Breaks the responses of one route."""

    kind: str
    fault: str
    count: int = 0

    def __call__(self, request: Request, response: Response) -> Response | Script:
        if request.kind != self.kind:
            return response
        self.count += 1
        return FAULTS[self.fault](request, response)


def _breaking(case: Case) -> _Breaking:
    kind, fault = case.what.split(SEPARATOR, 1)
    return _Breaking(kind, fault)


def _command(case: Case, command: Command, runner: CommandRunner) -> Result:
    breaking = _breaking(case)
    numbers = runner.reach(command).get(breaking.kind, [0])
    fleet = runner.fleet
    arguments = command.arguments(fleet, numbers[case.number % len(numbers)])
    done = runner.call(command, arguments, breaking)
    requests = runner.proxy.requests
    # A 429 says that nothing was done, so an action is sent again.
    counted = requests[-1:] if breaking.fault.startswith("status 429") else requests
    trouble = first(
        (
            trouble_of(done, command),
            _half_done(done, command, requests),
            untrue(done, command, arguments, fleet, counted),
        )
    )
    return Result(case, trouble, breaking.count > 0)


def _half_done(done: Done, command: Command, requests: Sequence[Request]) -> str:
    """Check that a command whose only request failed prints nothing; `status` says that nothing is known."""
    if command.path != ("status",) and len(requests) == 1 and done.code in {1, 3} and done.out:
        return f"exit code {done.code}, but stdout has {done.out[:100]!r}"
    return ""


def untrue(
    done: Done, command: Command, arguments: Sequence[str], fleet: HostileFleet, requests: Sequence[Request]
) -> str:
    """Check that no replay was sent twice, and that the outcome agrees with the emulator."""
    if not command.is_writing or command.style not in {"text", "--json"}:
        return ""
    verb = command.path[-1]
    run_id = next(word for word in arguments if word.startswith("run_"))
    sent = sum(each.kind.endswith(f"/{{}}/{verb}") for each in requests)
    if verb == "replay" and sent > 1:
        return f"the replay was sent {sent} times"
    run = fleet.world.find(run_id)
    if verb == "cancel" and done.code == 0 and (run is None or run.status.rest != "CANCELED"):
        return "the cancel is called done, but the run goes on"
    if verb == "replay" and done.code == 0 and not _new_run(done):
        return "the replay is called done without a new run"
    return ""


def _new_run(done: Done) -> bool:
    words = done.out.split() if not done.out.startswith("{") else [str(json.loads(done.out).get("newRun", ""))]
    return any(word.strip(":").startswith("run_") for word in words)


def _monitor(case: Case) -> Result:
    """Check a monitor with one broken route."""
    breaking = _breaking(case)
    with hostile_monitor_server() as (fleet, proxy, state):
        proxy.rewrite = breaking
        return Result(case, broken_monitor(proxy, fleet, state), breaking.count > 0)
