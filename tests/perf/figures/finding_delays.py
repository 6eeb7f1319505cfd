"""From the fact that passes the bound to the finding on the screen of the wall, on the stories of the emulator.

The same world is judged in virtual time, from its true state, to learn when each bound is passed. A client reads the
server's time from the header `Date`, in whole seconds, so that it may be a second early.
"""

import json
import urllib.request
from datetime import UTC, datetime
from typing import Final

from tests.perf.figures.programs import on_emulator
from tests.perf.figures.row import Effort, Reading
from tests.support.emulator.judged_stories import EXPECTED
from tests.support.emulator.world_facts import JudgedWorld
from tui.domain.finding import FindingWord
from tui.emulator.demo_world import WorldOptions
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.simulation.names import digest
from tui.emulator.stories import tell
from tui.emulator.world import World

RATE_PER_S: Final = 5.0
HISTORY: Final = 500
SEEDS: Final = 50
"""Of so many, the one whose event is the last, so that the wall has its first verdict before."""

STEP_MS: Final = 250
MAX_S: Final = {
    FindingWord.FAILING: 5.0,
    FindingWord.SLOW: 20.0,
    FindingWord.MISSING: 75.0,
    FindingWord.STUCK: 60.0,
}


def delays(_: Effort) -> Reading:
    """Show the wall while each story happens, one after another."""
    measured, is_met = [], True
    for name, expected in EXPECTED.items():
        if expected is not None:
            delay_s = _delay_s(name, expected.word)
            measured.append(f"{name} {delay_s:.1f}")
            is_met = is_met and delay_s <= MAX_S[expected.word]
    return Reading(f"{', '.join(measured)} s", is_met)


def _delay_s(name: str, word: FindingWord) -> float:
    start = datetime.now(UTC).replace(microsecond=0)
    seed = _late_seed(name, int(start.timestamp() * 1000))
    options = ("--seed", str(seed), "--start", start.isoformat(), "--story", name)
    sizes = ("--rate", str(RATE_PER_S), "--history", str(HISTORY))
    with on_emulator(*options, *sizes) as program_of:
        program = program_of("wall")
        with program.running() as terminal:
            terminal.wait_for(word, within_s=180.0)
            shown_ms = _now_ms(program.env["TRIGGER_API_URL"])
    return (shown_ms - _passed_ms(name, seed, start)) / 1000


def _late_seed(name: str, start_ms: int) -> int:
    def event_ms(seed: int) -> int:
        return tell(name, digest(seed, DEVELOPMENT.slug), start_ms, RATE_PER_S)[1].event_ms or 0

    return max(range(SEEDS), key=event_ms)


def _now_ms(url: str) -> int:
    """Return the time of the emulated world."""
    with urllib.request.urlopen(f"{url}/emulator/world?limit=0", timeout=10) as answer:
        now: str = json.load(answer)["now"]
    return int(datetime.fromisoformat(now).timestamp() * 1000)


def _passed_ms(name: str, seed: int, start: datetime) -> int:
    """Return when the bound of the story is passed, by everything that is true."""
    world: World = WorldOptions(seed, RATE_PER_S, HISTORY, 1.0, start, name).new_emulator().make(DEVELOPMENT.slug)
    judged, ms = JudgedWorld(world), world.now_ms
    while not judged.look(ms):
        ms += STEP_MS
    return ms
