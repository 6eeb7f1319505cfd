"""The page of a queue: what its sentences claim, what its bars show, and its row in the list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import run_of
from tests.support.present.samples import HOSTILE, drawn
from tests.support.queues import mail_hour, mail_metrics
from tui.domain.facts import ConcurrencyLimit, PlaceHolder, QueuesRead, WallFacts
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.features.queues import words
from tui.features.queues.view import QUEUES, LiveQueues
from tui.features.queues.words import QUEUE_TABLE, HolderSpeed, QueueFacts
from tui.kit.lists import ReadState
from tui.store.findings.board import QueueHealth, QueueRow
from tui.store.indexes import StatusCounts
from tui.text.blocks import Now, ReadStage
from tui.text.styled import Token, line_width, plain

AT = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
NOW = Now(AT)
MINUTE = timedelta(minutes=1)
MAIL = QueueRow(
    "task/send-email",
    Raw("send-email"),
    is_task=True,
    running=20,
    limit=20,
    queued=301,
    oldest_at=AT - 11 * MINUTE,
    oldest_run=RunId("run_1"),
    started_per_min=14.0,
    arrived_per_min=27.0,
    health=QueueHealth.AT_LIMIT,
    since=AT - 22 * MINUTE,
    are_waits_read=True,
    newest_start=AT,
    newest_arrival=AT,
    holders=(PlaceHolder(TaskId("send-campaign"), 20, AT - 2 * MINUTE),),
)
FACTS = QueueFacts(MAIL, mail_hour(AT), mail_metrics(AT), timedelta(seconds=91), timedelta(seconds=0.8), waits_at=AT)


def queue(still: str | None = None, **changes: Any) -> QueueFacts:
    """Return facts of which some of the row are others."""
    if still is not None:
        changes["standstill"] = Standstill(StandstillReason[still], AT - 4 * MINUTE)
    return replace(FACTS, row=replace(MAIL, **changes))


def held(p95_s: float | None, normal_s: float | None, *ended_s: float | None) -> QueueFacts:
    """Return facts of which other runs than those of the holders' task have another speed."""
    p95, normal = (None if each is None else timedelta(seconds=each) for each in (p95_s, normal_s))
    hour = hour_of(*ended_s) if ended_s else FACTS.hour
    return replace(FACTS, hour=hour, holder=HolderSpeed(TaskId("send-campaign"), p95, normal))


def hour_of(*ended_s: float | None) -> Any:
    p95 = tuple(None if each is None else timedelta(seconds=each) for each in ended_s)
    return replace(mail_hour(AT), p95=p95)


PAGE = """

since     14:10, for 22m  at its limit 20/20
blocked   by its own limit, 20 of 20 slots: 20 send-campaign, longest 2m
why       runs take 1m31s (p95), normally 0.8s  3 failed
shrinks   no: 27 new runs, 14 started in the last minute
measured  800 started, 1,204 throttled, p95 wait 10m  in the last hour

                                 13:45          14:00          14:15
queued          301  ······································▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇▇
running       20/20  ······································▃▅▆▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
p95           1m31s  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▂▃▃▃▄▄▅▅▅▆▆▇▇▇

oldest    run_1  queued 14:21:00
"""


LIST = """
  queue                                                  running   queued   oldest  start/min  health
○ send-email                  ━━━━━━━━━━━━━━━━━━━━━━━      20/20      301      11m         14  at its limit
  queue                     running   queued   oldest  health
○ send-email   ━━━━━━━━━      20/20      301      11m  at its limit
"""


def listed(row: QueueRow, width: int) -> list[Any]:
    slots = QUEUE_TABLE.slots(width)
    return [QUEUE_TABLE.head(slots), QUEUE_TABLE.row(row, slots, NOW)]


def test_page_and_row_of_a_queue_at_its_limit() -> None:
    assert drawn(row.line for row in words.queue_page(FACTS, NOW, 110)) == PAGE
    row = replace(MAIL, throttled=7)
    assert drawn([*listed(row, 110), *listed(row, 70)]) == LIST
    cells = [plain(listed(replace(MAIL, throttled=each), 120)[1]).split()[7] for each in (None, 0, 7)]
    assert cells == ["·", "at", "7"], "unknown throttled runs are no zero"
    _, queued, running, p95 = words.series_lines(FACTS, NOW, 100)
    assert [[piece.token for piece in line[-2:]] for line in (queued, p95)] == [
        [Token.LINE, Token.AMBER],
        [Token.SPARK, Token.AMBER],
    ]
    assert Token.AMBER not in {piece.token for piece in running}, "amber is only where something is wrong"


RATES = "27 new runs, 14 started in the last minute"
LATE = AT - timedelta(seconds=40)
V2 = replace(queue(limit=None, is_v2=True), full_limits=(ConcurrencyLimit(Raw("payments"), 5, 3, 5),))
UNREAD = queue(queued=None, oldest_at=None, limit=None, arrived_per_min=None)
ZEROS = replace(mail_metrics(AT), depths=(0,) * 12, peak_queued=0, started=0, throttled=0, wait_p95=None)


