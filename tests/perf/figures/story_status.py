"""`trigger-tui status` on each story of the emulator: exit code, word, subject, and the runs of the story."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from tests.perf.figures.programs import environment, on_emulator
from tests.perf.figures.row import Effort, Reading
from tests.support.emulator.judged_stories import EXPECTED

SEEDS: Final = 3
QUICK_SEEDS: Final = 1
RATE_PER_S: Final = 5
HISTORY: Final = 200

BAD_RUNS_S: Final = 30.0
EVENT_S: Final = 16.0
"""After the start: the event of a story is over, and of a bad deploy enough runs have failed."""

MAX_S: Final = 45.0
"""From the start to the answer."""

SUBJECTS: Final = {"forgotten-approval": "publish-post"}
"""The run that waits is known to `status`, not to the judgement of facts alone."""


def answers(effort: Effort) -> Reading:
    """Ask once for each story and seed."""
    seeds = range(int(effort.pick(SEEDS, QUICK_SEEDS)))
    found = [each for name in EXPECTED for seed in seeds for each in _mistakes(name, seed)]
    asked = f"{len(EXPECTED) * len(seeds)} stories"
    return Reading(f"{len(found)} mistakes in {asked}{': ' if found else ''}{'; '.join(found)}", not found)


def _mistakes(name: str, seed: int) -> Iterator[str]:
    expected = EXPECTED[name]
    options = ("--story", name, "--seed", str(seed), "--rate", str(RATE_PER_S), "--history", str(HISTORY))
    begin_s = time.monotonic()
    with on_emulator(*options) as program_of:
        env = program_of().env
        touched = _touched(env["TRIGGER_API_URL"], name)  # the world begins at its first request
        time.sleep(BAD_RUNS_S if name == "bad-deploy" else EVENT_S)
        done = subprocess.run(
            [sys.executable, "-m", "tui", "status", "--json"],
            env={**environment(), **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        took_s = time.monotonic() - begin_s
        touched |= _touched(env["TRIGGER_API_URL"], name)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    words = [(each["word"], each["subject"]) for each in said]
    subject = None if expected is None else SUBJECTS.get(name, expected.name)
    if words != [("OK", None) if expected is None else (expected.word, subject)]:
        yield f"{name} {seed} said {words}"
    if done.returncode != (0 if expected is None else 4):
        yield f"{name} {seed} exited with {done.returncode}"
    if took_s > MAX_S:
        yield f"{name} {seed} took {took_s:.0f} s"
    yield from (f"{name} {seed} named {run}" for each in said if (run := each.get("runId")) and run not in touched)
    if name == "bad-deploy" and not any(" only in " in each["sentence"] for each in said):
        yield f"{name} {seed} named no version"


def _touched(url: str, label: str) -> set[str]:
    """Return the ids of the runs that the story touches."""
    with urllib.request.urlopen(f"{url}/emulator/world?limit=1000", timeout=10) as answer:
        world: dict[str, Any] = json.load(answer)
    return {each["id"] for each in world["runs"] if each.get("label") == label}
