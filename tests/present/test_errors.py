"""Groups of failed runs: the list, the page of a group, its Markdown, and what `errors` prints."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.error_groups import facts_of, group_of, minutes_ago
from tests.support.present.samples import HOSTILE, NOW, drawn, sample, text_of, texts
from tui.domain.facts import ErrorState, FailuresProgress, ServerGroupDetail, ServerGroupStatus
from tui.domain.run import ErrorGroupId, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.features.attempts.words import ReadProgress
from tui.features.errors import words
from tui.features.errors.command import PRINTED
from tui.features.errors.error import ErrorLayout
from tui.features.errors.model import GROUP_TABLE, GroupRow
from tui.store.error_groups import ErrorGroup
from tui.text.blocks import GoToRun, Now
from tui.text.styled import Token, line_width, plain
from tui.text.table import Print

AT = Now(NOW)
CELLS = (*([0] * 23), 131)
MINUTES = words.Minutes((1, 9, 14, 12, 4), NOW + timedelta(seconds=51.5))
FACTS = facts_of(
    group_of(first=4.1), task_runs=264, later_runs=8, minutes=MINUTES, first_run=RunId("run_cm00000000a0f4")
)
UNKNOWN = group_of("Broken", name=None, stack=None, state=None, versions=(), tasks=(), count=2)


def table(groups: list[ErrorGroup], width: int, now: Now = AT, *, is_read: bool = True) -> str:
    slots = GROUP_TABLE.slots(width)
    rows = [GROUP_TABLE.row(GroupRow(group, CELLS, 88, is_read=is_read), slots, now) for group in groups]
    return drawn([GROUP_TABLE.head(slots, {"bars": "last 24h"}), *rows])


def server(status: ServerGroupStatus, **more: Any) -> ServerGroupDetail:
    return ServerGroupDetail(ErrorGroupId("error_1"), TaskId("t"), Raw("m"), status=status, **more)


IGNORED = server(ServerGroupStatus.IGNORED)
RESOLVED = server(ServerGroupStatus.RESOLVED, resolved_at=minutes_ago(60), last_seen=NOW)
AGAIN = group_of(
    "Out of memory",
    name="TASK_PROCESS_OOM_KILLED",  # a code of the server is no type
    stack="Error: x\n    at f (file:///app/src/very/deep/folder/of/stripe.ts:88:11)",
    state=ErrorState.REGRESSED,
    tasks=((TaskId("a"), 3), (TaskId("b"), 2)),
    versions=((Raw("20261126.3"), 100), (Raw("20261126.2"), 30)),
    statuses=((RunStatus.CRASHED, 9), (RunStatus.COMPLETED_WITH_ERRORS, 1)),
    server_groups=(RESOLVED,),
)
GROUPS = [group_of(), AGAIN, UNKNOWN, group_of(state=ErrorState.UNRESOLVED, count=12_040)]

NARROW = """
   runs  state  task           error                          since
✗   131  NEW    charge-card    No such customer: '…'          13:38
▼   131  again  2 tasks        Out of memory                  13:38
✗     2  ·      ·              Broken                         13:38
✗   12k         charge-card    No such customer: '…'          13:38
"""

WIDE = """
   runs  state         last 24h      task             error                            your code     versions   since
✗   131  NEW           ···········▇  charge-card      No such customer: '…'            lib/stripe.ts:88     1   13:38
▼   131  regressed     ···········▇  2 tasks          Out of memory                    stripe.ts:88         2   13:38
✗     2  ·             ···········▇  ·                Broken                           ·                    ·   13:38
✗   12k                ···········▇  charge-card      No such customer: '…'            lib/stripe.ts:88     1   13:38
"""

PAGE = """

NEW  only in 20261126.3
131 runs failed, 9 to 14 a minute, last 6s ago

first     13:45:02          run_cm…a0f4
last      13:49:02          run_cm…6f0a
task      charge-card
          131 of 264 runs failed, not the newest 8
version   20261126.3        all 131

tags      market:us  131    of 131

state     new

per min   ▁▅▇▆▂  13:45–13:49

error     StripeError No such customer: '…'
in        createCharge  src/lib/stripe.ts
"""

OTHER_PAGE = """

regressed  in 2 versions
131 runs failed, the last one 6s ago

first     13:38:08
last      13:49:02          run_cm…6f0a
tasks     a  3
          b  2
versions  20261126.3  100
          20261126.2  30
          not known   1

tags      market:us  131    of 131

state     regressed
          resolved 12:49, failed again

error     Out of memory
in        f  src/very/deep/folder/of/stripe.ts
"""

SUMMARY = """
  NEW charge-card  131 of 264 runs  only in 20261126.3
  newest  run_cmwuqwphl00009f7de45f6e3t  after 3 attempts
