"""Runs the monitor on a store with generated runs and changes, without a server: `python -m tests.perf.filled`.

SIGUSR1 changes one visible run. Requests of the panes for single runs get no response.
"""

import asyncio
import gc
import itertools
import signal
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import PurePath
from random import Random

from tui.config import Secret, Settings
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Precision, Stamp, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, SourceConnected
from tui.session import Session
from tui.ui.app import TriggerApp

PAGE = 100
AGE = timedelta(days=3)
"""The age of the newest run. Ages above a day are not repainted every second."""

GAP = timedelta(seconds=2)
REACH = timedelta(days=30)
WORDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELED", "COMPLETED", "COMPLETED")
TASKS = [TaskId(f"sync-{number}") for number in range(40)]
CHANGING = ("EXECUTING", "COMPLETED", "FAILED")
CHANGING_RUNS = 2_000
"""The number of newest runs that change in turn."""

TURN_S = 0.02


def patch(number: int, word: str, now: datetime, *, version: int = 0) -> RunPatch:
    """Return a list row of run `number`, where 0 is the newest. `version` counts its changes."""
    created = now - AGE - number * GAP
    updated = created + timedelta(seconds=1 + version)
    status = parse_status(word)
    ended = updated if status.canonical.is_final else None
    fixed = Fixed(TASKS[number % 40], created, 0, is_test=False, environment=Raw("dev"), version=Raw("20261124.1"))
    state = State(updated, Precision.LIST, status, created + timedelta(milliseconds=300), ended)
    run_id = RunId(f"run_cmwur{10**12 - number:020}")
    return RunPatch(run_id, now, fixed, state, (Stamp(updated, Precision.LIST, now), {}))


class Filled(TriggerApp):
    """The monitor without a source."""

    def __init__(self, session: Session, started_at: datetime, runs: int, changes_per_s: int) -> None:
        super().__init__(session)
        self.started_at = started_at
        self._runs = runs
        self._changes_per_s = changes_per_s

    def begin(self) -> None:
        """Change runs at the requested rate."""
        self.session.spawn(self._feed(), "feed")

    async def _feed(self) -> None:
        session = self.session
        await session.start()
        gc.collect()
        gc.freeze()
        gc.enable()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._change_one, itertools.count(1))
        await session.emit(SourceConnected("rest", session.now(), 86_400))
        if self._changes_per_s:
            await self._change()

    async def _change(self) -> None:
        random, started_s = Random(1), self.session.clock.monotonic_s()
        emitted = 0
        for version in itertools.count(1):
            due = int((self.session.clock.monotonic_s() - started_s) * self._changes_per_s) - emitted
            emitted += due
            numbers = {random.randrange(min(CHANGING_RUNS, self._runs)) for _ in range(due)}
            changed = tuple(
                patch(number, CHANGING[version % 3], self.started_at, version=10_000 + version) for number in numbers
            )
            await self.session.emit(RunsRead(changed))
            await self.session.clock.sleep(TURN_S)

    def _change_one(self, versions: "itertools.count[int]") -> None:
        version = next(versions)
        word = CHANGING[1 + version % 2]
        update = RunsRead((patch(5, word, self.started_at, version=1_000_000 + version),))
        self.session.spawn(self.session.emit(update), "change one")


async def main(runs: int, changes_per_s: int) -> None:
    """Run the monitor until the user quits."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings("http://127.0.0.1:9", Secret("tr_dev_x"), history=REACH, state_dir=PurePath(folder))
        async with Session(settings) as session:
            started_at = session.now()
            for first in range(0, runs, PAGE):
                numbers = range(first, min(first + PAGE, runs))
                session.store.apply(RunsRead(tuple(patch(number, WORDS[number % 7], started_at) for number in numbers)))
            app = Filled(session, started_at, runs, changes_per_s)
            await app.run_async()
        if app.failure is not None:
            raise app.failure


if __name__ == "__main__":
    gc.disable()
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
