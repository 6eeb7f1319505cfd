"""The wall at every size and in every state, and the overview with its blocks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import wall_story
from tests.support.present.samples import drawn
from tests.support.wall_story import (
    BOARD,
    FAILING,
    FAILING_NOW,
    LOADING_VIEW,
    NOW,
    SLOW,
    STALE_VIEW,
    STUCK,
    VERDICT,
    VIEW,
)
from tui.domain.facts import FactSource, FactUnread, NormalsRead, WallFacts
from tui.domain.finding import QueueWaits, SourceUnread, Standstill, StandstillReason
from tui.domain.text import Raw
from tui.features.wall import overview, rows
from tui.features.wall.blocks import Band, BlockRow, WallView
from tui.features.wall.page import wall_page
from tui.store.findings.board import Board, FailingNow, FourLines, Line, TaskHealth
from tui.text.bars import BarLook
from tui.text.formatting import waited
from tui.text.styled import Token, line_width, plain

MINUTE = timedelta(minutes=1)
CALM = replace(VIEW, board=wall_story.calm_board(), failing=FailingNow(is_known=True))
HOSTILE = Raw("x\x1b[31m" * 60 + "\u202e")


def boarded(view: WallView = VIEW, **changes: Any) -> WallView:
    return replace(view, board=replace(view.board, **changes))


def judged(view: WallView = VIEW, **changes: Any) -> WallView:
    return boarded(view, verdict=replace(VERDICT, **changes))


def page(view: WallView, width: int, height: int) -> str:
    """Return the page with as many rows as a terminal of `height` rows leaves below the header."""
    return drawn(row.line for row in wall_page(view, width, height - 1).rows)


SMALL = """
  FAILING  charge-card     131 of 264 runs, only in 20261126.3           14:21
  SLOW     send-email      at its limit 20/20, 301 wait, oldest 11m      14:10
  MISSING  hourly-digest   due at 14:00, no run                          14:00
  STUCK    nightly-report  executing for 12h32m, p95 is 9m      over p95 02:09

─ last hour ────────────────────┬13:45 ────────┬14:00 ────────┬14:15 ───────────
  done     65/min  ▇▇▇▆▆▇▇▇▇▇▇▆▆▆▇▇▇▇▇▆▆▇▇▆▇▆▆▇▇▆▇▆▇▇▇▇▇▇▇▆▆▆▆▅▅▆▆▅▆▆▅▅▅▄▅▅▅▄▅▅
  failed   14/min  ····▁····▁·····▁···▁······▁····▁···▁····▁·····▁··▂▅▇▆▇▇▆▇▇▇▇
  queued      304  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇▇
  running      30  ▂▂▂▂▃▂▂▂▂▂▂▂▂▂▃▂▂▂▂▂▂▂▂▂▃▂▂▂▂▂▂▂▂▂▃▂▂▂▃▄▅▅▆▆▆▆▆▆▆▆▆▇▆▆▆▇▆▆▇▆
                                                20261126.3 deployed┆

─ errors of the last hour ─────────────────── 147 in 4 groups, 12 acknowledged ─
  ✗  131  NEW    charge-card  No such customer: <id>  StripeError        14:21
  ✗    3  again  send-email   421 too many connections  SMTPError        14:29
  ✗    1         import-csv   Invalid array length  RangeError             17d

─ tasks · worst first ────────────────── runs/h  failed    p95  running  queued
  ✗ charge-card     ▆▆▆▆▆▆▆▆▅▆▅▆▆▆▆▆▆▆▆▆  1,440     131   6.4s        3
  ○ send-email      ▆▆▆▆▆▆▅▅▆▅▆▆▅▃▃▃▃▃▃▃  1,327       3  1m31s       20     301
  ! hourly-digest   ····················
    nightly-report  stuck   14 more · 1 not healthy · 2 with failures
 feed 0.4 s   history 20 s   queues 6 s   schedules 2 min   Enter open   ? keys
