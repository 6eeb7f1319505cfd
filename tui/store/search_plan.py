"""Plans how to search the server for runs that match the user's filter.

The filter itself is applied to runs in the store. The plan says which requests find more matching runs on the server:
by id, by lists of a tag, a task or a queue, and by the errors of failed runs.
Source: tests/wire/recordings/README.md §3.
"""

import re
from collections.abc import Iterable
from dataclasses import field, replace
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, TaskId
from tui.domain.status import STATUS_TABLE
from tui.lazy_dataclass import dataclass
from tui.store.filter import is_field
from tui.store.filter_words import Word, is_glob, patterns_of, plain_values, split_words, whole_text_test
from tui.store.server_filter import KnownValues, is_typable
from tui.store.status_words import read_status_words

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

# REST uses the word of another status for these two. It has no word for "Failed to run".
_REST_WORDS: Final = {row.title: row.rest for row in STATUS_TABLE} | {
    "Reattempting": "EXECUTING",
    "Interrupted": "FAILED",
}


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The requests that may find runs matching a filter.

    * `run_ids`: complete ids in the filter.
    * `lists`: the lists of a tag, a task or a queue that the filter names.
    * `filters`: restrict the list of all older runs.
    * `error_texts`: texts or globs; the error of a failed run must contain one of them.
    * `reads_errors`: the errors of failed runs must be read, since a match may depend on them.
    * `reads_older`: older runs may match too.
    """

    run_ids: tuple[RunId, ...] = ()
    lists: tuple[RunFilters, ...] = ()
    filters: RunFilters = field(default_factory=RunFilters)
    error_texts: tuple[str, ...] = ()
    reads_errors: bool = False
    reads_older: bool = True


def plan_search(text: str, active: RunFilters, known: KnownValues) -> SearchPlan:
    """Plan the search for a filter's text, within the `active` server filters.

    The filter ignores case and the server does not. `known` has the names as the server spells them.
    """
    all_words = split_words(text)
    words = [word for word in all_words if not word.is_negated]
    texts = [value for word in words if not is_field(word) for value in plain_values(word.source)]
    ids = _values(words, "id")
    filters = _combined_filters(words, active, known)
    run_ids = tuple(RunId(value) for value in dict.fromkeys([*ids, *texts]) if _RUN_ID.match(value))
    names = [value for value in texts if not _RUN_ID.match(value)]
    queues = _values(words, "queue")
    errors = [each for word in words if word.field == "error" for each in patterns_of(word.rest, is_folded=False)]
    error_texts = errors or [each for word in words if _may_be_error(word) for each in patterns_of(word.source)]
    lists = [
        *_by_tag([*_values(words, "tag"), *names], filters, known),
        *_by_task([*_values(words, "task"), *names], filters, known),
        *_by_task_globs(words, filters, known),
        *_by_queue(queues, filters, known),
    ]
    return SearchPlan(
        run_ids,
        tuple(dict.fromkeys(lists)),
        filters,
        tuple(dict.fromkeys(error_texts))[:MAX_ERROR_TEXTS],
        reads_errors=any(word.field in {"error", "group"} or _may_be_error(word) for word in all_words),
        # An id belongs to one run, and the lists of a queue contain every run that can match.
        reads_older=not run_ids and not queues,
    )


def _may_be_error(word: Word) -> bool:
    """Return whether a word is also searched in errors: it is text, and not a complete id."""
    return not is_field(word) and not all(map(_RUN_ID.match, patterns_of(word.source, is_folded=False)))


def _values(words: Iterable[Word], name: str) -> list[str]:
    return [value for word in words if word.field == name for value in plain_values(word.rest)]


def _spellings(name: str, known: Iterable[str]) -> list[str]:
    """Return the spellings of a name: as typed, and as runs in the store have it."""
    same = [each for each in known if each.casefold() == name.casefold()]
    return list(dict.fromkeys([*same, name]))[:MAX_SPELLINGS]


def _by_tag(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    for name in _usable_names(names):
        if not filters.tags:
            yield replace(filters, tags=tuple(_spellings(name, known.tags)))


def _by_task(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    for name in _usable_names(names):
        if not filters.tasks:
            yield replace(filters, tasks=tuple(map(TaskId, _spellings(name, known.tasks))))


def _by_task_globs(words: Iterable[Word], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    """Yield a list of the known tasks that the globs of a word match: the server takes whole names alone.

    Older runs may be of tasks that are not known, so that they are searched all the same.
    """
    for word in words:
        globs = [value for value in word.values if is_glob(value)] if word.field == "task" else []
        matches = whole_text_test(globs)
        tasks = tuple(TaskId(task) for task in known.tasks if globs and matches(task.casefold()))
        if 0 < len(tasks) <= MAX_GLOB_TASKS and not filters.tasks:
            yield replace(filters, tasks=tasks)


def _by_queue(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    """Yield a list for each queue. Rows do not contain their queue: only a list of a single queue makes it known."""
    for name in _usable_names(names):
        for spelled in _spellings(name, known.queues):
            if not filters.queues:
                yield replace(filters, queues=(spelled,))


def _usable_names(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if is_typable(name) and len(name) <= MAX_NAME_CHARS][:MAX_NAMES]


def _combined_filters(words: Iterable[Word], active: RunFilters, known: KnownValues) -> RunFilters:
    """Add the fields of the filter to the server filters that are active, for fields that have no server filter yet."""
    filters = active
    for word in words:
        values = tuple(plain_values(word.rest))
        if not values or len(values) != len(word.values):
            continue  # a glob may match more values than the known ones
        match word.field:
            case "task" if not filters.tasks:
                tasks = [each for value in values for each in known.tasks if each.casefold() == value.casefold()]
                if len(tasks) >= len(values):
                    filters = replace(filters, tasks=tuple(map(TaskId, dict.fromkeys(tasks))))
            case "version" if not filters.versions and all(map(_has_no_case, values)):
                filters = replace(filters, versions=values)
            case "status" if not filters.statuses:
                filters = replace(filters, statuses=rest_words_of(word.values))
            case _:
                pass
    return filters


def _has_no_case(value: str) -> bool:
    return is_typable(value) and value.upper() == value.lower()


def rest_words_of(patterns: list[str]) -> tuple[str, ...]:
    """Return the REST words of the values of `status:`; () if REST lacks a word for a part of their meaning."""
    parsed = read_status_words(patterns)
    titles = {row.title for row in STATUS_TABLE if row.canonical in parsed.group} | parsed.titles
    if len(titles) > 1:
        titles.discard("Failed to run")  # current servers neither have nor filter by this status
    rest = dict.fromkeys(_REST_WORDS[row.title] for row in STATUS_TABLE if row.title in titles)
    return () if parsed.unknown or not rest or "" in rest else tuple(rest)
