"""Faults of all kinds while errors are read: afterwards every failed run has its error."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.support.chaos import KINDS
from tests.support.failures import HOUR, ShownFailures, failing_fleet
from tests.support.fleet import FleetRun, serving
from tests.support.session import SHORT, pass_time, started
from tui.domain.filters import RunFilters
from tui.emulator.routes.table import NAMES

HANG_S = 0.05
"""How long a request waits for a server that hangs. It is real time, while all else is virtual."""

FAULT_S = 8
RECOVERY_S = 14
OF_THE_FEED = {"no feed", "the feed forgets", "a proxy that buffers"}


async def test_every_error_is_read_after_each_fault(tmp_path: Path) -> None:
    fleet, timeouts = failing_fleet(40), replace(SHORT)
    kinds = Random(3).sample(sorted(KINDS.keys() - OF_THE_FEED), len(KINDS) - len(OF_THE_FEED))
    fleet.add_all(
        FleetRun(1_000 + n, 10.0 + 5 * n, 10.5 + 5 * n, 11.0 + 5 * n, "FAILED")
        for n in range(len(kinds) * (FAULT_S + RECOVERY_S) // 5)
    )
    with serving(fleet) as api:
        history = timedelta(minutes=5)
        async with started(api, tmp_path, timeouts=timeouts, history=history) as session:

            async def later(seconds: float) -> None:
                is_hanging = any(spec["kind"] in {"hang", "half-open"} for spec in fleet.emulator.faults.specs)
                object.__setattr__(timeouts, "whole_s", HANG_S if is_hanging else SHORT.whole_s)
                await pass_time(session, api, seconds)

            session.sources.follow("rest")
            await later(5)
            shown = ShownFailures(session)
            shown.reading.start(HOUR, RunFilters())
            for kind in kinds:
                fleet.emulator.faults.set(KINDS[kind], NAMES)
                await later(FAULT_S)
                fleet.allow_queries()
                await later(RECOVERY_S)
            await later(10)
            failed = sum(run.end == "FAILED" and run.created_s < fleet.now_s - 5 for run in fleet.runs)
            assert shown.counts.read_count == shown.counts.failed_count, (shown.counts, shown.reading.progress)
            assert shown.counts.read_count == failed
            assert shown.reading.progress.has_all
