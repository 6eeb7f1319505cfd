"""Merges a patch into a run: of each facet the newer one wins."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter, is_, itemgetter
from typing import Final, TypeAlias, TypeVar

from tui.domain.run import Fixed, NoValue, Run, RunId, Stamp, State, Status
from tui.domain.update import RunPatch

# A canonical text for every value. `merge` compares the texts to choose between two values of the same age.


def canonical(value: object) -> str:
    """Return the canonical text of a value. Two values have the same text if, and only if, they are equal.

    The order of the keys of an object does not matter, and 1, 1.0 and True are equal, as in Python. The value may be
    decoded JSON, a dataclass of the domain, or a tuple of these. Not recursive, because JSON may be nested deeply.
    """
    parts: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            parts.append(f"{{{len(item)}")
            for key in sorted(item):
                pending += (item[key], key)
        elif isinstance(item, list | tuple):
            parts.append(f"[{len(item)}")
            pending += item
        elif isinstance(item, int):
            parts.append(hex(item))  # repr refuses more than 4,300 digits
        elif isinstance(item, float) and item.is_integer():
            parts.append(hex(int(item)))
        elif is_dataclass(item):
            parts.append(type(item).__name__)
            pending += (getattr(item, field.name) for field in fields(item))
        else:
            parts.append(repr(item))
    return "\n".join(parts)


def is_same(mine: object, theirs: object) -> bool:
    """Return whether two values are equal, even if they are nested too deeply for `==`."""
    try:
        return bool(mine == theirs)
    except RecursionError:
        return canonical(mine) == canonical(theirs)


# The result of `merge` does not depend on the order of the patches, and repeating a patch changes nothing: it is the
# join of a semilattice. Responses may therefore arrive late, twice and out of order. Source: ARCHITECTURE.md.


T = TypeVar("T")
_Facet: TypeAlias = tuple[Stamp, T] | NoValue | None


V = TypeVar("V", datetime, int)

MAX_SHARED: Final = 64
"""Responses whose runs share a `NoValue`. They arrive one after the other."""

MAX_SHARED_FIXED: Final = 512
"""Different `Fixed` that are remembered, so that equal ones can be shared: tasks times versions, and more."""

_EMPTY = Fixed()
_FIXED_NAMES = tuple(field.name for field in fields(Fixed))


def merge(run: Run | None, patch: RunPatch) -> Run:
    """Return the run with every facet that is newer in the patch; the same object if there is none."""
    mine = Run(patch.id, _EMPTY) if run is None else run
    fixed = _join_fixed(mine.fixed, patch.fixed)
    state = _join_state(mine.state, patch.state)
    created_at = _greatest(mine.created_at, patch.created_at)
    read_at = mine.read_at if patch.state is None else _greatest(mine.read_at, patch.read_at)
    children_at = _greatest(mine.children_read_at, patch.read_at) if patch.lists_all_children else mine.children_read_at
    count = _greatest(mine.attempt_count, patch.attempt_count)
    metadata, error = mine.metadata, mine.error
    if patch.metadata is not None or state is not mine.state:
        metadata = _shortest(_newest(mine.metadata_facet, patch.metadata), state, metadata)
    if patch.error is not None or state is not mine.state:
        error = _shortest(_newest(mine.error_facet, patch.error), state, error)
    body = _newest(mine.body, patch.body)
    attempts = _newest(mine.attempts, patch.attempts)
    known = _facets_of(mine)
    merged = fixed, state, read_at, mine.gone_at, count, metadata, body, error, attempts, children_at, created_at
    return mine if all(map(is_, known, merged)) else Run(mine.id, *merged)


_facets_of: Final = attrgetter(*(field.name for field in fields(Run)[1:]))


def _shortest(facet: tuple[Stamp, T] | None, state: State | None, mine: _Facet[T]) -> _Facet[T]:
    """Return a shared value for a facet that has none of its own, if its stamp has the state's time."""
    if facet is None or facet[1] or state is None or facet[0].updated_at != state.updated_at:
        return facet
    shared = _no_value(facet[0].precision, facet[0].read_at)
    return mine if mine == shared else shared


