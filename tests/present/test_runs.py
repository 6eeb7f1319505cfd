"""The list of runs: its columns, its last line, its sentences when it is empty, the lines about the selected run."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.run_rows import columns_for, head, row
from tests.support.present.samples import CREATED, HOSTILE, NOW, RUN_ID, STAMP, drawn, failure, full, sample, text_of
from tui.domain.filters import SearchProgress, SearchStep
from tui.domain.run import STATUS_TABLE, Environment, Run, RunId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, SourceRetrying, SourceStopped
from tui.features.runs.columns import COLUMNS, PRINTED_TABLE
from tui.features.runs.words import ListFacts, empty_lines, end_line, summary_lines
from tui.store.freshness import Freshness, Level
from tui.text.blocks import Now
from tui.text.styled import Piece, Token, line_width, plain
from tui.text.table import Print

AT = Now(NOW)
WORDS = sorted({row.rest or row.legacy for row in STATUS_TABLE if row.rest or row.legacy} | {"FROBNICATING"})
BARE = Run(RunId("run_cmwuqwphl00009f7de45f6e3t"))
FAILED = replace(sample("FAILED"), error=(STAMP, failure(3, "Card declined\nfor good")))
RUNS = (FAILED, sample(), sample("QUEUED", started=False, tags=()), full(), BARE)


def table(width: int, **layout: Any) -> str:
    slots = columns_for(width, **layout)
    return drawn([head(slots), *(row(run, slots, AT) for run in RUNS)])


NARROW = """
  status           task                       took    age
✗ Failed           charge-card                6.3s    31s
✓ Completed        charge-card                6.3s    31s
○ Queued           charge-card                   ·    31s
✗ Failed           charge-card                6.3s    31s
? ·                ·                             ·      ·
"""

USUAL = """
  status           task                      run             took    age  version      error, tags
✗ Failed           charge-card               run_cm…6e3t     6.3s    31s  20261124.3   Card declined  billing  order…
✓ Completed        charge-card               run_cm…6e3t     6.3s    31s  20261124.3   billing  order:1001
○ Queued           charge-card               run_cm…6e3t        ·    31s  20261124.3
✗ Failed           charge-card               run_cm…6e3t     6.3s    31s  20261124.3   Card was declined  billing  o…
? ·                ·                         run_cm…6e3t        ·      ·  ·
"""

FAILURES = """
  status           task              age           created  error