"""


def test_wall_is_that_of_the_pictures() -> None:
    assert page(VIEW, 80, 24) == SMALL
    wide = page(VIEW, 200, 60).splitlines()
    assert wide[2].startswith("   ██████████    ██████    ██████  ██          ██████  ██      ██    ██████   ")
    assert wide[8].split()[-4:] == ["normal", "92", "normal", "5"]
    assert [row.band for row in wall_page(VIEW, 200, 59).rows[:12]] == [Band.FAILING] * 9 + [Band.AMBER] + [
        Band.NONE
    ] * 2
    bands = [row.band for row in wall_page(replace(VIEW, fresh=frozenset({STUCK.identity})), 80, 23).rows[:5]]
    assert bands == [Band.FAILING, Band.AMBER, Band.NONE, Band.NEW, Band.NONE]


EVIL = FAILING_NOW._replace(groups=tuple(replace(each, message=HOSTILE, type=HOSTILE) for each in FAILING_NOW.groups))
STATES = VIEW, CALM, STALE_VIEW, LOADING_VIEW, replace(VIEW, failing=EVIL)


@given(st.sampled_from(STATES), st.integers(60, 300), st.integers(14, 80), st.booleans(), st.booleans())
def test_wall_fills_any_size_and_cuts_nothing(
    view: WallView, width: int, height: int, is_ascii: bool, is_known: bool
) -> None:
    view = replace(view, look=BarLook(is_ascii, is_ascii))
    found = wall_page(view, width, height)
    assert len(found.rows) == height
    assert all(line_width(row.line) <= width for row in found.rows)
    assert all(0 <= target.left < target.right <= width for target in found.targets)
    assert any("running" in plain(row.line) for row in found.rows), "the series never go"
    assert plain(found.rows[-1].line).rstrip().endswith(("keys", "close")), "nor do the ages and keys"
    view = replace(view, is_known=is_known)
    blocks = (overview.overview_rows, overview.failing_rows, overview.task_rows, overview.queue_rows)
    lines = [each.line for block in blocks for each in block(view, width - 20, height)]
    assert all(line_width(line) <= width - 20 for line in (*lines, overview.tasks_rule(view, width - 20)))
    assert all(line_width(line) <= width for line in overview.strip_lines(view, width) or ())
    assert not {"\x1b", "\u202e"} & {letter for line in lines for letter in plain(line)}


def silent(view: WallView) -> WallView:
    return replace(view, now=NOW + 5 * MINUTE, is_known=False)


SILENT = replace(judged(is_known=False, heard_at=NOW - 5 * MINUTE), heard_at=NOW - 5 * MINUTE, is_known=False)
PAUSED = replace(SLOW, evidence=QueueWaits(8, NOW - 4 * MINUTE, standstill=Standstill(StandstillReason.QUEUE_PAUSED)))
MANY = tuple(replace(STUCK, subject=replace(STUCK.subject, key=str(number))) for number in range(9))
REFUSAL = (FactSource.SCHEDULES, Raw("403 this key may not read schedules"))
WHY = {FactSource.SCHEDULES: FactUnread(NOW, *REFUSAL, is_refused=True)}
REFUSED = boarded(
    judged(CALM, findings=(), refused=(REFUSAL,)), due=(), facts=replace(BOARD.facts, schedules=None, unread=WHY)
)
UNREAD = (
    SourceUnread(FactSource.RUNS, Raw("GET /api/v1/runs: 500 down")),
    SourceUnread(FactSource.QUEUES, None, NOW - 70 * MINUTE / 60),
)
PARTLY = FailingNow(is_known=True, known_since=NOW - 12 * MINUTE)
ASCII = BarLook(is_ascii=True)
COUNTED = boarded(own_since=NOW - 42 * MINUTE)
BARE = replace(BOARD.tasks[0], done=[None] * 60, failed=[None] * 60, runs_per_hour=None, failed_count=None, p95=None)
WAITED = wall_story.facts_read({FactSource.WAITS: NOW - timedelta(seconds=61)})
STALE = wall_story.facts_read({FactSource.QUEUES: NOW - timedelta(seconds=14), FactSource.WAITS: NOW})


@pytest.mark.parametrize(
    ("view", "width", "expected"),
    [
        (CALM, 80, "  ✓ OK       no unusual failures or waits now"),
        (CALM, 80, "no run failed in the last hour"),
        (judged(CALM, findings=(), ended=FAILING, ended_at=NOW), 80, "waits now; FAILING charge-card until 14:32\n"),
        (judged(VIEW, findings=()), 80, "  ✓ OK       no unusual failures or waits now; 1 new error"),
        (replace(CALM, failing=PARTLY, newest=None), 200, "no run failed since 14:20; earlier runs are not read"),
        (boarded(verdict=None), 80, "  NOT KNOWN  the data is not evaluated yet"),
        (judged(findings=(FAILING, *MANY, SLOW)), 80, "  and 5 more   STUCK 5"),
        (judged(findings=(FAILING, *MANY, SLOW)), 80, "  SLOW     send-email"),
        (replace(VIEW, look=ASCII), 200, "131  of 264 runs failed"),
        (replace(judged(findings=(PAUSED,)), look=ASCII), 200, "paused, 8 wait, the oldest 4m"),
        (STALE_VIEW, 80, "  STUCK    nightly-report  executing for 12h32m~, p95 is 9m"),
        (STALE_VIEW, 80, "\n╌ last hour  STALE ╌"),
        (STALE_VIEW, 80, "r try now   Enter open   W close\n"),
        (silent(CALM), 120, "\n  NOT KNOWN  no data for 5m00s"),
        (LOADING_VIEW, 120, f"\n  done        {'░' * 60}        ·"),
        (REFUSED, 120, "  ✓ OK, as far as this key may read   not schedules"),
        (judged(CALM, findings=(), is_of_listed=True), 120, "  ✓ OK, for the listed runs   no unusual failures"),
        (judged(CALM, findings=(), unread=UNREAD), 80, "runs: 500 down; queues: last read 1m10s ago"),
        (judged(unread=UNREAD), 80, "  NOT KNOWN  runs: 500 down; queues: last read 1m10s ago"),
        (boarded(judged(CALM, findings=()), longest=()), 120, "no run is executing"),
        (COUNTED, 60, "counts since 13:50"),
        (boarded(COUNTED, is_listed=True), 80, "counted from the listed runs since 13:50"),
        (boarded(facts=STALE), 120, "queues 14 s"),
        (boarded(tasks=(BARE,)), 80, f"charge-card     {'░' * 20}      ·       ·      ·        3"),
        (replace(VIEW, look=BarLook(is_ascii=True, is_colorless=True)), 80, "─ last hour ────────────────────+13:45 "),
        (replace(VIEW, look=BarLook(is_ascii=True, is_colorless=True)), 80, "xxxx  1,440     131"),
    ],
)  # fmt: skip
def test_wall_says_what_is_known(view: WallView, width: int, expected: str) -> None:
    assert expected in page(view, width, 60 if width == 200 else 24 if width == 80 else 40)


def test_wall_claims_nothing_that_is_not_known() -> None:
    unjudged, late = boarded(CALM, verdict=None), judged(CALM, findings=(), unread=UNREAD)
    for view in (silent(CALM), replace(CALM, is_known=False), unjudged, late, LOADING_VIEW, STALE_VIEW):
        for width, height in ((80, 24), (120, 40), (200, 60)):
            text = page(view, width, height).replace("NOT KNOWN", "")
            assert "OK" not in text
            assert view is CALM or "no run is executing" not in text
    assert "no run failed" not in page(replace(CALM, failing=FailingNow()), 80, 60)
    assert not any(letter.isdigit() for letter in page(LOADING_VIEW, 120, 40).split("queued")[1].split("─")[0])
    assert "NOT KNOWN since" not in page(boarded(verdict=None), 200, 60)
    rows = [*wall_page(STALE_VIEW, 80, 23).rows[1:5], *overview.overview_rows(SILENT, 52, 19)[3:9]]
    assert not {Token.ROSE, Token.AMBER} & {piece.token for row in rows for piece in row.line if piece.text.strip()}


@pytest.mark.parametrize(
    ("queued", "is_paused", "shown"), [(0, False, "0s"), (9, True, "0s"), (9, False, "·"), (None, False, "·")]
)
def test_oldest_wait_is_zero_only_where_none_waits(queued: int | None, is_paused: bool, shown: str) -> None:
    queue = replace(BOARD.queues[0], queued=queued, oldest_at=None, is_paused=is_paused)
    lines = page(replace(boarded(queues=(queue,)), look=ASCII), 200, 60).splitlines()
    column = next(line.index("oldest wait") for line in lines if "oldest wait" in line)
    assert lines[6][column:].split() == [shown]


OLD_WORDS = {
    FactSource.NORMALS: ("last hour · normals", 3 * 3600),
    FactSource.MINUTES: ("tasks · worst first ·", 180),
    FactSource.ERRORS: ("errors of the last hour ·", 180),
    FactSource.QUEUES: ("queues · queues", 60),
    FactSource.WAITS: ("queues · waits", 60),
    FactSource.SCHEDULES: ("due ·", 900),
    FactSource.TOKENS: ("waiting for a token ·", 180),
    None: ("last 24 hours ·", 900),
}


@pytest.mark.parametrize("source", OLD_WORDS, ids=str)
def test_old_numbers_have_their_age_at_their_block(source: FactSource | None) -> None:
    title, bound_s = OLD_WORDS[source]
    for age_s, is_old in ((bound_s, False), (bound_s + 1, True)):
        read_at = NOW - timedelta(seconds=age_s)
        facts = WallFacts(normals=NormalsRead(NOW, NOW, (), last_day_at=read_at))
        facts = facts if source is None else wall_story.facts_read({source: read_at})
        assert (f"{title} {waited(timedelta(seconds=age_s))} old" in page(boarded(facts=facts), 200, 60)) is is_old


# The rows of tasks and of error groups, which wall and overview share.


def test_tasks_without_a_row_are_healthy_only_if_none_failed() -> None:
    healthy = next(row for row in BOARD.tasks if row.health is TaskHealth.HEALTHY)
    bad, unread = replace(healthy, failed_count=24), replace(healthy, failed=(None, 0), failed_count=0)
    said = [rows.more_words(tasks) for tasks in ([healthy] * 3, [healthy, bad, unread], [*BOARD.tasks, unread])]
    assert said == [
        "3 more healthy",
        "3 more · 1 with failures · 1 not known",
        "19 more · 5 not healthy · 4 with failures · 1 not known",
    ]


# The overview.


def block(found: list[BlockRow]) -> str:
    return drawn(row.line for row in found)


OVERVIEW = """

