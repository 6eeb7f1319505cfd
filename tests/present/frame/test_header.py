"""The top line: its text in each state, and its width for any facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE
from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.domain.update import BudgetRead, SourceRetrying, SourceStopped
from tui.kit.header_words import HeaderFacts, header_line
from tui.store.freshness import Freshness, Level, Minute
from tui.store.indexes import StatusCounts
from tui.text.status import ascii_line
from tui.text.styled import Token, line_width, plain

AT = datetime(2026, 11, 24, 13, 49, 8, tzinfo=UTC)
PROD = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"))
DEV = Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme"))
COUNTS = StatusCounts(queued=12, executing=8, waiting=3, failed=41)
FRESH = Freshness(Level.FRESH, AT - timedelta(seconds=1), timedelta(seconds=2))
LIVE = Freshness(Level.FRESH, AT - timedelta(seconds=9), timedelta(seconds=20), leader="realtime")
MINUTES = tuple(Minute(count, 2 if count == 2 else 0) for count in (3, 4, 3, 5, 4, 4, 2, 5, 3, 4, 5, 7, 6, 5, 6, 46))
FACTS = HeaderFacts(AT, FRESH, "https://api.trigger.dev", PROD, counts=COUNTS)


def ago(seconds: float) -> datetime:
    return AT - timedelta(seconds=seconds)


def failing(failure: SourceRetrying | SourceStopped | None, level: Level = Level.STALE) -> Freshness:
    return Freshness(level, ago(302), timedelta(seconds=2), failure, failure.at if failure else None)


OFFLINE = SourceRetrying("rest", ago(300), AT + timedelta(seconds=4), 9, "GET /api/v1/runs: no connection", False)
ANSWERED = SourceRetrying("rest", ago(300), AT + timedelta(seconds=4), 3, "GET /api/v1/runs: 503", True, 503)
REFUSED = SourceRetrying("realtime", ago(60), AT + timedelta(minutes=4), 1, "GET /realtime/v1/runs: 403", True, 403)
STOPPED = SourceStopped("rest", ago(300), "GET /api/v1/runs: 401 Invalid API key", 401)

READING = "GET /api/v1/runs", timedelta(seconds=21)


@pytest.mark.parametrize(
    ("facts", "left", "right"),
    [
        (FACTS, "  PROD   acme/api   ● polling every 2 s ", "Q12  E8  W3  ✗41 "),
        (replace(FACTS, freshness=LIVE), "  PROD   acme/api   ● live  ", "Q12  E8  W3  ✗41 "),
        (
            replace(FACTS, freshness=replace(FRESH, other_failure=REFUSED)),
            "  PROD   acme/api   ● polling every 2 s  no live feed (403), retrying in 4 min ",
            "Q12  E8  W3  ✗41 ",
        ),
        (
            replace(FACTS, freshness=replace(LIVE, other_failure=ANSWERED)),
            "  PROD   acme/api   ● live  polling fails (503), retrying in 4 s ",
            "Q12  E8  W3  ✗41 ",
        ),
        (
            replace(FACTS, freshness=LIVE, unchanged_for=timedelta(minutes=7)),
            "  PROD   acme/api   ● live  no change for 7 min ",
            "Q12  E8  W3  ✗41 ",
        ),
        (replace(FACTS, freshness=LIVE, unchanged_for=timedelta(seconds=90)), "  PROD   acme/api   ● live   ", "✗41 "),
        (replace(FACTS, freshness=LIVE, is_relayed=True), "  PROD   acme/api   ● live via relay  ", "✗41 "),
        (replace(FACTS, freshness=LIVE, is_slow_link=True), "  PROD   acme/api   ● live  slow link  ", "✗41 "),
        (
            replace(FACTS, paused_at=ago(19), frozen_at=ago(19), is_slow_link=True),
            "  PROD   acme/api   ‖ paused  <1 min ago, p resumes  slow link ",
            "as of 13:48 ",
        ),
        (
            replace(FACTS, freshness=replace(LIVE, level=Level.LATE, leader="relay"), is_relayed=True),
            "  PROD   acme/api   ● relay  9 s old, late ",
            "✗41 ",
        ),
        (
            replace(FACTS, freshness=failing(replace(OFFLINE, source="relay")), is_relayed=True),
            "  PROD   acme/api   ○ no relay since 13:44  retrying in 4 s",
            "✗41  as of 13:44 ",
        ),
        (
            replace(FACTS, counts=replace(COUNTS, delayed=2, pending_version=1)),
            "  PROD   acme/api   ● polling every 2 s ",
            "Q12  D2  P1  E8  W3  ✗41 ",
        ),
        (
            replace(FACTS, freshness=LIVE, counts=replace(COUNTS, counted_at=ago(8))),
            "  PROD   acme/api   ● live  ",
            "Q12  E8  W3  ✗41  8 s old ",
        ),
        (replace(FACTS, freshness=LIVE, counts=replace(COUNTS, counted_at=ago(2))), "  PROD", "W3  ✗41 "),
        (
            replace(FACTS, counts=replace(COUNTS, is_live_partial=True)),
            "  PROD   acme/api   ● polling",
            "Q≥12  E≥8  W≥3  ✗41 ",
        ),
        (
            replace(FACTS, counts=replace(COUNTS, is_live_partial=True, is_failed_partial=True)),
            "  PROD   acme/api   ● polling",
            "Q≥12  E≥8  W≥3  ✗≥41 ",
        ),
        (replace(FACTS, is_read_only=True), "  PROD   acme/api   READ-ONLY   ● polling", "Q12  E8  W3  ✗41 "),
        (
            replace(FACTS, freshness=Freshness(Level.LATE, ago(12), timedelta(seconds=5))),
            "  PROD   acme/api   ● polling  12 s old, late",
            "Q12  E8  W3  ✗41 ",
        ),
        (
            replace(FACTS, freshness=Freshness(Level.LATE, ago(12), timedelta(seconds=5)), reading=READING),
            "  PROD   acme/api   ● polling  12 s old, late, next try within 22 s ",
            "Q12  E8  W3  ✗41 ",
        ),
        (
            replace(FACTS, freshness=failing(None), reading=READING, counts=StatusCounts()),
            "  PROD   acme/api   ● no answer for 5 min  next try within 22 s, r asks now, waits for the list ",
            "",
        ),
        (
            replace(FACTS, freshness=failing(replace(OFFLINE, next_at=ago(2))), reading=READING, counts=StatusCounts()),
            "  PROD   acme/api   ○ offline since 13:44  next try within 22 s, r asks now, waits for the list ",
            "",
        ),
        (
            replace(FACTS, freshness=failing(ANSWERED)),
            "  PROD   acme/api   ○ retrying in 4 s  try 3: 503 from the server",
            "Q12  E8  W3  ✗41  as of 13:44 ",
        ),
        (
            replace(FACTS, freshness=failing(OFFLINE)),
            "  PROD   acme/api   ○ offline since 13:44  retrying in 4 s",
            "Q12  E8  W3  ✗41  as of 13:44 ",
        ),
        (
            replace(FACTS, paused_at=ago(19), frozen_at=ago(19)),
            "  PROD   acme/api   ‖ paused  19 s ago, p resumes",
            "Q12  E8  W3  ✗41  as of 13:48 ",
        ),
        (
            replace(FACTS, paused_at=ago(19), frozen_at=ago(19), waiting=12),
            "  PROD   acme/api   ‖ paused  19 s ago, 12 waiting, p resumes",
            "as of 13:48 ",
        ),
        (
            replace(FACTS, paused_at=ago(19), frozen_at=ago(19), freshness=failing(OFFLINE)),
            "  PROD   acme/api   ‖ paused  ○ offline since 13:44",
            "as of 13:48 ",
        ),
        (
            replace(FACTS, budget=BudgetRead(250, 31)),
            "  PROD   acme/api   ● polling",
            "budget 31 of 250   Q12  E8  W3  ✗41 ",
        ),
        (replace(FACTS, budget=BudgetRead(250, 63)), "  PROD   acme/api   ● polling ", " Q12  E8  W3  ✗41 "),
        (replace(FACTS, environment=DEV, counts=StatusCounts(executing=1)), "  DEV   acme/api   ● polling", " E1 "),
        (
            replace(FACTS, environment=None),
            "  PROD?   ● polling every 2 s  environment not known, treated as production",
            "Q12  E8  W3  ✗41 ",
        ),
        (replace(FACTS, freshness=Freshness(Level.CONNECTING), environment=None), "  …   connecting…", ""),
        (
            replace(FACTS, freshness=Freshness(Level.CONNECTING, waited=timedelta(seconds=12)), environment=None),
            "  …   connecting…  for 12 s ",
            "",
        ),
        (
            replace(FACTS, freshness=failing(STOPPED)),
            "  PROD   acme/api   ○ stopped  the key was refused (401)",
            "as of 13:44 ",
        ),
        (replace(FACTS, freshness=failing(None)), "  PROD   acme/api   ● no answer for 5 min", "as of 13:44 "),
    ],
)
def test_header_of_each_state_reads_as_expected(facts: HeaderFacts, left: str, right: str) -> None:
    text = plain(header_line(facts, 109))
    assert text.startswith(left)
    assert text.endswith(right)
    assert len(text) == 109


def test_header_at_80_cells_says_when_the_relay_is_retried() -> None:
    lost = replace(OFFLINE, source="relay", next_at=AT + timedelta(seconds=16))
    facts = replace(
        FACTS,
        freshness=failing(lost),
        is_relayed=True,
        is_read_only=True,
        counts=StatusCounts(queued=3, executing=1, waiting=3, failed=9),
    )
    text = plain(header_line(facts, 80))
    assert text.startswith("  PROD   READ-ONLY   ○ no relay since 13:44  retrying in 16 s ")
    assert text.endswith(" Q3  E1  W3  ✗9 ")


def test_header_of_the_main_screen_reads_as_expected() -> None:
    line = header_line(replace(FACTS, minutes=MINUTES), 120)
    assert plain(line).startswith("  PROD   acme/api   ● polling every 2 s   Q12  E8  W3  ✗41   ")
    assert plain(line).endswith("runs/min ▁▁▁▁▁▁▁▁▁▁▁▂▂▁▂█ 46   13:49 UTC ")
    assert [piece.text for piece in line if piece.token is Token.ROSE] == ["✗41", "▁"]


def test_offline_header_has_no_bars_and_no_live_colour() -> None:
    line = header_line(replace(FACTS, minutes=MINUTES, freshness=failing(OFFLINE)), 120)
    assert plain(line).rstrip().endswith("13:49 UTC")
    assert "runs/min" not in plain(line)
    assert not {piece.token for piece in line} & {Token.BLUE, Token.GREEN, Token.ROSE}


def test_parts_drop_in_a_fixed_order() -> None:
    counts = StatusCounts(queued=12_345, executing=8_000, waiting=3_333, failed=41_000)
    facts = replace(FACTS, minutes=MINUTES, budget=BudgetRead(250, 31), counts=counts)
    shown = {width: plain(header_line(facts, width)) for width in range(60, 140)}
    marks = ("UTC", "runs/min", "acme/api", "budget")
    least = [min(width for width, text in shown.items() if mark in text) for mark in marks]
    assert least == sorted(least, reverse=True)
    assert "✗41,000" in shown[60]


def test_counts_older_than_a_minute_show_their_time() -> None:
    line = header_line(replace(FACTS, counts=replace(COUNTS, counted_at=ago(90))), 100)
    assert plain(line).endswith("Q12  E8  W3  ✗41  as of 13:47 ")


def test_environment_is_in_brackets_without_colours() -> None:
    facts = replace(
        FACTS, counts=replace(COUNTS, is_live_partial=True, is_failed_partial=True), freshness=failing(OFFLINE)
    )
    line = ascii_line(header_line(facts, 80, is_colorless=True, offline="o"))
    assert plain(line).startswith(" [PROD]  api   o offline since 13:44  retrying in 4 s ")
    assert plain(line).endswith(" Q>=12 E>=8 W>=3 x>=41 ")
    assert line_width(line) == 80


def test_counts_drop_by_importance() -> None:
    counts = StatusCounts(queued=1, delayed=2, pending_version=3, executing=4, waiting=5, failed=6)
    facts = replace(FACTS, counts=counts, freshness=failing(replace(OFFLINE, source="relay")), is_read_only=True)
    shown = {width: plain(header_line(facts, width)) for width in range(50, 110)}
    least = [min(width for width, text in shown.items() if f" {mark} " in text) for mark in ("D2", "P3", "W5", "Q1")]
    assert least == sorted(least, reverse=True)


names = st.sampled_from(["", "prod", "acme", "日本語" * 20, HOSTILE, "x" * 200]).map(Raw)
numbers = st.integers(0, 10**7)
STRANGE = replace(STOPPED, status=403, reason=HOSTILE)
FAILURES: tuple[SourceRetrying | SourceStopped | None, ...] = (None, OFFLINE, ANSWERED, STOPPED, STRANGE)


figures = st.builds(
    StatusCounts,
    queued=numbers,
    delayed=numbers,
    pending_version=numbers,
    executing=numbers,
    waiting=numbers,
    failed=numbers,
    counted_at=st.none() | st.integers(0, 100).map(ago),
    is_live_partial=st.booleans(),
    is_failed_partial=st.booleans(),
)


@st.composite
def header_facts(draw: st.DrawFn) -> HeaderFacts:
    environment = st.none() | st.builds(
        Environment, names, st.sampled_from(["PRODUCTION", "DEVELOPMENT"]), names, names
    )
    level = draw(st.sampled_from(Level))
    confirmed_at = None if level is Level.CONNECTING else ago(draw(st.integers(0, 10**6)))
    return HeaderFacts(
        AT,
        Freshness(
            level,
            confirmed_at,
            timedelta(seconds=2),
            draw(st.sampled_from(FAILURES)),
            leader=draw(st.sampled_from(["rest", "realtime", "relay"])),
            other_failure=draw(st.sampled_from((*FAILURES, REFUSED))),
        ),
        "https://api.trigger.dev",
        draw(environment),
        draw(st.none() | names),
        draw(st.booleans()),
        draw(figures),
        draw(st.none() | st.builds(BudgetRead, numbers, numbers)),
        draw(st.none() | st.just(ago(19))),
        draw(numbers),
        tuple(draw(st.lists(st.builds(Minute, numbers, numbers), max_size=16))),
        draw(st.none() | st.timedeltas(timedelta(), timedelta(days=9))),
        draw(st.booleans()),
    )


@given(header_facts(), st.integers(60, 220))
def test_header_fills_any_width_and_keeps_the_environment(facts: HeaderFacts, width: int) -> None:
    line = header_line(facts, width)
    assert line_width(line) == width
    assert line_width(ascii_line(line)) <= width or "\ufe0f" in plain(line)
    assert {piece.token for piece in line} & {Token.CHIP, Token.GREY_CHIP}
    text = plain(line)
    assert not facts.is_read_only or "READ-ONLY" in text
    heads = ("connecting…", "●", "○ offline since 13:44", "○ retrying in 4 s", "○ stopped", "‖ paused")
    assert any(head in text for head in heads)


@pytest.mark.parametrize("width", [60, 80, 109])
def test_header_says_slow_at_every_width(width: int) -> None:
    long = Environment(Raw("production"), "PRODUCTION", Raw("a-long-project-name"), Raw("organisation"))
    facts = replace(FACTS, environment=long, freshness=LIVE, is_read_only=True, is_slow_link=True)
    assert "● live  slow" in plain(header_line(facts, width))
    assert "● live  slow link" in plain(header_line(replace(facts, environment=DEV), 80))


def test_narrow_header_shortens_slow_link_first() -> None:
    facts = replace(FACTS, freshness=replace(LIVE, level=Level.STALE), is_slow_link=True)
    lines = {width: plain(header_line(facts, width)) for width in range(60, 110)}
    assert any("slow link" not in line and "as of" in line for line in lines.values())
    assert not any("slow link" in line and "as of" not in line for line in lines.values())


def test_narrow_header_says_which_zone_the_times_are_in() -> None:
    at = AT.astimezone(ZoneInfo("Asia/Kolkata"))
    clock = f"{at:%H:%M} IST"
    few = replace(FACTS, environment=DEV, at=at)
    assert plain(header_line(few, 80)).rstrip().endswith(clock)
    assert "UTC" not in plain(header_line(replace(few, at=AT), 80))
    least = next(width for width in range(40, 80) if clock in plain(header_line(few, width)))
    shorter = plain(header_line(few, least - 1))
    assert shorter.rstrip().endswith(" IST")
    assert clock not in shorter
