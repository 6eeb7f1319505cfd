"""What a typed filter can be asked of the server by.

A filter matches runs that were read. This tells by which names, ids and texts a server finds others. Source:
wire/README.md §3, recordings 020-063; tests/wire/recordings/README.md.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, TaskId
from tui.domain.status import STATUS_TABLE
from tui.store.filter import is_field
from tui.store.filter_words import Word, patterns_of, plain_values, split_words
from tui.store.server_filter import KnownValues, is_typable
from tui.store.status_words import read_status_words

MAX_NAMES: Final = 3
"""Texts that may each be a tag or a task: two lists a text."""

MAX_NAME_CHARS: Final = 200
"""A tag has at most 128; a longer text is no name."""

MAX_SPELLINGS: Final = 5

MAX_ERROR_TEXTS: Final = 5

_RUN_ID: Final = re.compile(r"run_[A-Za-z0-9]{20,64}\Z")
"""A whole id; a part of one is text."""

# REST tells and filters these by the word of another status; "Failed to run" by none (wire/README.md §2).
_REST_WORDS: Final = {row.title: row.rest for row in STATUS_TABLE} | {
    "Reattempting": "EXECUTING",
    "Interrupted": "FAILED",
}


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Questions that a filter becomes.

    `run_ids` are whole ids. `lists` are complete lists by a name: of a tag, a task, a queue. `filters` narrow every
    other list. `error_texts` are looked for in the errors of failed runs, one of them has to be there; they may hold
    globs. `reads_errors`: whether a run matches may depend on its error. `reads_older`: older runs may match.
    """

    run_ids: tuple[RunId, ...] = ()
    lists: tuple[RunFilters, ...] = ()
    filters: RunFilters = field(default_factory=RunFilters)
    error_texts: tuple[str, ...] = ()
    reads_errors: bool = False
    reads_older: bool = True


def plan_search(text: str, followed: RunFilters, known: KnownValues) -> SearchPlan:
    """Understand what a filter's text can be asked by, under the server filters that are followed anyway.

    `known` spells names as the server does: a filter knows no case, the server does.
    """
    all_words = split_words(text)
    words = [word for word in all_words if not word.is_negated]
    texts = [value for word in words if not is_field(word) for value in plain_values(word.source)]
    ids = _values(words, "id")
    filters = _narrowed(words, followed, known)
    run_ids = tuple(RunId(value) for value in dict.fromkeys([*ids, *texts]) if _RUN_ID.match(value))
    names = [value for value in texts if not _RUN_ID.match(value)]
    queues = _values(words, "queue")
    errors = [each for word in words if word.field == "error" for each in patterns_of(word.rest, is_folded=False)]
    in_errors = errors or [each for word in words if _may_be_error(word) for each in patterns_of(word.source)]
    lists = [
        *_by_tag([*_values(words, "tag"), *names], filters, known),
        *_by_task([*_values(words, "task"), *names], filters, known),
        *_by_queue(queues, filters, known),
    ]
    return SearchPlan(
        run_ids,
        tuple(dict.fromkeys(lists)),
        filters,
        tuple(dict.fromkeys(in_errors))[:MAX_ERROR_TEXTS],
        reads_errors=any(word.field == "error" or _may_be_error(word) for word in all_words),
        # An id is one run; lists by a queue have all that can match.
        reads_older=not run_ids and not queues,
    )


def _may_be_error(word: Word) -> bool:
    """Whether a word is looked for in errors too: a text, but not a whole id."""
    return not is_field(word) and not all(map(_RUN_ID.match, patterns_of(word.source, is_folded=False)))


def _values(words: Iterable[Word], name: str) -> list[str]:
    return [value for word in words if word.field == name for value in plain_values(word.rest)]


def _spelled(name: str, known: Iterable[str]) -> list[str]:
    """A name as the server may spell it: as it was typed, and as runs have it here."""
    same = [each for each in known if each.casefold() == name.casefold()]
    return list(dict.fromkeys([*same, name]))[:MAX_SPELLINGS]


def _by_tag(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    for name in _first(names):
        if not filters.tags:
            yield replace(filters, tags=tuple(_spelled(name, known.tags)))


def _by_task(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    for name in _first(names):
        if not filters.tasks:
            yield replace(filters, tasks=tuple(map(TaskId, _spelled(name, known.tasks))))


def _by_queue(names: Iterable[str], filters: RunFilters, known: KnownValues) -> Iterable[RunFilters]:
    """A row does not tell its queue: it is known only of a list by one queue."""
    for name in _first(names):
        for spelled in _spelled(name, known.queues):
            if not filters.queues:
                yield replace(filters, queues=(spelled,))


def _first(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if is_typable(name) and len(name) <= MAX_NAME_CHARS][:MAX_NAMES]


def _narrowed(words: Iterable[Word], followed: RunFilters, known: KnownValues) -> RunFilters:
    """The followed filters, with what the fields of a filter surely add where nothing is followed."""
    filters = followed
    for word in words:
        values = tuple(plain_values(word.rest))
        if not values or len(values) != len(word.values):
            continue  # a glob among them means more than the others
        match word.field:
            case "task" if not filters.tasks:
                tasks = [each for value in values for each in known.tasks if each.casefold() == value.casefold()]
                if len(tasks) >= len(values):
                    filters = replace(filters, tasks=tuple(map(TaskId, dict.fromkeys(tasks))))
            case "version" if not filters.versions and all(map(_has_no_case, values)):
                filters = replace(filters, versions=values)
            case "status" if not filters.statuses:
                filters = replace(filters, statuses=_statuses(word))
            case _:
                pass
    return filters


def _has_no_case(value: str) -> bool:
    return is_typable(value) and value.upper() == value.lower()


def _statuses(word: Word) -> tuple[str, ...]:
    """The REST words of what a status word means, or none where the server has no word for a part of it."""
    meant = read_status_words(word.values)
    titles = {row.title for row in STATUS_TABLE if row.canonical in meant.group} | meant.titles
    if len(titles) > 1:
        titles.discard("Failed to run")  # no server of today has it, and none filters by it
    rest = dict.fromkeys(_REST_WORDS[row.title] for row in STATUS_TABLE if row.title in titles)
    return () if meant.unknown or not rest or "" in rest else tuple(rest)
