"""Merges a patch into a run: of each facet the newer one wins.

The result does not depend on the order of the patches, and repeating a patch changes nothing: `merge` is the join of a
semilattice. Responses may therefore arrive late, twice and out of order. Source: ARCHITECTURE.md.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Protocol, Self, TypeVar

from tui.domain.ids import RunId
from tui.domain.run import NO_METADATA, Fixed, Json, NoMetadata, Run, Stamp, State
from tui.domain.status import Status
from tui.domain.update import RunPatch
from tui.store.canonical import canonical, is_same

T = TypeVar("T")


class _Ordered(Protocol):
    def __ge__(self, other: Self, /) -> bool: ...


V = TypeVar("V", bound=_Ordered)

_EMPTY = Fixed()
_FIXED_NAMES = tuple(field.name for field in fields(Fixed))


def merge(run: Run | None, patch: RunPatch) -> Run:
    """Return the run with every facet that is newer in the patch; the same object if there is none."""
    mine = Run(patch.id, _EMPTY) if run is None else run
    fixed = _join_fixed(mine.fixed, patch.fixed)
    state = _join_state(mine.state, patch.state)
    read_at = mine.read_at if patch.state is None else _greatest(mine.read_at, patch.read_at)
    children_read_at = (
        _greatest(mine.children_read_at, patch.read_at) if patch.lists_all_children else mine.children_read_at
    )
    attempt_count = _greatest(mine.attempt_count, patch.attempt_count)
    my_metadata = mine.metadata_facet
    metadata = _newest(my_metadata, patch.metadata)
    body = _newest(mine.body, patch.body)
    error = _newest(mine.error, patch.error)
    attempts = _newest(mine.attempts, patch.attempts)
    if (
        read_at is mine.read_at
        and fixed is mine.fixed
        and state is mine.state
        and children_read_at is mine.children_read_at
        and attempt_count is mine.attempt_count
        and metadata is my_metadata
        and body is mine.body
        and error is mine.error
        and attempts is mine.attempts
    ):
        return mine
    return Run(
        mine.id,
        fixed,
        state,
        read_at,
        mine.gone_at,
        attempt_count,
        _shortened(metadata, state, read_at),
        body,
        error,
        attempts,
        children_read_at,
    )


def _shortened(
    metadata: tuple[Stamp, dict[str, Json]] | None, state: State | None, read_at: datetime | None
) -> tuple[Stamp, dict[str, Json]] | NoMetadata | None:
    if metadata is None or metadata[1] or state is None:
        return metadata
    return NO_METADATA if metadata[0] == (state.updated_at, state.precision, read_at) else metadata


def merge_gone(run: Run | None, run_id: RunId, at: datetime) -> Run:
    """Return the run with a 404 response at `at`; the same object if a later 404 is already known."""
    mine = Run(run_id, _EMPTY) if run is None else run
    gone_at = _greatest(mine.gone_at, at)
    return mine if gone_at is mine.gone_at else replace(mine, gone_at=gone_at)


def is_same_row(before: Run, after: Run) -> bool:
    """Return whether `after`, merged from `before`, differs only in the time of the server's last response."""
    return (
        before.state is after.state
        and before.fixed is after.fixed
        and before.attempt_count == after.attempt_count
        and before.is_gone == after.is_gone
        and (before.children_read_at is None) == (after.children_read_at is None)
        and _is_same_facet(before.metadata_facet, after.metadata_facet)
        and _is_same_facet(before.body, after.body)
        and _is_same_facet(before.error, after.error)
        and _is_same_facet(before.attempts, after.attempts)
    )


def _is_same_facet(before: tuple[Stamp, T] | None, after: tuple[Stamp, T] | None) -> bool:
    if before is None or after is None:
        return before is after
    return before[1] is after[1] or is_same(before[1], after[1])


def _greatest(mine: V | None, theirs: V | None) -> V | None:
    if theirs is None or (mine is not None and mine >= theirs):
        return mine
    return theirs


def _newest(mine: tuple[Stamp, T] | None, theirs: tuple[Stamp, T] | None) -> tuple[Stamp, T] | None:
    if theirs is None or theirs is mine:
        return mine
    if mine is None:
        return theirs
    if mine[0] != theirs[0]:
        return max(mine, theirs, key=_stamp)
    return mine if is_same(mine[1], theirs[1]) else _by_content(mine, theirs, _value)


def _stamp(facet: tuple[Stamp, T]) -> Stamp:
    return facet[0]


def _value(facet: tuple[Stamp, T]) -> T:
    return facet[1]


def _by_content(mine: T, theirs: T, content: Callable[[T], object]) -> T:
    """Choose one of two values by their content, which does not depend on the order in which they came."""
    return max(mine, theirs, key=lambda value: canonical(content(value)))


def _join_fixed(mine: Fixed, theirs: Fixed | None) -> Fixed:
    """Return the fields of both. If two values differ, the greater canonical text wins."""
    if theirs is None or theirs is mine or is_same(mine, theirs):
        return mine
    if mine is _EMPTY:
        return theirs
    better: dict[str, object] = {}
    for name in _FIXED_NAMES:
        old, new = getattr(mine, name), getattr(theirs, name)
        if new is not None and (old is None or (not is_same(old, new) and canonical(old) < canonical(new))):
            better[name] = new
    # mypy cannot know that each value has the type of its field.
    return replace(mine, **better) if better else mine  # type: ignore[arg-type]


def _join_state(mine: State | None, theirs: State | None) -> State | None:
    """Return the newer state. At the same `updated_at`, the status is chosen independently of the other fields."""
    if theirs is None or theirs is mine:
        return mine
    if mine is None:
        return theirs
    if mine.updated_at != theirs.updated_at:
        return mine if mine.updated_at > theirs.updated_at else theirs
    if mine == theirs:
        return mine
    if mine.precision != theirs.precision:
        winner = mine if mine.precision > theirs.precision else theirs
    else:
        winner = _by_content(mine, theirs, _without_status)
    status = max(mine.status, theirs.status, key=_status_key)
    return winner if status == winner.status else replace(winner, status=status)


def _without_status(state: State) -> tuple[object, ...]:
    return (
        state.started_at,
        state.finished_at,
        state.expired_at,
        state.delayed_until,
        state.compute,
        state.cost_cents,
        state.base_cost_cents,
        state.tags,
    )


def _status_key(status: Status) -> tuple[bool, int, str, str, str]:
    """Return the sort key of two statuses for the same moment: a final one wins, then the more specific one."""
    return status.canonical.is_final, status.specificity, status.word, status.canonical, status.title
