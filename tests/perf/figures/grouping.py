"""The figures of grouping: its time for 10,000 failed runs and for one more, its memory, and its quality.

The runs fail with the labelled errors of `tests/domain/errors/data`, and no two messages are equal, so that nothing is
remembered from another run. Times are CPU.
"""

import gc
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import mean
from time import process_time
from typing import Final

from tests.perf.figures.row import Effort, Reading
from tests.support.domain.labelled_errors import DATA, labelled_errors, score
from tui.domain.errors.error import RunError, build_error
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Precision, Stamp, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.store.error_groups import ErrorGroups
from tui.store.errors.failures import TimeSpan
from tui.store.store import Store

RUNS: Final = 10_000
KINDS: Final = 700
"""So many kinds of errors fail in the day."""

MAX_S: Final = 1.0
MORE_RUNS: Final = 1_000
MAX_MORE_MS: Final = 1.0
MAX_MB: Final = 10.0
MIN_QUALITY: Final = 0.99

_NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
_SPAN: Final = TimeSpan(_NOW - timedelta(hours=24), _NOW)
_FAILED: Final = parse_status("FAILED", ended=True)


def grouped(_: Effort) -> Reading:
    """Group 10,000 failed runs that the store has."""
    store = _store()[0]
    begin = process_time()
    groups = ErrorGroups(store).groups(_SPAN, _NOW)
    took_s = process_time() - begin
    return Reading(f"{took_s:.2f} s, {len(groups)} groups", took_s < MAX_S)


def one_more(_: Effort) -> Reading:
    """Add failures one by one to 10,000, and read the groups after each."""
    store, make = _store()
    groups = ErrorGroups(store)
    groups.groups(_SPAN, _NOW)
    times_ms = []
    gc.collect()
    for number in range(MORE_RUNS):
        changes = store.apply(RunsRead((make(RUNS + number),)))
        begin = process_time()
        groups.on_changes(changes)
        groups.groups(_SPAN, _NOW)
        times_ms.append(1000 * (process_time() - begin))
    worst_ms = sorted(times_ms)[-MORE_RUNS // 100]
    return Reading(f"mean {mean(times_ms):.2f}, p99 {worst_ms:.2f} ms", worst_ms < MAX_MORE_MS)


def memory(_: Effort) -> Reading:
    """Measure what the groups of 10,000 failures take beside the runs."""
    store = _store()[0]
    ErrorGroups(store)
    tracemalloc.start()
    groups = ErrorGroups(store)
    groups.groups(_SPAN, _NOW)
    used_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return Reading(f"{used_mb:.1f} MB", used_mb < MAX_MB)


def quality(_: Effort) -> Reading:
    """Score the kinds of all labelled errors, the worst file counting."""
    scores = [score(labelled_errors(path.name)) for path in sorted(DATA.iterdir())]
    precision, recall = (min(each) for each in zip(*scores, strict=True))
    return Reading(f"{precision:.3f}, {recall:.3f}", min(precision, recall) >= MIN_QUALITY)


def _store() -> tuple[Store, Callable[[int], RunPatch]]:
    """Return a store with 10,000 failed runs of a day, and a function that makes another one."""
    random = Random(1)
    labelled = [(path.name, each) for path in sorted(DATA.iterdir()) for each in labelled_errors(path.name)]
    chosen = set(random.sample(sorted({(name, each.label) for name, each in labelled}), KINDS))
    errors = [each.error for name, each in labelled if (name, each.label) in chosen]

    def make(number: int) -> RunPatch:
        error = _with_id(random.choice(errors), random.randrange(10**9))
        created_at = _NOW - timedelta(seconds=random.randrange(86_000))
        tags = (Raw(f"order:{number}"), Raw("eu"), Raw(f"customer:{number % 500}"))
        state = State(_NOW, Precision.DETAIL, _FAILED, tags=tags)
        fixed = Fixed(TaskId(f"task-{number % 20}"), created_at, version=Raw(f"20261124.{number % 5}"))
        stamp = Stamp(_NOW, Precision.DETAIL, _NOW)
        return RunPatch(RunId(f"run_{number}"), _NOW, fixed, state, error=(stamp, error))

    store = Store()
    store.apply(RunsRead(tuple(map(make, range(RUNS)))))
    return store, make


def _with_id(error: RunError, number: int) -> RunError:
    message = f"{error.message} (request {number})"
    stack = None if error.stack is None else error.stack.replace(error.message, message, 1)
    return build_error(message, name=error.name, stack=stack)
