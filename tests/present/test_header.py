"""The top line, the title of the terminal's window, and the words about failures and outages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, drawn
from tui.domain.run import RELAY, REST, Environment
from tui.domain.text import Raw
from tui.domain.update import BudgetRead, SourceRetrying, SourceStopped
from tui.kit import words
from tui.kit.header_words import MAX_TITLE_CELLS, HeaderFacts, header_line, supports_title, terminal_title
from tui.store.freshness import Freshness, Level, Minute
from tui.store.indexes import StatusCounts
from tui.text.status import ascii_line
from tui.text.styled import Piece, Token, line_width, plain

AT = datetime(2026, 11, 24, 13, 49, 8, tzinfo=UTC)
PROD = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"))
DEV = replace(PROD, slug=Raw("dev"), type="DEVELOPMENT")
COUNTS = StatusCounts(queued=12, executing=8, waiting=3, failed=41)
FRESH = Freshness(Level.FRESH, AT - timedelta(seconds=1), timedelta(seconds=2))
LIVE = Freshness(Level.FRESH, AT - timedelta(seconds=9), timedelta(seconds=20), leader="realtime")
MINUTES = tuple(Minute(count, 2 if count == 2 else 0) for count in (3, 4, 3, 5, 4, 4, 2, 5, 3, 4, 5, 7, 6, 5, 6, 46))
FACTS = HeaderFacts(AT, FRESH, "https://api.trigger.dev", PROD, counts=COUNTS)


def ago(seconds: float) -> datetime:
    return AT - timedelta(seconds=seconds)


def failing(failure: SourceRetrying | SourceStopped | None, level: Level = Level.STALE) -> Freshness:
    return Freshness(level, ago(302), timedelta(seconds=2), failure, failure.at if failure else None)


OFFLINE = SourceRetrying("rest", ago(300), AT + timedelta(seconds=4), 9, "GET /api/v1/runs: no connection", False)
ANSWERED = SourceRetrying("rest", ago(300), AT + timedelta(seconds=4), 3, "GET /api/v1/runs: 503", True, 503)
REFUSED = SourceRetrying("realtime", ago(60), AT + timedelta(minutes=4), 1, "GET /realtime/v1/runs: 403", True, 403)
STOPPED = SourceStopped("rest", ago(300), "GET /api/v1/runs: 401 Invalid API key", 401)
NO_RELAY = failing(replace(OFFLINE, source="relay"))
LATE = Freshness(Level.LATE, ago(12), timedelta(seconds=5))
READING = "GET /api/v1/runs", timedelta(seconds=21)
PAUSED: dict[str, Any] = {"paused_at": ago(19), "frozen_at": ago(19)}
EVERY = StatusCounts(queued=1, delayed=2, pending_version=3, executing=4, waiting=5, failed=6)
STATES: tuple[dict[str, Any], ...] = (
    {"minutes": MINUTES},
    {"freshness": LIVE},
    {"freshness": replace(FRESH, other_failure=REFUSED)},
    {"freshness": replace(LIVE, other_failure=ANSWERED)},
    {"freshness": LIVE, "unchanged_for": timedelta(minutes=7)},
    {"freshness": LIVE, "is_relayed": True},
    {"freshness": LIVE, "is_slow_link": True},
    {**PAUSED, "is_slow_link": True},
    {"freshness": replace(LIVE, level=Level.LATE, leader="relay"), "is_relayed": True},
    {"freshness": NO_RELAY, "is_relayed": True},
    {"counts": replace(COUNTS, delayed=2, pending_version=1)},
    {"counts": replace(COUNTS, counted_at=ago(90))},
    {"counts": replace(COUNTS, is_live_partial=True, is_failed_partial=True)},
    {"is_read_only": True},
    {"freshness": LATE, "reading": READING},
    {"freshness": failing(None), "reading": READING, "counts": StatusCounts()},
    {"freshness": failing(replace(OFFLINE, next_at=ago(2))), "reading": READING, "counts": StatusCounts()},
    {"freshness": failing(ANSWERED)},
    {"freshness": failing(OFFLINE), "minutes": MINUTES},
    {**PAUSED, "waiting": 12},
    {"budget": BudgetRead(250, 31)},
    {"environment": DEV, "counts": StatusCounts(executing=1), "at": AT.astimezone(ZoneInfo("Asia/Kolkata"))},
    {"environment": None},
    {"environment": None, "freshness": Freshness(Level.CONNECTING, waited=timedelta(seconds=12))},
    {"freshness": failing(STOPPED)},
)

COUNTED = replace(EVERY, queued=12_345, failed=41_000)
BUSY = replace(FACTS, minutes=MINUTES, budget=BudgetRead(250, 31), counts=COUNTED, freshness=failing(OFFLINE))

WIDE = """
  PROD   acme/api   ● polling every 2 s                                                     Q12  E8  W3  ✗41
  PROD   acme/api   ● live                                                                  Q12  E8  W3  ✗41
  PROD   acme/api   ● polling every 2 s  no live feed (403), retrying in 4 min              Q12  E8  W3  ✗41
  PROD   acme/api   ● live  list not read (503), retrying in 4 s                            Q12  E8  W3  ✗41
  PROD   acme/api   ● live  unchanged for 7 min                                             Q12  E8  W3  ✗41
  PROD   acme/api   ● live via relay                                                        Q12  E8  W3  ✗41
  PROD   acme/api   ● live  slow link                                                       Q12  E8  W3  ✗41
  PROD   acme/api   ‖ paused  <1m ago, p resumes  slow link                    Q12  E8  W3  ✗41  as of 13:48
  PROD   acme/api   ● relay  9s old                                                         Q12  E8  W3  ✗41
  PROD   acme/api   ○ no relay since 13:44  retrying in 4 s                    Q12  E8  W3  ✗41  as of 13:44
  PROD   acme/api   ● polling every 2 s                                                   Q12+3  E8  W3  ✗41
  PROD   acme/api   ● polling every 2 s                                        Q12  E8  W3  ✗41  as of 13:47
  PROD   acme/api   ● polling every 2 s                                                 Q≥12  E≥8  W≥3  ✗≥41
  PROD   acme/api   READ-ONLY   ● polling every 2 s                                         Q12  E8  W3  ✗41
  PROD   acme/api   ● polling  12s old, next try within 22 s                                Q12  E8  W3  ✗41
  PROD   acme/api   ● no answer for 5 min  next try within 22 s, r reads now, reading the list
  PROD   acme/api   ○ offline since 13:44  next try within 22 s, r reads now, reading the list
  PROD   acme/api   ○ retrying in 4 s  try 3: 503 from the server              Q12  E8  W3  ✗41  as of 13:44
  PROD   acme/api   ○ offline since 13:44  retrying in 4 s                     Q12  E8  W3  ✗41  as of 13:44
  PROD   acme/api   ‖ paused  19s ago, 12 changed, p resumes                   Q12  E8  W3  ✗41  as of 13:48
  PROD   acme/api   ● polling every 2 s                              rate limit 31 of 250   Q12  E8  W3  ✗41
  DEV   acme/api   ● polling every 2 s   E1                                                        19:19 IST
  PROD?   ● polling every 2 s  environment not known, treated as production                 Q12  E8  W3  ✗41
  …   connecting…  for 12 s                                                                 Q12  E8  W3  ✗41
  PROD   acme/api   ○ stopped  the key was refused (401)                       Q12  E8  W3  ✗41  as of 13:44
