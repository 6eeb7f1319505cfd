"""`ViewAddress`: a view of the monitor as a text that opens it again: `runs?task=charge-*&status=failed&sort=took`.

It has two notations, with the same words. An address always has a `?`, and its values are percent-encoded. The command
line separates words by spaces, as the filter after `/` does: `runs task:charge-* status:failed sort:took`.

* The fields of a filter of runs are its own: `task` `status` `tag` `took` …; a `-` before a field negates it. Words
  without a field are `q` in an address. Other views are filtered by such words alone.
* `since` is a period or a span of time, `sort` an order, `id` the run of the view `run`.
* `server-task`, `server-status` … are the filters that the server applies (`f`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.store.filter import is_field, parse_filter
from tui.store.filter_terms import FIELDS
from tui.store.filter_words import Word, plain_values, split_words
from tui.store.orders import ORDERS

MAX_CHARS: Final = 8_000
"""A longer text is no address."""

RUNS: Final = "runs"
ERRORS: Final = "errors"
RUN: Final = "run"

SINCE: Final = "since"
SORT: Final = "sort"
ID: Final = "id"
TEXT: Final = "q"
"""The name of a word without a field in an address."""

SERVER_PREFIX: Final = "server-"
_SERVER_LISTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "status": "statuses",
        "task": "tasks",
        "tag": "tags",
        "version": "versions",
        "queue": "queues",
        "machine": "machines",
        "region": "regions",
    }
)
"""The field of `RunFilters` for each word of the server's filters."""

_UNQUOTED: Final = "*?,:/<>\"'.-_~@!()"
"""Characters that stand in an address as they are. `&` and `#` would end a value, `%` and `+` have other meanings."""


class AddressedView(NamedTuple):
    """What an address of a view may have. `sorts` has the id of an order for each of its names."""

    sorts: Mapping[str, str]
    has_fields: bool = False
    """Whether its filter has fields, and the server filters too."""

    has_run: bool = False


_RUN_SORTS: Final = {order.title: order.id for order in ORDERS} | {order.id: order.id for order in ORDERS}

VIEWS: Final[Mapping[str, AddressedView]] = MappingProxyType(
    {
        RUNS: AddressedView(_RUN_SORTS, has_fields=True),
        ERRORS: AddressedView({name: name for name in ("new", "most", "latest", "first-seen", "task")}),
        RUN: AddressedView({}, has_run=True),
    }
)
"""The views that have an address."""


class AddressError(ValueError):
    """A text is no address. The message is one sentence, with the nearest name where there is one. It has raw text."""


