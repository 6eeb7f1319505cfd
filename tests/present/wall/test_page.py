"""The page of the wall at every size and in every state."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.wall_story import (
    BEFORE,
    BOARD,
    DEPLOYED,
    FAILING,
    FAILING_NOW,
    LOADING_VIEW,
    NOW,
    SLOW,
    STALE_VIEW,
    STUCK,
    VERDICT,
    VIEW,
    calm_board,
    facts_read,
)
from tui.domain.facts import FactSource, FactUnread, NormalsRead, WallFacts
from tui.domain.finding import (
    FindingWord,
    QueueWaits,
    RunOverdue,
    SourceUnread,
    Standstill,
    StandstillReason,
    TaskFails,
)
from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.features.wall.blocks import Band, WallView, big_number, big_word, span_words
from tui.features.wall.page import wall_header, wall_page
from tui.features.wall.rows import cron_words
from tui.kit.header_words import HeaderFacts
from tui.store.findings.board import BoardSpan, FailingNow
from tui.store.freshness import Freshness, Level
from tui.text.bars import BarLook
from tui.text.blocks import GoToRun, ListRuns
from tui.text.formatting import waited
from tui.text.styled import Token, line_width, plain

CALM = replace(VIEW, board=calm_board(), failing=FailingNow(is_known=True))
ENVIRONMENT = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"))
STATES = {"story": VIEW, "calm": CALM, "stale": STALE_VIEW, "loading": LOADING_VIEW}
WIDTHS = (60, 79, 80, 109, 110, 119, 120, 150, 179, 180, 200, 241, 300)
HEIGHTS = (14, 15, 19, 23, 24, 29, 39, 49, 50, 59, 79)


def text_of(view: WallView, width: int, height: int) -> list[str]:
    """Return the page with as many rows as a terminal of `height` rows leaves below the header."""
    return [plain(row.line).rstrip() for row in wall_page(view, width, height - 1).rows]


@pytest.mark.parametrize("state", STATES)
def test_wall_fills_any_size_and_cuts_nothing(state: str) -> None:
    for width in WIDTHS:
        for height in HEIGHTS:
            page = wall_page(STATES[state], width, height)
            assert len(page.rows) == height
            assert all(line_width(row.line) <= width for row in page.rows), (width, height)
            assert all(0 <= target.left < target.right <= width for target in page.targets)
            text = "\n".join(plain(row.line) for row in page.rows)
            assert "running" in text, "the series never go"
            assert plain(page.rows[-1].line).rstrip().endswith(("keys", "close")), "nor do the ages and keys"


def test_wall_at_80x24_is_that_of_the_picture() -> None:
    lines = text_of(VIEW, 80, 24)
    assert lines[:6] == [
        "  FAILING  charge-card     131 of 264 runs, only in 20261126.3           14:21",
        "  SLOW     send-email      at its limit 20/20, 301 wait, oldest 11m      14:10",
        "  MISSING  hourly-digest   due at 14:00, no run                          14:00",
        "  STUCK    nightly-report  executing for 12h32m, p95 is 9m               02:09",
        "",
        "─ last hour ────────────────────┬13:45 ────────┬14:00 ────────┬14:15 ───────────",
    ]
    assert lines[11] == "─ failing now ─────────────────────────────── 147 in 4 groups, 12 acknowledged ─"
    assert lines[16] == "─ tasks · worst first ────────────────── runs/h  failed    p95  running  queued"
    assert lines[21:] == [
        "    import-csv  paused, 3 queued   sync-orders  acknowledged   12 more healthy",
        " feed 0.4 s   history 20 s   queues 6 s   schedules 2 min   Enter open   ? keys",
    ]


def test_short_wall_gives_the_rows_of_a_sentence_to_tasks() -> None:
    lines = text_of(CALM, 60, 15)
    tasks = next(number for number, line in enumerate(lines) if line.startswith("─ tasks"))
    assert "no run failed in the last hour" in lines[tasks - 1] + lines[tasks - 2]
    assert len(lines) - tasks - 2 >= 3, "rows of tasks"


def test_wall_at_120x40_is_that_of_the_picture() -> None:
    lines = text_of(VIEW, 120, 40)
    assert lines[10].strip() == "┆20261126.3 deployed"
    assert lines[31].strip() == "6 more healthy · 2 running"
    due, longest, waiting = (line[:40].strip() for line in lines[33:36]), lines[34][40:82], lines[36][82:]
    assert list(due)[1:] == ["! hourly-digest          32 min late", "sync-orders                in 53 s"]
    assert longest.strip() == "! nightly-report …7k2q   12h32m     9m"
    assert waiting.strip() == "‖ publish-post  editor-appro…  40m"


def test_wide_wall_has_the_verdict_in_letters() -> None:
    page = wall_page(VIEW, 200, 59)
    lines = [plain(row.line) for row in page.rows]
    assert lines[1].startswith("   ██████████    ██████    ██████  ██          ██████  ██      ██    ██████   ")
    assert {row.band for row in page.rows[:9]} == {Band.FAILING}
    assert [row.band for row in page.rows[9:12]] == [Band.AMBER, Band.NONE, Band.NONE]
    for line, words in zip(lines[4:7], ("of 264 runs failed", "only in 20261126.3", "since 14:21"), strict=True):
        assert words in line
    assert lines[7].split()[-4:] == ["normal", "92", "normal", "5"]
    assert any("newest failure" in line for line in lines)
    assert any("└" not in line and "├ queues" in line for line in lines)


def test_long_words_beside_the_number_take_a_third_line() -> None:
    assert VIEW.board.verdict is not None
    finding = replace(VIEW.board.verdict.findings[0], evidence=TaskFails(1_627, 9_252, Raw("20261126.27"), 0.0))
    verdict = replace(VIEW.board.verdict, findings=(finding,))
    lines = text_of(replace(VIEW, board=replace(VIEW.board, verdict=verdict)), 200, 60)
    assert "of 9,252 runs failed" in lines[4]
    assert "only in 20261126.27" in lines[5]
    assert "since 14:21" in lines[6]
    overdue = replace(finding, word=FindingWord.STUCK, evidence=RunOverdue(finding.since - timedelta(days=40), None))
    verdict = replace(verdict, findings=(overdue,))
    lines = text_of(replace(VIEW, board=replace(VIEW.board, verdict=verdict)), 200, 60)
    for line, words in zip(lines[4:7], ("one run executing for", "its p95 is not known", "since 14:21"), strict=True):
        assert words in line


def test_wide_stale_wall_says_not_known_in_letters_and_words() -> None:
    lines = text_of(STALE_VIEW, 200, 60)
    assert [line[3:103] for line in lines[1:8]] == [row.rstrip() for row in big_word("NOT KNOWN")]
    assert lines[1].endswith("NOT KNOWN since 14:32")
    assert "nothing was heard for 5m02s; below is what was known at 14:32" in lines[4]
    assert next(line for line in lines if "newest failure" in line).rstrip("╌ ").endswith("at 14:32")
    assert "OK" not in "".join(lines)


def test_number_stands_beside_its_words_without_blocks() -> None:
    lines = text_of(replace(VIEW, look=BarLook(is_ascii=True)), 200, 60)
    assert "131  of 264 runs failed" in lines[5]
    # A pause may have begun before the oldest wait, or after it.
    paused = QueueWaits(8, NOW - timedelta(minutes=4), standstill=Standstill(StandstillReason.QUEUE_PAUSED))
    verdict = replace(VERDICT, findings=(replace(SLOW, evidence=paused),))
    lines = text_of(replace(VIEW, look=BarLook(is_ascii=True), board=replace(BOARD, verdict=verdict)), 200, 60)
    assert "paused, 8 wait, the oldest 4m" in lines[6]
    assert not any("since" in line for line in lines[:8])


def test_no_failure_is_claimed_of_a_time_that_was_not_read() -> None:
    for width in (80, 200):
        text = "\n".join(text_of(replace(CALM, failing=FailingNow()), width, 60))
        assert "no run failed" not in text
        part = FailingNow(is_known=True, known_since=NOW - timedelta(minutes=12))
        text = "\n".join(text_of(replace(CALM, failing=part, newest=None), width, 60))
        assert "no run failed since 14:20; before that is not read" in text
        assert "in the last hour" not in text


def test_bands_lie_behind_the_worst_findings_alone() -> None:
    rows = wall_page(VIEW, 80, 23).rows
    assert [row.band for row in rows[:5]] == [Band.FAILING, Band.AMBER, Band.NONE, Band.NONE, Band.NONE]
    fresh = replace(VIEW, fresh=frozenset({STUCK.identity}))
    assert wall_page(fresh, 80, 23).rows[3].band is Band.NEW


def test_more_than_four_findings_are_counted() -> None:
    many = tuple(replace(STUCK, subject=replace(STUCK.subject, key=str(number))) for number in range(5))
    view = replace(VIEW, board=replace(BOARD, verdict=replace(VERDICT, findings=(FAILING, SLOW, *many))))
    assert text_of(view, 80, 24)[3] == "  and 4 more   STUCK 4"


def test_calm_wall_says_ok_once_and_is_grey() -> None:
    rows = wall_page(CALM, 80, 23).rows
    assert plain(rows[1].line).rstrip() == "  ✓ OK       nothing fails more than on other days, nothing waits too long"
    tokens = {piece.token for row in rows for piece in row.line if piece.text.strip()}
    assert tokens.isdisjoint({Token.AMBER}), "no amber on a calm wall"
    assert "no run failed in the last hour" in text_of(CALM, 80, 24)[12]
    assert text_of(CALM, 80, 24)[16].startswith("─ tasks · all healthy ─")


def test_wall_that_is_not_judged_yet_names_no_time() -> None:
    view = replace(VIEW, board=replace(VIEW.board, verdict=None))
    assert text_of(view, 80, 24)[0].strip() == "NOT KNOWN  what was read is not judged yet"
    shown = "\n".join(text_of(view, 200, 60))
    assert "what was read is not judged yet" in shown
    assert "NOT KNOWN since" not in shown


def test_foot_keeps_the_most_useful_keys() -> None:
    for width, keys in (
        (60, "Enter open   ? keys   W close"),  # the age of the queues has no room beside the first two
        (80, "Enter open   ? keys"),
        (100, "Enter open   ( ) span   ? keys   W close"),
    ):
        assert text_of(VIEW, width, 24)[-1].endswith(f"  {keys}"), width


def test_stale_wall_begins_with_not_known_and_says_ok_nowhere() -> None:
    for view in (STALE_VIEW, replace(CALM, now=NOW + timedelta(minutes=5), is_known=False)):
        for width, height in ((80, 24), (120, 40), (200, 40)):
            lines = text_of(view, width, height)
            assert lines[0].startswith("  NOT KNOWN  nothing was heard for 5m0")
            assert "OK" not in "\n".join(lines).replace("NOT KNOWN", "")
    tokens = {piece.token for row in wall_page(STALE_VIEW, 80, 23).rows[1:5] for piece in row.line}
    assert tokens <= {Token.MUTED, Token.FAINT, Token.TEXT}, "old findings are grey"
    lines = text_of(STALE_VIEW, 80, 24)
    assert lines[4].startswith("  STUCK    nightly-report  executing for 12h32m~, p95 is 9m")
    assert lines[6].startswith("╌ last hour  STALE ╌")
    assert lines[9].startswith("  queued     304~  ")
    assert lines[-1].endswith("r try now   Enter open   W close")
    assert lines[-1].startswith(" feed 5m02s   history 5m22s")


def test_verdict_that_is_not_confirmed_is_never_ok() -> None:
    silent = replace(CALM, is_known=False)
    unjudged = replace(CALM, board=replace(calm_board(), verdict=None))
    for view in (silent, unjudged, LOADING_VIEW):
        assert "OK" not in "\n".join(text_of(view, 120, 40)).replace("NOT KNOWN", "")
    assert "██" in text_of(silent, 200, 60)[1], "a question mark in letters"


def test_loading_wall_has_words_and_dots_and_no_number() -> None:
    lines = text_of(LOADING_VIEW, 120, 40)
    assert "last hour" in lines[5]
    assert lines[6].split() == ["done", "░" * 60, "·", "·", "·", "·"]
    assert not any(character.isdigit() for line in lines[6:10] for character in line)


def test_refused_source_is_a_sentence_and_limits_ok() -> None:
    refusal = Raw("403 this key may not read schedules")
    why = FactUnread(NOW, FactSource.SCHEDULES, refusal, is_refused=True)
    facts = replace(BOARD.facts, schedules=None, unread={FactSource.SCHEDULES: why})
    verdict = replace(VERDICT, findings=(), refused=((FactSource.SCHEDULES, refusal),))
    view = replace(CALM, board=replace(calm_board(), verdict=verdict, due=(), facts=facts))
    lines = text_of(view, 120, 40)
    assert lines[1].startswith("  ✓ OK, as far as this key may read   not schedules")
    assert any(line.startswith("  refused: 403 this key may not") for line in lines)
    listed = replace(verdict, refused=(), is_of_listed=True)
    lines = text_of(replace(view, board=replace(calm_board(), verdict=listed)), 120, 40)
    assert lines[1].startswith("  ✓ OK, of the listed runs   nothing fails more")


@pytest.mark.parametrize(("width", "rows"), [(80, 24), (120, 40), (200, 60)])
def test_unread_source_makes_the_verdict_not_known(width: int, rows: int) -> None:
    unread = (
        SourceUnread(FactSource.RUNS, Raw("GET /api/v1/runs: 500 down")),
        SourceUnread(FactSource.QUEUES, None, NOW - timedelta(seconds=70)),
    )
    late = replace(VERDICT, findings=(), unread=unread)
    lines = text_of(replace(CALM, board=replace(calm_board(), verdict=late)), width, rows)
    assert "runs: 500 down; queues: not read for 1m10s" in "\n".join(lines).replace(";\n", "; ")
    assert any("NOT KNOWN" in line for line in lines)
    assert not any("OK" in line.split() or "healthy" in line for line in lines)
    empty = replace(calm_board(), longest=())
    for known, is_said in ((late, False), (replace(late, unread=()), True)):
        page = "\n".join(text_of(replace(CALM, board=replace(empty, verdict=known)), width, rows))
        assert ("no run executes" in page) is (is_said and width > 80)
    wrong = text_of(replace(VIEW, board=replace(BOARD, verdict=replace(VERDICT, unread=unread))), width, rows)
    at = next(index for index, line in enumerate(wrong) if line.startswith("  NOT KNOWN  runs: 500 down"))
    assert at > next(index for index, line in enumerate(wrong) if "SLOW" in line)


def test_own_counts_stand_in_the_last_row() -> None:
    view = replace(VIEW, board=replace(BOARD, own_since=NOW - timedelta(minutes=42)))
    for width in (60, 80, 120, 200):
        assert "own counts since 13:50" in text_of(view, width, 40)[-1]


def test_counts_of_listed_runs_say_so_in_the_last_row() -> None:
    for since, words in (
        (NOW - timedelta(minutes=42), "own counts of the listed runs since 13:50"),
        (None, "newest minutes of the listed runs"),
    ):
        view = replace(VIEW, board=replace(BOARD, own_since=since, is_listed=True))
        assert "of the listed runs" in text_of(view, 60, 40)[-1]
        for width in (80, 120, 200):
            assert words in text_of(view, width, 40)[-1]


@pytest.mark.parametrize(("queues_s", "waits_s"), [(2, 14), (14, 2)])
def test_age_of_queues_is_that_of_the_older_answer(queues_s: int, waits_s: int) -> None:
    read = {FactSource.QUEUES: queues_s, FactSource.WAITS: waits_s}
    facts = facts_read({source: NOW - timedelta(seconds=seconds) for source, seconds in read.items()})
    assert "queues 14 s" in text_of(replace(VIEW, board=replace(BOARD, facts=facts)), 120, 40)[-1]


def test_budget_stands_in_the_last_row_of_a_wide_wall() -> None:
    view = replace(VIEW, spent=0.31)
    assert "requests: everybody 31 %" in text_of(view, 200, 60)[-1]


def test_rows_open_what_they_speak_of() -> None:
    opened = {target.key: target.opens for target in wall_page(VIEW, 120, 39).targets}
    assert opened["finding", FAILING.identity] == ListRuns("task:charge-card status:failures")
    assert opened["finding", STUCK.identity] == GoToRun(STUCK.run_id) if STUCK.run_id else False
    assert opened["task", "send-email"] == ListRuns("task:send-email")
    assert opened["due", "sched_hourly"] == ListRuns("task:hourly-digest")
    queues = {target.key: target.opens for target in wall_page(VIEW, 200, 59).targets}
    assert queues["queue", "task/send-email"] == ListRuns("queue:task/send-email", queue="task/send-email")


@pytest.mark.parametrize(
    ("queued", "is_paused", "shown"), [(0, False, "0s"), (9, True, "0s"), (9, False, "·"), (None, False, "·")]
)
def test_oldest_wait_is_zero_only_where_none_waits(queued: int | None, is_paused: bool, shown: str) -> None:
    queue = replace(BOARD.queues[0], queued=queued, oldest_at=None, is_paused=is_paused)
    view = replace(VIEW, board=replace(BOARD, queues=(queue,)), look=BarLook(is_ascii=True))
    lines = text_of(view, 200, 60)
    column = next(line.index("oldest waits") for line in lines if "oldest waits" in line)
    assert lines[5][column:].split() == [shown]


def test_wall_in_ascii_has_four_levels_and_crosses() -> None:
    view = replace(VIEW, look=BarLook(is_ascii=True, is_colorless=True))
    lines = text_of(view, 80, 24)
    assert lines[5].startswith("─ last hour ────────────────────+13:45 ")
    assert set(lines[9].split()[-1]) <= set(".:|#")
    assert lines[17].split()[2].endswith("xxxx"), "a cell with a failure"


def test_header_has_version_and_clock() -> None:
    facts = HeaderFacts(NOW, Freshness(Level.FRESH), environment=ENVIRONMENT)
    wide, narrow = wall_header(facts, BOARD, 120), wall_header(facts, BOARD, 80)
    assert "20261126.3  deployed 12m ago by ana, 3f9c2e1   before it 20261126.2, 5h08m" in plain(wide)
    assert plain(wide).endswith("14:32 UTC ")
    assert "20261126.3 for 12m" in plain(narrow)
    assert wide[-2].token is Token.BRIGHT
    assert DEPLOYED.version in plain(wide)
    assert BEFORE.version in plain(wide)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 min"),
        ("0 * * * *", "every hour"),
        ("0 2 * * *", "at 02:00"),
        ("0 2 * * 1", "0 2 * * 1"),
    ],
)
def test_simple_schedules_are_said_in_words(cron: str, words: str) -> None:
    assert cron_words(Raw(cron)) == words


def test_span_has_a_word_for_each_cell() -> None:
    span = BoardSpan(timedelta(minutes=1), 60, NOW)
    assert span_words(span, 60, NOW, is_earlier=False) == "last hour"
    assert span_words(span, 40, NOW, is_earlier=False) == "last 40 min"
    assert span_words(replace(span, cell=timedelta(minutes=5)), 60, NOW, is_earlier=False) == "last 5 h"
    assert span_words(span, 60, NOW, is_earlier=True) == "13:33–14:33"


@pytest.mark.parametrize("word", ["FAILING", "SLOW", "MISSING", "STUCK", "OK", "NOT KNOWN"])
def test_letters_have_seven_rows_of_one_width(word: str) -> None:
    assert len({len(row) for row in big_word(word)}) == 1
    assert all(sign in {" ", "█"} for row in big_word(word) for sign in row)


def test_numbers_have_four_rows_of_one_width() -> None:
    assert len({len(row) for row in big_number("12h32m 0.5s 6d 78k")}) == 1
    assert "".join(big_number("1"))
    assert FAILING_NOW.failed_count == 147


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_ages_on_a_slow_link_change_by_the_minute(width: int, height: int) -> None:
    next_due = min(row.due_at for row in BOARD.due if row.due_at > NOW)
    for begin in (NOW, next_due - timedelta(seconds=99)):
        shown = {
            "\n".join(text_of(replace(VIEW, is_slow_link=True, now=begin + timedelta(seconds=second)), width, height))
            for second in range(60)
        }
        assert len(shown) <= 9, "each age changes once at most, and the queues become old"


OLD_WORDS = {
    FactSource.NORMALS: ("last hour · normals", 3 * 3600),
    FactSource.MINUTES: ("tasks · worst first ·", 180),
    FactSource.ERRORS: ("failing now ·", 180),
    FactSource.QUEUES: ("queues · queues", 60),
    FactSource.WAITS: ("queues · waits", 60),
    FactSource.SCHEDULES: ("due ·", 900),
    FactSource.TOKENS: ("waiting for someone ·", 180),
    None: ("last 24 hours ·", 900),
}


@pytest.mark.parametrize("source", OLD_WORDS, ids=str)
def test_old_numbers_have_their_age_at_their_block(source: FactSource | None) -> None:
    title, bound_s = OLD_WORDS[source]
    for age_s, is_old in ((bound_s, False), (bound_s + 1, True)):
        read_at = NOW - timedelta(seconds=age_s)
        facts = WallFacts(normals=NormalsRead(NOW, NOW, (), last_day_at=read_at))
        facts = facts if source is None else facts_read({source: read_at})
        lines = text_of(replace(VIEW, board=replace(BOARD, facts=facts)), 200, 60)
        found = [line for line in lines[:-1] if f"{title} {waited(timedelta(seconds=age_s))} old" in line]
        assert bool(found) is is_old, lines
