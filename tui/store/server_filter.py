"""The server's filters, applied to the store, and the plan of a search on the server."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from tui.domain.filters import LISTS, TASK_QUEUE_PREFIX, RunFilters, TypedSpan, fingerprint_of, queue_names
from tui.domain.run import STATUS_TABLE, Precision, Run, RunId, TaskId, filter_words
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.store import filter as typed
from tui.store.store import Store

# Applies the server's filters to the runs in the store, so that a filtered list shows no other runs.
#
# The store may have runs that do not match, read before the filters were set. The module also collects the values that
# the filter dialog suggests. The view applies the period, because it depends on the time.
# Source: tests/wire/recordings/README.md §2, §3.


COUNTED_FIELDS: Final = ("task", "status", "tag", "version", "queue")
"""The fields whose values are counted, which are the options of `ls` too."""

MAX_SUGGESTED_VALUES: Final = 500
"""The maximum number of suggested values of one field. An environment may have thousands of tags."""

SPAN_MARGIN: Final = timedelta(days=1)
"""The list is read this much further back than a span begins, since the begin of the read moves with the time."""

MAX_SAMPLED_RUNS: Final = 20_000
"""Suggestions come from at most this many runs, a regular sample of all. Reading 100,000 runs would take 70 ms."""


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """The filters and the period of the requested list.

    Filters with a begin (`created_from`) are a span of time; the period then only says how far back to read.
    """

    filters: RunFilters
    period: timedelta


def server_filter(filters: RunFilters, period: timedelta | TypedSpan, now: datetime) -> ServerFilter:
    """Return filters with a period, or with a span of time and how far back the list is read for it."""
    if not isinstance(period, TypedSpan):
        return ServerFilter(filters, period)
    back = now.astimezone(UTC) - period.begin.astimezone(UTC) + SPAN_MARGIN
    return ServerFilter(replace(filters, created_from=period.begin, created_to=period.end), back)


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

    def of(self, word: str) -> tuple[str, ...]:
        """Return the values of a list of filters by its word."""
        values: tuple[str, ...] = getattr(self, LISTS[word])
        return values


def with_server_filters(filters: RunFilters, runs_filter: typed.Filter) -> typed.Filter:
    """Return the filter restricted to runs that match the server's filters, except for the period.

    A run matches if the value is not known. The exceptions are the error group, and the queue and the machine if the
    filters name only one: `sync.lists` then sets it on all rows of the list.
    """
    span = (_created(filters.created_from, filters.created_to),) if filters.created_from is not None else ()
    terms = (*span, *_terms(filters))
    return replace(runs_filter, terms=(*terms, *runs_filter.terms), narrowed_by=filters) if terms else runs_filter


def is_typable(value: str) -> bool:
    """Return whether a value can be typed in a list with commas and displayed unchanged."""
    return bool(value) and value == value.strip() and "," not in value and clean(value) == value


def count_values(runs: Iterable[Run], counts: Mapping[str, Counter[str]], max_tags: int | None = None) -> bool:
    """Count runs by their values. Return whether all tags were counted: of more than `max_tags`, new ones are not."""
    tags, has_all_tags = counts["tag"], True
    for run in runs:
        fixed = run.fixed
        counts["status"][run.status_title] += 1
        if fixed.task is not None:
            counts["task"][fixed.task] += 1
        if fixed.version is not None:
            counts["version"][fixed.version] += 1
        if fixed.queue is not None:
            counts["queue"][fixed.queue] += 1
        for tag in run.state.tags if run.state is not None else ():
            if max_tags is None or tag in tags or len(tags) < max_tags:
                tags[tag] += 1
            else:
                has_all_tags = False
    return has_all_tags


def known_values(store: Store) -> KnownValues:
    """Return the values of the store's runs: tasks and queues by name, frequent tags first, newest versions first."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED_FIELDS}
    step = 1 + len(store) // (MAX_SAMPLED_RUNS + 1)
    count_values(islice(store.runs(), None, None, step), counts)
    tasks, tags, versions = counts["task"], counts["tag"], counts["version"]
    queues = counts["queue"].keys() | {TASK_QUEUE_PREFIX + task for task in tasks}
    return KnownValues(
        _suggested(sorted(tasks, key=lambda task: (task.casefold(), task))),
        _suggested(tag for tag, _ in tags.most_common(2 * MAX_SUGGESTED_VALUES)),
        _suggested(sorted(versions, key=_by_version, reverse=True)),
        # A queue that the user named is more likely wanted than a task's own queue.
        _suggested(sorted(queues, key=lambda queue: (queue.startswith(TASK_QUEUE_PREFIX), queue.casefold(), queue))),
        is_all=step == 1 and len(tags) <= MAX_SUGGESTED_VALUES,
    )


def _suggested(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if is_typable(value))[:MAX_SUGGESTED_VALUES]


def _by_version(version: str) -> list[tuple[int, str]]:
    """`20261124.10` is newer than `20261124.9`."""
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in version.split(".")]


