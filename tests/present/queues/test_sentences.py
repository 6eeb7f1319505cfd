"""Tests of the page of a queue: what its sentences claim, and what its bars show."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.queues import mail_hour, mail_metrics
from tui.domain.facts import ConcurrencyLimit, PlaceHolder, QueuesRead, WallFacts
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.features.queues.view import QUEUES, LiveQueues
from tui.features.queues.words import (
    QUEUE_TABLE,
    HolderSpeed,
    QueueFacts,
    cell_words,
    places_text,
    queue_page,
    queue_summary_lines,
    sentences,
    series_lines,
    usage_bar,
)
from tui.kit.lists import ReadState
from tui.store.findings.board import QueueHealth, QueueRow
from tui.text.blocks import Now, ReadStage
from tui.text.styled import Token, line_width, plain

AT = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
NOW = Now(AT)
MAIL = QueueRow(
    "task/send-email",
    Raw("send-email"),
    is_task=True,
    running=20,
    limit=20,
    queued=301,
    oldest_at=AT - timedelta(minutes=11),
    oldest_run=RunId("run_1"),
    started_per_min=14.0,
    arrived_per_min=27.0,
    health=QueueHealth.AT_LIMIT,
    since=AT - timedelta(minutes=22),
    are_waits_read=True,
    newest_start=AT,
    newest_arrival=AT,
    holders=(PlaceHolder(TaskId("send-campaign"), 20, AT - timedelta(minutes=2)),),
)
RATES = "27 runs came, 14 started"
FACTS = QueueFacts(MAIL, mail_hour(AT), mail_metrics(AT), timedelta(seconds=91), timedelta(seconds=0.8), waits_at=AT)
NUMBERS = st.none() | st.integers(0, 300)


def said(facts: QueueFacts) -> dict[str, str]:
    return {
        each.label: "  ".join(plain(line) for line in (each.answer, each.remark) if line)
        for each in sentences(facts, NOW)
    }


def with_row(**changes: object) -> QueueFacts:
    return replace(FACTS, row=replace(MAIL, **changes))  # type: ignore[arg-type]


def test_sentences_name_what_blocks_a_queue() -> None:
    cases = [
        (FACTS, "by its own limit, 20 of 20 places: 20 send-campaign, longest 2m"),
        (with_row(holders=()), "by its own limit, 20 of 20 places"),
        (with_row(running=3), "by nothing that the server tells  not by its limit 3/20"),
        (with_row(is_paused=True), "the queue is paused"),
        (with_row(standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED)), "the environment is paused"),
        (
            with_row(standstill=Standstill(StandstillReason.NO_WORKER, AT - timedelta(minutes=4))),
            "no worker seen for 4m",
        ),
        (
            replace(with_row(limit=None, is_v2=True), full_limits=(ConcurrencyLimit(Raw("payments"), 5, 3, 5),)),
            "perhaps the limit payments, 5 of 5  the server does not say which limits a queue has",
        ),
        (with_row(standstill=Standstill(StandstillReason.LIMIT_PAUSED)), "its limit is paused"),
        (with_row(queued=0, oldest_at=None), "nothing waits"),
        (with_row(queued=None, oldest_at=None, limit=None), "not known  how many runs wait was not read"),
        (with_row(queued=None, oldest_at=None, is_reading=True), "reading"),
    ]
    for facts, words in cases:
        assert said(facts)["blocked"].startswith(words), facts.row


def test_queue_drains_only_if_more_start_than_come() -> None:
    cases = [
        (FACTS, "not yet: 27 runs came, 14 started in the last minute"),
        (replace(FACTS, waits_at=AT - timedelta(minutes=1)), f"not yet: {RATES} in the minute before 14:31:00"),
        (with_row(started_per_min=42.0), "yes: 27 runs came, 42 started in the last minute  empty in about 20 min at"),
        (with_row(started_per_min=0.0), "no: 27 runs came, none started in the last minute"),
        (
            with_row(started_per_min=0.0, arrived_per_min=0.0),
            "no: no run came or started in the last minute",
        ),
        (with_row(newest_start=AT - timedelta(seconds=40)), f"no: none started since 14:31:20  {RATES} in the last"),
        (with_row(newest_arrival=AT - timedelta(seconds=40)), f"yes: none came since 14:31:20  {RATES} in the last"),
        (
            with_row(started_per_min=1.0, arrived_per_min=0.0, newest_start=AT - timedelta(seconds=40)),
            "yes: no run came, 1 started in the last minute",
        ),
        (with_row(arrived_per_min=None), "not known  how many runs come and start was not read"),
        (with_row(arrived_per_min=None, queued=None, oldest_at=None, is_reading=True), "reading"),
        (
            with_row(is_paused=True, standstill=Standstill(StandstillReason.QUEUE_PAUSED)),
            f"no run leaves the queue while it is paused  {RATES} in the last minute",
        ),
        (
            with_row(standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED)),
            "no run leaves the queue while the environment is paused",
        ),
        (with_row(standstill=Standstill(StandstillReason.NO_WORKER)), "no run starts without a worker"),
        (with_row(queued=0, oldest_at=None), "nothing waits"),
    ]
    for facts, words in cases:
        assert said(facts)["drains"].startswith(words), facts.row


def test_places_say_what_is_not_known_of_their_holders() -> None:
    mail, sync = PlaceHolder(TaskId("mail"), 12, AT - timedelta(minutes=2)), PlaceHolder(TaskId("sync"), 3)
    others = tuple(PlaceHolder(TaskId(f"task-{number}"), 1) for number in range(5))
    cases = [
        ((), "20 of 20 places"),
        ((sync,), "20 of 20 places: 3 sync, 17 not known"),
        ((mail, sync, *others), "20 of 20 places: 12 mail, 3 sync, 1 task-0, 4 others, longest 2m"),
        ((replace(mail, runs=23),), "20 of 20 places, 23 runs execute: 23 mail, longest 2m"),
    ]
    for holders, words in cases:
        assert places_text(20, 20, holders, AT) == words


def held(p95_s: float | None, normal_s: float | None) -> QueueFacts:
    """Return facts of which other runs than those of the holders' task have another speed."""
    p95, normal = (None if each is None else timedelta(seconds=each) for each in (p95_s, normal_s))
    return replace(FACTS, holder=HolderSpeed(TaskId("send-campaign"), p95, normal))