"""

NARROW = """
  PROD   ○ offline since 13:44  retrying in …   E4  ✗41,000
  PROD   ○ offline since 13:44  retrying in 4 s      Q12,345+5  E4  W5  ✗41,000
  PROD   api   ○ offline since 13:44  retrying in 4 s       Q12,345+5  E4  W5  ✗41,000  as of 13:44
  PROD   acme/api   ○ offline since 13:44  retrying in 4 s   Q12,345+5  E4  W5  ✗41,000  as of 13:44        13:49 UTC
"""


def test_header_of_each_state_and_at_each_width() -> None:
    assert drawn(header_line(replace(FACTS, **state), 109) for state in STATES) == WIDE
    assert drawn(header_line(BUSY, width) for width in (60, 80, 100, 118)) == NARROW
    line = header_line(replace(FACTS, minutes=MINUTES), 120)
    assert [piece.text for piece in line if piece.token is Token.ROSE] == ["✗41", "▁"]
    assert not {piece.token for piece in header_line(BUSY, 120)} & {Token.BLUE, Token.GREEN, Token.ROSE}
    colorless = plain(ascii_line(header_line(BUSY, 118, is_colorless=True, offline="o")))
    assert colorless.startswith(" [PROD]  acme/api   o offline since 13:44  retrying in 4 s ")


names = st.sampled_from(["", "prod", "acme", "日本語" * 20, HOSTILE, "x" * 200]).map(Raw)
numbers = st.integers(0, 10**7)
STRANGE = replace(STOPPED, status=403, reason=HOSTILE)
FAILURES: tuple[SourceRetrying | SourceStopped | None, ...] = (None, OFFLINE, ANSWERED, STOPPED, STRANGE)
figures = st.builds(
    StatusCounts,
    **dict.fromkeys(("queued", "delayed", "pending_version", "executing", "waiting", "failed"), numbers),
    counted_at=st.none() | st.integers(0, 100).map(ago),
    is_live_partial=st.booleans(),
    is_failed_partial=st.booleans(),
)
freshness = st.builds(
    Freshness,
    st.sampled_from([Level.FRESH, Level.LATE, Level.STALE]),
    st.integers(0, 10**6).map(ago),
    st.just(timedelta(seconds=2)),
    st.sampled_from(FAILURES),
    leader=st.sampled_from(["rest", "realtime", "relay"]),
    other_failure=st.sampled_from((*FAILURES, REFUSED)),
)
header_facts = st.builds(
    HeaderFacts,
    st.just(AT),
    freshness | st.just(Freshness(Level.CONNECTING)),
    st.just("https://api.trigger.dev"),
    st.none() | st.builds(Environment, names, st.sampled_from(["PRODUCTION", "DEVELOPMENT"]), names, names),
    st.none() | names,
    st.booleans(),
    figures,
    st.none() | st.builds(BudgetRead, numbers, numbers),
    st.none() | st.just(ago(19)),
    numbers,
    st.lists(st.builds(Minute, numbers, numbers), max_size=16).map(tuple),
    st.none() | st.timedeltas(timedelta(), timedelta(days=9)),
    st.booleans(),
)


@given(header_facts, st.integers(60, 220), st.booleans())
def test_header_fills_any_width_and_keeps_the_environment(facts: HeaderFacts, width: int, is_ascii: bool) -> None:
    line = header_line(facts, width)
    assert line_width(line) == width
    assert line_width(ascii_line(line)) <= width or "\ufe0f" in plain(line)
    assert {piece.token for piece in line} & {Token.CHIP, Token.GREY_CHIP}
    text = plain(line)
    assert not facts.is_read_only or "READ-ONLY" in text
    heads = ("connecting…", "●", "○ offline since 13:44", "○ retrying in 4 s", "○ stopped", "‖ paused")
    assert any(head in text for head in heads)
    title = terminal_title(facts, is_ascii=is_ascii)
    assert title.isprintable()
    assert line_width((Piece(title),)) <= MAX_TITLE_CELLS
    assert title.isascii() or not is_ascii


def test_title_shows_the_known_parts() -> None:
    titles: dict[str, dict[str, Any]] = {
        "✗≥41 PROD acme/api": {"counts": replace(COUNTS, is_failed_partial=True)},
        "PROD acme/api": {"counts": replace(COUNTS, failed=0, is_failed_partial=True)},
        "○ ✗41 PROD acme/api": {"freshness": failing(ANSWERED)},
        "✗41 PROD?": {"environment": None},
        "trigger-tui": {"freshness": Freshness(Level.CONNECTING, None), "environment": None},
        "✗41 PROD acme/api fix-1": {"branch": "fix-1"},
    }
    assert {terminal_title(replace(FACTS, **changes)): changes for changes in titles.values()} == titles
    for text in (*HOSTILE, "\x1b]2;mine\x07", "\x9d2;mine\x9c", "a\nb\rc\0"):
        assert terminal_title(replace(FACTS, branch=text)).isprintable()
    terms = ["xterm-256color", "screen", "tmux-256color", "linux", "linux-16color", "dumb", "vt100", "eterm-color"]
    assert [supports_title(term) for term in (*terms, "")] == [True] * 3 + [False] * 6


# The advice about a failure of a relay, or of the API behind it.

BEHIND = "the API behind wss://relay.example"


def stopped(reason: str, status: int | None = None, source: str = REST) -> SourceStopped:
    return SourceStopped(source, AT, reason, status)


def retrying(reason: str, status: int | None = None, source: str = REST) -> SourceRetrying:
    return SourceRetrying(source, AT, AT, 1, reason, is_answered=status is not None, status=status)


PREVIEW = "GET /api/v1/runs: 401 Invalid API key (a preview key needs its branch in TRIGGER_PREVIEW_BRANCH)"
ADVICE = (
    (retrying("GET /api/v1/runs: no answer in 20 s"), True),
    (stopped(PREVIEW, 401), False),
    (stopped(PREVIEW, 401), True),
    (stopped("GET /api/v1/runs: 401 Invalid API key", 401), True),
    (retrying("GET /api/v1/runs: 422 narrow the time window", 422), False),
    (retrying("GET /api/v1/runs: 422 narrow the time window", 422), True),
    (retrying("503", 503), True),
    (stopped("the relay speaks version 5 of the protocol, the screen version 4", source=RELAY), False),
    (retrying("no message in 25 s", source=RELAY), False),
    (stopped("no (401)", 401, RELAY), False),
    (stopped("no (404)", 404, RELAY), False),
)


def advised() -> str:
    found = [words.advice_on(failure, BEHIND, is_relayed=is_relayed) for failure, is_relayed in ADVICE]
    return drawn((Piece(text),) for each in found for text in (f"{each.short}: {each.sentence}", each.todo) if text)


TOLD = """
no answer: No answer from the API behind wss://relay.example.
the key was refused (401): The key was refused (401).
Set TRIGGER_PREVIEW_BRANCH to the branch of the preview environment: its key alone is refused.
the key was refused (401): The key was refused (401).
On the relay: set TRIGGER_PREVIEW_BRANCH to the branch of the preview environment: its key alone is refused.
the key was refused (401): The key was refused (401).
On the relay: set TRIGGER_SECRET_KEY to the secret key of an environment: dashboard, page API keys.
the period is too long (422), f shortens it: The server wants a shorter period for the list of runs (422).
Press f and choose a shorter period.
the period is too long (422): The server wants a shorter period for the list of runs (422).
503 from the server: The server failed (503).
no connection to the relay: The relay cannot be used.
no answer: The relay does not answer.
the token was refused (401): The relay refused the token (401).
Set TRIGGER_TUI_RELAY_TOKEN to one of the tokens in the relay's file.
the relay has trouble: The relay cannot be used.
"""


def test_advice_names_who_can_do_what() -> None:
    assert advised() == TOLD
    for status in (None, 401, 403, 404, 495, 503):
        said = f"{words.advice_on(stopped('no', status, RELAY), BEHIND)}"
        assert not {"TRIGGER_SECRET_KEY", "TRIGGER_API_URL"} & set(said.split())