def _terms(filters: RunFilters) -> Iterable[typed.Term]:
    batches = () if filters.batch is None else (filters.batch,)
    # Whether a run matches whose value is not known: one list alone sets its queue or machine on all of its rows.
    for values, value_of, matches_unknown in (
        (filters.tasks, attrgetter("fixed.task"), True),
        (filters.regions, attrgetter("fixed.region"), True),
        (batches, attrgetter("fixed.batch_id"), True),
        (queue_names(filters.queues), attrgetter("fixed.queue"), len(filters.queues) > 1),
        (filters.machines, attrgetter("fixed.machine"), len(filters.machines) > 1),
        (tuple(map(fingerprint_of, filters.errors)), attrgetter("fixed.error_group"), False),
        (filters.schedules, attrgetter("fixed.schedule_id"), False),
    ):
        if values:
            yield _one_of(values, value_of, matches_unknown=matches_unknown)
    if filters.statuses:
        yield _status(filters.statuses)
    if filters.tags:
        yield _tag(filters.tags)
    if filters.versions:
        yield _version(filters.versions)
    if filters.is_test is not None:
        yield lambda run: run.fixed.is_test is None or run.fixed.is_test is filters.is_test


def _created(begin: datetime, end: datetime | None) -> typed.Term:
    """Match runs created in a span of time. A run whose creation is not known yet may be in it."""
    return lambda run: (at := run.created_at) is None or (begin <= at and (end is None or at <= end))


def _one_of(wanted: Iterable[str], value_of: Callable[[Run], str | None], *, matches_unknown: bool) -> typed.Term:
    values = frozenset(wanted)
    return lambda run: matches_unknown if (value := value_of(run)) is None else value in values


def _tag(wanted: Iterable[str]) -> typed.Term:
    """Match a run that has any of the tags, as the server does."""
    tags = frozenset(wanted)
    return lambda run: run.state is None or not tags.isdisjoint(run.state.tags)


def _version(wanted: Iterable[str]) -> typed.Term:
    """Match the version. A list or detail without a version means that no worker has taken the run: no match."""
    versions = frozenset(wanted)

    def term(run: Run) -> bool:
        if run.fixed.version is not None:
            return run.fixed.version in versions
        return run.state is None or run.state.precision not in {Precision.LIST, Precision.DETAIL}

    return term


_TITLES_OF: Final[dict[str, set[str]]] = {}
for _row in STATUS_TABLE:
    for _word in {_row.rest, _row.legacy, _row.rest_fallback} - {""}:
        _TITLES_OF.setdefault(_word, set()).add(_row.title)


def _status(words: Iterable[str]) -> typed.Term:
    """Match the status by words of both REST vocabularies. A status that this program does not know never matches."""
    titles = frozenset[str]().union(*(_TITLES_OF.get(word, ()) for word in words))
    return lambda run: run.state is None or run.state.status.title in titles


# Plans how to search the server for runs that match the user's filter.
#
# The filter itself is applied to runs in the store. The plan says which requests find more matching runs on the server:
# by id, by lists of a tag, a task or a queue, and by the errors of failed runs.
# Source: tests/wire/recordings/README.md §3.


MAX_NAMES: Final = 3
"""The maximum number of names to list. A text may be a tag or a task, so that each costs two lists."""

MAX_NAME_CHARS: Final = 200
"""A longer text is not a name: tags have at most 128 characters."""

MAX_SPELLINGS: Final = 5

MAX_GLOB_TASKS: Final = 50
"""A glob that more known tasks match gets no list of them: the request has a limited length."""

MAX_ERROR_TEXTS: Final = 5

_RUN_ID: Final = re.compile(r"run_[A-Za-z0-9]{20,64}\Z")
"""A complete run id. A part of an id is treated as text."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The requests that may find runs matching a filter.

    * `run_ids`: complete ids in the filter.
    * `lists`: the lists of a tag, a task or a queue that the filter names.
    * `filters`: restrict the list of all older runs.
    * `error_texts`: texts or globs; the error of a failed run must contain one of them.
    * `reads_bodies`: payloads and outputs must be read; `are_bodies_needed`: no run matches without its own.
    * `reads_errors`: the errors of failed runs must be read, since a match may depend on them.
    * `reads_older`: older runs may match too.
    """

    run_ids: tuple[RunId, ...] = ()
    lists: tuple[RunFilters, ...] = ()
    filters: RunFilters = field(default_factory=RunFilters)
    error_texts: tuple[str, ...] = ()
    reads_bodies: bool = False
    are_bodies_needed: bool = False
    reads_errors: bool = False
    reads_older: bool = True