_no_value = lru_cache(MAX_SHARED)(NoValue)


def merge_gone(run: Run | None, run_id: RunId, at: datetime) -> Run:
    """Return the run with a 404 response at `at`; the same object if a later 404 is already known."""
    mine = Run(run_id, _EMPTY) if run is None else run
    gone_at = _greatest(mine.gone_at, at)
    return mine if gone_at is mine.gone_at else replace(mine, gone_at=gone_at)


def is_same_row(before: Run, after: Run) -> bool:
    """Return whether `after`, merged from `before`, differs only in the time of the server's last response.

    The age of a payload counts: a search reads it again once the run has ended.
    """
    return (
        before.state is after.state
        and before.fixed is after.fixed
        and before.created_at is after.created_at
        and before.attempt_count == after.attempt_count
        and before.is_gone == after.is_gone
        and (before.children_read_at is None) == (after.children_read_at is None)
        and _is_same_facet(before.metadata, after.metadata)
        and _is_same_facet(before.body, after.body)
        and (before.body and before.body[0].updated_at) == (after.body and after.body[0].updated_at)
        and _is_same_facet(before.error, after.error)
        and _is_same_facet(before.attempts, after.attempts)
    )


def _is_same_facet(before: _Facet[T], after: _Facet[T]) -> bool:
    if before is None or after is None:
        return before is after
    if isinstance(before, NoValue) or isinstance(after, NoValue):
        return not any(each[1] for each in (before, after) if not isinstance(each, NoValue))
    return before[1] is after[1] or is_same(before[1], after[1])


def _greatest(mine: V | None, theirs: V | None) -> V | None:
    return mine if theirs is None or (mine is not None and mine >= theirs) else theirs


def _newest(mine: tuple[Stamp, T] | None, theirs: tuple[Stamp, T] | None) -> tuple[Stamp, T] | None:
    if theirs is None or theirs is mine:
        return mine
    if mine is None:
        return theirs
    if mine[0] != theirs[0]:
        return max(mine, theirs, key=itemgetter(0))
    return mine if is_same(mine[1], theirs[1]) else _by_content(mine, theirs, itemgetter(1))


def _by_content(mine: T, theirs: T, content: Callable[[T], object]) -> T:
    """Choose one of two values by their content, which does not depend on the order in which they came."""
    return max(mine, theirs, key=lambda value: canonical(content(value)))


def _join_fixed(mine: Fixed, theirs: Fixed | None) -> Fixed:
    """Return the fields of both. If two values differ, the greater canonical text wins."""
    if theirs is None or theirs is mine or is_same(mine, theirs):
        return mine
    if mine is _EMPTY:
        return _shared_or_own(theirs)
    better: dict[str, object] = {}
    for name in _FIXED_NAMES:
        old, new = getattr(mine, name), getattr(theirs, name)
        if new is not None and (old is None or (not is_same(old, new) and canonical(old) < canonical(new))):
            better[name] = new
    # mypy cannot know that each value has the type of its field.
    return _shared_or_own(replace(mine, **better)) if better else mine  # type: ignore[arg-type]


def _shared_or_own(fixed: Fixed) -> Fixed:
    """Return one object for equal fields, which saves most runs 176 bytes. A schedule, which is JSON, is not shared."""
    return _shared(fixed) if fixed.schedule is None else fixed


_shared: Final[Callable[[Fixed], Fixed]] = lru_cache(MAX_SHARED_FIXED)(lambda fixed: fixed)


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


_without_status: Final = attrgetter(
    "started_at", "finished_at", "expired_at", "delayed_until", "compute", "cost_cents", "base_cost_cents", "tags"
)


def _status_key(status: Status) -> tuple[bool, int, str, str, str]:
    """Return the sort key of two statuses for the same moment: a final one wins, then the more specific one.

    A final status comes before specificity, because DEQUEUED would otherwise hide CANCELED.
    """
    return status.canonical.is_final, status.specificity, status.word, status.canonical, status.title