FAILING  charge-card                   since 14:21
         131 of 264 runs, only in 20261126.3
SLOW     send-email                    since 14:10
         at its limit 20/20, 301 wait, oldest 11m
MISSING  hourly-digest                   due 14:00
         due at 14:00, no run
STUCK    nightly-report       over p95 since 02:09
         executing for 12h32m, p95 is 9m


done       65/min   ▇▇▇▇▇▇▆▇▇▆▇▇▇▇▆▇▇▇▇▆▆▆▆▆▆▅▅▅▅▅
failed     14/min   ··▁·▁··▁·▁···▁·▁·▁··▁··▁▁▆▇▇▇▇
queued        304   ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▂▃▄▄▅▆▆▇▇
running        30   ▂▂▃▂▂▂▂▃▂▂▂▂▃▂▂▂▂▃▂▄▅▆▆▆▆▇▆▇▆▇
                    13:32                      now

j or ↓ selects a run, x a failed one.

"""


STRIP = """
  FAILING  charge-card  131 of 264 runs, only in 20261126.3               14:21
  SLOW     send-email   at its limit 20/20, 301 wait, oldest 11m          14:10
"""


def test_overview_is_as_in_the_picture() -> None:
    found = overview.overview_rows(VIEW, 52, 19)
    assert block(found) == OVERVIEW
    assert drawn(overview.strip_lines(VIEW, 80) or ()) == STRIP
    assert "         2 more; W shows all" in block(overview.overview_rows(VIEW, 52, 15))
    keys = [row.key for row in overview.overview_rows(VIEW, 52, 12, has_all=True) if row.opens is not None]
    assert keys == [("finding", each.identity) for each in VERDICT.findings]
    assert len(overview.task_rows(VIEW, 63, 500)) == len(BOARD.tasks)
    rules = [overview.failing_rule(VIEW, 63), overview.tasks_rule(VIEW, 63)]
    rules.append(overview.failing_rule(replace(VIEW, failing=FAILING_NOW._replace(known_since=NOW - 7 * MINUTE)), 63))
    assert [*map(plain, rules)] == ["147 last hour · since", "failed    p95 running  queued", "147 since 14:25"]


UNKNOWN = Line([None] * 60)
EMPTY = Board(NOW, None, FourLines(BOARD.lines.span, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN))
NOT_READ = (SourceUnread(FactSource.SCHEDULES, Raw("GET /api/v1/schedules: 500 down")),)
NO_QUEUES = WallFacts(unread={FactSource.QUEUES: FactUnread(NOW, FactSource.QUEUES, Raw("403 no"), is_refused=True)})


def all_blocks(view: WallView) -> str:
    found = [overview.overview_rows(view, 52, 19), overview.failing_rows(view, 63, 6), overview.queue_rows(view, 63, 6)]
    strip = overview.strip_lines(view, 80) or ()
    return block([row for rows in found for row in rows]) + drawn([*strip, overview.overview_rule(view)])


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (replace(VIEW, board=EMPTY, failing=FailingNow()), f"\nqueued          ·   {'░' * 30}\n"),
        (judged(boarded(facts=WAITED), own_since=NOW - 30 * MINUTE), "\ncounts since 14:02 · queues read 1m ago\n"),
        (judged(boarded(facts=WAITED), findings=()), "\nwaits 1m old\n"),
        (SILENT, "\nNOT KNOWN  no data for 5m00s"),
        (SILENT, "\nas of 14:27:07\n"),
        (judged(findings=()), "\n  ✓ OK  no unusual failures or"),
        (judged(findings=(), refused=(REFUSAL,)), "\n✓ OK, as far as this key may read"),
        (judged(findings=(), unread=NOT_READ), "\nNOT KNOWN  schedules: 500 down"),
        (judged(findings=(FAILING,), unread=NOT_READ), "\n  NOT KNOWN  schedules: 500 down"),
        (boarded(queues=(), facts=NO_QUEUES), "\nrefused: 403 no\n"),
    ],
)
def test_overview_says_what_is_known(view: WallView, expected: str) -> None:
    assert expected in all_blocks(view)