def test_reason_says_what_is_not_known() -> None:
    cases = [
        (FACTS, "runs take 1m31s at p95, normal 0.8s  3 failed"),
        (replace(FACTS, normal_p95=None), "runs take 1m31s at p95, normal not known  3 failed"),
        (
            replace(FACTS, hour=replace(mail_hour(AT), p95=(timedelta(seconds=0.7), *(None,) * 4))),
            "no run has ended for 3 min  before that, runs took 1m31s at p95, normal 0.8s  3 failed",
        ),
        (
            replace(FACTS, hour=replace(mail_hour(AT), p95=(timedelta(seconds=0.7), *(None,) * 2))),
            "runs take 1m31s at p95, normal 0.8s  3 failed",
        ),
        (
            replace(FACTS, hour=replace(mail_hour(AT), tasks=(TaskId("send-email"), TaskId("campaign")))),
            "runs of send-email take 1m31s at p95, normal 0.8s  3 failed",
        ),
        (
            replace(FACTS, p95=timedelta(seconds=0.9), normal_p95=timedelta(seconds=0.8)),
            "runs are not slow: 0.9s at p95, normal 0.8s  3 failed",
        ),
        (held(0.9, 0.8), "runs of send-campaign take 0.9s at p95, normal 0.8s  3 failed"),
        (held(0.9, None), "runs of send-campaign take 0.9s at p95, normal not known  3 failed"),
        (held(None, 2700), "runs of send-campaign take 45m at p95 on other days  3 failed"),
        (held(None, None), "not known  3 failed"),
        (
            replace(held(None, 2700), hour=replace(mail_hour(AT), p95=(timedelta(seconds=0.7), *(None,) * 4))),
            "runs of send-campaign take 45m at p95 on other days  3 failed",
        ),
        (
            replace(held(None, 0.8), hour=replace(mail_hour(AT), p95=(timedelta(seconds=0.7), *(None,) * 4))),
            "no run has ended for 3 min  runs of send-campaign take 0.8s at p95 on other days  3 failed",
        ),
        (QueueFacts(MAIL, failure="503 down"), "not known  503 down"),
        (QueueFacts(MAIL, stage=ReadStage.LATE), "loading…"),
        (QueueFacts(MAIL, p95=timedelta(seconds=91), stage=ReadStage.DUE), ""),
        (QueueFacts(MAIL), "not known"),
    ]
    for facts, words in cases:
        assert said(facts)["why"] == words
    assert said(with_row(since=None))["since"] == "not known  at its limit 20/20"


def test_metrics_of_zeros_and_metrics_that_failed_claim_nothing() -> None:
    zeros = replace(mail_metrics(AT), depths=(0,) * 12, peak_queued=0, started=0, throttled=0, wait_p95=None)
    for facts, words in (
        (replace(FACTS, metrics=None), None),
        (replace(FACTS, metrics=zeros), "measured  ·  the server measured nothing in the last hour"),
        (FACTS, "measured  800 started, 1,204 throttled, p95 of waits 10m  in the last hour"),
        (replace(FACTS, metrics=None, metrics_failure="503 down"), "measured  not read  503 down"),
    ):
        found = [plain(row.line) for row in queue_page(facts, NOW, 110) if plain(row.line).startswith("measured")]
        assert found == ([] if words is None else [words])


