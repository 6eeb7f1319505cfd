"""Live runs that are 8, 20 and 40 days old, older than the history. A list of one week does not show them."""

from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.script import Log, Script, Wait, Work

_DAY_MS = 86_400_000
_YEAR_MS = 365 * _DAY_MS
QUEUE = "backfill"
"""A queue of their own, so that they take no slots from other runs."""

OLD_RUNS = (
    OldRun(
        40 * _DAY_MS,
        NewRun(
            task_id="import-csv",
            tags=("customer:c_1004",),
            queue=QUEUE,
            ttl="",
            script=Script((Work(_YEAR_MS, (Log("INFO", "waiting for the advisory lock"),)),)),
        ),
    ),
    OldRun(
        20 * _DAY_MS,
        NewRun(
            task_id="generate-report",
            tags=("customer:c_1017",),
            queue=QUEUE,
            ttl="",
            script=Script((Work(900), Wait(_YEAR_MS))),
        ),
    ),
    OldRun(8 * _DAY_MS, NewRun(task_id="retry-failed-charge", tags=("dunning",), ttl="", delay_ms=30 * _DAY_MS)),
)
