"""The views that have an address, the names that an address may have, and what their values may be.

`read_setting` functions take a `report`: a strict reader raises there, one that uses the rest collects the sentences.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tui.domain.filters import RunFilters, parse_period
from tui.domain.ids import RunId
from tui.domain.status import filter_word
from tui.domain.time_span import InvalidSpan, read_time_span
from tui.store.filter import is_field
from tui.store.filter_words import plain_values, split_words
from tui.store.orders import ORDERS

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
SERVER_LISTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "status": "statuses",
        "task": "tasks",
        "tag": "tags",
        "version": "versions",
        "queue": "queues",
        "machine": "machines",
        "region": "regions",
        "error": "errors",
    }
)
"""The field of `RunFilters` for each word of the server's filters."""

Report = Callable[[str], None]
"""Receives a sentence about a part that does not fit."""

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
"""The characters of an id that are safe in the path of a URL."""


class AddressedView(NamedTuple):
    """What an address of a view may have. `sorts` has the id of an order for each of its names."""

    sorts: Mapping[str, str]
    has_fields: bool = False
    """Whether its filter has fields."""

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
        return (ID, PANE) if self.has_run else (SINCE, SORT, *(SERVER_PREFIX + name for name in SERVER_LISTS))


_RUN_SORTS: Final = {order.title: order.id for order in ORDERS} | {order.id: order.id for order in ORDERS}

VIEWS: Final[Mapping[str, AddressedView]] = MappingProxyType(
    {
        RUNS: AddressedView(_RUN_SORTS, has_fields=True),
        ERRORS: AddressedView(
            {name: name for name in ("new", "most", "latest", "first-seen", "task")},
            periods=("1h", "6h", "24h", "7d", "30d"),
        ),
        QUEUES: AddressedView(
            {name: name for name in ("worst", "queued", "oldest", "usage", "starts")}, has_period=False
        ),
        WALL: AddressedView({}, periods=("1h", "5h", "20h")),
        RUN: AddressedView({}, panes=("detail", "attempts", "tree", "waterfall", "logs")),
    }
)
"""The views that have an address."""


class AddressError(ValueError):
    """A text is no address. The message is one sentence, with the nearest name where there is one. It has raw text."""


def read_sort(text: str, view: AddressedView, report: Report) -> str:
    """Return the id of an order; "" for the view's own."""
    if text and text.casefold() not in view.sorts:
        report(f'no order "{text}"{nearest(text.casefold(), view.sorts)}; the orders are {" ".join(view.sorts)}')
    return view.sorts.get(text.casefold(), "")


def read_period(text: str, view: AddressedView, report: Report) -> str:
    """Return a period that the view can show, or "". Only where the time is, it is known whether a span has begun."""
    if text and view.periods and text not in view.periods:
        report(f'no period "{text}" in this view; the periods are {" ".join(view.periods)}')
        return ""
    if not _has_form_of_period(text):
        report(_no_period(text))
        return ""
    return text


def _has_form_of_period(text: str) -> bool:
    try:
        return not text or parse_period(text) is not None or read_time_span(text, _ANY_TIME) is not None
    except InvalidSpan:
        return True


def _no_period(text: str) -> str:
    return f'"{text}" is not a period: 7d, 2:50-3:20, yesterday 2:50-3:20'


def read_pane(text: str, view: AddressedView, report: Report) -> str:
    """Return the pane of a run; "" for the usual one."""
    name = text.casefold()
    if name and name not in view.panes:
        report(f'no pane "{text}"{nearest(name, view.panes)}; the panes are {" ".join(view.panes)}')
        return ""
    return "" if view.panes[:1] == (name,) else name


def read_run(text: str, view: AddressedView) -> RunId | None:
    """Return the run of the view of one run. Raises `AddressError`: without a run there is nothing to show."""
    if not view.has_run:
        return None
    if not text:
        raise AddressError("the id of the run is missing: run?id=run_…")
    if not _RUN_ID.match(text):
        raise AddressError(f'"{text}" is not a run id (run_…)')
    return RunId(text)


def read_server_values(name: str, text: str, report: Report) -> tuple[str, ...]:
    """Return the values of one of the server's filters, such as `status`."""
    from tui.store.server_filter import is_typable  # noqa: PLC0415  few addresses have these values

    values = plain_values(text)
    if not values:
        report(f'{SERVER_PREFIX}{name}: the server takes whole names only, no "*" and no "?"')
    if name == "status":
        return tuple(dict.fromkeys(word for value in values for word in _status_words(value, report)))
    if name == "error" and len(values) > 1:
        report(f"{SERVER_PREFIX}{name}: the server takes one error group")
        values = values[:1]
    for value in values:
        if not is_typable(value):
            report(f'{SERVER_PREFIX}{name}: "{value}" cannot be filtered by')
    return tuple(dict.fromkeys(value for value in values if is_typable(value)))


def _status_words(value: str, report: Report) -> tuple[str, ...]:
    if (word := filter_word(value)) is not None:
        return (word,)
    from tui.store.search_plan import rest_words_of  # noqa: PLC0415  few addresses have these words

    words = rest_words_of([value.casefold()])
    if not words:
        report(f'{SERVER_PREFIX}status: no status "{value}"')
    return words


def period_problem(since: str, now: datetime) -> str | None:
    """Return why a text is neither a period nor a span of time, as a sentence without a stop; None if it is one."""
    if not since or parse_period(since) is not None:
        return None
    try:
        if read_time_span(since, now) is not None:
            return None
    except InvalidSpan as error:
        return f'"{since}" {error}'
    return _no_period(since)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the most similar name, as the rest of a sentence; "" if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415  most addresses are right

    near = get_close_matches(name, tuple(known), 1)
    return f", nearest: {near[0]}" if near else ""


def lists_of(filters: RunFilters) -> RunFilters:
    """Return the part of the server's filters that an address has beside the period."""
    lists: Mapping[str, Any] = {name: getattr(filters, name) for name in SERVER_LISTS.values()}
    return RunFilters(**lists)


def as_words(text: str) -> str:
    """Return a text that is searched word by word as a filter in which no word is a field."""
    words = (word.replace('"', "") for word in text.split())
    return " ".join(f'"{word}"' if any(map(is_field, split_words(word))) else word for word in words if word)


def plain_words(text: str) -> str:
    """Return the text from which `as_words` made the filter."""
    return text.replace('"', "")