def plan_search(text: str, active: RunFilters, known: KnownValues) -> SearchPlan:
    """Plan the search for a filter's text, within the `active` server filters.

    The filter ignores case and the server does not. `known` has the names as the server spells them.
    """
    all_words = typed.split_words(text)
    words = [word for word in all_words if not word.is_negated]
    texts = [value for word in words if not typed.is_field(word) for value in typed.plain_values(word.source)]
    ids = _values(words, "id")
    filters = _combined_filters(words, active, known)
    run_ids = tuple(RunId(value) for value in dict.fromkeys([*ids, *texts]) if _RUN_ID.match(value))
    names = [value for value in texts if not _RUN_ID.match(value)]
    queues = _values(words, "queue")
    errors = [each for word in words if word.field == "error" for each in typed.patterns_of(word.rest, is_folded=False)]
    error_texts = errors or [each for word in words if _may_be_error(word) for each in typed.patterns_of(word.source)]
    lists = [
        *_by_name_of("tags", [*_values(words, "tag"), *names], filters, known.tags),
        *_by_name_of("tasks", [*_values(words, "task"), *names], filters, known.tasks),
        *_by_task_globs(words, filters, known),
        *_by_queue(queues, filters, known),
    ]
    return SearchPlan(
        run_ids,
        tuple(dict.fromkeys(lists)),
        filters,
        tuple(dict.fromkeys(error_texts))[:MAX_ERROR_TEXTS],
        reads_bodies=any(word.field in typed.BODY_FIELDS or _may_be_error(word) for word in all_words),
        are_bodies_needed=any(word.field in typed.BODY_FIELDS for word in words),
        reads_errors=any(word.field in {"error", "group"} or _may_be_error(word) for word in all_words),
        # An id belongs to one run, and the lists of a queue contain every run that can match.
        reads_older=not run_ids and not queues,
    )


def _may_be_error(word: typed.Word) -> bool:
    """Return whether a word is also searched in errors: it is text, and not a complete id."""
    return not typed.is_field(word) and not all(map(_RUN_ID.match, typed.patterns_of(word.source, is_folded=False)))


def _values(words: Iterable[typed.Word], name: str) -> list[str]:
    return [value for word in words if word.field == name for value in typed.plain_values(word.rest)]


def _spellings(name: str, known: Iterable[str]) -> list[str]:
    """Return the spellings of a name: as typed, and as runs in the store have it."""
    same = [each for each in known if each.casefold() == name.casefold()]
    return list(dict.fromkeys([*same, name]))[:MAX_SPELLINGS]


def _by_name_of(
    attribute: str, names: Iterable[str], filters: RunFilters, known: Iterable[str]
) -> Iterable[RunFilters]:
    """Yield a list for each name of a tag or a task, if no server filter is active for it."""
    for name in () if getattr(filters, attribute) else _usable_names(names):
        spelled: Any = {attribute: tuple(_spellings(name, known))}
        yield replace(filters, **spelled)


def _by_task_globs(words: Iterable[typed.Word], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    """Yield a list of the known tasks that the globs of a word match: the server takes whole names alone.

    Older runs may be of tasks that are not known, so that they are searched all the same.
    """
    for word in words:
        globs = [value for value in word.values if typed.is_glob(value)] if word.field == "task" else []
        matches = typed.whole_text_test(globs)
        tasks = tuple(TaskId(task) for task in known.tasks if globs and matches(task.casefold()))
        if 0 < len(tasks) <= MAX_GLOB_TASKS and not filters.tasks:
            yield replace(filters, tasks=tasks)


def _by_queue(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    """Yield a list for each queue. Rows do not contain their queue: only a list of a single queue makes it known."""
    for name in () if filters.queues else _usable_names(names):
        for spelled in _spellings(name, known.queues):
            yield replace(filters, queues=(spelled,))


def _usable_names(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if is_typable(name) and len(name) <= MAX_NAME_CHARS][:MAX_NAMES]


def _combined_filters(words: Iterable[typed.Word], active: RunFilters, known: KnownValues) -> RunFilters:
    """Add the fields of the filter to the server filters that are active, for fields that have no server filter yet."""
    filters = active
    for word in words:
        values = tuple(typed.plain_values(word.rest))
        if not values or len(values) != len(word.values):
            continue  # a glob may match more values than the known ones
        match word.field:
            case "task" if not filters.tasks:
                tasks = [each for value in values for each in known.tasks if each.casefold() == value.casefold()]
                if len(tasks) >= len(values):
                    filters = replace(filters, tasks=tuple(map(TaskId, dict.fromkeys(tasks))))
            # Versions are compared with their case, of which these have none.
            case "version" if not filters.versions and all(is_typable(v) and v.upper() == v.lower() for v in values):
                filters = replace(filters, versions=values)
            case "status" if not filters.statuses:
                filters = replace(filters, statuses=rest_words_of(word.values))
            case _:
                pass
    return filters


def status_words(text: str) -> tuple[str, ...]:
    """Return the words of `filter[status]` for a status or a group of them, as a user types it; () for none."""
    return filter_words(text) or rest_words_of([text.casefold()])


def rest_words_of(patterns: list[str]) -> tuple[str, ...]:
    """Return the REST words of the values of `status:`; () if REST lacks a word for a part of their meaning."""
    parsed = typed.read_status_words(patterns)
    titles = {row.title for row in STATUS_TABLE if row.canonical in parsed.group} | parsed.titles
    if len(titles) > 1:
        titles.discard("Failed to run")  # current servers neither have nor filter by this status
    # REST has no word for "Failed to run".
    rest = dict.fromkeys(
        (row.rest or row.rest_fallback) if row.filter else "" for row in STATUS_TABLE if row.title in titles
    )
    return () if parsed.unknown or not rest or "" in rest else tuple(rest)
