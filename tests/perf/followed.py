"""Runs the monitor on a server, with a store that is full from the start: `python -m tests.perf.followed RUNS`.

The store begins with generated old runs, so that each new run evicts an old one. SIGUSR1 writes all known runs to the
file FOLLOWED_INTO, SIGUSR2 the state of the process. Everything else is the program as it is, with settings from its
environment variables.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.perf.filled import PAGE, WORDS, patch
from tui.domain.update import RunsRead, SourceConnected
from tui.program.app import TriggerApp
from tui.program.early import return_large_blocks
from tui.settings.settings import read_settings
from tui.store.changes import Changes, Topic
from tui.sync.session import Session

INTO = "FOLLOWED_INTO"


class ChangeCounter:
    """Counts the changed runs that reached the screen, and records failures of sources."""

    def __init__(self, session: Session) -> None:
        self.run_count = 0
        self.failures: list[str] = []
        self._session = session

    def on_changes(self, changes: Changes) -> None:
        """Count the changed runs."""
        self.run_count += len(changes.added) + len(changes.changed)
        for status in self._session.store.source_statuses.values() if Topic.SOURCES in changes.topics else ():
            if not isinstance(status, SourceConnected) and (line := f"{status.source}: {status.reason}, {status.at}"):
                self.failures += [line] if line not in self.failures else []


class FullCollections:
    """Measures the CPU time of the full garbage collections of this process, without a list that grows for hours."""

    def __init__(self) -> None:
        self.count = 0
        self.longest_ms = 0.0
        self._started_s = 0.0
        gc.callbacks.append(self._on_collection)

    def _on_collection(self, phase: str, facts: dict[str, int]) -> None:
        if facts["generation"] < 2:
            return
        if phase == "start":
            self._started_s = time.thread_time()
        else:
            self.count += 1
            self.longest_ms = max(self.longest_ms, (time.thread_time() - self._started_s) * 1000)


def write_known(session: Session, counter: ChangeCounter, into: Path) -> None:
    """Write the known runs to a file."""
    known = {
        run.id: [run.status.value, run.state.updated_at.isoformat()]
        for run in session.store.runs()
        if run.state is not None
    }
    _write({"changed": counter.run_count, "failures": counter.failures, "runs": known}, into)


def write_process(collections: FullCollections, into: Path) -> None:
    """Write the number of tasks, and the facts of the full garbage collections."""
    found = {"collections": collections.count, "longest_collection_ms": collections.longest_ms}
    _write({"tasks": len(asyncio.all_tasks())} | found, into)


def _write(facts: dict[str, Any], into: Path) -> None:
    """Write a file that is complete when it appears."""
    draft = into.with_suffix(".draft")
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.replace(into)


async def main(runs: int) -> None:
    """Run the monitor until the user quits."""
    async with Session(read_settings(os.environ)) as session:
        started_at, counter = session.now(), ChangeCounter(session)
        for first in range(0, runs, PAGE):
            numbers = range(first, min(first + PAGE, runs))
            session.store.apply(RunsRead(tuple(patch(number, WORDS[number % 7], started_at) for number in numbers)))
        session.store.max_runs = runs
        session.subscribe(counter.on_changes)
        into = Path(os.environ[INTO])
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, write_known, session, counter, into)
        loop.add_signal_handler(signal.SIGUSR2, write_process, FullCollections(), into)
        app = TriggerApp(session)
        await app.run_async()
        if app.failure is not None:
            raise app.failure


if __name__ == "__main__":
    gc.disable()
    return_large_blocks()
    asyncio.run(main(int(sys.argv[1])))
