"""The rows of tasks and of error groups, which wall and overview share."""

from dataclasses import replace

import pytest

from tests.support.wall_story import BOARD, FAILING_NOW, NOW, VIEW
from tui.domain.text import Raw
from tui.features.wall.blocks import WallView
from tui.features.wall.rows import (
    failing_block,
    failing_summary,
    folded_line,
    more_words,
    shown_groups,
    tasks_block,
)
from tui.store.findings.board import FailingGroup, FailingNow, TaskHealth, TaskRow
from tui.text.styled import Line, Token, line_width, plain


def task_line(row: TaskRow, width: int, view: WallView = VIEW) -> Line:
    return tasks_block(replace(view, board=replace(BOARD, tasks=(row,))), width, 1)[1].line


def group_line(group: FailingGroup, width: int) -> Line:
    return failing_block(replace(VIEW, failing=FailingNow((group,), is_known=True)), width, 1)[1].line


def test_tasks_look_as_in_the_picture_at_80() -> None:
    rule, *rows = tasks_block(VIEW, 80, len(BOARD.tasks))
    assert [plain(row.line).rstrip() for row in rows[:4]] == [
        "  ✗ charge-card     ▆▆▆▆▆▆▆▆▅▆▅▆▆▆▆▆▆▆▆▆  1,440     131   6.4s        3",
        "  ○ send-email      ▆▆▆▆▆▆▅▅▆▅▆▆▅▃▃▃▃▃▃▃  1,327       3  1m31s       20     301",
        "  ! hourly-digest   ····················",
        "  ! nightly-report  ····················                              1",
    ]
    heads = {47: "runs/h", 55: "failed", 62: "p95", 71: "running", 79: "queued"}
    assert all(plain(rule.line)[:end].endswith(f" {title}") for end, title in heads.items())
    assert plain(folded_line(BOARD.tasks[4:], 76)) == (
        "import-csv  paused, 3 queued   sync-orders  acknowledged   12 more healthy"
    )


def test_tasks_look_as_in_the_picture_at_120() -> None:
    rows = [plain(task_line(row, 120)).rstrip() for row in BOARD.tasks[:6]]
    assert rows[1] == (
        "  ○ send-email      ▆▆▆▆▆▆▅▅▆▅▆▆▅▃▃▃▃▃▃▃    1,327        3    1m31s     0.8s        20      301      11m  "
        "at its limit"
    )
    assert rows[3].split() == ["!", "nightly-report", "·" * 20, "9m", "1", "stuck"]


def test_tasks_without_a_row_are_healthy_only_if_none_failed() -> None:
    healthy = next(row for row in BOARD.tasks if row.health is TaskHealth.HEALTHY)
    bad = replace(healthy, failed_count=24)
    earlier = replace(healthy, failed=(2, 0), failed_count=0)
    unknown = replace(healthy, failed=(), failed_count=None)
    unread = replace(healthy, failed=(None, 0), failed_count=0)
    for rows, words in (
        ([healthy] * 3, "3 more healthy"),
        ([healthy, bad, earlier], "3 more · 2 with failures"),
        ([unknown, healthy, unread], "3 more · 2 not known"),
        ([*BOARD.tasks, unknown], "19 more · 5 not healthy · 4 with failures · 1 not known"),
    ):
        assert more_words(rows) == words
        assert more_words(rows, is_known=False) == words[: words.index("more") + 4]


def test_task_without_known_figures_has_dots_and_no_zero() -> None:
    unknown = replace(BOARD.tasks[0], done=[None] * 60, failed=[None] * 60, runs_per_hour=None, failed_count=None)
    text = plain(task_line(replace(unknown, p95=None, running=None, queued=None), 80))
    assert text.split() == ["✗", "charge-card", "░" * 20, *"·····"]


def test_acknowledged_task_has_no_rose_bar() -> None:
    acknowledged = next(row for row in BOARD.tasks if row.health is TaskHealth.ACKNOWLEDGED)
    assert Token.ROSE not in {piece.token for piece in task_line(acknowledged, 120)}


def test_stale_task_has_no_series_and_marks_what_runs() -> None:
    text = plain(task_line(BOARD.tasks[1], 80, replace(VIEW, is_known=False)))
    assert text.split() == ["send-email", "1,327", "3", "1m31s", "20~", "301~"]


def test_error_groups_look_as_in_the_pictures() -> None:
    narrow = [plain(group_line(group, 80)).rstrip() for group in FAILING_NOW.groups[:3]]
    assert narrow == [
        "  ✗  131  NEW    charge-card  StripeError No such customer: <id>         14:21",
        "  ✗    3  again  send-email   SMTPError 421 too many connections         14:29",
        "  ✗    1         import-csv   RangeError Invalid array length            9 Nov",
    ]
    wide = [plain(group_line(group, 120)).rstrip() for group in FAILING_NOW.groups[2:]]
    range_error, timeout = f"{'RangeError Invalid array length':42}", f"{'TimeoutError <n> s exceeded':42}"
    assert wide == [
        f"  ✗    1                import-csv    {range_error}src/lib/csv.ts:203      6 versions",
        f"  ✗   12  acknowledged  sync-orders   {timeout}src/lib/shopify.ts:41   14 versions",
    ]
    assert plain(failing_summary(FAILING_NOW, NOW, is_narrow=True)) == ("147 in 4 groups, 12 acknowledged")
    assert plain(failing_summary(FAILING_NOW, NOW, is_narrow=False)) == "147 in 4 error groups"
    partly = FAILING_NOW._replace(known_since=NOW)
    assert plain(failing_summary(partly, NOW, is_narrow=False)) == (f"147 in 4 error groups since {NOW:%H:%M}")
    assert len(shown_groups(FAILING_NOW, 80)) == 3


def test_failures_that_are_not_counted_are_no_zero() -> None:
    assert plain(failing_summary(FailingNow(), NOW, is_narrow=True)) == "·"


@pytest.mark.parametrize("width", [60, 66, 72, 79, 80, 100, 109, 110, 119, 120, 160, 200, 300])
def test_rows_fit_any_width(width: int) -> None:
    hostile = Raw("x\x1b[31m" * 60 + "\u202e")
    group = replace(FAILING_NOW.groups[0], message=hostile, type=hostile)
    assert line_width(group_line(group, width)) <= width
    row = replace(BOARD.tasks[0], task=type(BOARD.tasks[0].task)("t" * 300), runs_per_hour=999_999, queued=99_999)
    assert line_width(task_line(row, width)) <= width
