"""A session after broken TLS: sources retry, and an action is verified after a lost response."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from tests.support.fleet import SECRET
from tests.support.raw_server import CERTIFICATE
from tests.support.recording_server import Fault, RecordingsApi
from tests.support.virtual_clock import VirtualClock
from tui.api.actions import CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.domain.run import REALTIME, REST, RunId
from tui.domain.update import SourceConnected, SourceRetrying
from tui.settings.settings import read_settings
from tui.store.merge import merge
from tui.sync.budget import Priority
from tui.sync.session import Session

EXECUTING = RunId("run_cmwuqyb05001v9f7dfg0xzmnh")


@pytest.fixture
def tls_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingsApi]:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    with RecordingsApi(CERTIFICATE) as api:
        yield api


@asynccontextmanager
async def session_at(api: RecordingsApi, tmp_path: Path) -> AsyncIterator[tuple[Session, VirtualClock]]:
    clock = VirtualClock()
    environ = {"TRIGGER_SECRET_KEY": SECRET, "TRIGGER_API_URL": api.url, "XDG_STATE_HOME": str(tmp_path)}
    async with Session(read_settings(environ), clock=clock, random=Random(1)) as session:
        await session.start()
        yield session, clock


async def until(session: Session, name: str, kind: type[object]) -> None:
    """Wait until a source has a state of that class."""
    async with asyncio.timeout(20):
        while not isinstance(session.store.source_statuses.get(name), kind):  # noqa: ASYNC110  the store has no event
            await asyncio.sleep(0.001)


async def test_sources_recover_after_broken_tls(tls_api: RecordingsApi, tmp_path: Path) -> None:
    tls_api.answer(Fault.BAD_RECORD)

    async with session_at(tls_api, tmp_path) as (session, clock):
        session.sources.follow_runs()
        await until(session, REST, SourceRetrying)
        await clock.run(2)  # the feed starts after the list
        await until(session, REALTIME, SourceRetrying)
        tls_api.answer("014")
        await clock.run(2)
        await until(session, REST, SourceConnected)


@pytest.mark.parametrize(
    ("action", "reason"),
    [(CANCEL, "the run is still Executing"), (REPLAY, "look for a new run before trying again")],
)
async def test_action_is_unknown_after_broken_tls(
    tls_api: RecordingsApi, tmp_path: Path, action: Action, reason: str
) -> None:
    tls_api.answer(Fault.BAD_RECORD, method="POST")

    async with session_at(tls_api, tmp_path) as (session, clock):
        answer = await session.fetcher.fetch_run(EXECUTING, Priority.SELECTED)
        acting = asyncio.ensure_future(session.perform(action, merge(None, answer.patch)))
        while not acting.done():
            await asyncio.sleep(0.001)
            await clock.run(1)
        end = acting.result()
        assert end.phase is ActionPhase.UNKNOWN
        assert end.message.startswith("the answer was lost (POST ")
        assert end.message.endswith(reason)
    posted = [seen.method for seen in tls_api.requests].index("POST")
    reads = [seen for seen in tls_api.requests[posted:] if seen.path.endswith(EXECUTING)]
    assert len(reads) == (7 if action is CANCEL else 0)
