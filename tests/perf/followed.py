"""Runs the monitor on a server, with a store that is full from the start: `python -m tests.perf.followed RUNS`.

The store begins with generated old runs, so that each new run evicts an old one. SIGUSR2 writes the state of the
process to the file FOLLOWED_INTO. Everything else is the program as it is, with settings from its environment.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.perf.filled import PAGE, WORDS, patch
from tui.domain.update import RunsRead
from tui.program.app import TriggerApp
from tui.program.early import return_large_blocks
from tui.settings.settings import read_settings
from tui.sync.session import Session

INTO = "FOLLOWED_INTO"


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


def write_process(collections: FullCollections, into: Path) -> None:
    """Write the number of tasks, and the facts of the full garbage collections: a file that is complete at once."""
    found = {"collections": collections.count, "longest_collection_ms": collections.longest_ms}
    draft = into.with_suffix(".draft")
    draft.write_text(json.dumps({"tasks": len(asyncio.all_tasks())} | found), encoding="utf-8")
    draft.replace(into)


async def main(runs: int) -> None:
    """Run the monitor until the user quits."""
    async with Session(read_settings(os.environ)) as session:
        started_at = session.now()
        for first in range(0, runs, PAGE):
            numbers = range(first, min(first + PAGE, runs))
            session.store.apply(RunsRead(tuple(patch(number, WORDS[number % 7], started_at) for number in numbers)))
        session.store.max_runs = runs
        collections, into = FullCollections(), Path(os.environ[INTO])
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, write_process, collections, into)
        app = TriggerApp(session)
        await app.run_async()
        if app.failure is not None:
            raise app.failure


if __name__ == "__main__":
    gc.disable()
    return_large_blocks()
    asyncio.run(main(int(sys.argv[1])))
