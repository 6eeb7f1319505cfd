"""How often a log may be read."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, FleetRun, serving
from tests.support.session import public_token, started
from tests.support.ui.logs import LogServer
from tests.support.virtual_clock import START, VirtualClock
from tui.domain.run import Precision, Run, RunId, State, parse_status
from tui.sync.fetch import SETTLED_AFTER, is_settled, log_interval_s


def server_of_one_run() -> LogServer:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -100, -99, -50))
    return LogServer(fleet)


def test_interval_grows_with_the_decoding_and_the_budget(tmp_path: Path) -> None:
    async def story() -> None:
        with serving(server_of_one_run().fleet) as api:
            async with started(api, tmp_path) as session:
                assert [log_interval_s(session.fetcher, decode_s) for decode_s in (0.0, 0.1, 0.5)] == [2.0, 2.0, 10.0]
            async with started(api, tmp_path, key=public_token("read:runs")) as session:
                # 60 requests a minute, a fifth of them ours, a fifth of those for the log.
                assert log_interval_s(session.fetcher, 0.0) == pytest.approx(25.0)

    asyncio.run(story())


def test_log_is_settled_some_time_after_the_end() -> None:
    ended = State(START, Precision.DETAIL, parse_status("COMPLETED"), finished_at=START)
    run = Run(RunId("run_1"), state=ended)
    assert not is_settled(run, START + SETTLED_AFTER - timedelta(milliseconds=1), 0.0)
    assert is_settled(run, START + SETTLED_AFTER, 0.0)
    assert not is_settled(Run(RunId("run_1")), START + timedelta(days=1), 9.0)


@pytest.mark.parametrize("finished_at", [None, START + timedelta(days=1)], ids=["missing", "in the future"])
def test_log_settles_without_a_usable_time_of_the_end(finished_at: datetime | None) -> None:
    run = Run(RunId("run_1"), state=State(START, Precision.DETAIL, parse_status("FAILED"), finished_at=finished_at))
    assert not is_settled(run, START, 1.9)
    assert is_settled(run, START, 2.0)
