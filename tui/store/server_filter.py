"""Applies the server's filters to the runs in the store, so that a filtered list shows no other runs.

The store may have runs that do not match, read before the filters were set. The module also collects the values that
the filter dialog suggests. The view applies the period, because it depends on the time.
Source: tests/wire/recordings/README.md §2, §3.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Final

from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters, fingerprint_of, queue_names
from tui.domain.run import Precision, Run
from tui.domain.status import STATUS_TABLE
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.store.filter import Filter, Term
from tui.store.store import Store

MAX_SUGGESTED_VALUES: Final = 500
"""The maximum number of suggested values of one field. An environment may have thousands of tags."""

MAX_SAMPLED_RUNS: Final = 20_000
"""Suggestions come from at most this many runs, a regular sample of all. Reading 100,000 runs would take 70 ms."""


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """The filters and the period of the requested list.

    Filters with a begin (`created_from`) are a span of time; the period then only says how far back to read.
    """

    filters: RunFilters
    period: timedelta


@dataclass(frozen=True, slots=True)
class KnownValues:
    """The values of runs in the store that can be typed, most likely ones first.

    `is_all`: the runs in the store have no other values.
    """

    tasks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    is_all: bool = False


def with_server_filters(filters: RunFilters, runs_filter: Filter) -> Filter:
    """Return the filter restricted to runs that match the server's filters, except for the period.

    A run matches if the value is not known. The exceptions are the error group, and the queue and the machine if the
    filters name only one: `sources.polling.page_reader` then sets it on all rows of the list.
    """
    span = (_created(filters.created_from, filters.created_to),) if filters.created_from is not None else ()
    terms = (*span, *_terms(filters))
    return runs_filter.with_terms(terms, filters) if terms else runs_filter


def is_typable(value: str) -> bool:
    """Return whether a value can be typed in a list with commas and displayed unchanged."""
    return bool(value) and value == value.strip() and "," not in value and clean(value) == value


def known_values(store: Store) -> KnownValues:
    """Return the values of the store's runs: tasks and queues by name, frequent tags first, newest versions first."""
    tasks, tags, versions, queues = set[str](), Counter[str](), set[str](), set[str]()
    step = 1 + len(store) // (MAX_SAMPLED_RUNS + 1)
    for run in islice(store.runs(), None, None, step):
        fixed = run.fixed
        if fixed.task is not None:
            tasks.add(fixed.task)
        if fixed.version is not None:
            versions.add(fixed.version)
        if fixed.queue is not None:
            queues.add(fixed.queue)
        if run.state is not None and run.state.tags:
            tags.update(run.state.tags)
    queues.update(TASK_QUEUE_PREFIX + task for task in tasks)
    return KnownValues(
        _suggested(sorted(tasks, key=_by_name)),
        _suggested(tag for tag, _ in tags.most_common(2 * MAX_SUGGESTED_VALUES)),
        _suggested(sorted(versions, key=_by_version, reverse=True)),
        # A queue that the user named is more likely wanted than a task's own queue.
        _suggested(sorted(queues, key=lambda queue: (queue.startswith(TASK_QUEUE_PREFIX), _by_name(queue)))),
        is_all=step == 1 and len(tags) <= MAX_SUGGESTED_VALUES,
    )


def _suggested(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if is_typable(value))[:MAX_SUGGESTED_VALUES]


def _by_name(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _by_version(version: str) -> list[tuple[int, str]]:
    """`20261124.10` is newer than `20261124.9`."""
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in version.split(".")]


def _terms(filters: RunFilters) -> Iterable[Term]:
    if filters.statuses:
        yield _status(filters.statuses)
    batches = () if filters.batch is None else (filters.batch,)
    for name, values in (("task", filters.tasks), ("region", filters.regions), ("batch_id", batches)):
        if values:
            yield _one_of(values, attrgetter(f"fixed.{name}"))
    if filters.tags:
        yield _tag(filters.tags)
    if filters.versions:
        yield _version(filters.versions)
    if filters.queues:
        yield _one_of(queue_names(filters.queues), lambda run: run.fixed.queue, matches_unknown=len(filters.queues) > 1)
    if filters.machines:
        yield _one_of(filters.machines, lambda run: run.fixed.machine, matches_unknown=len(filters.machines) > 1)
    if filters.errors:
        groups = map(fingerprint_of, filters.errors)
        yield _one_of(groups, lambda run: run.fixed.error_group, matches_unknown=False)
    if filters.is_test is not None:
        yield lambda run: run.fixed.is_test is None or run.fixed.is_test is filters.is_test


def _created(begin: datetime, end: datetime | None) -> Term:
    """Match runs created in a span of time. A run whose creation is not known yet may be in it."""

    def term(run: Run) -> bool:
        at = run.created_at
        return at is None or (begin <= at and (end is None or at <= end))

    return term


def _one_of(wanted: Iterable[str], value_of: Callable[[Run], str | None], *, matches_unknown: bool = True) -> Term:
    values = frozenset(wanted)

    def term(run: Run) -> bool:
        value = value_of(run)
        return matches_unknown if value is None else value in values

    return term


def _tag(wanted: Iterable[str]) -> Term:
    """Match a run that has any of the tags, as the server does."""
    tags = frozenset(wanted)
    return lambda run: run.state is None or not tags.isdisjoint(run.state.tags)


def _version(wanted: Iterable[str]) -> Term:
    """Match the version. A list or detail without a version means that no worker has taken the run: no match."""
    versions = frozenset(wanted)

    def term(run: Run) -> bool:
        if run.fixed.version is not None:
            return run.fixed.version in versions
        return run.state is None or run.state.precision not in {Precision.LIST, Precision.DETAIL}

    return term


_SHARED_WORDS: Final = {"EXECUTING": "Reattempting", "FAILED": "Interrupted"}
"""A REST word and the title of another status that REST also returns, and filters, by that word."""

_TITLES_OF: Final[dict[str, set[str]]] = {}
for _row in STATUS_TABLE:
    for _word in (_row.rest, _row.legacy):
        if _word:
            _TITLES_OF.setdefault(_word, {_SHARED_WORDS.get(_word, _row.title)}).add(_row.title)


def _status(words: Iterable[str]) -> Term:
    """Match the status by words of both REST vocabularies. A status that this program does not know never matches."""
    titles = frozenset[str]().union(*(_TITLES_OF.get(word, ()) for word in words))
    return lambda run: run.state is None or run.state.status.title in titles
