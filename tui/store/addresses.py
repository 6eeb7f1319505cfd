"""Addresses: a view of the monitor as a text that opens it again, and the views saved under names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Final, NamedTuple, NoReturn
from urllib.parse import quote, unquote

from tui.domain.filters import LISTS, NO_PERIOD, InvalidPeriod, RunFilters, read_period
from tui.domain.run import SAFE_ID, RunId, typed_words
from tui.lazy_dataclass import dataclass
from tui.store.changes import ORDERS
from tui.store.filter import FIELDS, Word, is_field, parse_filter, plain_values, split_words

# The views that have an address, the names that an address may have, and what their values may be.
#
# `read_setting` functions take a `report`: a strict reader raises there, one that uses the rest collects the sentences.


RUNS: Final = "runs"
ERRORS: Final = "errors"
RUN: Final = "run"
QUEUES: Final = "queues"
WALL: Final = "wall"

SINCE: Final = "since"
SORT: Final = "sort"
ID: Final = "id"
PANE: Final = "pane"
TEXT: Final = "q"
"""The name of a word without a field in an address."""

SERVER_PREFIX: Final = "server-"
_SINGLE: Final = {"error": "error group", "schedule": "schedule"}

Report = Callable[[str], None]
"""Receives a sentence about a part that does not fit."""

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class AddressedView(NamedTuple):
    """What an address of a view may have. `sorts` returns the id of an order for each of its names."""

    sorts: Callable[[], Mapping[str, str]] = dict
    sentence: Callable[[], str] = str
    """Returns a sentence about it, for the command line; empty for a view that has no command there."""

    has_fields: bool = False
    """Whether its filter has the fields of runs."""

    periods: tuple[str, ...] = ()
    """The periods that it can show; empty: every period, and spans of time."""

    has_period: bool = True
    """Whether it is about a period, and the server's filters apply to it."""

    panes: tuple[str, ...] = ()
    """The panes of a run, the usual one first. Only the view of one run has any."""

    @property
    def has_run(self) -> bool:
        """Whether it shows one run."""
        return bool(self.panes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its settings. Other names belong to its filter."""
        if not self.has_run and not self.has_period:
            return (SORT,)
        return (ID, PANE) if self.has_run else (SINCE, SORT, *(SERVER_PREFIX + name for name in LISTS))


_RUN_SORTS: Final = {order.title: order.id for order in ORDERS} | {order.id: order.id for order in ORDERS}

VIEWS: Final[dict[str, AddressedView]] = {
    ERRORS: AddressedView(
        lambda: {name: name for name in ("new", "most", "latest", "first-seen", "task")},
        lambda: "What fails, since when, in which version.",
        periods=("1h", "6h", "24h", "7d", "30d"),
    ),
    RUNS: AddressedView(lambda: _RUN_SORTS, lambda: "The list, by task: status: tag: since: …", has_fields=True),
    WALL: AddressedView(periods=("1h", "5h", "20h")),
    RUN: AddressedView(panes=("detail", "attempts", "tree", "waterfall", "logs")),
}
"""The views that have an address. Lists that are declared are added when they are registered."""


def register_list(name: str, sorts: Callable[[], Sequence[str]], sentence: Callable[[], str]) -> None:
    """Give a declared list its address. Both functions are called when they are first needed."""
    VIEWS[name] = AddressedView(lambda: {each: each for each in sorts()}, sentence, has_period=False)


class AddressError(ValueError):
    """A text is no address. The message is one sentence, with the nearest name where there is one. It has raw text."""


def _known(what: str, text: str, known: Iterable[str], report: Report) -> str:
    """Return a name in lower case; "" for an unknown one."""
    name, names = text.casefold(), tuple(known)
    if name and name not in names:
        report(f'no {what} "{text}"{nearest(name, names)}; the {what}s are {" ".join(names)}')
        return ""
    return name


def _period_of(text: str, view: AddressedView, report: Report) -> str:
    """Return a period that the view can show, or "". Only where the time is, it is known whether a span has begun."""
    if text and view.periods and text not in view.periods:
        report(f'no period "{text}" in this view; the periods are {" ".join(view.periods)}')
        return ""
    problem = period_problem(text, _ANY_TIME) or ""
    if problem.endswith(NO_PERIOD):
        report(problem)
        return ""
    return text


def read_run(text: str, view: AddressedView) -> RunId | None:
    """Return the run of the view of one run. Raises `AddressError`: without a run there is nothing to show."""
    if not view.has_run:
        return None
    if not text:
        raise AddressError("the id of the run is missing: run?id=run_…")
    if not SAFE_ID.match(text):
        raise AddressError(f'"{text}" is not a run id (run_…)')
    return RunId(text)


def read_server_values(name: str, text: str, report: Report) -> tuple[str, ...]:
    """Return the values of one of the server's filters, such as `status`."""
    from tui.store.server_filter import is_typable  # noqa: PLC0415  few addresses have these values

    values = plain_values(text)
    if not values:
        report(f'{SERVER_PREFIX}{name}: write the whole name, without "*" and "?"')
    if name == "status":
        return tuple(dict.fromkeys(word for value in values for word in _rest_words(value, report)))
    if name in _SINGLE and len(values) > 1:
        report(f"{SERVER_PREFIX}{name}: the server takes one {_SINGLE[name]}")
        values = values[:1]
    for value in values:
        if not is_typable(value):
            report(f'{SERVER_PREFIX}{name}: "{value}" cannot be filtered by')
    return tuple(dict.fromkeys(value for value in values if is_typable(value)))


def _rest_words(value: str, report: Report) -> tuple[str, ...]:
    from tui.store.server_filter import status_words  # noqa: PLC0415  few addresses have these words

    if not (words := status_words(value)):
        report(f'{SERVER_PREFIX}status: no status "{value}"')
    return words


def period_problem(since: str, now: datetime) -> str | None:
    """Return why a text is neither a period nor a span of time, as a sentence without a stop; None if it is one."""
    if since:
        try:
            read_period(since, now)
        except InvalidPeriod as error:
            return f'"{since}" {error}'
    return None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the most similar name, as the rest of a sentence; "" if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415  most addresses are right

    near = get_close_matches(name, tuple(known), 1)
    return f", nearest: {near[0]}" if near else ""


def lists_of(filters: RunFilters) -> RunFilters:
    """Return the part of the server's filters that an address has beside the period."""
    return RunFilters.of(filters.lists)


# `ViewAddress`: a view of the monitor as a text that opens it again: `runs?task=charge-*&status=failed&sort=took`.
#
# It has two notations, with the same words. An address always has a `?`, and its values are percent-encoded. The
# command line separates words by spaces, as the filter after `/` does: `runs task:charge-* status:failed sort:took`.
#
# * The fields of a filter of runs are its own: `task` `status` `tag` `took` …; a `-` before a field negates it. Words
#   without a field are `q` in an address. Other lists have other fields.
# * `since` is a period or a span of time, `sort` an order, `id` the run of the view `run`, `pane` what it shows of it.
# * `server-task`, `server-status` … are the filters that the server applies (`f`).


MAX_CHARS: Final = 8_000
"""A longer text is no address."""

_UNQUOTED: Final = "*?,:/<>\"'.-_~@!()"
"""Characters that stand in an address as they are. `&` and `#` would end a value, `%` and `+` have other meanings."""


@dataclass(frozen=True, slots=True)
class ViewAddress:
    """A view and what it shows.

    * `filter`: as typed after `/`
    * `since`: as typed in `f`; whether it is a period is known only where the time is; empty: the view's own
    * `sort`: the id of an order; empty: the view's own
    * `run`, `pane`: the run of the view `run` and what is shown of it; otherwise None and empty
    * `server`: the lists of the server's filters; the rest of `RunFilters` has no address
    """

    view: str = RUNS
    filter: str = ""
    since: str = ""
    sort: str = ""
    run: RunId | None = None
    server: RunFilters = field(default_factory=RunFilters)
    pane: str = ""

    def __str__(self) -> str:
        """Return the address, without spaces."""
        return f"{self.view}?" + "&".join(f"{name}={quote(value, safe=_UNQUOTED)}" for name, value in self._parts())

    @property
    def words(self) -> str:
        """The same for the command line, with spaces between words."""
        run = () if self.run is None else (str(self.run),)
        filters = (self.filter,) if self.filter else ()
        named = (
            f'{name}:"{value}"' if name == SINCE and " " in value else f"{name}:{value}"
            for name, value in self._settings()
        )
        return " ".join((self.view, *run, *filters, *named))

    def _parts(self) -> Iterable[tuple[str, str]]:
        for word in split_words(self.filter):
            sign = "-" if word.is_negated else ""
            yield (f"{sign}{word.name}", word.rest) if is_field(word) else (f"{sign}{TEXT}", word.source)
        if self.run is not None:
            yield ID, self.run
        yield from self._settings()

    def _settings(self) -> Iterable[tuple[str, str]]:
        for name, values in self.server.lists.items():
            if values:
                typed = typed_words(values) if name == "status" else values
                yield SERVER_PREFIX + name, ",".join(_quoted(value) for value in typed)
        if self.since:
            yield SINCE, self.since
        if self.sort:
            yield SORT, self.sort
        if self.pane:
            yield PANE, self.pane


class ReadAddress(NamedTuple):
    """An address without its parts that do not fit, and a sentence without a stop for each of those.

    `address` is None if nothing of it can be used.
    """

    address: ViewAddress | None
    problems: tuple[str, ...]


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address and not as a command: it has a `?` after a word."""
    return "?" in text and text.partition("?")[0].isalpha()


def parse_address(text: str) -> ViewAddress:
    """Parse an address, such as `runs?task=charge-*`. Raises `AddressError`."""
    return _parse_address(text, _refuse)


def read_address(text: str) -> ReadAddress:
    """Read an address of an earlier version, or one that was written by hand: what does not fit is left out."""
    problems: list[str] = []
    try:
        return ReadAddress(_parse_address(text, problems.append), tuple(problems))
    except AddressError as error:
        return ReadAddress(None, (*problems, str(error)))


def _parse_address(text: str, report: Report) -> ViewAddress:
    view, mark, query = text.strip().partition("?")
    if not mark:
        raise AddressError(f'an address needs a "?": {view}?')
    parts = (part.partition("=") for part in query.split("&") if part)
    words = [_word(unquote(name), unquote(value)) for name, _, value in parts]
    return _address(view, " ".join(words), len(text), report)


def parse_words(text: str) -> ViewAddress:
    """Parse the words of a command line, such as `runs task:charge-* since:2h`. Raises `AddressError`.

    The word after `run` is its id.
    """
    view, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    first, _, others = rest.partition(" ")
    if view.casefold() == RUN and rest and ":" not in first:
        rest = f"{ID}:{first} {others}"
    return _address(view, rest, len(text), _refuse)


def _refuse(problem: str) -> NoReturn:
    raise AddressError(problem)


def _address(view: str, words: str, length: int, report: Report) -> ViewAddress:
    if length > MAX_CHARS:
        raise AddressError(f"an address has at most {MAX_CHARS:,} characters")
    form = VIEWS.get(view.casefold())
    if form is None:
        raise AddressError(f'no view "{view}"{nearest(view.casefold(), VIEWS)}; the views are {" ".join(VIEWS)}')
    parts: list[Word] = []
    settings: dict[str, str] = {}
    for word in split_words(words):
        if word.field is None or word.field not in form.names:
            parts.append(word)
        elif word.is_negated:
            report(f'"{word.field}" cannot be negated')
        elif not word.rest:
            report(f'"{word.field}" has no value')
        elif word.field in settings:
            report(f'"{word.field}" is given twice')
        else:
            settings[word.field] = word.rest
    plain = {name: settings.get(name, "").replace('"', "") for name in (SINCE, SORT, ID, PANE)}
    # In this order the sentences are reported.
    text, since = _filter_text(parts, form, report), _period_of(plain[SINCE], form, report)
    sorts = form.sorts() if plain[SORT] else {}
    sort, run = _known("order", plain[SORT], sorts, report), read_run(plain[ID], form)
    server = {
        name: read_server_values(name, settings[SERVER_PREFIX + name], report)
        for name in LISTS
        if SERVER_PREFIX + name in settings
    }
    pane = _known("pane", plain[PANE], form.panes, report)
    pane = "" if form.panes[:1] == (pane,) else pane
    return ViewAddress(view.casefold(), text, since, sorts.get(sort, ""), run, RunFilters.of(server), pane)


def _filter_text(words: Iterable[Word], form: AddressedView, report: Report) -> str:
    """Return the words of the filter that fit, as one text."""
    texts: list[str] = []
    for word in words:
        source = f"{word.name}:{word.rest}" if is_field(word) else word.source  # a field in lower case
        # A word whose last quote is closed, so that another may follow.
        text = f"{'-' if word.is_negated else ''}{source}" + '"' * (source.count('"') % 2)
        problem = _problem_of(word, text, form)
        if problem:
            report(problem)
        else:
            texts.append(text)
    whole = " ".join(texts)
    if form.has_fields and (invalid := parse_filter(whole).invalid_words):
        report(f"{invalid[0].word}: {invalid[0].reason}")  # too many words or values
        return ""
    return whole


def _problem_of(word: Word, text: str, form: AddressedView) -> str:
    """Return why a word does not fit the view; empty if it does."""
    if form.has_run:
        return f'a run is named by its id, not by "{text}"'
    # The fields of another list are its own; any other word is a text.
    for invalid in parse_filter(f"{text} ").invalid_words if form.has_fields else ():
        name = word.field or ""
        hint = nearest(name, (*FIELDS, *VIEWS[RUNS].names)) if name not in FIELDS else ""
        return f"{invalid.word}: {f'no field {name!r}{hint}' if hint else invalid.reason}"
    return ""


def _word(name: str, value: str) -> str:
    """Return the word of a filter for one part of an address. A value that is several words is quoted."""
    sign, name = ("-", name[1:]) if name.startswith("-") else ("", name)
    is_text = name.casefold() == TEXT
    words = split_words(value)
    if len(words) > 1 or value.count('"') % 2 or value.strip() != value or (is_text and any(map(is_field, words))):
        value = _quoted(value, always=True)
    return f"{sign}{value}" if is_text else f"{sign}{name}:{value}"


def _quoted(value: str, *, always: bool = False) -> str:
    """Return a value in quotes if it would otherwise be several words or values, or a glob. It loses its own quotes."""
    plain = value.replace('"', "")
    return f'"{plain}"' if always or any(each.isspace() or each in ",*?[:" for each in plain) else plain
