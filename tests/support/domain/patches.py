"""Builders and hypothesis strategies of patches and runs."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import strategies as st

from tui.domain.error import RunError
from tui.domain.run import (
    ABSENT,
    STATUS_TABLE,
    Attempt,
    AttemptHistory,
    AttemptStatus,
    Body,
    Fixed,
    Precision,
    Run,
    RunId,
    Stamp,
    State,
    TaskId,
    parse_status,
)
from tui.domain.text import Raw
from tui.domain.update import ParentPatch, RunGone, RunPatch, RunsRead
from tui.store.merge import merge

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def state_of(
    word: str = "EXECUTING", *, updated: float = 0, precision: Precision = Precision.LIST, **more: Any
) -> State:
    return State(at(updated), precision, parse_status(word, ended="finished_at" in more), **more)


def patch_of(
    run_id: str,
    word: str | None = "EXECUTING",
    *,
    updated: float = 0,
    read: float = 100,
    created: float | None = 0,
    task: str | None = "sync",
    fixed: Fixed | None = None,
    state: dict[str, Any] | None = None,
    kind: type[RunPatch] = RunPatch,
    **more: Any,
) -> RunPatch:
    """Return the patch of a list row. `word` None: without a state."""
    return kind(
        RunId(run_id),
        at(read),
        fixed or Fixed(task=TaskId(task) if task else None),
        None if word is None else state_of(word, updated=updated, **(state or {})),
        created_at=None if created is None else at(created),
        **more,
    )


def run_of(run_id: str, word: str | None = "EXECUTING", **more: Any) -> Run:
    return merge(None, patch_of(run_id, word, **more))


def stamp(updated: float = 0, precision: Precision = Precision.DETAIL, read: float = 100) -> Stamp:
    return Stamp(at(updated), precision, at(read))


# Few values each, so that stamps, facets and runs often collide, and each drawn at once, which is several times faster.
MOMENTS = [*map(at, range(4))]
moments = st.sampled_from(MOMENTS)
run_ids = st.sampled_from([RunId(f"run_{letter}") for letter in "abcdef"])
words = st.sampled_from(
    sorted({word for row in STATUS_TABLE for word in (row.rest, row.legacy, *row.database) if word} | {"FROBNICATING"})
)
statuses = st.builds(lambda word, ended: parse_status(word, ended=ended), words, st.booleans())
TEXTS = [*map(Raw, ("", "a", "b", "\x1b[31m", "\ud800"))]
leaves = st.sampled_from([None, False, True, 0, 1, 1.0, 2.5, -0.0, 10**300, 1e300, *TEXTS])
flat_values = leaves | st.lists(leaves, max_size=2)
json_values = flat_values | st.dictionaries(st.sampled_from("ab"), flat_values, max_size=2)
maybe_moment = st.sampled_from([None, *MOMENTS])
states = st.builds(
    State,
    moments,
    st.sampled_from(Precision),
    statuses,
    started_at=maybe_moment,
    finished_at=maybe_moment,
    compute=st.sampled_from([timedelta(), timedelta(seconds=1)]),
    cost_cents=st.sampled_from([0.0, -0.0, 0.5]),
    tags=st.sampled_from([(), (Raw("x"),), (Raw("x"), Raw("y"))]),
)
fixeds = st.builds(
    Fixed,
    task=st.sampled_from([None, TaskId("sync"), TaskId("mail")]),
    depth=st.sampled_from([None, 0, 1]),
    is_test=st.sampled_from([None, False, True]),
    parent_id=st.none() | run_ids,
    schedule=json_values,
)
stamps = st.sampled_from([Stamp(*each) for each in product(MOMENTS, Precision, MOMENTS)])
errors = st.sampled_from(
    [RunError(*each, has_code_only=code_only) for each in product(TEXTS, [None, *TEXTS]) for code_only in (False, True)]
)
bodies = st.builds(Body, json_values | st.just(ABSENT), json_values | st.just(ABSENT))
histories = st.builds(
    AttemptHistory,
    st.lists(st.builds(Attempt, st.integers(1, 2), st.sampled_from(AttemptStatus)), max_size=2).map(tuple),
)
patches = st.builds(
    lambda kind, *parts, **more: kind(*parts, **more),
    st.sampled_from((RunPatch, ParentPatch)),
    run_ids,
    moments,
    fixed=st.none() | fixeds,
    state=st.none() | states,
    metadata=st.none() | st.tuples(stamps, st.dictionaries(st.sampled_from("ab"), json_values, max_size=2)),
    body=st.none() | st.tuples(stamps, bodies),
    error=st.none() | st.tuples(stamps, st.none() | errors),
    attempts=st.none() | st.tuples(stamps, histories),
    attempt_count=st.sampled_from([None, 0, 1, 2]),
    created_at=maybe_moment,
)
# Rows of a list: with a state, and often final, so that views fill and the store overflows.
rows = st.builds(
    RunPatch,
    run_ids,
    moments,
    fixed=fixeds,
    state=st.builds(State, moments, st.just(Precision.LIST), statuses | st.just(parse_status("COMPLETED"))),
    created_at=maybe_moment,
)
gone = st.builds(RunGone, run_ids, moments)
reads = st.lists(patches | rows, max_size=3).map(lambda several: RunsRead(tuple(several)))