"""

FENCED = facts_of(group_of("```\n# not a title", name="A`B"), task_runs=264)


def test_list_shows_what_failed_where_and_since_when() -> None:
    assert table(GROUPS, 70) == NARROW
    assert table(GROUPS, 120) == WIDE
    assert table([group_of()], 60).splitlines()[1].split() == ["runs", "task", "error"]
    later = [table([group_of()], 200, Now(NOW + timedelta(hours=hours))).split()[-1] for hours in (11, 13)]
    assert later == ["13:38", "13h"]
    bounds = [table([group_of(count=count)], 80, is_read=False).splitlines()[2].split()[1] for count in (7, 999, 1204)]
    assert bounds == ["≥7", "≥999", "≥1k"], "a count is a bound while errors are unread"
    row = GroupRow(group_of(state=ErrorState.ACKNOWLEDGED), CELLS)
    tokens = {piece.token for piece in GROUP_TABLE.row(row, GROUP_TABLE.slots(120), AT) if piece.text.strip()}
    assert tokens <= {Token.FAINT, Token.MUTED, Token.GUIDE, Token.LINE}, "an acknowledged group is grey"


def test_pages_say_what_failed_since_when_and_how_often() -> None:
    page = words.group_page(FACTS, AT, 52)
    assert drawn(row.line for row in page) == PAGE
    assert [row.action for row in page if row.action] == [
        GoToRun(RunId(FACTS.first_run or "")),
        GoToRun(FACTS.group.run_ids[0]),
    ]
    assert drawn(row.line for row in words.group_page(facts_of(AGAIN), AT, 52)) == OTHER_PAGE
    newest = replace(FACTS, newest=sample("FAILED", attempt_count=3))
    assert drawn(words.group_summary_lines(newest, AT, 80)) == SUMMARY
    partly = replace(FACTS, is_complete=False, version_start=STARTED)
    said = text_of_page(partly) + text_of(words.group_summary_lines(partly, AT, 100)) + words.group_markdown(partly)
    assert said.count("≥131") >= 4
    assert not any(claim in said for claim in ("a minute", "only in", "after the first")), "it is a lower bound"
    stale = words.course_words(facts_of(group_of(last=0.5), minutes=MINUTES), Now(NOW, minutes_ago(1)))
    assert stale == "the last known one at 13:48", "that it goes on is not claimed of stale data"
    for read, expected in ((FailuresProgress(0), "loading…"), (FailuresProgress(0, 0, 0, has_all=True), "No run")):
        assert expected in text_of(words.empty_groups_lines(read, "last 24h", 80, is_filtered=False, is_stale=False))
    markdown = words.group_markdown(FENCED, redact=lambda text: text.upper())
    assert markdown.startswith("## ``A`B``: 131 runs failed in the last 24h\n")
    assert "- First frame of your code: `CREATECHARGE (SRC/LIB/STRIPE.TS)`\n- State: NEW\n" in markdown


@given(texts, st.integers(30, 240), st.sampled_from([None, *ErrorState]), st.integers(1, 2_000_000))
def test_list_and_pages_fit_any_width_and_any_text(text: str, width: int, state: ErrorState | None, count: int) -> None:
    text += HOSTILE
    group = group_of(text, name=text, task=text, state=state, count=count, versions=((Raw(text), 3), (Raw("b"), 1)))
    facts = facts_of(group, newest=sample("FAILED"), task_runs=300, minutes=MINUTES, state_problem=text)
    newest = words.newest_page(sample("FAILED"), ReadProgress(), AT, ErrorLayout(width), has_head=True)
    pages = [*words.group_page(facts, AT, width), *newest]
    for line in (*words.group_summary_lines(facts, AT, width), *(row.line for row in pages)):
        assert line_width(line) <= width
        assert "\x1b" not in plain(line)
    slots = GROUP_TABLE.slots(width + 28)
    row = GROUP_TABLE.row(GroupRow(group, CELLS, 7), slots, AT)
    assert line_width(row) == line_width(GROUP_TABLE.head(slots, {"bars": "last 24h"})) == width + 25
    printed = Print(PRINTED, width + 6).page([GroupRow(each, ()) for each in (group, UNKNOWN)], NOW)
    assert len(set(map(line_width, printed))) == 1
    assert line_width(printed[0]) <= width + 6


STARTED = words.VersionStart(Raw("20261126.3"), minutes_ago(13))
OLDER = server(ServerGroupStatus.UNRESOLVED, first_seen=NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (facts_of(group_of()), "only in 20261126.3"),
        (
            facts_of(group_of(), version_start=STARTED, first_start=minutes_ago(11)),
            "2 min after the first run of 20261126.3",
        ),
        (facts_of(group_of(server_groups=(OLDER,))), "in 20261126.3"),
        (facts_of(group_of(server_groups=(OLDER,), versions=AGAIN.versions)), "in ≥2 versions"),
        (facts_of(group_of(versions=AGAIN.versions)), "in 2 versions"),
    ],
)
def test_version_is_only_called_the_only_one_where_it_is(facts: words.GroupFacts, expected: str) -> None:
    assert words.version_words(facts) == expected


def text_of_page(facts: words.GroupFacts) -> str:
    return text_of(row.line for row in words.group_page(facts, AT, 70))


@pytest.mark.parametrize(
    ("group", "more", "expected"),
    [
        (group_of(state=None), {}, "state     not known"),
        (group_of(state=None), {"state_problem": "The key may not (403)."}, "The key may not (403)."),
        (group_of(state=ErrorState.ACKNOWLEDGED, server_groups=(IGNORED,)), {}, "acknowledged      ignored\n"),
        (
            group_of(state=ErrorState.ACKNOWLEDGED, server_groups=(IGNORED,)),
            {
                "detail": replace(
                    IGNORED, ignored_until=NOW + timedelta(hours=1), ignored_by=Raw("ana"), ignored_reason=Raw("why")
                )
            },
            "acknowledged      ignored until 14:49 by ana\n          why",
        ),
        (group_of(versions=((Raw("20261126.3"), 130),)), {}, "version   20261126.3        130 of 131, 1 not known"),
    ],
)
def test_state_is_what_the_server_says(group: ErrorGroup, more: dict[str, Any], expected: str) -> None:
    assert expected in text_of_page(facts_of(group, **more))
