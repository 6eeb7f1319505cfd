"""The blocks of the overview, with the story of the pictures."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.wall_story import BOARD, FAILING_NOW, NOW, VERDICT, facts_read
from tui.domain.facts import FactSource, FactUnread, WallFacts
from tui.domain.finding import QueueWaits, SourceUnread, Verdict
from tui.domain.text import Raw
from tui.features.wall.blocks import BlockRow, WallView
from tui.features.wall.overview import (
    failing_rows,
    failing_rule,
    overview_rows,
    overview_rule,
    queue_rows,
    strip_lines,
    task_rows,
    tasks_rule,
)
from tui.store.findings.board import Board, FailingNow, FourLines, Line
from tui.text.bars import BarLook
from tui.text.formatting import wait, waited
from tui.text.styled import line_width, plain

VIEW = WallView(BOARD, NOW, failing=FAILING_NOW, heard_at=NOW, is_known=True)
UNKNOWN = Line([None] * 60)
FROZEN = replace(VIEW, is_known=False)
EMPTY = Board(NOW, None, FourLines(BOARD.lines.span, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN))


def judged(verdict: Verdict | None) -> WallView:
    return replace(VIEW, board=replace(BOARD, verdict=verdict))


def texts(lines: list[BlockRow]) -> list[str]:
    return [plain(each.line).rstrip() for each in lines]


def test_overview_is_as_in_the_picture() -> None:
    shown = texts(overview_rows(VIEW, 52, 19))
    assert shown[:11] == [
        "",
        "FAILING  charge-card                   since 14:21",
        "         131 of 264 runs, only in 20261126.3",
        "SLOW     send-email                    since 14:10",
        "         at its limit 20/20, 301 wait, oldest 11m",
        "MISSING  hourly-digest                   due 14:00",
        "         due at 14:00, no run",
        "STUCK    nightly-report                since 02:09",
        "         executing for 12h32m, p95 is 9m",
        "",
        "",
    ]
    assert [line[:20].split() for line in shown[11:15]] == [
        ["done", "65/min"],
        ["failed", "14/min"],
        ["queued", "304"],
        ["running", "30"],
    ]
    assert {len(line) for line in shown[11:15]} == {50}
    assert shown[15:] == ["                    13:32                      now", "", HINT, ""]


HINT = "j or ↓ selects a run, x a failed one."


def test_failures_and_tasks_are_as_in_the_picture() -> None:
    assert texts(failing_rows(VIEW, 63, 6)) == [
        "",
        "✗ 131  NEW    charge-card  StripeError No such custom…  14:21",
        "✗   3  again  send-email   SMTPError 421 too many con…  14:29",
        "✗   1         import-csv   RangeError Invalid array l…  9 Nov",
        "✗  12  known  sync-orders  TimeoutError <n> s exceeded 12 Nov",
    ]
    assert plain(failing_rule(VIEW)) == "147 in the last hour"
    partly = VIEW.failing._replace(known_since=VIEW.now - timedelta(minutes=7))
    assert plain(failing_rule(replace(VIEW, failing=partly))).startswith(f"147 since {partly.known_since:%H:%M}")
    tasks = texts(task_rows(VIEW, 63, 12))
    assert plain(tasks_rule(VIEW, 63)) == "failed    p95 running  queued"
    assert tasks[0].endswith("     131   6.4s       3")
    assert tasks[1].endswith("       3  1m31s      20     301")
    assert tasks[-1] == "  7 more healthy"


def test_lines_that_do_not_fit_are_counted() -> None:
    assert texts(failing_rows(VIEW, 63, 4))[-1] == "  2 more with 13 failed runs"
    assert "         2 more; W shows all" in texts(overview_rows(VIEW, 52, 15))
    assert texts(task_rows(VIEW, 63, 2))[-1] == "  17 more · 4 not healthy · 3 with failures"
    assert len(task_rows(VIEW, 63, 500)) == len(BOARD.tasks)
    queues = texts(queue_rows(VIEW, 63, 4))
    assert queues[0].split() == ["running", "queued", "oldest", "health"]
    assert {queues[0].index(title) + len(title) for title in ("running", "queued", "oldest")} == {
        queues[1].index(figure) + len(figure) for figure in ("20/20", "301", "11m")
    }
    assert queues[-1] == "6 more"
    found = overview_rows(VIEW, 52, 12, has_all=True)
    assert [row.key for row in found if row.opens is not None] == [
        ("finding", each.identity) for each in VERDICT.findings
    ]


def test_strip_has_the_first_two_findings() -> None:
    assert [plain(line) for line in strip_lines(VIEW, 80) or ()] == [
        "  FAILING  charge-card  131 of 264 runs, only in 20261126.3               14:21",
        "  SLOW     send-email   at its limit 20/20, 301 wait, oldest 11m          14:10",
    ]
    assert strip_lines(judged(None), 80) is None
    silent = replace(VERDICT, is_known=False, heard_at=NOW - timedelta(minutes=5))
    first, second = strip_lines(judged(silent), 80) or ((), ())
    assert plain(first).startswith("  NOT KNOWN  nothing was heard for 5m00s")
    assert plain(second).startswith("  FAILING  charge-card")
    calm, hint = strip_lines(judged(replace(VERDICT, findings=())), 80) or ((), ())
    assert plain(calm).startswith("  ✓ OK  nothing fails more than")
    assert "selects a run" in plain(hint)


def test_unknown_is_neither_zero_nor_healthy() -> None:
    view = replace(VIEW, board=EMPTY, failing=FailingNow())
    shown = texts(overview_rows(view, 52, 19))
    assert shown[1] == "·"
    assert [line.split() for line in shown[11:15]] == [
        [name, "·", "░" * 30] for name in ("done", "failed", "queued", "running")
    ]
    assert texts(failing_rows(view, 63, 6)) == ["", "·"]
    assert plain(failing_rule(view)) == "·"
    assert texts(queue_rows(view, 63, 6)) == ["", "·"]


def test_silence_keeps_the_findings_without_colour() -> None:
    silent = replace(VERDICT, is_known=False, heard_at=NOW - timedelta(minutes=5))
    view = replace(judged(silent), heard_at=NOW - timedelta(minutes=5), is_known=False)
    lines = overview_rows(view, 52, 19)
    shown = texts(lines)
    assert shown[1].startswith("NOT KNOWN  nothing was heard for 5m00s")
    assert texts(task_rows(view, 63, 4))[-1] == "  15 more"
    assert "OK" not in " ".join(shown).replace("NOT KNOWN", "")
    assert any(line.startswith("FAILING  charge-card") for line in shown)
    assert "queued       304~" in "\n".join(shown)
    findings = [piece.token.name for line in lines if line.key is not None for piece in line.line if piece.text.strip()]
    frozen = strip_lines(FROZEN, 80) or ()
    findings += [piece.token.name for line in frozen for piece in line]
    assert not {"ROSE", "AMBER"} & set(findings)


def test_refused_sources_are_said_in_sentences() -> None:
    refused = ((FactSource.SCHEDULES, Raw("403 this key may not read schedules")),)
    calm = judged(replace(VERDICT, findings=(), refused=refused, own_since=NOW - timedelta(minutes=30)))
    shown = texts(overview_rows(calm, 52, 19))
    assert shown[1].startswith("✓ OK, as far as this key may read")
    assert any("403 this key may not read schedules" in line for line in shown)
    assert plain(overview_rule(calm)) == "own counts since 14:02"
    assert plain(overview_rule(calm)) == "own counts since 14:02"
    assert plain(overview_rule(FROZEN)) == "as of 14:32:07"
    unread = (SourceUnread(FactSource.SCHEDULES, Raw("GET /api/v1/schedules: 500 down")),)
    late = judged(replace(VERDICT, findings=(), unread=unread))
    assert texts(overview_rows(late, 52, 19))[1] == "NOT KNOWN  schedules: 500 down"
    first, _ = strip_lines(late, 80) or ((), ())
    assert plain(first) == "  NOT KNOWN  schedules: 500 down"
    wrong = judged(replace(VERDICT, unread=unread))
    assert "NOT KNOWN  schedules: 500 down" in texts(overview_rows(wrong, 52, 19))
    _, second = strip_lines(judged(replace(VERDICT, findings=VERDICT.findings[:1], unread=unread)), 80) or ((), ())
    assert plain(second) == "  NOT KNOWN  schedules: 500 down"
    why = FactUnread(NOW, FactSource.QUEUES, Raw("403 this key may not read queues"), is_refused=True)
    facts = WallFacts(unread={FactSource.QUEUES: why})
    view = replace(VIEW, board=replace(BOARD, queues=(), facts=facts))
    assert texts(queue_rows(view, 63, 6)) == ["", "refused: 403 this key may not read queues"]
    failing = replace(VIEW, failing=FailingNow(is_known=True, problem="403 this key may not read errors"))
    assert texts(failing_rows(failing, 63, 6))[-1] == "refused: 403 this key may not read errors"


def counted_at(seconds_ago: int) -> WallView:
    facts = facts_read({FactSource.WAITS: NOW - timedelta(seconds=seconds_ago)})
    return replace(VIEW, board=replace(BOARD, facts=facts))


@given(st.integers(0, 120))
def test_count_of_waiting_runs_has_its_age(seconds_ago: int) -> None:
    view = counted_at(seconds_ago)
    age = f"queues {wait(timedelta(seconds=seconds_ago))} ago"
    assert plain(overview_rule(view)) == age
    since = replace(view.board, verdict=replace(VERDICT, own_since=NOW - timedelta(minutes=30)))
    assert plain(overview_rule(replace(view, board=since))) == f"own counts since 14:02 · {age}"
    assert plain(overview_rule(replace(view, is_known=False))) == "as of 14:32:07"
    others = tuple(each for each in VERDICT.findings if not isinstance(each.evidence, QueueWaits))
    calm = replace(view.board, verdict=replace(VERDICT, findings=others))
    old = "" if seconds_ago <= 60 else f"waits {waited(timedelta(seconds=seconds_ago))} old"
    assert plain(overview_rule(replace(view, board=calm))) == old
    assert plain(overview_rule(counted_at(121))) == "waits 2m old", "older answers are not used in findings"


@given(width=st.integers(40, 200), rows=st.integers(1, 60), is_ascii=st.booleans(), is_known=st.booleans())
def test_no_line_is_wider_than_its_page(width: int, rows: int, is_ascii: bool, is_known: bool) -> None:
    view = replace(judged(replace(VERDICT, is_known=is_known)), look=BarLook(is_ascii, is_ascii))
    blocks = (
        overview_rows(view, width, rows),
        failing_rows(view, width, rows),
        task_rows(view, width, rows),
        queue_rows(view, width, rows),
    )
    for block in blocks:
        assert all(line_width(each.line) <= width for each in block)
    assert line_width(tasks_rule(view, width)) <= width
    assert all(line_width(line) <= width for line in strip_lines(view, width) or ())


def test_rule_has_the_age_of_old_numbers() -> None:
    facts = facts_read({FactSource.QUEUES: NOW - timedelta(minutes=2)})
    calm = replace(VIEW, board=replace(BOARD, verdict=replace(VERDICT, findings=()), facts=facts))
    assert plain(overview_rule(calm)) == "queues 2m old"
    assert plain(overview_rule(replace(calm, now=NOW - timedelta(minutes=1)))) == ""