def test_series_are_amber_only_where_something_is_wrong() -> None:
    axis, queued, running, p95 = series_lines(FACTS, NOW, 100)
    assert plain(axis).split() == ["13:45", "14:00", "14:15"]
    assert [piece.token for piece in queued[-2:]] == [Token.LINE, Token.AMBER]
    assert len(queued[-1].text) == 22
    assert Token.AMBER not in {piece.token for piece in running}
    assert [piece.token for piece in p95[-2:]] == [Token.SPARK, Token.AMBER]
    unknown = series_lines(replace(FACTS, hour=replace(mail_hour(AT), running=())), NOW, 100)[2]
    assert plain(unknown).endswith("░" * 60)
    assert len(plain(series_lines(FACTS, NOW, 60)[1]).split()[-1]) == 30


def test_nothing_moves_when_the_last_hour_is_read() -> None:
    reading = replace(FACTS, hour=None, metrics=None, stage=ReadStage.LATE)
    read = queue_page(FACTS, NOW, 110)
    for unread, cell in ((reading, "░"), (replace(reading, stage=ReadStage.DUE), "")):
        page = queue_page(unread, NOW, 110)
        assert [row.key for row in page] == [row.key for row in read]
        assert cell_words(unread, 110) == cell_words(FACTS, 110) != ""
        series = [plain(row.line) for row in page if row.key in {("hour", each) for each in (1, 2, 3)}]
        assert all(set(each[21:].strip()) == set(cell) for each in series), series
    for known in (replace(reading, stage=ReadStage.DONE), replace(reading, failure="503 down")):
        assert ("hour", 0) not in {row.key for row in queue_page(known, NOW, 110)}


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(4, 60))
def test_bar_is_full_only_at_the_limit(running: int | None, limit: int | None, queued: int | None, width: int) -> None:
    row = replace(MAIL, running=running, limit=limit, queued=queued, health=QueueHealth.FINE)
    bar = usage_bar(row, width)
    if running is None or limit is None:
        assert bar == ()
        return
    assert line_width(bar) == width
    assert ("─" not in plain(bar)) is (running >= limit and running > 0)
    assert ("━" in plain(bar)) is (running > 0)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(20, 210), st.text(max_size=40))
def test_every_line_fits(running: int | None, limit: int | None, queued: int | None, width: int, name: str) -> None:
    row = replace(MAIL, name=Raw(name), running=running, limit=limit, queued=queued)
    facts = replace(FACTS, row=row, metrics_failure="503 down")
    for line in queue_summary_lines(facts, NOW, width):
        assert line_width(line) <= width
    for each in queue_page(facts, NOW, width):
        assert line_width(each.line) <= width
    if width >= 60:
        assert line_width(QUEUE_TABLE.row(replace(row, throttled=7), QUEUE_TABLE.slots(width), NOW)) <= width - 3


def test_two_lines_give_no_reason_beside_a_standstill() -> None:
    paused = with_row(is_paused=True, standstill=Standstill(StandstillReason.QUEUE_PAUSED))
    still = "no run leaves the queue while it is paused"
    rates = "not yet: 27 runs came, 14 started in the last minute"
    cases = [
        (paused, 79, still),
        (FACTS, 120, f"{rates}; runs take 1m31s at p95, normal 0.8s"),
        (FACTS, 79, f"{rates}; runs take 1m31s at …"),
        (replace(FACTS, p95=timedelta(seconds=0.8)), 120, rates),
        (held(None, 2700), 130, f"{rates}; runs of send-campaign take 45m at p95 on other days"),
    ]
    for facts, width, words in cases:
        assert plain(queue_summary_lines(facts, NOW, width)[1]).strip() == words


def test_rule_marks_totals_of_a_list_that_is_cut() -> None:
    live: Any = SimpleNamespace(session=SimpleNamespace(clock=None), now=NOW)
    queues = LiveQueues(live, QUEUES)
    queues._rows = (replace(MAIL, running=30, queued=304),)

    def rule(width: int, **changes: Any) -> str:
        queues.state = replace(ReadState(AT - timedelta(seconds=6)), **changes)
        return plain(queues.right(width))

    assert rule(80) == "30 running · 304 queued · read 6 s ago"
    # The reason comes first, since a narrow rule omits the end.
    assert rule(120, failure="the server answers 503").startswith("the server answers 503 · 30 running · ")
    queues._known = WallFacts(queues=QueuesRead(AT, (), is_cut=True))
    assert rule(80, is_cut=True) == "≥30 running · ≥304 queued · a page read 6 s ago"
    assert "more queues exist" in rule(120, is_cut=True)
    # A narrow rule has the filter, and what it lets through.
    queues.show_query(queues.query._replace(text="mail"))
    assert rule(80).startswith("0 of 0 queues · ")
    assert "running" not in rule(80)
    assert "30 running" in rule(120)


def test_unknown_throttled_runs_are_no_zero() -> None:
    slots = QUEUE_TABLE.slots(120)
    rows = [QUEUE_TABLE.row(replace(MAIL, throttled=each), slots, NOW) for each in (None, 0, 7)]
    cells = [plain(row).split()[7] for row in rows]
    assert cells == ["·", "at", "7"]