@dataclass(frozen=True, slots=True)
class ViewAddress:
    """A view and what it shows.

    * `filter`: as typed after `/`
    * `since`: as typed in `f`; whether it is a period is known only where the time is; empty: the view's own
    * `sort`: the id of an order; empty: the view's own
    * `run`: the run of the view `run`, otherwise None
    * `server`: the lists of the server's filters; the rest of `RunFilters` has no address
    """

    view: str = RUNS
    filter: str = ""
    since: str = ""
    sort: str = ""
    run: RunId | None = None
    server: RunFilters = field(default_factory=RunFilters)

    def __str__(self) -> str:
        """Return the address, without spaces."""
        return f"{self.view}?" + "&".join(_encoded(name, value) for name, value in self._parts())

    @property
    def words(self) -> str:
        """The same for the command line, with spaces between words."""
        if self.run is not None:
            return f"{self.view} {self.run}"
        filters = (self.filter,) if self.filter else ()
        named = (f"{name}:{value}" for name, value in self._settings())
        return " ".join((self.view, *filters, *named))

    def _parts(self) -> Iterable[tuple[str, str]]:
        for word in split_words(self.filter):
            sign = "-" if word.is_negated else ""
            yield (f"{sign}{word.field}", word.rest) if is_field(word) else (f"{sign}{TEXT}", word.source)
        if self.run is not None:
            yield ID, self.run
        yield from self._settings()

    def _settings(self) -> Iterable[tuple[str, str]]:
        for name, attribute in _SERVER_LISTS.items():
            if values := getattr(self.server, attribute):
                yield SERVER_PREFIX + name, ",".join(_quoted(value) for value in values)
        if self.since:
            yield SINCE, _quoted(self.since) if len(self.since.split()) > 1 else self.since
        if self.sort:
            yield SORT, self.sort


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address and not as a command: it has a `?` behind a word."""
    return "?" in text and text.partition("?")[0].isalpha()


def parse_address(text: str) -> ViewAddress:
    """Parse an address, such as `runs?task=charge-*`. Raises `AddressError`."""
    view, mark, query = text.strip().partition("?")
    if not mark:
        raise AddressError(f'an address has a "?": {view}?')
    words = [_word(*_decoded(part)) for part in query.split("&") if part]
    return _address(view, " ".join(words), len(text))


def parse_words(text: str) -> ViewAddress:
    """Parse the words of a command line, such as `runs task:charge-* since:2h`. Raises `AddressError`.

    The word behind `run` is its id.
    """
    view, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if view == RUN and rest and ":" not in rest:
        rest = f"{ID}:{rest}"
    return _address(view, rest, len(text))


def _address(view: str, words: str, length: int) -> ViewAddress:
    if length > MAX_CHARS:
        raise AddressError(f"an address has at most {MAX_CHARS:,} characters")
    form = VIEWS.get(view.casefold())
    if form is None:
        raise AddressError(f'no view "{view}"{_nearest(view, VIEWS)}; the views are {" ".join(VIEWS)}')
    texts: list[str] = []
    settings: dict[str, str] = {}
    for word in split_words(words):
        if word.field is not None and word.field in _own_names(form):
            _add_setting(settings, word)
        else:
            texts.append(f"{'-' if word.is_negated else ''}{_closed(word.source)}")
    filter_text = " ".join(texts)
    _check_filter(filter_text, form)
    return ViewAddress(
        view.casefold(),
        filter_text,
        _unquoted(settings.pop(SINCE, "")),
        _sort(settings.pop(SORT, ""), form),
        _run(settings.pop(ID, None), form),
        RunFilters(**_server_filters(settings)),
    )


def _own_names(form: AddressedView) -> tuple[str, ...]:
    if form.has_run:
        return (ID,)
    server = tuple(SERVER_PREFIX + name for name in _SERVER_LISTS) if form.has_fields else ()
    return (SINCE, SORT, *server)


def _add_setting(settings: dict[str, str], word: Word) -> None:
    name = str(word.field)
    if word.is_negated:
        raise AddressError(f'"{name}" cannot be negated')
    if not word.rest:
        raise AddressError(f'"{name}" has no value')
    if name in settings:
        raise AddressError(f'"{name}" is there twice')
    settings[name] = word.rest


def _check_filter(text: str, form: AddressedView) -> None:
    if form.has_run and text:
        raise AddressError(f'a run is named by its id, not by "{text}"')
    if not form.has_fields:
        if field_word := next((word for word in split_words(text) if is_field(word)), None):
            raise AddressError(f"{field_word.source}: this view is filtered by words alone")
        return
    for invalid in parse_filter(text).invalid_words:
        name = invalid.word.partition(":")[0].casefold()
        known = (*FIELDS, *_own_names(form))
        hint = _nearest(name, known) if name not in FIELDS else ""
        raise AddressError(f"{invalid.word}: {f'no field {name!r}{hint}' if hint else invalid.reason}")


def _sort(text: str, form: AddressedView) -> str:
    sort = _unquoted(text).casefold()
    if sort and sort not in form.sorts:
        raise AddressError(f'no order "{text}"{_nearest(sort, form.sorts)}; the orders are {" ".join(form.sorts)}')
    return form.sorts.get(sort, "")


def _run(text: str | None, form: AddressedView) -> RunId | None:
    if not form.has_run:
        return None
    if not text:
        raise AddressError("the id of the run is missing: run?id=run_…")
    return RunId(_unquoted(text))


def _server_filters(settings: Mapping[str, str]) -> dict[str, Any]:
    lists = {_SERVER_LISTS[name.removeprefix(SERVER_PREFIX)]: plain_values(text) for name, text in settings.items()}
    for name, values in lists.items():
        if not values:
            raise AddressError(f'the server knows no "*" and "?": give whole names of {name}')
    return {name: tuple(values) for name, values in lists.items()}


def _encoded(name: str, value: str) -> str:
    return f"{name}={quote(value, safe=_UNQUOTED)}" if value else f"{name}="


def _decoded(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote(name), unquote(value)


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


def _closed(source: str) -> str:
    """Return a word whose last quote is closed, so that another word may follow."""
    return f'{source}"' if source.count('"') % 2 else source


def _unquoted(value: str) -> str:
    return value.replace('"', "")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, tuple(known), 1)
    return f", nearest: {near[0]}" if near else ""
