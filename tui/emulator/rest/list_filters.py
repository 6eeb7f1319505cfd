"""The filters of the list of runs: the meaning of each parameter, and the index that answers it.

Source: tests/wire/recordings/README.md §3, recordings 020-059.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from tui.emulator.simulation.failed_runs import GROUPED
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.new_run import duration_ms
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json
from tui.emulator.simulation.statuses import FILTER_STATUSES, Status

MACHINES = ("micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x")

_FIELDS: Mapping[str, tuple[str, Callable[[Run], str]]] = {
    "taskIdentifier": ("task", lambda run: run.task_id),
    "version": ("version", lambda run: run.version),
    "queue": ("queue", lambda run: run.queue),
    "machine": ("machine", lambda run: run.machine),
    "batch": ("batch", lambda run: run.batch_id),
    "schedule": ("schedule", lambda run: run.schedule_id),
}
"""For each parameter, its index and the value of a run."""

_UNSERVED_FILTERS = ("bulkAction",)
"""Filters that match no emulated run, because bulk actions are not served."""

ERROR_ID = "error_"
"""The id of an error group is this and its fingerprint."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
DEFAULT_PERIOD_MS = 7 * 86_400_000
"""The period of a list without a time limit, whatever its other filters (recordings 2600, 2602, 2609)."""

_MAX_TIME_MS = 8_640_000_000_000_000
"""The last time that JavaScript can represent."""


@dataclass(frozen=True, slots=True)
class IndexedFilter:
    """A filter with an index: `indexes` returns ascending lists of numbers, `matches` tests one run."""

    indexes: Callable[[Ledger], list[Any]]
    matches: Callable[[Run], bool]


@dataclass(frozen=True, slots=True)
class ListFilters:
    """The filters of a list. `statuses` are the wanted statuses, None for all; times are inclusive.

    `is_unserved`: a filter of a part of the API that is not served, so no run matches.
    """

    indexed: tuple[IndexedFilter, ...] = ()
    statuses: frozenset[Status] | None = None
    is_test: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    regions: frozenset[str] | None = None
    is_unserved: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str], issues: list[Json], *, now_ms: int) -> "ListFilters":
        """Parse the query's parameters. Adds zod's issues for invalid ones; ignores unknown ones (recording 047)."""
        statuses = _statuses(query.get("filter[status]", ""), issues)
        is_test = _is_test(query.get("filter[isTest]", ""), issues)
        from_ms = _moment_ms(query, "filter[createdAt][from]", issues)
        to_ms = _moment_ms(query, "filter[createdAt][to]", issues)
        if (period := query.get("filter[createdAt][period]", "")) or from_ms is to_ms is None:
            # An unreadable period sets no limit, not even the default one (recording 2608).
            period_ms = duration_ms(period) if period else DEFAULT_PERIOD_MS
            from_ms = from_ms if period_ms is None else max(from_ms or 0, now_ms - period_ms)
        _check_machines(query.get("filter[machine]", ""), issues)
        indexed_filters = [] if statuses is None else [_status_filter(statuses)]
        indexed_filters += [_field_filter(name, query[key]) for name in _FIELDS if query.get(key := f"filter[{name}]")]
        if tags := query.get("filter[tag]", ""):
            indexed_filters.append(_tag_filter(tags))
        if error := query.get("filter[error]", ""):
            indexed_filters.append(_error_filter(error))
        if is_test:
            indexed_filters.append(
                IndexedFilter(lambda ledger: [ledger.with_field("test", "true")], lambda run: run.is_test)
            )
        regions = query.get("filter[region]", "")
        return cls(
            tuple(indexed_filters),
            statuses,
            is_test,
            from_ms,
            to_ms,
            frozenset(regions.split(",")) if regions else None,
            any(query.get(f"filter[{name}]") for name in _UNSERVED_FILTERS),
        )

    def can_match(self, region: str) -> bool:
        """Whether any run of an environment in this region can match."""
        return not self.is_unserved and (self.regions is None or region in self.regions)

    def matches_test(self, run: Run) -> bool:
        """Whether `filter[isTest]` matches the run."""
        return run.is_test is self.is_test


def _status_filter(statuses: frozenset[Status]) -> IndexedFilter:
    return IndexedFilter(
        lambda ledger: [ledger.with_status(status) for status in statuses], lambda run: run.listed_status in statuses
    )


def _field_filter(name: str, text: str) -> IndexedFilter:
    field, value_of = _FIELDS[name]
    # `filter[batch]` takes one value, the others take lists with commas.
    values = frozenset([text] if name == "batch" else text.split(","))
    return IndexedFilter(
        lambda ledger: [ledger.with_field(field, value) for value in values], lambda run: value_of(run) in values
    )


def _tag_filter(text: str) -> IndexedFilter:
    tags = frozenset(text.split(","))
    return IndexedFilter(
        lambda ledger: [ledger.with_field("tag", tag) for tag in tags], lambda run: not tags.isdisjoint(run.tags)
    )


def _error_filter(text: str) -> IndexedFilter:
    """One error group, by its id or its bare fingerprint (recordings 1031, 1032)."""
    fingerprint = text.removeprefix(ERROR_ID)
    return IndexedFilter(
        lambda ledger: list(ledger.failed.with_fingerprint(fingerprint).values()),
        lambda run: run.listed_status in GROUPED and run.failure is not None and run.failure.fingerprint == fingerprint,
    )


def _statuses(text: str, issues: list[Json]) -> frozenset[Status] | None:
    if not text:
        return None
    names = text.split(",")
    unknown = [name for name in names if name not in FILTER_STATUSES]
    if unknown:
        issues.append(_custom(f"Invalid status values: {', '.join(unknown)}", "filter[status]"))
        return None
    return frozenset(status for name in names for status in FILTER_STATUSES[name])


def _is_test(text: str, issues: list[Json]) -> bool | None:
    if text and text not in {"true", "false"}:
        issues.append(_custom(f"Invalid value for isTest: {text}", "filter[isTest]"))
    return text == "true" if text in {"true", "false"} else None


def _check_machines(text: str, issues: list[Json]) -> None:
    unknown = [name for name in text.split(",") if name not in MACHINES] if text else []
    if unknown:
        issues.append(_custom(f"Invalid machine values: {', '.join(unknown)}", "filter[machine]"))


def _moment_ms(query: Mapping[str, str], name: str, issues: list[Json]) -> int | None:
    """A number is epoch milliseconds, any other text an ISO date (recordings 033, 034)."""
    text = query.get(name)
    if text is None:
        return None
    moment = parse_moment_ms(text)
    if moment is None:
        issues.append({"code": "invalid_date", "message": "Invalid date", "path": [name]})
    return moment


def parse_moment_ms(text: str) -> int | None:
    """Epoch milliseconds of a number or an ISO date in a text; None for any other text."""
    number = number_in(text)
    if isnan(number):
        return _iso_ms(text.strip())
    return int(number) if abs(number) <= _MAX_TIME_MS else None


def number_in(text: str) -> float:
    """The number in a text as JavaScript reads it: 0 for an empty text, `nan` for anything else."""
    if not text.strip():
        return 0.0
    return float(text) if _NUMBER.fullmatch(text.strip()) else nan


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _custom(message: str, name: str) -> Json:
    return {"code": "custom", "message": message, "path": [name]}
