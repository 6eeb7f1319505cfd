"""The block about what happened: at each size, whole or counted, and with hostile text."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.wall_story import FAILING, MISSING, NOW, SLOW, STUCK, at
from tui.domain.error import RunError
from tui.domain.error_kinds import kind_of
from tui.domain.run import RunStatus, TaskId
from tui.domain.text import Raw
from tui.features.alerts.away import NOT_WATCHED, AwayReport, Episode, FailureGroup, away_lines
from tui.store.freshness import Gap
from tui.text.styled import line_width, plain

HOSTILE = Raw("evil\x1b[31m\x07\n\u202ename" + "x" * 300)


def group(task: str, count: int, message: str | None) -> FailureGroup:
    kind = None if message is None else kind_of(RunError(Raw(message), name=Raw("StripeError")))
    return FailureGroup(TaskId(task), kind, count)


REPORT = AwayReport(
    at("13:50"),
    NOW,
    {RunStatus.COMPLETED_SUCCESSFULLY: 1050, RunStatus.COMPLETED_WITH_ERRORS: 147, RunStatus.CANCELLED: 7},
    (
        Episode(SLOW, at("14:10"), at("14:25")),
        Episode(STUCK, None, at("14:12")),
        Episode(MISSING, at("14:01"), None),
        Episode(FAILING, at("14:21"), None),
    ),
    groups=(group("charge-card", 131, "No such customer: 'undefined'"), group("sync-orders", 9, None)),
    ungrouped=7,
    outage=Gap(at("14:02"), at("14:05")),
)


def texts(report: AwayReport, width: int, rows: int) -> list[str]:
    lines = away_lines(report, NOW, width, rows)
    assert all(line_width(line) <= width for line in lines)
    assert len(lines) <= rows
    return [plain(line).rstrip() for line in lines]


def test_block_says_what_came_and_went() -> None:
    rule, *rest = texts(REPORT, 120, 30)
    assert rule.startswith("─ while you were away · 13:50 to 14:32, 42 min ─")
    assert rule.endswith("─ Esc closes ─")
    assert plain(away_lines(REPORT, NOW, 120, 30, joint=54)[0])[53:56] == "─┴─"
    assert rest == [
        "",
        "  ~ no data from 14:02 to 14:05, 3 min",
        "  FAILING  charge-card     came 14:21      131 of 264 runs, only in 20261126.3",
        "  MISSING  hourly-digest   came 14:01      due at 14:00, no run",
        "  SLOW     send-email      14:10 to 14:25  at its limit 20/20, 301 wait, oldest 3m",
        "  STUCK    nightly-report  went 14:12      executing for 12h12m, p95 is 9m",
        "",
        "  ✗ 131  charge-card  StripeError: No such customer: '…'",
        "  ✗   9  sync-orders  its errors were not read",
        "    and 7 earlier failed runs",
        "",
        "  1,204 runs ended · 147 failed · 7 canceled · 1,050 completed",
    ]


def test_block_has_empty_lines_where_all_has_room() -> None:
    few = replace(REPORT, outage=None, ungrouped=0, episodes=REPORT.episodes[2:3], groups=REPORT.groups[:1])
    found = "  MISSING  hourly-digest  came 14:01  due at 14:00, no run"
    failed, counts = texts(few, 80, 30)[4], "  1,204 runs ended · 147 failed · 7 canceled · 1,050 completed"
    assert texts(few, 80, 7)[1:] == ["", found, "", failed, "", counts]
    assert texts(few, 80, 6)[1:] == [found, failed, counts]


@pytest.mark.parametrize(("width", "rows"), [(80, 11), (80, 8), (60, 9), (120, 19), (200, 29)])
def test_block_counts_what_does_not_fit(width: int, rows: int) -> None:
    many = replace(
        REPORT,
        episodes=REPORT.episodes * 20,
        groups=tuple(group(f"task-{number}", 90 - number, "No such customer") for number in range(60)),
    )
    lines = texts(many, width, rows)
    assert len(lines) == rows
    assert lines[-1].startswith("  1,204 runs ended")
    assert [line for line in lines if line.endswith(" more findings")]
    assert [line for line in lines if line.endswith(" more error groups")]
    assert "FAILING" in "\n".join(lines)


def test_block_without_findings_or_runs_says_so() -> None:
    report = AwayReport(at("13:50"), NOW, {RunStatus.TIMED_OUT: 1}, groups=(group("a", 1, None),), was_judged=False)
    assert NOT_WATCHED in "\n".join(texts(report, 80, 12))
    many = replace(REPORT, dropped_episodes=3)
    assert "    and 3 earlier findings" in texts(many, 120, 30)
    only = AwayReport(NOW - timedelta(days=2), NOW, {}, (Episode(SLOW, None, NOW),))
    lines = texts(only, 80, 12)
    assert lines[-1] == "  no run ended"
    assert "24 Nov to 14:32" in lines[0]


def test_hostile_text_is_cleaned() -> None:
    subject = replace(FAILING.subject, name=HOSTILE)
    report = replace(
        REPORT,
        episodes=(Episode(replace(FAILING, subject=subject), at("14:00")),),
        groups=(group(HOSTILE, 3, HOSTILE),),
    )
    for line in texts(report, 80, 12):
        assert not {"\x1b", "\x07", "\n", "\u202e"} & set(line)