✗ Failed           charge-card       31s          13:48:37  Card declined
✓ Completed        charge-card       31s          13:48:37
○ Queued           charge-card       31s          13:48:37
✗ Failed           charge-card       31s          13:48:37  Card was declined
? ·                ·                   ·                 ·
"""


def test_list_has_the_columns_of_its_width() -> None:
    assert table(60) == NARROW
    assert table(120) == USUAL
    assert table(80, is_wide=True, only_failures=True) == FAILURES
    pages = {width: Print(PRINTED_TABLE, width).page(list(RUNS), NOW) for width in (118, 98, 84, 72, 60, 40)}
    titles = [plain(page[0]).split() for page in pages.values()]
    every = ["status", "task", "run", "took", "age", "version", "tags", "cost"]
    rows = [["status", "task", "run", "age"], ["status", "task", "age"]]
    assert titles == [every, every[:7], every[:6], every[:5], *rows]


@given(st.integers(44, 400), st.sampled_from(WORDS), st.booleans(), st.booleans())
def test_row_fills_its_pane_exactly(pane: int, word: str, is_wide: bool, only_failures: bool) -> None:
    slots = columns_for(pane, is_wide=is_wide, only_failures=only_failures)
    runs = (sample(word), full(HOSTILE), BARE, sample("Z" * 300))
    # Without the gutter and the right edge.
    assert {line_width(line) for line in (head(slots), *(row(run, slots, AT) for run in runs))} == {pane - 3}
    lines = Print(PRINTED_TABLE, pane).page(list(runs), NOW)
    assert all(line_width(line) <= pane for line in lines)
    assert all(BARE.id in plain(line) or "run_" not in plain(line) for line in lines[3:4]), "an id is whole or omitted"
    assert not any(letter in "\x1b\u202e" for line in lines for letter in plain(line))
    widths = {slot.column.id: slot.width for slot in slots}
    assert not only_failures or pane < 72 or widths.get("error", widths.get("error-tags", 0)) >= 16
    for run in (*runs, full()):
        assert all(line_width(line) < pane + 16 for line in summary_lines(run, (run, run), AT, pane + 16))


def test_later_page_keeps_the_columns_and_has_no_titles() -> None:
    pages = Print(PRINTED_TABLE, 100)
    first, second = (text_of(pages.page([sample(task=task)], NOW)).splitlines() for task in ("a-long-name", "x"))
    assert [len(first), len(second)] == [2, 1]
    assert first[1].index(RUN_ID) == second[0].index(RUN_ID)
    failed = [column.cell(FAILED, AT, 20)[0].token for column in COLUMNS if column.id in {"task", "took", "version"}]
    assert failed == [Token.BRIGHT, Token.TEXT, Token.MUTED], "failures stand out"


# The last line of the list.

WHOLE = HistoryRead(NOW - timedelta(hours=9), 700, is_complete=True)
CUT = HistoryRead(NOW - timedelta(hours=2), 5_000, is_complete=True, is_cut=True)
READING = HistoryRead(NOW - timedelta(hours=1), 300, is_complete=False)
LIST = ListFacts(NOW, NOW - timedelta(hours=24), WHOLE, SearchProgress())


def searched(progress: SearchProgress | None = None, **facts: Any) -> ListFacts:
    return replace(
        LIST,
        is_filtered=True,
        found=9,
        progress=progress or SearchProgress(),
        **{"unread_count": 0, "failed_count": 0} | facts,
    )


def after(**progress: Any) -> SearchProgress:
    return SearchProgress(reached=NOW - timedelta(days=2), older_read=100, **progress)


RELAYED = SearchProgress(has_lists=False, failure="a relay cannot list older runs")


ENDS = (
    replace(LIST, history=CUT),
    replace(LIST, history=CUT, progress=RELAYED),
    searched(),
    searched(history=CUT, unread_count=139),
    searched(filters_queues=True),
    searched(after(), failed_count=148),
    searched(after(is_at_end=True, unreadable_count=1), unread_count=3),
    searched(after(failure="GET /x: 503")),
    searched(SearchProgress(SearchStep.ERRORS, 60, 139)),
    searched(SearchProgress(SearchStep.NAMES, older_read=1)),
    searched(after(step=SearchStep.OLDER)),
    searched(bodiless_count=1_748, possible_count=1_961),
    searched(bodiless_count=200, possible_count=980),
    searched(after(is_at_end=True, bodies_asked_at=NOW), bodiless_count=3, possible_count=980, are_bodiless_new=True),
    searched(after(bodies_asked_at=NOW), possible_count=980),
    searched(
        SearchProgress(SearchStep.BODIES, bodies_read=50, body_count=200, bodies_since=NOW - timedelta(minutes=1))
    ),
)

SEARCHED = """
not read: runs older than 11:49   Enter on this line: read more
stopped: a relay cannot list older runs · not read: runs older than 11:49
9 found · not searched: runs older than 2026-11-23 13:49   Enter on this line: search the server
9 found · 139 errors not loaded yet · not searched: runs older than 11:49   Enter on this line: search the server
9 found · queues not read yet · not searched: runs older than 2026-11-23 13:49   Enter on this line: search the server
9 found · not searched: runs older than 2026-11-22 13:49 · all 148 errors read   Enter on this line: read more
9 found · 2 errors not loaded yet · searched back to 2026-11-22 13:49   Enter on this line: read more
9 found · stopped: 503 · not searched: runs older than 2026-11-22 13:49   Enter on this line: try again
searching, 60 of 139 errors read   Esc stops
searching, by name, 1 run read   Esc stops
searching, 100 older runs read, back to 2026-11-22 13:49   Esc stops
9 found · not searched: 1,748 of 1,961 payloads · runs older than 2026-11-23 13:49   Enter on this line: read more
9 found · not searched: 200 of 980 payloads · runs older than 2026-11-23 13:49   Enter on this line: read them
9 found · 977 payloads searched, 3 newer not · searched back to 2026-11-22 13:49   Enter on this line: read them
9 found · not searched: runs older than 2026-11-22 13:49 · 980 payloads searched   Enter on this line: read more
searching, 50 of 200 payloads read, about 3m left; task: narrows it   Esc stops
"""


def test_end_says_what_was_not_searched_and_keeps_its_key() -> None:
    assert drawn(end_line(facts, 118) or () for facts in ENDS) == SEARCHED
    assert [end_line(facts, 200) for facts in (LIST, replace(LIST, history=READING))] == [None, None]
    for width in (1, 12, 40, 77, 82):
        line = end_line(searched(SearchProgress(answers=("日本" * 40,)), history=CUT, unread_count=139), width) or ()
        assert line_width(line) <= max(width, len("   Enter on this line: read more"))
        assert plain(line).endswith("   Enter on this line: read more")


# The sentences in place of an empty list.

URL = "https://trigger.acme.example"
DEV = Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme"))
DONE = HistoryRead(NOW, 0, is_complete=True)
DAY = timedelta(hours=24)
FRESH = Freshness(Level.FRESH, NOW, timedelta(seconds=2))
EMPTY = ListFacts(NOW, NOW - DAY, DONE, freshness=FRESH, api_url=URL, environment=DEV, period=DAY)


def retrying(reason: str, status: int | None) -> ListFacts:
    failed = SourceRetrying("rest", NOW, NOW + timedelta(seconds=4), 1, f"GET /api/v1/runs: {reason}", True, status)
    return replace(EMPTY, freshness=Freshness(Level.CONNECTING, failure=failed, failure_since=NOW))


def stopped(reason: str, status: int) -> ListFacts:
    failed = SourceStopped("rest", NOW, f"GET /api/v1/runs: {reason}", status)
    return replace(EMPTY, freshness=Freshness(Level.STALE, failure=failed, failure_since=NOW))


CONNECTING = replace(EMPTY, history=None, freshness=Freshness(Level.CONNECTING, waited=timedelta(seconds=12)))
FILTERED = replace(EMPTY, run_count=7, is_filtered=True)
NOT_DONE = replace(DONE, is_complete=False)
EMPTIES = (
    CONNECTING,
    replace(EMPTY, history=None),
    replace(EMPTY, history=NOT_DONE),
    FILTERED,
    EMPTY,
    stopped("401 Invalid or Missing API key", 401),
    stopped("403 missing the scope read:runs", 403),
    retrying("200, a web page instead of JSON: is TRIGGER_API_URL right?", 200),
)

SENTENCES = """
loading…
No runs from https://trigger.acme.example for 12 s. Still trying.
loading…
loading… older pages are still being read
No runs match. Esc clears the filter.
No runs yet in dev.
Trigger one from your code or the dashboard's Test page; it shows up here by itself.
The key was refused (401).
Set TRIGGER_SECRET_KEY to the secret key of an environment: dashboard, page API keys.
r tries again, q ends the program.
This key may not list runs (403).
A public access token needs the scope read:runs; a secret key always works.
r tries again, q ends the program.
The server said: missing the scope read:runs
https://trigger.acme.example returns a web page, not the API.
Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it.
Trying again in 4 s; r tries now.
"""


def test_every_reason_of_an_empty_list_comes_with_what_to_do() -> None:
    assert drawn(line for facts in EMPTIES for line in empty_lines(facts, 100) if line) == SENTENCES


@given(st.integers(20, 200), st.sampled_from(["", "x" * 300, HOSTILE]))
def test_no_sentence_is_wider_than_its_limit(width: int, text: str) -> None:
    named = replace(EMPTY, environment=replace(DEV, slug=Raw(text)))
    for facts in (retrying(text, 503), stopped(text, 403), named):
        assert max(map(line_width, empty_lines(facts, width))) <= width


# The two lines about the selected run, and the line about a change.


def unstarted(word: str, **more: Any) -> Run:
    return sample(word, started=False, **({"attempt_count": None} | more))


def having(run: Run, **changes: Any) -> Run:
    """Return a run whose error, start of delay, queue or another field is another one."""
    assert run.state
    state = replace(run.state, delayed_until=changes.pop("delayed_until", None))
    return replace(run, state=state, fixed=replace(run.fixed, queue=changes.pop("queue", None)), **changes)


LOST = replace(failure(1, "no heartbeat"), code="TASK_RUN_STALLED_EXECUTING")
SELECTED = (
    (sample("COMPLETED"), AT),
    (sample("EXECUTING"), AT),
    (unstarted("EXECUTING"), AT),
    (unstarted("QUEUED"), Now(NOW, CREATED + timedelta(seconds=5))),
    (unstarted("QUEUED", attempt_count=2), AT),
    (having(unstarted("QUEUED"), queue=Raw("task/charge-card")), AT),
    (having(unstarted("QUEUED"), created_at=NOW + timedelta(seconds=40)), AT),
    (having(unstarted("DELAYED"), delayed_until=NOW + timedelta(seconds=95)), AT),
    (sample("WAITING"), AT),
    (unstarted("CANCELED"), AT),
    (having(sample("CANCELED"), error=(STAMP, LOST)), AT),
    (having(sample("COMPLETED"), error=(STAMP, failure(1)), gone_at=NOW), AT),
    (FAILED, AT),
    (BARE, AT),
)

SUMMARIES = """
    took 6.3s, 24s ago
    executing for 31s
    dequeued by a worker, not started yet
    queued for 5.0s~
    waiting to retry after 2 attempts
    queued for 31s in task/charge-card
    due in 40s
    queued in 1m35s
    started 31s ago, waits
    canceled before it started, 24s ago
    Error no heartbeat
    no longer on the server
    Error Card declined
    only its id is known
