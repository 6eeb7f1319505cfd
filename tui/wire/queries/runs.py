# ruff: noqa: S608  the texts consist of our own words and of values that are checked
"""Queries for counts of runs, for errors and for trees."""

from datetime import datetime
from typing import Final, Literal

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.wire.queries.text import FAILED, HOUR, PeriodQuery, TrqlQuery, any_of, ids_text, refused, time_text

MAX_TREE_ROWS: Final = 5_000
"""Rows of a query for trees. A trace has no more spans than this."""

MAX_FOUND: Final = 1_000
"""Runs that one query for a text returns."""

MAX_ENDED: Final = 500
"""Ended runs that may have made a waitpoint token."""

MAX_TEXTS: Final = 20
MAX_TEXT_CHARS: Final = 200
"""A longer text is cut: its pattern matches more."""

_TREE_COLUMNS: Final = "run_id, parent_run_id, root_run_id, depth, status, task_identifier"
_TIME_COLUMNS: Final = "triggered_at, dequeued_at, completed_at, execution_duration, usage_duration"


@dataclass(frozen=True, slots=True)
class RunCounts(PeriodQuery):
    """The number of runs by status."""

    period: str | None
    kind: Literal["run-counts"] = "run-counts"

    def trql(self) -> str:
        return "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC"


@dataclass(frozen=True, slots=True)
class OlderLiveCounts(PeriodQuery):
    """The number of live runs by status that were triggered more than `hours` ago."""

    hours: int
    period: str | None = None
    kind: Literal["older-live-counts"] = "older-live-counts"

    def trql(self) -> str:
        if not 0 < self.hours <= MAX_QUERY_PERIOD // HOUR:
            raise refused("the number of hours")
        return (
            "SELECT status, count() AS n FROM runs "
            f"WHERE is_finished = 0 AND triggered_at < now() - INTERVAL {self.hours} HOUR GROUP BY status"
        )


@dataclass(frozen=True, slots=True)
class FailureCount(PeriodQuery):
    """The number of failed runs."""

    period: str | None
    kind: Literal["failure-count"] = "failure-count"

    def trql(self) -> str:
        return f"SELECT count() AS n FROM runs WHERE status IN ({FAILED})"


@dataclass(frozen=True, slots=True)
class EndedRuns(TrqlQuery):
    """The newest runs that were created from `since` to `at`, and ended without success after they had started."""

    since: datetime
    at: datetime
    kind: Literal["ended-runs"] = "ended-runs"

    def trql(self) -> str:
        return (
            "SELECT run_id, triggered_at FROM runs WHERE status IN ('Canceled', 'Crashed', 'System failure', "
            f"'Timed out') AND triggered_at >= '{time_text(self.since)}' AND triggered_at < '{time_text(self.at)}' "
            f"AND executed_at IS NOT NULL ORDER BY triggered_at DESC LIMIT {MAX_ENDED}"
        )


@dataclass(frozen=True, slots=True)
class RunErrors(PeriodQuery):
    """The errors of at most MAX_IDS runs."""

    run_ids: tuple[RunId, ...]
    period: str | None
    kind: Literal["run-errors"] = "run-errors"

    def trql(self) -> str:
        ids = ids_text(self.run_ids)
        return f"SELECT run_id, status, error FROM runs WHERE run_id IN ({ids}) LIMIT {len(self.run_ids)}"


@dataclass(frozen=True, slots=True)
class RunsWithErrorTexts(PeriodQuery):
    """The newest runs with one of the texts in their errors; with `is_exact`, in this spelling.

    Other runs may be among them, since the texts become patterns.
    """

    texts: tuple[str, ...]
    is_exact: bool
    period: str | None
    kind: Literal["runs-with-error-texts"] = "runs-with-error-texts"

    def trql(self) -> str:
        if not 0 < len(self.texts) <= MAX_TEXTS:
            raise refused(f"{len(self.texts):,} texts")
        like = "LIKE" if self.is_exact else "ILIKE"
        condition = any_of(f"toString(error) {like} '{like_pattern(text)}'" for text in self.texts)
        return f"SELECT run_id FROM runs WHERE {condition} ORDER BY triggered_at DESC LIMIT {MAX_FOUND}"


@dataclass(frozen=True, slots=True)
class TreeRuns(PeriodQuery):
    """The descendants of at most MAX_IDS roots, without times where the server lacks one of their columns."""

    root_ids: tuple[RunId, ...]
    has_times: bool
    period: str | None
    kind: Literal["tree-runs"] = "tree-runs"

    def trql(self) -> str:
        columns = f"{_TREE_COLUMNS}, {_TIME_COLUMNS}" if self.has_times else _TREE_COLUMNS
        roots = ids_text(self.root_ids)
        condition = f"root_run_id = {roots}" if len(self.root_ids) == 1 else f"root_run_id IN ({roots})"
        return f"SELECT {columns} FROM runs WHERE {condition} ORDER BY depth, triggered_at LIMIT {MAX_TREE_ROWS}"


def like_pattern(text: str) -> str:
    """Return a pattern for ILIKE, inside a TRQL string, that matches every error with the text.

    Characters with a meaning in TRQL, JSON or patterns become `%`, so it may match more. The view filters again.
    """
    some = text[:MAX_TEXT_CHARS]
    inner = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " .,:;-") else "%" for letter in some)
    return f"%{inner}%"
