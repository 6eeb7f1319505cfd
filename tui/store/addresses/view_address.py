"""`ViewAddress`: a view of the monitor as a text that opens it again: `runs?task=charge-*&status=failed&sort=took`.

It has two notations, with the same words. An address always has a `?`, and its values are percent-encoded. The command
line separates words by spaces, as the filter after `/` does: `runs task:charge-* status:failed sort:took`.

* The fields of a filter of runs are its own: `task` `status` `tag` `took` …; a `-` before a field negates it. Words
  without a field are `q` in an address. Other views are filtered by such words alone.
* `since` is a period or a span of time, `sort` an order, `id` the run of the view `run`, `pane` what it shows of it.
* `server-task`, `server-status` … are the filters that the server applies (`f`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import quote, unquote

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.store.addresses.addressed_views import (
    ID,
    PANE,
    RUN,
    RUNS,
    SERVER_LISTS,
    SERVER_PREFIX,
    SINCE,
    SORT,
    TEXT,
    VIEWS,
    AddressedView,
    AddressError,
    Report,
    nearest,
    read_pane,
    read_period,
    read_run,
    read_server_values,
    read_sort,
)
from tui.store.filter import is_field, parse_filter
from tui.store.filter_terms import FIELDS
from tui.store.filter_words import Word, split_words

__all__ = (
    "MAX_CHARS",
    "VIEWS",
    "AddressError",
    "ReadAddress",
    "ViewAddress",
    "is_address",
    "parse_address",
    "parse_words",
    "read_address",
)

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
        return f"{self.view}?" + "&".join(_encoded(name, value) for name, value in self._parts())

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
            yield (f"{sign}{word.field}", word.rest) if is_field(word) else (f"{sign}{TEXT}", word.source)
        if self.run is not None:
            yield ID, self.run
        yield from self._settings()

    def _settings(self) -> Iterable[tuple[str, str]]:
        for name, attribute in SERVER_LISTS.items():
            if values := getattr(self.server, attribute):
                yield SERVER_PREFIX + name, ",".join(_quoted(value) for value in values)
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
    """Return whether a text is meant as an address and not as a command: it has a `?` behind a word."""
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
        raise AddressError(f'an address has a "?": {view}?')
    words = [_word(*_decoded(part)) for part in query.split("&") if part]
    return _address(view, " ".join(words), len(text), report)


def parse_words(text: str) -> ViewAddress:
    """Parse the words of a command line, such as `runs task:charge-* since:2h`. Raises `AddressError`.

    The word behind `run` is its id.
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
        if word.field is not None and word.field in form.names:
            _add_setting(settings, word, report)
        else:
            parts.append(word)
    plain = {name: settings.get(name, "").replace('"', "") for name in (SINCE, SORT, ID, PANE)}
    return ViewAddress(
        view.casefold(),
        _filter_text(parts, form, report),
        read_period(plain[SINCE], form, report),
        read_sort(plain[SORT], form, report),
        read_run(plain[ID], form),
        RunFilters(**_server_filters(settings, report)),
        read_pane(plain[PANE], form, report),
    )


def _add_setting(settings: dict[str, str], word: Word, report: Report) -> None:
    name = str(word.field)
    if word.is_negated:
        report(f'"{name}" cannot be negated')
    elif not word.rest:
        report(f'"{name}" has no value')
    elif name in settings:
        report(f'"{name}" is given twice')
    else:
        settings[name] = word.rest


def _filter_text(words: Iterable[Word], form: AddressedView, report: Report) -> str:
    """Return the words of the filter that fit, as one text."""
    check = _run_word if form.has_run else _field_word if form.has_fields else _plain_word
    texts: list[str] = []
    for word in words:
        source = f"{word.field}:{word.rest}" if is_field(word) else word.source  # a field in lower case
        # A word whose last quote is closed, so that another may follow.
        text = f"{'-' if word.is_negated else ''}{source}" + '"' * (source.count('"') % 2)
        problem = check(word, text)
        if problem:
            report(problem)
        else:
            texts.append(text)
    whole = " ".join(texts)
    if form.has_fields and (invalid := parse_filter(whole).invalid_words):
        report(f"{invalid[0].word}: {invalid[0].reason}")  # too many words or values
        return ""
    return whole


def _run_word(_: Word, text: str) -> str:
    return f'a run is named by its id, not by "{text}"'


def _plain_word(word: Word, _: str) -> str:
    return f"{word.source}: this view is filtered by words alone" if is_field(word) else ""


def _field_word(word: Word, text: str) -> str:
    for invalid in parse_filter(f"{text} ").invalid_words:
        name = word.field or ""
        hint = nearest(name, (*FIELDS, *VIEWS[RUNS].names)) if name not in FIELDS else ""
        return f"{invalid.word}: {f'no field {name!r}{hint}' if hint else invalid.reason}"
    return ""


def _server_filters(settings: Mapping[str, str], report: Report) -> dict[str, Any]:
    return {
        field_name: read_server_values(name, settings[SERVER_PREFIX + name], report)
        for name, field_name in SERVER_LISTS.items()
        if SERVER_PREFIX + name in settings
    }


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