"""


def test_summary_says_why_or_how_long() -> None:
    assert drawn(summary_lines(run, (), now, 80)[1] for run, now in SELECTED) == SUMMARIES
    long = sample("FAILED", task="a-task-with-a-long-name", attempt_count=3)
    heads = [plain(summary_lines(long, (), AT, width)[0]) for width in (60, 86)]
    assert heads == [
        f"  ✗ Failed  a-task-with-a-l…  {RUN_ID}",
        f"  ✗ Failed  a-task-with-a-long-name  {RUN_ID}  after 3 attempts",
    ]
    acting, _ = summary_lines(sample("EXECUTING"), (), AT, 80, overlay=Piece("cancel sent", Token.AMBER))
    assert plain(acting).startswith("  ◐ cancel sent  charge-card")
    assert text_of(summary_lines(None, (), AT, 80)) == "  New runs appear at the top. j or ↓ selects a run.\n"


def below(*words: str) -> str:
    children = [sample(word, run_id=f"run_{number}") for number, word in enumerate(words)]
    _, line = summary_lines(sample("WAITING"), [*children, *([BARE] if "ODD" in words else [])], AT, 80)
    return plain(line).partition("waits  ")[2]


def test_summary_counts_children_by_family_without_zeros() -> None:
    assert below("COMPLETED", "COMPLETED", "CRASHED", "EXECUTING", "QUEUED") == "✗1  E1  Q1  ✓2 below it"
    assert below("QUEUED", "DELAYED", "DELAYED", *["PENDING_VERSION"] * 3) == "Q1  D2  P3 below it"
    assert below("COMPLETED", "CANCELED", "CANCELED", "EXPIRED", "ODD") == "✓1  ⊘2  ◇1  ?2 below it"
    for status in STATUS_TABLE:
        counts = below(status.rest or status.legacy or status.database[0]).removesuffix(" below it").split()
        assert [count[1:] for count in counts] == ["1"], status.title
