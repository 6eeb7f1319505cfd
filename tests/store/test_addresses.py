"""Addresses of views, in both notations."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features import FORMS, PANES
from tui.features.errors.model import GROUP_ORDERS, SPANS
from tui.store.addresses import (
    VIEWS,
    AddressError,
    ViewAddress,
    is_address,
    parse_address,
    parse_words,
    period_problem,
    read_address,
)
from tui.store.filter import parse_filter
from tui.store.server_filter import is_typable

FIELDS = st.sampled_from(["task", "status", "tag", "-tag", "version", "queue", "error", "took", "age", "id", "-task"])
VALUES = {"status": st.sampled_from(["failed", "executing,queued"]), "took": st.just(">5s"), "age": st.just("<2h")}
TEXTS = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Return a filter of words that the language knows."""
    words: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.none() | FIELDS)
        if name is None:
            words.append(f'"{draw(TEXTS)}"')
            continue
        value = draw(VALUES[name]) if name in VALUES else f'"{draw(TEXTS)}"'
        words.append(f"{name}:{value}")
    return " ".join(words)


@st.composite
def addresses(draw: st.DrawFn) -> ViewAddress:
    view = draw(st.sampled_from(["runs", "errors"]))
    names = st.lists(TEXTS.filter(is_typable), max_size=2, unique=True).map(tuple)
    return ViewAddress(
        view,
        draw(filters()) if view == "runs" else "",
        draw(st.sampled_from(["", "7d"] if view == "errors" else ["", "2h", "02:50-03:20", "yesterday 23:30-00:30"])),
        draw(st.sampled_from(["", *VIEWS[view].sorts().values()])),
        None,
        RunFilters(
            statuses=draw(st.sampled_from([(), ("FAILED",), ("EXECUTING", "QUEUED")])),
            tasks=draw(names.map(lambda ids: tuple(map(TaskId, ids)))),
            tags=draw(names),
            errors=draw(st.sampled_from([(), ("error_49a734270b075a70",), ("49a734270b075a70",)])),
        ),
    )


@given(addresses())
def test_address_means_the_same_in_both_notations(address: ViewAddress) -> None:
    assert parse_address(str(address)) == address
    assert parse_words(address.words) == address
    assert " " not in str(address)
    assert is_address(str(address))


@given(st.text(max_size=60))
@example("VERSION")
@example("-Status:failed")
def test_any_text_is_an_address_or_is_refused_in_one_line(text: str) -> None:
    for parse in (parse_address, parse_words):
        for head in ("runs?", "runs ", "errors?", "errors ", "run?", ""):
            with suppress(AddressError):
                address = parse(head + text)
                assert parse_address(str(address)) == address
                assert parse_words(address.words) == address
                assert address.view != "runs" or not parse_filter(address.filter).invalid_words


def test_unquoted_spaces_of_an_address_stay_one_value() -> None:
    assert parse_address("runs?error=No%20such customer&q=two words").filter == 'error:"No such customer" "two words"'
    assert parse_address('runs?error=5" pipe&tag=a').filter == 'error:"5 pipe" tag:a'


def test_pane_of_a_run_has_an_address() -> None:
    address = parse_words("run run_123 pane:logs")
    assert str(address) == "run?id=run_123&pane=logs"
    assert address == parse_address(str(address)) == parse_words(address.words)
    assert parse_address("run?id=run_123&pane=detail").pane == ""


def test_parts_that_do_not_fit_are_said_and_the_rest_is_used() -> None:
    read = read_address("runs?tag=x&tsk=y&sort=tok&server-status=faled,FAILED&since=2h&since=3h")
    assert read.address == ViewAddress("runs", "tag:x", "2h", server=RunFilters(statuses=("FAILED",)))
    assert read.problems == (
        '"since" is given twice',
        "tsk:y: no field 'tsk', nearest: task",
        'no order "tok", nearest: took; the orders are age status task took updated cost created',
        'server-status: no status "faled"',
    )
    assert read_address("hall?sort=x").address is None
    assert read_address("run?id=../admin").address is None


def test_span_of_time_is_checked_where_the_time_is() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert period_problem("2h", now) is None
    assert period_problem("02:50-03:20", now) is None
    assert "has not begun" in (period_problem("2026-12-01", now) or "")
    assert "is not a period" in (period_problem("soon", now) or "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vrun?", 'no view "vrun", nearest: run; the views are errors runs wall run queues'),
        ("runs?tsk=x", "tsk:x: no field 'tsk', nearest: task"),
        ("runs?status=faled", 'no status "faled"'),
        ("runs?sort=took&sort=age", '"sort" is given twice'),
        ("runs?-since=2h", '"since" cannot be negated'),
        ("runs?since=soon", '"soon" is not a period: 7d,'),
        ("runs?server-task=charge-*", "the server takes whole names only"),
        ("runs?server-error=error_1,error_2", "server-error: the server takes one error group"),
        ("run?", "the id of the run is missing"),
        ("run?id=run_1&tag=x", "a run is named by its id"),
        ("errors?since=2h", "the periods are 1h 6h 24h 7d 30d"),
        ("runs", 'an address has a "?": runs?'),
        ("runs?q=" + "x" * 8000, "at most 8,000 characters"),
    ],
)
def test_wrong_address_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert reason in str(refused.value)


def test_orders_of_errors_are_those_of_the_view() -> None:
    assert tuple(VIEWS["errors"].sorts().values()) == tuple(order.id for order in GROUP_ORDERS)


def test_periods_and_panes_are_those_of_the_views() -> None:
    assert VIEWS["errors"].periods == tuple(span.name for span in SPANS)
    assert {*VIEWS["run"].panes} == {entry.title for entry in (*PANES, *FORMS)} - {"runs"}
