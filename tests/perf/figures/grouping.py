"""The figures of grouping: its time for 10,000 failed runs and for one more, its memory, and its quality.

The runs fail with the labelled errors of `tests/domain/errors/data`, and no two messages are equal: each ends with the
number of a request, or in the second time of the first figure with a UUID, of which nothing is remembered. Times are
CPU.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import mean
from time import process_time, thread_time
from typing import Final
from uuid import UUID

from tests.perf.figures.row import Effort, Reading
from tests.support.domain.labelled_errors import DATA, labelled_errors, score
from tests.support.error_groups import regroup
from tui.domain.error import RunError, build_error
from tui.domain.run import Fixed, Precision, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.features.errors.data import GROUPS
from tui.kit.rows import ListModel, RowQuery
from tui.store.error_groups import ErrorGroup, ErrorGroups, TimeSpan
from tui.store.store import Store

RUNS: Final = 10_000
KINDS: Final = 700
"""So many kinds of errors fail in the day."""

MAX_S: Final = 1.0
MORE_RUNS: Final = 1_000
MAX_MORE_MS: Final = 1.0
MAX_MB: Final = 10.0
MIN_QUALITY: Final = 0.99

MAX_STEP_MS: Final = 10.0
MIN_SAVED: Final = 20
"""A minute that passes takes a twentieth of the time of all groups at most."""

_NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
_SPAN: Final = TimeSpan(_NOW - timedelta(hours=24), _NOW)
_FAILED: Final = parse_status("FAILED", ended=True)


def grouped(_: Effort) -> Reading:
    """Group 10,000 failed runs that the store has. Messages that differ in numbers alone are normalised once."""
    times_s, counts = [], []
    for make_id in (_number, _uuid):
        store = _store(make_id)[0]
        begin = process_time()
        counts.append(len(ErrorGroups(store).groups(_SPAN, _NOW)))
        times_s.append(process_time() - begin)
    took_s, uuids_s = times_s
    return Reading(f"{took_s:.2f} s, {uuids_s:.2f} s with UUIDs, {counts[0]} groups", took_s < MAX_S)


def one_more(_effort: Effort) -> Reading:
    """Add failures one by one to 10,000, and bring the groups and their list up to date after each."""
    store, make = _store()
    groups, rows = ErrorGroups(store), ListModel(GROUPS, RowQuery(GROUPS.orders[0]))
    for _ in _work(groups, rows, _SPAN, rows.query):
        pass
    times_ms = []
    gc.collect()
    for number in range(MORE_RUNS):
        changes = store.apply(RunsRead((make(RUNS + number),)))
        begin = process_time()
        regroup(groups, store, changes)
        for _ in groups.steps(_SPAN, _NOW):
            pass
        for _ in rows.show(groups.changed, rows.query, number / 10):
            pass
        groups.forget_changed()
        times_ms.append(1000 * (process_time() - begin))
    worst_ms = sorted(times_ms)[-MORE_RUNS // 100]
    return Reading(f"mean {mean(times_ms):.2f}, p99 {worst_ms:.2f} ms", worst_ms < MAX_MORE_MS)


def slices(_: Effort) -> Reading:
    """Measure the longest step of what a view of 10,000 groups does: none may hold a key for longer than a slice.

    A minute passes, the span becomes seven days, and a filter is typed. The minute costs what leaves the span.
    """
    store, rows = Store(), ListModel(GROUPS, RowQuery(GROUPS.orders[0]))
    store.apply(RunsRead(tuple(map(_single, range(RUNS)))))
    groups, longest_ms, taken_ms = ErrorGroups(store), 0.0, list[float]()
    rows.resize(40)
    minute = timedelta(minutes=1)
    week = TimeSpan(_NOW - timedelta(days=7), _NOW)
    stories = ((_SPAN, ""), (TimeSpan(_SPAN.since + minute, _SPAN.until + minute), ""), (week, ""), (week, "ba"))
    gc.collect()
    gc.disable()  # the monitor freezes what refers to all runs
    for span, text in stories:
        query = RowQuery(GROUPS.orders[0], text)
        steps_ms = list(_times_ms(_work(groups, rows, span, query, is_new=span is week)))
        longest_ms = max(longest_ms, *steps_ms)
        taken_ms.append(sum(steps_ms))
    gc.enable()
    opened, minute_ms, week_ms, typed_ms = taken_ms
    measured = f"longest {longest_ms:.1f} ms; minute {minute_ms:.1f}, span {week_ms:.0f}, filter {typed_ms:.0f} ms"
    return Reading(measured, longest_ms <= MAX_STEP_MS and minute_ms <= opened / MIN_SAVED)


def _work(
    groups: ErrorGroups,
    rows: ListModel[ErrorGroup],
    span: TimeSpan,
    query: RowQuery[ErrorGroup],
    *,
    is_new: bool = False,
) -> Iterator[None]:
    yield from groups.steps(span, _NOW)
    yield from rows.show(groups.changed, query, 0.0, is_new=is_new)
    groups.forget_changed()


def _times_ms(steps: Iterator[None]) -> Iterator[float]:
    while True:
        begin = thread_time()
        is_over = next(steps, "ended") == "ended"
        yield 1000 * (thread_time() - begin)
        if is_over:
            return


def _single(number: int) -> RunPatch:
    """Return a failed run whose error is like no other."""
    word = "".join("bcdfghklmnprstvz"[int(digit, 16)] + "a" for digit in f"{number:x}")
    error = build_error(f"cannot open the {word}", name="Error")
    state = State(_NOW, Precision.DETAIL, _FAILED, tags=(Raw("eu"),))
    created_at = _NOW - timedelta(seconds=8 * number)
    fixed = Fixed(TaskId(f"task-{number % 20}"), version=Raw("20261124.1"))
    stamp = Stamp(_NOW, Precision.DETAIL, _NOW)
    return RunPatch(RunId(f"run_{number}"), _NOW, fixed, state, error=(stamp, error), created_at=created_at)


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


def _number(random: Random) -> str:
    return str(random.randrange(10**9))


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _store(make_id: Callable[[Random], str] = _number) -> tuple[Store, Callable[[int], RunPatch]]:
    """Return a store with 10,000 failed runs of a day, and a function that makes another one."""
    random = Random(1)
    labelled = [(path.name, each) for path in sorted(DATA.iterdir()) for each in labelled_errors(path.name)]
    chosen = set(random.sample(sorted({(name, each.label) for name, each in labelled}), KINDS))
    errors = [each.error for name, each in labelled if (name, each.label) in chosen]

    def make(number: int) -> RunPatch:
        error = _with_id(random.choice(errors), make_id(random))
        created_at = _NOW - timedelta(seconds=random.randrange(86_000))
        tags = (Raw(f"order:{number}"), Raw("eu"), Raw(f"customer:{number % 500}"))
        state = State(_NOW, Precision.DETAIL, _FAILED, tags=tags)
        fixed = Fixed(TaskId(f"task-{number % 20}"), version=Raw(f"20261124.{number % 5}"))
        stamp = Stamp(_NOW, Precision.DETAIL, _NOW)
        return RunPatch(RunId(f"run_{number}"), _NOW, fixed, state, error=(stamp, error), created_at=created_at)

    store = Store()
    store.apply(RunsRead(tuple(map(make, range(RUNS)))))
    return store, make


def _with_id(error: RunError, request: str) -> RunError:
    message = f"{error.message} (request {request})"
    stack = None if error.stack is None else error.stack.replace(error.message, message, 1)
    return build_error(message, name=error.name, stack=stack)
