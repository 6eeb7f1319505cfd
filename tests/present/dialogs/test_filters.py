"""The server's filters in words, and the remarks while they are typed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE
from tui.domain.filters import RunFilters, parse_period
from tui.domain.run import STATUS_TABLE, TaskId, filter_word
from tui.emulator.simulation.runs import FILTER_STATUSES
from tui.features.runs import words as say
from tui.features.runs.words import (
    FAMILIES,
    PERIODS,
    Typed,
    candidates,
    completed,
    filter_words,
    is_incomplete,
    word_of,
)
from tui.store.server_filter import KnownValues, ServerFilter, is_typable
from tui.text.styled import Line, line_width, plain

DAY = timedelta(hours=24)
NOW = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
FAILED = tuple(word_of(title) for title in FAMILIES[1][1])
KNOWN = KnownValues(
    ("charge-card", "send-digest", "send-email"),
    ("billing",),
    ("20261124.3",),
    ("emails", "task/send-email"),
    is_all=True,
)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (RunFilters(), "last 24h"),
        (RunFilters(statuses=FAILED, tasks=(TaskId("charge-card"),)), "failed, charge-card, last 24h"),
        (RunFilters(statuses=("FAILED",)), "Failed, last 24h"),
        (RunFilters(statuses=("QUEUED", "PENDING_VERSION")), "Queued or Pending version, last 24h"),
        (RunFilters(statuses=(*FAILED, "CANCELED")), "failed or Canceled, last 24h"),
        (RunFilters(statuses=("QUEUED", "EXECUTING", "FAILED")), "3 statuses, last 24h"),
        (RunFilters(statuses=("WAITING_FOR_DEPLOY", "NEW_WORD")), "Pending version or NEW_WORD, last 24h"),
        (RunFilters(tasks=(TaskId("a"), TaskId("b"))), "a or b, last 24h"),
        (RunFilters(tags=("a", "b", "c")), "3 tags, last 24h"),
        (RunFilters(tags=("a",), versions=("1",), queues=("q",)), "tag a, version 1, queue q, last 24h"),
    ],
)
def test_filters_are_described_in_words(filters: RunFilters, words: str) -> None:
    assert filter_words(filters, DAY) == words
    assert filter_words(filters, None) == words.removesuffix("last 24h").removesuffix(", ")


def test_every_status_of_rest_can_be_chosen() -> None:
    offered = {word_of(title) for _, titles in FAMILIES for title in titles}
    assert offered == {row.rest for row in STATUS_TABLE if row.rest} | {"INTERRUPTED"}
    assert all(filter_word(word) == word for word in offered)
    assert offered <= set(FILTER_STATUSES), "one word that the server does not know makes it refuse the list"


letters = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters=",")
values = st.text(letters, min_size=1, max_size=6).filter(is_typable)
lists = st.lists(values, max_size=3, unique=True).map(tuple)
chosen = st.builds(
    ServerFilter,
    st.builds(
        RunFilters,
        statuses=st.lists(st.sampled_from([word_of(title) for _, titles in FAMILIES for title in titles]), unique=True)
        # The dialog keeps its own order of statuses, which means the same.
        .map(lambda words: tuple(word for _, titles in FAMILIES for word in map(word_of, titles) if word in words)),
        tasks=lists.map(lambda names: tuple(map(TaskId, names))),
        tags=lists,
        versions=lists,
        queues=lists,
    ),
    st.sampled_from([*PERIODS, "90m", "3d"]).map(lambda text: parse_period(text) or DAY),
)


@given(chosen)
def test_dialog_reads_back_the_filter_it_shows(before: ServerFilter) -> None:
    assert say.read_typed(say.typed_of(before), timedelta(hours=1), NOW) == before


def test_invalid_period_is_reported_and_not_accepted() -> None:
    typed = Typed(period="soon")
    assert say.read_typed(typed, DAY, NOW) is None
    assert "“soon” is not a period" in (say.period_error(typed.period, NOW) or "")
    assert "until the period is one" in plain(say.shows_line(typed, DAY, NOW))


def test_span_of_time_becomes_a_filter() -> None:
    now = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
    chosen = say.read_typed(Typed(period="yesterday 23:30–00:30"), DAY, now)
    assert chosen is not None
    begin = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert (chosen.filters.created_from, chosen.filters.created_to) == (begin, begin + timedelta(hours=1))
    assert now - chosen.period < begin, "the list is read back to the begin"
    assert say.filter_words(chosen.filters, chosen.period) == "2026-11-25 23:30 - 2026-11-26 00:30 UTC"
    assert say.typed_of(chosen).period == "2026-11-25 23:30 - 2026-11-26 00:30"
    again = say.read_typed(say.typed_of(chosen), DAY, now)
    assert again is not None
    assert again.filters == chosen.filters
    assert "has not begun: it is 2026-11-26 14:32 UTC" in (say.period_error("today 16:00-17:00", now) or "")
    for text, problem in (
        ("02:60-03:00", "it names a day or a time that does not exist"),
        ("25:00-26:00", "it names a day or a time that does not exist"),
        ("2026-02-30", "it names a day or a time that does not exist"),
        ("02:50-02:50", "it begins when it ends"),
        ("2:50", "it has no end, as 2:50-3:20 or 2:50-now"),
        ("1900-01-01", "it begins more than 10 years ago"),
        ("02-03", "it may be hours or a day (2:00-3:00, 2026-02-03)"),
        ("3-4 pm", "7d, 2:50-3:20, yesterday 2:50-3:20"),
    ):
        assert say.period_error(text, now) == f"“{text}” is not a period: {problem}."
    assert "ends before it begins" in (say.period_error("2026-11-25 03:20 - 2026-11-25 02:50", now) or "")


def test_empty_period_means_the_default() -> None:
    for text in ("", "  ", " 24h "):
        assert say.period_error(text, NOW) is None
        assert say.read_typed(Typed(period=text), DAY, NOW) == ServerFilter(RunFilters(), DAY)
    assert plain(say.shows_line(Typed(), DAY, NOW)) == "   shows  every run, last 24h"


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("", ("charge-card", "send-digest", "send-email")),
        ("send", ("send-digest", "send-email")),
        ("SEND-E", ("send-email",)),
        ("email", ("send-email",)),
        ("e", ("charge-card", "send-digest", "send-email")),
        ("send-email", ()),
        ("send-email, ", ("charge-card", "send-digest")),
        ("send-email, c", ("charge-card",)),
        ("nothing", ()),
    ],
)
def test_candidates_match_the_last_value(text: str, offered: tuple[str, ...]) -> None:
    assert candidates(text, KNOWN.tasks) == offered


def test_candidates_that_begin_with_the_text_come_first() -> None:
    assert candidates("mail", ("a-mail", "mail-b", "b-mail")) == ("mail-b", "a-mail", "b-mail")


@pytest.mark.parametrize(
    ("text", "after"),
    [("", "send-email"), ("se", "send-email"), ("charge-card, se", "charge-card, send-email"), (",", "send-email")],
)
def test_completion_replaces_the_last_value(text: str, after: str) -> None:
    assert completed(text, "send-email") == after


def test_only_an_incomplete_value_is_completed() -> None:
    assert is_incomplete("se", KNOWN.tasks)
    assert not any(is_incomplete(text, KNOWN.tasks) for text in ("", "send-email", "send-email, ", "zebra"))


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("queue", "send-email", None),
        ("queue", "emails, task/send-email", None),
        ("task", "send-*", "The server takes whole names; patterns are for /."),
        ("task", "charge-crad", "No run here has the task “charge-crad” yet."),
        ("task", "charge-card", None),
        ("tag", "biling", "No run here has the tag “biling” yet."),
        ("version", "1", None),
        ("task", "", None),
    ],
)
def test_doubtful_values_are_pointed_out(field: str, text: str, expected: str | None) -> None:
    assert say.doubtful_value(field, text, KNOWN) == expected


@pytest.mark.parametrize(
    ("older_count", "is_cut", "expected"),
    [
        (0, False, "queue ok, last 7d"),
        (1, False, "queue ok, last 7d and 1 older live run"),
        (12, False, "queue ok, last 7d and 12 older live runs"),
        (1_000, True, "queue ok, last 7d and ≥1,000 older live runs"),
        (0, True, "queue ok, last 7d, older live runs not read"),
    ],
)
def test_title_counts_live_runs_older_than_the_period(older_count: int, is_cut: bool, expected: str) -> None:
    filters = RunFilters(queues=("ok",))
    words = say.filter_words(filters, timedelta(days=7)) + say.older_words(filters, older_count, is_cut=is_cut)
    assert words == expected


def test_no_value_is_doubtful_while_values_are_unknown() -> None:
    assert say.doubtful_value("task", "charge-crad", KnownValues(("charge-card",))) is None


@given(st.lists(st.text(max_size=30) | st.just(HOSTILE), max_size=6), st.integers(56, 120), st.booleans())
def test_offers_fit_and_end_with_their_key(offered: list[str], width: int, is_tab: bool) -> None:
    line = say.offer_line(offered, width, is_tab=is_tab)
    assert line_width(line) <= width
    assert bool(line) == bool(offered)
    if line:
        assert plain(line).rstrip().endswith("Tab completes" if is_tab else "→ completes")
        assert "\x1b" not in plain(line)


@pytest.mark.parametrize("needs_rules", [True, False])
@pytest.mark.parametrize("width", [60, 68])
def test_band_is_as_wide_as_the_dialog(width: int, needs_rules: bool) -> None:
    assert line_width(say.band_line(width, needs_rules=needs_rules)) == width


def test_chosen_status_stands_out_without_colour() -> None:
    def bold(line: Line) -> bool:
        return line[-1].is_bold

    assert bold(say.status_cell("Failed", frozenset({"FAILED"})))
    assert not bold(say.status_cell("Crashed", frozenset({"FAILED"})))
    assert not bold(say.status_cell("Failed", frozenset()))
    assert bold(say.heading_cell(1, frozenset(FAILED)))
    assert not bold(say.heading_cell(1, frozenset(FAILED[1:])))
