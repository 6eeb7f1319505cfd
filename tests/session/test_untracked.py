"""Runs are hidden from the garbage collector, and are freed without it."""

import asyncio
import gc
from pathlib import Path

from tests.support.domain.patches import patch_of
from tests.support.recording_server import RecordingsApi
from tui.domain.run import RunId
from tui.domain.update import RunsRead
from tui.settings.settings import read_settings
from tui.sync.session import Session


def test_runs_of_a_session_are_not_tracked(recordings_api: RecordingsApi, tmp_path: Path) -> None:
    async def story() -> None:
        environ = {
            "TRIGGER_SECRET_KEY": "tr_dev_x",
            "TRIGGER_API_URL": recordings_api.url,
            "XDG_STATE_HOME": str(tmp_path),
        }
        async with Session(read_settings(environ)) as session:
            await session.start()
            for word in ("EXECUTING", "COMPLETED"):
                await session.emit(RunsRead((patch_of("run_a", word, updated=len(word)),)))
                await session.settle()
                run = session.store.get(RunId("run_a"))
                assert run is not None
                assert [gc.is_tracked(part) for part in (run, run.fixed, run.state)] == [False, False, False]

    asyncio.run(story())
