"""The server's filters, asked of the runs that we have: a list that is filtered by the server must show no others.

What lives here: whether a run matches, and the values that are worth offering to who types a filter. What the period
leaves out is the view's, since it depends on the time. Source: wire/README.md §2, §3, recordings 020-059.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters, queue_names
from tui.domain.run import Precision, Run
from tui.domain.status import STATUS_TABLE
from tui.domain.text import clean
from tui.store.filter import Filter, Term
from tui.store.store import Store

MAX_OFFERED: Final = 500
"""Of the values of one field: an environment may have a tag for each order."""

MAX_SAMPLED_RUNS: Final = 20_000
"""Runs whose values are offered, taken evenly from all: 100,000 would hold a key for 70 ms."""


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """What the server is asked for: which runs, and how far back. The filters have no times of their own."""

    filters: RunFilters
    period: timedelta


@dataclass(frozen=True, slots=True)
class KnownValues:
    """Values that runs have here, those first that are most likely meant; only such as can be typed.

    `is_all`: there are no others among the runs that we have.
    """

    tasks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    is_all: bool = False


def with_server_filters(filters: RunFilters, runs_filter: Filter) -> Filter:
    """The filter, of those runs only that the server's filters leave. Times and the period are not looked at.

    What we do not know of a run is no reason to hide it, except for the queue and the machine when only one is asked
    for: then the rows of a list get it from the question (`sources.lister`).
    """
    terms = tuple(_terms(filters))
    return runs_filter.with_terms(terms, filters) if terms else runs_filter


def is_typable(value: str) -> bool:
    """Whether a value can stand in a list with commas and on a screen as it is."""
    return bool(value) and value == value.strip() and "," not in value and clean(value) == value


def known_values(store: Store) -> KnownValues:
    """What runs have here: tasks and queues by name, tags by how many runs carry them, versions the newest first."""
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
        _offered(sorted(tasks, key=_by_name)),
        _offered(tag for tag, _ in tags.most_common(2 * MAX_OFFERED)),
        _offered(sorted(versions, key=_by_version, reverse=True)),
        # A queue with a name of its own was named by somebody: it is more likely meant.
        _offered(sorted(queues, key=lambda queue: (queue.startswith(TASK_QUEUE_PREFIX), _by_name(queue)))),
        is_all=step == 1 and len(tags) <= MAX_OFFERED,
    )


def _offered(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if is_typable(value))[:MAX_OFFERED]


def _by_name(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _by_version(version: str) -> list[tuple[int, str]]:
    """`20261124.10` is newer than `20261124.9`."""
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in version.split(".")]


def _terms(filters: RunFilters) -> Iterable[Term]:
    if filters.statuses:
        yield _status(filters.statuses)
    if filters.tasks:
        yield _one_of(filters.tasks, lambda run: run.fixed.task)
    if filters.tags:
        yield _tag(filters.tags)
    if filters.versions:
        yield _version(filters.versions)
    if filters.queues:
        yield _one_of(queue_names(filters.queues), lambda run: run.fixed.queue, unknown=len(filters.queues) > 1)
    if filters.machines:
        yield _one_of(filters.machines, lambda run: run.fixed.machine, unknown=len(filters.machines) > 1)
    if filters.regions:
        yield _one_of(filters.regions, lambda run: run.fixed.region)
    if filters.batch is not None:
        yield _one_of((filters.batch,), lambda run: run.fixed.batch_id)
    if filters.is_test is not None:
        yield lambda run: run.fixed.is_test is None or run.fixed.is_test is filters.is_test


def _one_of(wanted: Iterable[str], value_of: Callable[[Run], str | None], *, unknown: bool = True) -> Term:
    values = frozenset(wanted)

    def term(run: Run) -> bool:
        value = value_of(run)
        return unknown if value is None else value in values

    return term


def _tag(wanted: Iterable[str]) -> Term:
    """Several mean any of them (recording 029)."""
    tags = frozenset(wanted)
    return lambda run: run.state is None or not tags.isdisjoint(run.state.tags)


def _version(wanted: Iterable[str]) -> Term:
    """List and detail tell the version of every run that has one: without it, no worker took the run yet."""
    versions = frozenset(wanted)

    def term(run: Run) -> bool:
        if run.fixed.version is not None:
            return run.fixed.version in versions
        return run.state is None or run.state.precision not in {Precision.LIST, Precision.DETAIL}

    return term


_BLURRED: Final = {"EXECUTING": "Reattempting", "FAILED": "Interrupted"}
"""What REST tells by the other's word, and so filters by it (wire/README.md §2)."""

_TITLES_OF: Final[dict[str, set[str]]] = {}
for _row in STATUS_TABLE:
    for _word in (_row.rest, _row.legacy):
        if _word:
            _TITLES_OF.setdefault(_word, {_BLURRED.get(_word, _row.title)}).add(_row.title)


def _status(words: Iterable[str]) -> Term:
    """A word of ours or an older server's; a status that we do not know cannot be asked for."""
    titles = frozenset[str]().union(*(_TITLES_OF.get(word, ()) for word in words))
    return lambda run: run.state is None or run.state.status.title in titles
