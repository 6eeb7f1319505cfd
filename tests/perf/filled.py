"""Runs the monitor on a store with generated runs and changes, without a server: `python -m tests.perf.filled`.

With a third argument, all runs are of the last hours and have failed, in 40 ways.
SIGUSR2 writes to the file FILLED_INTO how many changes
were made, what making them cost, how many runs are older in the store, and how long the longest
garbage collection took. Requests of the panes for single runs get no
response.
"""

import asyncio
import gc
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from random import Random

from tui.api.runs import shared_fixed
from tui.domain.error import RunError
from tui.domain.run import Json, Precision, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, SourceConnected
from tui.kit.speed import COLLECT_INTERVAL_S
from tui.program.app import TriggerApp
from tui.settings.secret import Secret
from tui.settings.settings import Settings
from tui.sync.session import Session

PAGE = 100
AGE = timedelta(days=3)
"""The age of the newest run. Ages above a day are not repainted every second."""

GAP = timedelta(seconds=2)
REACH = timedelta(days=30)
WORDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELED", "COMPLETED", "COMPLETED")
TASKS = [TaskId(f"sync-{number}") for number in range(40)]
CHANGING = ("EXECUTING", "COMPLETED", "FAILED")
CHANGING_FAILED = ("COMPLETED", "FAILED")
"""Of a store of failed runs. Thousands of runs that execute would be as many findings."""
VISIBLE_RUNS = 16
VISIBLE_SHARE = 0.25
"""The share of changes of runs that are on the screen, if the list shows the newest ones."""

OLDEST = 2
"""The generation that only a full garbage collection visits."""

TURN_S = 0.02
INTO = "FILLED_INTO"


class Made:
    """The changes that were made: the last version of each run, their number, and the CPU time of making them."""

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}
        self.count = 0
        self.making_s = 0.0
        self.longest_collection_ms = 0.0
        """Of the full ones outside of pauses, in CPU."""


RECENTLY = timedelta(minutes=1)
STACK = "Error: x\n    at sync (file:///app/src/lib/sync.ts:88:11)\n    at run (file:///app/src/trigger/sync.ts:8:3)"


def failed_patch(number: int, now: datetime) -> RunPatch:
    """Return a run that failed recently, with its error."""
    made = patch(number, "FAILED", now, age=RECENTLY)
    assert made.state is not None
    kind = f"{chr(97 + number % 5)}{chr(97 + number % 8)}"
    error = RunError(Raw(f"Customer cus_{number} has no {kind} order {7 * number}"), Raw("Error"), Raw(STACK))
    return replace(made, error=(Stamp(made.state.updated_at, Precision.FEED, now), error))


def patch(number: int, word: str, now: datetime, *, version: int = 0, age: timedelta = AGE) -> RunPatch:
    """Return a list row of run `number`, where 0 is the newest. `version` counts its changes."""
    created = now - age - number * GAP
    updated = created + timedelta(seconds=1 + version)
    status = parse_status(word)
    ended = updated if status.canonical.is_final else None
    fixed = shared_fixed(TASKS[number % 40], 0, is_test=False, environment=Raw("dev"), version=Raw("20261124.1"))
    state = State(updated, Precision.LIST, status, created + timedelta(milliseconds=300), ended)
    run_id = RunId(f"run_cmwur{10**12 - number:020}")
    metadata = Stamp(updated, Precision.LIST, now), dict[str, Json]()
    return RunPatch(run_id, now, fixed, state, metadata, created_at=created)


class Filled(TriggerApp):
    """The monitor without a source."""

    def __init__(self, session: Session, started_at: datetime, runs: int, changes_per_s: int, age: timedelta) -> None:
        super().__init__(session)
        self.started_at = started_at
        self._runs = runs
        self._changes_per_s = changes_per_s
        self._age = age
        self._words = CHANGING if age == AGE else CHANGING_FAILED
        self._made = Made()
        self._collecting_s = 0.0

    async def _start(self) -> None:
        """Start the session without its sources, and change runs at the requested rate."""
        session = self.session
        await session.start()
        self._collector.start()
        self.set_interval(COLLECT_INTERVAL_S, self._collector.collect_if_due)
        gc.callbacks.append(self._on_collection)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, lambda: session.spawn(self._report(), "report"))
        await session.emit(SourceConnected("rest", session.now(), 86_400))
        if self._changes_per_s:
            await self._change()

    async def _change(self) -> None:
        random, started_s, made = Random(1), self.session.clock.monotonic_s(), self._made
        for version in itertools.count(1):
            due = int((self.session.clock.monotonic_s() - started_s) * self._changes_per_s) - made.count
            began_s = time.thread_time()
            numbers = {self._changed_number(random) for _ in range(due)}
            changed = tuple(
                patch(number, self._words[version % len(self._words)], self.started_at, version=version, age=self._age)
                for number in numbers
            )
            made.versions |= dict.fromkeys(numbers, version)
            made.count += due
            made.making_s += time.thread_time() - began_s
            await self.session.emit(RunsRead(changed))
            await self.session.clock.sleep(TURN_S)

    def _on_collection(self, phase: str, facts: dict[str, int]) -> None:
        if facts["generation"] == OLDEST and not self._collector.is_quiet:
            if phase == "start":
                self._collecting_s = time.thread_time()
            else:
                took_ms = 1000 * (time.thread_time() - self._collecting_s)
                self._made.longest_collection_ms = max(self._made.longest_collection_ms, took_ms)

    def _changed_number(self, random: Random) -> int:
        if random.random() < VISIBLE_SHARE:
            return random.randrange(VISIBLE_RUNS)
        return random.randrange(VISIBLE_RUNS, self._runs)

    async def _report(self) -> None:
        """Write what was changed, and how many of the changes so far are not in the store."""
        versions, count, making_s = dict(self._made.versions), self._made.count, self._made.making_s
        await self.session.settle()
        lost = sum(self._is_lost(number, version) for number, version in versions.items())
        into = Path(os.environ[INTO])
        draft = into.with_suffix(".draft")
        found = {"count": count, "making_s": making_s, "lost": lost}
        found["longest_collection_ms"] = self._made.longest_collection_ms
        draft.write_text(json.dumps(found), encoding="utf-8")
        draft.replace(into)

    def _is_lost(self, number: int, version: int) -> bool:
        expected = patch(number, CHANGING[0], self.started_at, version=version, age=self._age)
        stored = self.session.store.get(expected.id)
        assert expected.state is not None
        return stored is None or stored.state is None or stored.state.updated_at < expected.state.updated_at


async def main(runs: int, changes_per_s: int, *, are_failed: bool = False) -> None:
    """Run the monitor until the user quits."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings("http://127.0.0.1:9", Secret("tr_dev_x"), history=REACH, state_dir=PurePath(folder))
        async with Session(settings) as session:
            started_at = session.now()
            for first in range(0, runs, PAGE):
                numbers = range(first, min(first + PAGE, runs))
                patches = (
                    failed_patch(number, started_at) if are_failed else patch(number, WORDS[number % 7], started_at)
                    for number in numbers
                )
                session.store.apply(RunsRead(tuple(patches)))
            app = Filled(session, started_at, runs, changes_per_s, RECENTLY if are_failed else AGE)
            await app.run_async()
        if app.failure is not None:
            raise app.failure


if __name__ == "__main__":
    gc.disable()
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), are_failed=len(sys.argv) > 3))
