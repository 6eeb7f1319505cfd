"""The sentences, the page, the summary and the Markdown of an error group."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.error_groups import facts_of, group_of, minutes_ago
from tests.support.present.samples import HOSTILE, NOW, sample, texts
from tui.domain.facts import ErrorState, FailuresProgress, ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.run import ErrorGroupId, RunId, TaskId
from tui.domain.text import Raw
from tui.features.attempts.words import ReadProgress
from tui.features.errors.error import ErrorLayout
from tui.features.errors.words import (
    GroupFacts,
    Minutes,
    VersionStart,
    course_words,
    empty_groups_lines,
    group_markdown,
    group_page,
    group_summary_lines,
    groups_right,
    newest_page,
    reading_words,
    version_words,
)
from tui.text.bars import Bars, series, summed
from tui.text.blocks import GoToRun, Now
from tui.text.styled import Token, line_width, plain

AT = Now(NOW)
MINUTES = Minutes((1, 9, 14, 12, 4), NOW + timedelta(seconds=51.5))


def page_text(facts: GroupFacts, limit: int = 52) -> str:
    return "\n".join(plain(row.line) for row in group_page(facts, AT, limit))


def server_group(status: ServerGroupStatus, **more: object) -> ServerGroupDetail:
    return ServerGroupDetail(ErrorGroupId("error_1"), TaskId("t"), Raw("m"), status=status, **more)  # type: ignore[arg-type]


def test_page_says_what_failed_since_when_and_how_often() -> None:
    facts = facts_of(group_of(first=4.1), task_runs=264, minutes=MINUTES, first_run=RunId("run_cm00000000a0f4"))
    text = page_text(facts)
    assert "NEW  only in 20261126.3" in text
    assert "131 runs failed, 9 to 14 a minute, and it goes on" in text
    assert "run_cm…a0f4" in text
    assert "task      charge-card       131 of its 264 runs" in text
    assert "version   20261126.3        all 131" in text
    assert "version   20261126.3        130 of 131, 1 not known" in page_text(
        facts_of(group_of(versions=((Raw("20261126.3"), 130),)))
    )
    two = facts_of(group_of(versions=((Raw("20261126.3"), 100), (Raw("20261126.2"), 30))))
    assert "20261126.2  30\n          not known   1\n" in page_text(two)
    assert "tags      market:us  131    of 131" in text
    assert "per min   ▁▅▇▆▂  13:45–13:49" in text
    first_minute = facts_of(group_of(), minutes=Minutes((4,), MINUTES.end))
    assert page_text(first_minute).split("per min")[1].splitlines()[0].endswith("  13:49")
    actions = [row.action for row in group_page(facts, AT, 52) if row.action is not None]
    assert actions == [GoToRun(RunId("run_cm00000000a0f4")), GoToRun(facts.group.run_ids[0])]


def test_share_and_start_are_only_said_where_known() -> None:
    facts = facts_of(group_of())
    assert "of its" not in page_text(facts)
    assert version_words(facts) == "only in 20261126.3"
    start = VersionStart(Raw("20261126.3"), minutes_ago(13))
    started = replace(facts, version_start=start, first_start=minutes_ago(11))
    assert version_words(started) == "2 min after the first run of 20261126.3"
    assert version_words(replace(started, first_start=None)) == "only in 20261126.3"
    assert version_words(facts_of(group_of(versions=((Raw("a"), 1), (Raw("b"), 1))))) == "in 2 versions"


def test_no_version_is_the_only_one_of_an_older_group() -> None:
    older = (server_group(ServerGroupStatus.UNRESOLVED, first_seen=NOW - timedelta(days=1)),)
    assert version_words(facts_of(group_of(server_groups=older))) == "in 20261126.3"
    both = group_of(server_groups=older, versions=((Raw("a"), 1), (Raw("b"), 1)))
    assert version_words(facts_of(both)) == "in ≥2 versions"
    same = (server_group(ServerGroupStatus.UNRESOLVED, first_seen=minutes_ago(11)),)
    assert version_words(facts_of(group_of(server_groups=same))) == "only in 20261126.3"


def test_course_is_not_claimed_of_stale_data() -> None:
    facts = facts_of(group_of(last=0.5), minutes=MINUTES)
    assert course_words(facts, AT).endswith("and it goes on")
    assert course_words(facts, Now(NOW, minutes_ago(1))) == "the last one known at 13:48"
    assert course_words(facts_of(group_of(last=180)), AT) == "the last one 3h ago"
    assert course_words(facts_of(group_of(last=180, count=1)), AT) == "3h ago"
    assert course_words(facts_of(group_of(last=1, count=1)), AT) == "1m ago"


def test_unfinished_reading_is_a_lower_bound() -> None:
    facts = facts_of(group_of(), is_complete=False)
    assert "≥131 runs failed" in page_text(facts)
    assert "≥131 runs" in plain(group_summary_lines(facts, AT, 100)[0])
    assert "≥131 runs failed" in group_markdown(facts)
    start = VersionStart(Raw("20261126.3"), minutes_ago(13))
    more = replace(facts, task_runs=264, minutes=MINUTES, version_start=start)
    text = page_text(more) + plain(group_summary_lines(more, AT, 100)[0]) + group_markdown(more)
    assert "≥131 of its 264 runs" in text
    assert "≥131 of 264 runs" in text
    assert "NEW  in 20261126.3" in text
    assert not [words for words in ("a minute", "only in", "after the first") if words in text]


@pytest.mark.parametrize(
    ("state", "theirs", "words"),
    [
        (None, (), "state     not known"),
        (ErrorState.NEW, (), "state     new"),
        (
            ErrorState.ACKNOWLEDGED,
            (
                server_group(
                    ServerGroupStatus.IGNORED,
                    ignored_until=NOW + timedelta(hours=1),
                    ignored_by=Raw("ana"),
                ),
            ),
            "acknowledged      ignored until 14:49 by ana",
        ),
        (ErrorState.ACKNOWLEDGED, (server_group(ServerGroupStatus.IGNORED),), "acknowledged      ignored"),
        (
            ErrorState.REGRESSED,
            (server_group(ServerGroupStatus.RESOLVED, resolved_at=minutes_ago(60), last_seen=NOW),),
            "regressed         resolved 12:49, failed again",
        ),
    ],
)
def test_state_is_what_the_server_says(
    state: ErrorState | None, theirs: tuple[ServerErrorGroup, ...], words: str
) -> None:
    assert words in page_text(facts_of(group_of(state=state, server_groups=theirs)), 70)


def test_state_that_does_not_fit_beside_its_word_stands_below() -> None:
    theirs = (server_group(ServerGroupStatus.RESOLVED, resolved_at=minutes_ago(60), last_seen=NOW),)
    lines = page_text(facts_of(group_of(state=ErrorState.REGRESSED, server_groups=theirs)), 52).splitlines()
    place = lines.index("state     regressed")
    assert lines[place + 1] == "          resolved 12:49, failed again"


def test_detail_tells_who_acknowledged_and_why() -> None:
    listed = server_group(ServerGroupStatus.IGNORED)
    told = replace(listed, ignored_by=Raw("user_ana"), ignored_reason=Raw("the bank is down"))
    group = group_of(state=ErrorState.ACKNOWLEDGED, server_groups=(listed,))
    assert " by " not in page_text(facts_of(group))
    text = page_text(facts_of(group, detail=told))
    assert "ignored by user_ana" in text
    assert "the bank is down" in text


def test_missing_states_are_explained() -> None:
    facts = facts_of(group_of(state=None), state_problem="The key may not read them (403): only NEW is known.")
    assert "The key may not read them (403)" in page_text(facts)


@settings(max_examples=40)
@given(texts, st.integers(30, 160), st.sampled_from([None, *ErrorState]))
def test_pages_fit_any_width_and_any_text(text: str, limit: int, state: ErrorState | None) -> None:
    text += HOSTILE
    group = group_of(text, name=text, task=text, state=state, versions=((Raw(text), 3), (Raw("b"), 1)))
    facts = facts_of(group, newest=sample("FAILED"), task_runs=300, minutes=MINUTES, state_problem=text)
    assert all(line_width(row.line) <= limit for row in group_page(facts, AT, limit))
    assert all(line_width(line) <= limit for line in group_summary_lines(facts, AT, limit))
    page = newest_page(sample("FAILED"), ReadProgress(), AT, ErrorLayout(limit), has_head=True)
    assert all(line_width(row.line) <= limit for row in page)


def test_summary_names_the_group_and_its_newest_run() -> None:
    facts = facts_of(group_of(), newest=sample("FAILED", attempt_count=3), task_runs=264)
    first, second = (plain(line) for line in group_summary_lines(facts, AT, 80))
    assert first.startswith("  NEW charge-card  131 of 264 runs  only in 20261126.3")
    assert second.startswith("  newest  run_cmwuqwphl00009f7de45f6e3t  after 3 attempts")


def test_rule_says_how_complete_the_list_is() -> None:
    whole = FailuresProgress(171, 171, 171, has_all=True)
    assert plain(groups_right(whole, 8, 8, 0, 120)) == "171 failed runs, all read · 8 groups"
    assert plain(groups_right(whole, 8, 8, 0, 80)) == "171 runs · 8 groups"
    assert plain(groups_right(whole, 2, 8, 3, 120)).endswith("2 of 8 groups · 3 above")
    assert plain(reading_words(FailuresProgress(171, 120, 171, has_all=True), is_wide=True)) == "120 of 171 read"
    assert plain(reading_words(FailuresProgress(100, 60, 171), is_wide=True)) == "60 of 171 read"
    assert plain(reading_words(FailuresProgress(100, 60), is_wide=False)) == "60 of ≥100 read"
    assert reading_words(FailuresProgress(), is_wide=True) == ()


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (FailuresProgress(), "loading…"),
        (FailuresProgress(0, 0, 0, has_all=True), "No run failed in the last 24h."),
        (FailuresProgress(0), "loading…"),
        (FailuresProgress(171, 60, 171), "reading 171 failed runs, 60 so far"),
        (FailuresProgress(0, failure="the server does not answer"), "The server does not answer. r tries again."),
    ],
)
def test_empty_list_says_only_what_is_known(read: FailuresProgress, sentence: str) -> None:
    lines = empty_groups_lines(read, "last 24h", 80, is_filtered=False, is_stale=False)
    assert [plain(line) for line in lines if line] == [sentence]


def test_bars_show_a_single_failure() -> None:
    assert plain(series((0, 1, 10_000, 0), Bars(10_000, Token.ROSE))) == "·▁▇·"
    assert summed((1, 2, 3, 4), 2) == [3, 7]


def test_markdown_fences_the_text_of_others() -> None:
    text = group_markdown(facts_of(group_of("```\n# not a title", name="A`B")), redact=lambda text: text.upper())
    assert "## ``A`B``: 131 runs failed in the last 24h" in text
    assert "\n# NOT" not in text.split("````")[0]
    assert "- First own frame: `CREATECHARGE (SRC/LIB/STRIPE.TS)`" in text
