"""Rows of a list as `api` decodes them, for measuring what the store keeps of each."""

from datetime import UTC, datetime, timedelta

from tui.api.runs import shared_fixed
from tui.domain.run import Json, Precision, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch

PAGE = 100
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
READ = START + timedelta(days=1)
WORDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELED", "EXECUTING", "QUEUED")
TASKS = [TaskId(f"sync-{number}") for number in range(40)]
ENVIRONMENT, VERSION = Raw("prod"), Raw("20261124.1")


def page_row(number: int, word: str, read: datetime, *, updates: int = 0) -> RunPatch:
    """Return a row of a page, which shares its texts and the time of the response with the others."""
    created = START + timedelta(milliseconds=20 * number)
    updated = created + timedelta(seconds=1 + updates)
    status = parse_status(word)
    ended = updated if status.canonical.is_final else None
    fixed = shared_fixed(TASKS[number % 40], 0, is_test=False, environment=ENVIRONMENT, version=VERSION)
    state = State(
        updated, Precision.LIST, status, created + timedelta(milliseconds=300), ended, cost_cents=0.01 * (number % 7)
    )
    metadata = Stamp(updated, Precision.LIST, read), dict[str, Json]()
    run_id = RunId(f"run_cmwur{number:020}")
    return RunPatch(run_id, read, fixed, state, metadata, created_at=created)
