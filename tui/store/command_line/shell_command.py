"""The shell command that prints what a view shows, if there is one that is equal.

`ls` has no text search, no negation, no durations and one order, and it knows whole names only: globs become the loaded
names that they match. Where no command is equal, the program is started with the address. No command holds a key.
"""

import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from tui.domain.filters import parse_period
from tui.domain.status import STATUS_TABLE, live_statuses
from tui.lazy_dataclass import dataclass
from tui.store.addresses.view_address import ViewAddress
from tui.store.filter import is_field
from tui.store.filter_words import Word, patterns_of, plain_values, split_words, whole_text_test
from tui.store.search_plan import rest_words_of

PROGRAM: Final = "trigger-tui"
LS_LIMIT: Final = 50
"""The runs that `ls` prints without `--limit`."""

MAX_NAMES: Final = 20
"""Names that a glob may become."""

_OPTIONS: Final = ("task", "status", "tag", "version", "queue")
_LIMITS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True)
class LoadedNames:
    """The values of loaded runs by field. `are_all`: every loaded run was counted, and no value was left out."""

    values: Mapping[str, Iterable[str]]
    are_all: bool


class _NoOption(Exception):
    """A word has no option that means the same."""


def shell_command(address: ViewAddress, names: LoadedNames, found: int | None = None) -> str:
    """Return the command. `found` is the number of runs that the view shows, where it is known."""
    return shlex.join(_arguments(address, names, found))


def _arguments(address: ViewAddress, names: LoadedNames, found: int | None) -> list[str]:
    if address.run is not None and str(address) == str(ViewAddress(address.view, run=address.run)):
        return [PROGRAM, "show", address.run]
    if address.view == "runs":
        try:
            return [PROGRAM, "ls", *_options(address, names), *_limit(found)]
        except _NoOption:
            pass
    if address == ViewAddress("queues"):
        return [PROGRAM, "queues"]
    return [PROGRAM, str(address)]


def _options(address: ViewAddress, names: LoadedNames) -> list[str]:
    """Return the options of `ls`. Raises `_NoOption` if none are equal."""
    if (
        address.sort not in {"", "created"}
        or address.server.machines
        or address.server.regions
        or address.server.errors
    ):
        raise _NoOption
    values: dict[str, tuple[str, ...]] = {
        "task": address.server.tasks,
        "status": address.server.statuses,
        "tag": address.server.tags,
        "version": address.server.versions,
        "queue": address.server.queues,
    }
    for word in split_words(address.filter):
        name = word.field or ""
        if name in _OPTIONS and not word.values:
            continue  # an unfinished word is no filter yet
        if word.is_negated or not is_field(word) or name not in _OPTIONS or values[name]:
            raise _NoOption  # two words of one field are an "and", which no option can say
        values[name] = _statuses(word) if name == "status" else _names(word, names)
    if any("," in value or value != value.strip() or not value for each in values.values() for value in each):
        raise _NoOption  # `ls` splits at commas
    options = [part for name in _OPTIONS for value in values[name] for part in (f"--{name}", _shown(name, value))]
    return [*options, *_period(address.since, values["status"])]


def _period(since: str, statuses: tuple[str, ...]) -> list[str]:
    if not since:
        return []
    if parse_period(since) is not None and live_statuses(statuses):
        raise _NoOption  # the list also has live runs that are older
    return ["--period", since]


def _statuses(word: Word) -> tuple[str, ...]:
    """Return the words of the server for `status:`."""
    words = rest_words_of(word.values)
    if not words:
        raise _NoOption
    return words


def _names(word: Word, names: LoadedNames) -> tuple[str, ...]:
    """Return the whole names that a word matches, in the case in which runs have them."""
    known = tuple(names.values.get(word.field or "", ()))
    found: dict[str, None] = {}
    plain = plain_values(word.rest)
    if len(plain) < len(word.values) and not names.are_all:
        raise _NoOption  # a glob may match names that are not counted yet
    for pattern in patterns_of(word.rest):
        test = whole_text_test([pattern])
        matched = [name for name in known if test(name.casefold())]
        typed = [text for text in plain if text.casefold() == _literal(pattern)]
        found |= dict.fromkeys(sorted(matched) or typed)
    if not found or len(found) > MAX_NAMES:
        raise _NoOption
    return tuple(found)


def _literal(pattern: str) -> str:
    """Return the text that a pattern without a glob stands for."""
    return pattern.replace("[*]", "*").replace("[?]", "?").replace("[[]", "[")


def _shown(name: str, value: str) -> str:
    """Return a status in the words of a user; other values as they are."""
    if name != "status":
        return value
    title = next((row.title for row in STATUS_TABLE if row.rest == value), value)
    return title.casefold().replace(" ", "-")


def _limit(found: int | None) -> list[str]:
    """Return the limit that prints all runs that were found, if it is not the default."""
    if found is None or found <= LS_LIMIT:
        return []
    limit = next((each for each in _LIMITS if each >= found), found)
    return ["--limit", str(limit)]
