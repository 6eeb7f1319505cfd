"""The selected run, which the panes beside the list show, and the data that was fetched about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar, cast

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.session import Session
from tui.store.changes import Changes

T = TypeVar("T")

REPEAT_AFTER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """The result of one fetch.

    * `failure`: which part of it could not be read, and why
    * `version`: the time of the run's last update that the value includes, if the server said so
    * `fetched_at`: the time at which the value was true; None: when the fetch ended
    * `is_lagging`: the server knows more than it returned, and will return it soon
    """

    value: T
    failure: str | None = None
    version: datetime | None = None
    fetched_at: datetime | None = None
    is_lagging: bool = False


def _find_nothing(_session: Session, _run_id: RunId) -> None:
    """Find nothing: the value always takes a request."""


def _never_changes(_session: Session, _run_id: RunId, _value: object) -> bool:
    return False


def _never_outdated(_session: Session, _run_id: RunId, _changes: Changes) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Need(Generic[T]):
    """Data about the selected run that panes show, and how to fetch it.

    * `name`: what messages call it, as in "the tree"; empty for the run itself
    * `fetch`: reads it from the server, and raises `ApiError`
    * `find`: returns it without a request where that is possible
    * `min_rest_s`: the minimum time that the cursor rests before the fetch begins
    * `requests`: how many requests one fetch takes; the more, the less often it is repeated
    * `min_interval_s`: the least time between two fetches that updates of the run cause
    * `may_change`: whether the value can change without an update of the run, so that it has to be fetched again
    * `is_outdated_by`: whether changes of other runs make it outdated
    """

    name: str
    fetch: Callable[[Session, RunId], Awaitable[Fetched[T]]]
    find: Callable[[Session, RunId], Fetched[T] | None] = _find_nothing
    min_rest_s: float = 0.0
    requests: int = 1
    repeat_after_s: float = REPEAT_AFTER_S
    min_interval_s: float = 0.0
    may_change: Callable[[Session, RunId, T | None], bool] = _never_changes
    is_outdated_by: Callable[[Session, RunId, Changes], bool] = _never_outdated


@dataclass(frozen=True, slots=True)
class FetchState(Generic[T]):
    """The value of one need, and the state of its fetch. `started_at` is set while a fetch is in flight."""

    value: T | None = None
    failure: str | None = None
    started_at: datetime | None = None
    fetched_at: datetime | None = None

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch is in flight."""
        return self.started_at is not None


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected run, and the state of each need of it.

    `is_list_end`: no run is selected, because the cursor of the list is on the line below the last run.
    """

    run_id: RunId | None = None
    is_list_end: bool = False
    states: Mapping[Need[Any], FetchState[Any]] = field(default_factory=dict, hash=False)

    def state_of(self, need: Need[T]) -> FetchState[T]:
        """Return the value of a need and the state of its fetch."""
        return cast("FetchState[T]", self.states.get(need, FetchState()))