@pytest.mark.parametrize(
    ("label", "facts", "expected"),
    [
        ("blocked", queue(holders=()), "by its own limit, 20 of 20 slots"),
        ("blocked", queue(running=3), "the server gives no reason for the wait  its own limit is not reached: 3/20"),
        ("blocked", queue(is_paused=True), "the queue is paused"),
        ("blocked", queue("NO_WORKER"), "no worker seen for 4m"),
        ("blocked", V2, "perhaps by the limit payments, 5 of 5  the server does not say which limits a queue has"),
        ("waiting", queue(queued=0, oldest_at=None), "nothing waits in this queue"),
        ("waiting", queue(queued=0, oldest_at=None, is_paused=True), "the queue is paused; nothing waits in it"),
        ("blocked", UNREAD, "not known  the number of queued runs was not read"),
        ("blocked", replace(UNREAD, row=replace(UNREAD.row, is_reading=True)), "reading"),
        ("shrinks", replace(FACTS, waits_at=AT - MINUTE), f"no: {RATES[:23]} in the minute before 14:31:00"),
        (
            "shrinks",
            queue(started_per_min=42.0),
            "yes: 27 new runs, 42 started in the last minute  empty in about 20 min",
        ),
        ("shrinks", queue(started_per_min=0.0), "no: 27 new runs, none started in the last minute"),
        ("shrinks", queue(newest_start=LATE), f"no: no run started since 14:31:20  {RATES}"),
        ("shrinks", queue(newest_arrival=LATE), f"yes: no new run since 14:31:20  {RATES}"),
        ("shrinks", UNREAD, "not known  the new and started runs were not read"),
        ("shrinks", queue("QUEUE_PAUSED", is_paused=True), f"no run leaves the queue while it is paused  {RATES}"),
        ("why", replace(FACTS, normal_p95=None), "runs take 1m31s (p95), the normal duration is not known  3 failed"),
        (
            "why",
            replace(FACTS, hour=hour_of(0.7, *[None] * 4)),
            "no run has ended for 3 min  before that, runs took 1m31s",
        ),
        ("why", replace(FACTS, p95=timedelta(seconds=0.9)), "runs are not slow: p95 0.9s, normal 0.8s  3 failed"),
        ("why", held(None, 2700), "runs of send-campaign normally take 45m (p95)  3 failed"),
        (
            "why",
            held(None, 0.8, 0.7, *[None] * 4),
            "no run has ended for 3 min  runs of send-campaign normally take 0.8s (p95)",
        ),
        ("why", QueueFacts(MAIL, failure="503 down"), "not known  503 down"),
        ("why", QueueFacts(MAIL, stage=ReadStage.LATE), "loading…"),
        ("measured", replace(FACTS, metrics=ZEROS), "·  the server has no metrics of the last hour"),
        ("measured", replace(FACTS, metrics=None, metrics_failure="503 down"), "not read  503 down"),
    ],
)
def test_sentence_claims_only_what_is_known(label: str, facts: QueueFacts, expected: str) -> None:
    rows = words.queue_page(facts, NOW, 300)
    assert next(plain(row.line) for row in rows if plain(row.line).startswith(label))[10:].strip().startswith(expected)


def test_places_say_what_is_not_known_of_their_holders() -> None:
    mail, sync = PlaceHolder(TaskId("mail"), 12, AT - 2 * MINUTE), PlaceHolder(TaskId("sync"), 3)
    others = [PlaceHolder(TaskId(f"task-{number}"), 1) for number in range(5)]
    said = [words.places_text(20, 20, each, AT) for each in ((sync,), (mail, sync, *others), (replace(mail, runs=23),))]
    assert said == [
        "20 of 20 slots: 3 sync, 17 of unknown tasks",
        "20 of 20 slots: 12 mail, 3 sync, 1 task-0, 4 others, longest 2m",
        "20 of 20 slots, 23 runs are executing: 23 mail, longest 2m",
    ]


NUMBERS = st.none() | st.integers(0, 300)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(20, 210), st.text(max_size=40) | st.just(HOSTILE))
def test_every_line_fits_and_a_bar_is_full_only_at_the_limit(
    running: int | None, limit: int | None, queued: int | None, width: int, name: str
) -> None:
    facts = queue(name=Raw(name), running=running, limit=limit, queued=queued, health=QueueHealth.FINE)
    lines = [row.line for row in words.queue_page(replace(facts, metrics_failure="503 down"), NOW, width)]
    for line in (*lines, *words.queue_summary_lines(facts, NOW, width)):
        assert line_width(line) <= width
        assert "\x1b" not in plain(line)
    assert all(line_width(line) == width + 37 for line in listed(facts.row, width + 40))
    bar = words.usage_bar(facts.row, width)
    if running is None or limit is None:
        assert bar == ()
    else:
        assert line_width(bar) == width
        assert ("─" not in plain(bar)) is (running >= limit and running > 0)
        assert ("━" in plain(bar)) is (running > 0)


def test_rule_marks_totals_of_a_list_that_is_cut() -> None:
    runs = [replace(run_of(f"run_{count}", "QUEUED"), attempt_count=count) for count in (0, 1)]
    store = SimpleNamespace(status_counts=lambda _: StatusCounts(delayed=4), with_statuses=lambda _: runs)
    live: Any = SimpleNamespace(session=SimpleNamespace(clock=None, store=store), now=NOW)
    queues = LiveQueues(live, QUEUES)
    queues._rows = (replace(MAIL, running=30, queued=304),)
    queues.state = ReadState(AT - timedelta(seconds=6))
    assert plain(queues.right(80)) == "30 running · 304 queued · 1 to retry · 4 delayed · read 6s ago"
    queues.state = replace(queues.state, is_cut=True)
    queues._known = WallFacts(queues=QueuesRead(AT, (), is_cut=True))
    assert plain(queues.right(80)) == "≥30 running · ≥304 queued · 1 to retry · 4 delayed · a page read 6s ago"
