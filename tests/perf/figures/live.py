"""The figures of a program that is left alone: a live fleet, and a quiet one."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from tests.perf.figures.programs import Program, bare, on_emulator, peers
from tests.perf.figures.resting import Rest
from tests.perf.figures.row import MAX_RATIO, Effort, Reading, allowed_bytes
from tests.perf.terminal import Terminal

MAX_CPU_SHARE: Final = 3.5
MAX_BUSY_CPU_SHARE: Final = 10.0
MAX_BUSY_BYTES_PER_S: Final = 8_000
MAX_QUIET_CPU_SHARE: Final = 0.3
MAX_TICKING_BYTES_PER_S: Final = 450

SETTLING_S: Final = 6.0
OLD_RUNS: Final = ("/", "took:>1d", "\r")
"""Show the runs alone whose ages are days."""

MINUTE_S: Final = 61.0


@cache
def fleet(effort: Effort, rate: int) -> Mapping[str, Rest]:
    """Watch a fleet with `rate` new runs a second: following new runs, then with a run selected."""
    seconds = effort.pick(30, 8)
    options = ("--seed", "0", "--rate", str(rate), "--history", "1000")
    with on_emulator(*options) as monitor, monitor().ready_on() as terminal:
        terminal.read_for(SETTLING_S)
        following = Rest.of(terminal, seconds)
        terminal.send("j")
        terminal.read_for(SETTLING_S)
        return {"following": following, "selected": Rest.of(terminal, seconds)}


@cache
def elsewhere(effort: Effort) -> Mapping[str, Rest]:
    """Watch other programs, which refresh by themselves, and a bare Textual app."""
    found = {}
    for program in (bare(), *peers()):
        with program.ready_on() as terminal:
            terminal.read_for(2.0)
            found[program.name] = Rest.of(terminal, effort.pick(12, 4))
    return found


def live(how: str) -> Callable[[Effort], Reading]:
    """Return the measure of a fleet with two new runs a second."""

    def measure(effort: Effort) -> Reading:
        rest = fleet(effort, 2)[how]
        is_met = rest.ratio <= MAX_RATIO and rest.cpu_share <= MAX_CPU_SHARE
        others = {name: each.text for name, each in elsewhere(effort).items()}
        return Reading(rest.compared, is_met, others.pop("bare"), others)

    return measure


def busy(effort: Effort) -> Reading:
    """Measure a fleet with 50 new runs a second, which the list follows."""
    rest = fleet(effort, 50)["following"]
    allowed = allowed_bytes(MAX_BUSY_BYTES_PER_S, rest.minimum_per_s)
    is_met = rest.bytes_per_s <= allowed and rest.cpu_share <= MAX_BUSY_CPU_SHARE
    return Reading(rest.compared, is_met)


def quiet(effort: Effort) -> Reading:
    """Nothing changes, and the ages on the screen are days. A bare app runs beside it."""
    options = ("--seed", "0", "--rate", "0", "--history", "1000")
    with on_emulator(*options) as monitor, monitor().ready_on() as terminal, bare().ready_on() as other:
        terminal.read_for(SETTLING_S)
        for key in OLD_RUNS:
            terminal.send(key)
            terminal.read_for(1.0)
        _wait_for_the_clock(terminal)
        ours, bare_app = Rest.of_all([terminal, other], effort.pick(30, 8))
    more = ours.cpu_share - bare_app.cpu_share
    is_met = ours.bytes == 0 and more <= MAX_QUIET_CPU_SHARE
    return Reading(f"{ours.bytes_per_s:.0f} B/s, bare + {more:.2f} %", is_met, bare_app.text)


def _wait_for_the_clock(terminal: Terminal) -> None:
    """Wait until the header's clock has ticked, so that it does not tick for a minute."""
    clock = terminal.lines[0][-10:]
    terminal.wait_until(lambda: terminal.lines[0][-10:] != clock, "the header's clock", MINUTE_S)
    terminal.wait_quiet(1.0)


def delay_one_run(program: Program) -> str:
    """Trigger a run that starts in an hour. Return its id."""
    body = {"payload": {}, "options": {"delay": "1h"}}
    return str(post(program, "/api/v1/tasks/send-email/trigger", body)["id"])


def post(program: Program, path: str, body: object) -> dict[str, object]:
    """Send a request to the program's emulator."""
    headers = {"authorization": f"Bearer {program.env['TRIGGER_SECRET_KEY']}", "content-type": "application/json"}
    request = urllib.request.Request(program.env["TRIGGER_API_URL"] + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return dict(json.load(response))
