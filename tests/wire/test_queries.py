"""Every query that the program can send: none has OR, and no value changes more than a string or a number in it."""

import inspect
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.wire.queries import AT, MINUTE, QUERIES, RUN
from tui.api.errors import EARLIEST, Refused
from tui.api.queries import (
    MAX_IDS,
    MAX_SPAN,
    MAX_TEXTS,
    NamedQuery,
    QueueStayMinutes,
    RunErrors,
    RunsOfQueue,
    RunsWithErrorTexts,
    TaskMinutes,
    TrqlQuery,
    like_pattern,
)
from tui.emulator.query.selects import Window, translate
from tui.emulator.query.tokens import tokens_of

NOW = "2026-11-26 14:32:40"
BEFORE_A_CALL = {"(", ",", "WHERE", "AND", "NOT"}
NASTY = ("' OR 1=1 --", "it's", "a\\", "\\' OR ''='", "x') OR (1", "or", "a\nOR b", "`", "{x}", "é日本", "\ud800", "%_")
TEXTS = st.sampled_from(NASTY) | st.text(max_size=300)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=365_000)).map(lambda age: EARLIEST + timedelta(days=30) + age)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "run_id": TEXTS,
    "run_ids": st.lists(TEXTS, max_size=3).map(tuple),
    "root_ids": st.lists(TEXTS, max_size=3).map(tuple),
    "texts": st.lists(TEXTS, max_size=MAX_TEXTS + 1).map(tuple),
    "queue": TEXTS,
    "period": st.none() | TEXTS,
    "cell": st.timedeltas(),
    "hours": st.integers(),
    "is_exact": st.booleans(),
    "has_times": st.booleans(),
    "until": st.none() | MOMENTS,
    "before": st.none() | MOMENTS,
    "speeds_since": st.none() | MOMENTS,
    "ends_since": st.none() | MOMENTS,
    "since": MOMENTS,
    "at": MOMENTS,
    "hour": MOMENTS,
}


def outline(trql: str) -> set[str]:
    """Return all words and signs of a query, without its strings and numbers."""
    return {token.text for token in tokens_of(trql) if token.kind not in {"string", "number"}}


OUTLINES: dict[type, set[str]] = {}
for each in QUERIES:
    OUTLINES.setdefault(type(each), set()).update(outline(each.trql()))


@st.composite
def queries(draw: st.DrawFn) -> NamedQuery:
    kind = draw(st.sampled_from(get_args(NamedQuery)))
    query: NamedQuery = kind(**{name: draw(VALUES[name]) for name in kind.__dataclass_fields__ if name != "kind"})
    return query


def ors(trql: str) -> list[str]:
    """Return what stands before each OR that is an operator: or() is a call."""
    tokens = tokens_of(trql)
    before = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return [
        previous.text
        for previous, token, following in before
        if token.kind == "word"
        and token.text.upper() == "OR"
        and not (following.text == "(" and previous.text.upper() in BEFORE_A_CALL)
    ]


def kinds_of(base: type) -> set[str]:
    """Return the names of all queries below a class. A class with slots exists twice."""
    below: set[str] = set().union(*map(kinds_of, base.__subclasses__()))
    return below | (set() if inspect.isabstract(base) else {base.__name__})


def test_every_query_is_named_and_has_a_sample() -> None:
    assert {type(query) for query in QUERIES} == set(get_args(NamedQuery))
    assert kinds_of(TrqlQuery) == {kind.__name__ for kind in get_args(NamedQuery)}
    assert len({query.kind for query in QUERIES}) == len(get_args(NamedQuery))


@pytest.mark.parametrize("query", QUERIES)
def test_query_has_no_or_and_is_understood(query: NamedQuery) -> None:
    assert ors(query.trql()) == []
    assert translate(query.trql(), NOW, Window()).sql


@settings(max_examples=100)
@given(queries())
def test_no_value_changes_the_words_of_a_query(query: NamedQuery) -> None:
    try:
        trql = query.trql()
    except Refused:
        return
    assert ors(trql) == []
    assert outline(trql) <= OUTLINES[type(query)] | {"or"}
    assert translate(trql.encode(errors="replace").decode(), NOW, Window()).sql


@pytest.mark.parametrize(
    "query",
    [
        RunErrors((), None),
        RunErrors((RUN,) * (MAX_IDS + 1), None),
        RunsWithErrorTexts((), is_exact=True, period=None),
        RunsWithErrorTexts(("a",) * (MAX_TEXTS + 1), is_exact=True, period=None),
        RunsOfQueue("x' OR 1=1 --"),
        QueueStayMinutes("a\\"),
        TaskMinutes(AT, None, timedelta(days=2)),
        TaskMinutes(AT, AT, MINUTE),
        TaskMinutes(AT - 2 * MAX_SPAN, AT, MINUTE),
        TaskMinutes(AT, None, MINUTE, None, AT - 2 * MAX_SPAN),
    ],
)
def test_value_out_of_bounds_is_refused(query: NamedQuery) -> None:
    with pytest.raises(Refused, match="cannot stand in a query"):
        query.trql()


@pytest.mark.parametrize("text", ["it's", 'a"b', "a\\", "100%", "a_b", "'; DROP", "é日本", "\n", "\ud800"])
def test_pattern_has_no_special_characters(text: str) -> None:
    pattern = like_pattern(text)
    assert pattern.isascii()
    assert not set("'\"\\\n_").intersection(pattern)
    assert pattern.startswith("%")
    assert pattern.endswith("%")
