"""How often a log may be read."""

from datetime import datetime, timedelta

import pytest

from tests.support.virtual_clock import START
from tui.domain.run import Precision, Run, RunId, State, parse_status
from tui.sync.budget import PUBLIC_TOKEN, SECRET_KEY
from tui.sync.fetch import SETTLED_AFTER, is_settled


def test_interval_grows_with_the_decoding_and_the_budget() -> None:
    assert [SECRET_KEY.interval_s(cost_s=cost_s) for cost_s in (0.0, 0.1, 0.5)] == [1.0, 2.0, 10.0]
    # 60 requests a minute, a fifth of them ours, a fifth of those for the log.
    assert PUBLIC_TOKEN.interval_s() == pytest.approx(25.0)


@pytest.mark.parametrize("finished_at", [None, START, START + timedelta(days=1)], ids=["missing", "known", "wrong"])
def test_log_is_settled_some_time_after_the_end(finished_at: datetime | None) -> None:
    ended = State(START, Precision.DETAIL, parse_status("FAILED"), finished_at=finished_at)
    run = Run(RunId("run_1"), state=ended)
    assert not is_settled(run, START + SETTLED_AFTER - timedelta(milliseconds=1))
    assert is_settled(run, START + SETTLED_AFTER)
    assert not is_settled(Run(RunId("run_1")), START + timedelta(days=1))
