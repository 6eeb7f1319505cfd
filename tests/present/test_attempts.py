"""The attempts of a run: their page with the stack of an error, and the page that compares them."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.attempt_pages import fold_named, of, rows_of, text, thrice
from tests.support.present.samples import HOSTILE, NOW, STAMP, STARTED, attempt, drawn, failure, full, sample, texts
from tui.domain.error import RunError, build_error
from tui.domain.log import LogLevel
from tui.domain.run import Attempt, AttemptHistory, AttemptStatus, Run
from tui.domain.text import Raw
from tui.features.attempts import compared
from tui.features.attempts.words import FOLDED, Axis, Bar, ReadProgress, run_words
from tui.kit.lines import EDGE
from tui.text.bars import round_up
from tui.text.blocks import Now, Row, ShowAttempt, ToggleFold
from tui.text.status import ascii_line
from tui.text.styled import Token, line_width, plain

NARROW = """

✗ 1   13:48:37.277    416ms   ╺━━╸
✗ 2   13:48:39.277    416ms       ╌╌╌╌╌╌╌╌╌╌╺━━
✗ 3   13:48:41.277    416ms                    ╌╌╌╌╌╌╌╌╌╌╌━━━

Error Upstream returned 503 on attempt 3: service unavailable
      the same in all 3 attempts, except for numbers

(anonymous)        src/trigger/charge.ts:20:29
async chargeStep1  src/trigger/charge.ts:11:45
⋯ 2 frames  @trigger.dev/core 1 · node 1

attempt   ✗ Failed  waited 1.6s  ended 13:48:41.693
          retry after 946ms  span span3
"""

WIDE = """

  #   started           took    waited    0s              1s               2s              3s               4s
✗ 1   13:48:37.277     416ms      67ms    ╌━━━━━━━
✗ 2   13:48:39.277     416ms      1.6s            ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌━━━━━━━
"""


def test_page_lists_the_attempts_and_shows_the_last_error() -> None:
    found = rows_of(thrice())
    assert drawn(row.line for row in found) == NARROW
    assert drawn(row.line for row in rows_of(thrice(), 118)[:4]) == WIDE
    assert {row.key: row.action for row in found}[ShowAttempt(2)] == ShowAttempt(2)
    bold = [piece.text for row in found for piece in row.line if piece.is_bold]
    assert bold == ["3", "Error", "(anonymous)", "src/trigger/charge.ts:20"], "only the first own frame stands out"
    early = text(replace(thrice(), created_at=STARTED - timedelta(hours=5)))
    assert early.splitlines()[1].partition("416ms")[2].strip().startswith("━━"), "a wait of hours leaves room for bars"
    run = sample("FAILED")
    assert plain(run_words(run, 80)) == f" · ✗ Failed  charge-card  {run.id}"
    assert plain(run_words(run, 50)) == " · ✗ Failed  charge-card  run_cm…6e3t"


@given(texts, st.integers(40, 160), st.booleans(), st.booleans())
def test_any_text_fits_in_rows_of_their_own_keys(some: str, limit: int, wraps: bool, opens: bool) -> None:
    found = rows_of(full(some), limit, picked=1, is_wrapped=wraps, opens_all=opens)
    assert all(line_width(row.line) <= limit for row in found)
    assert None not in {row.key for row in found}
    assert len({row.key for row in found}) == len(found)


def never(word: str, **state: Any) -> Run:
    run = sample(word, started=False, attempt_count=0)
    assert run.state
    run = replace(run, state=replace(run.state, **state))
    return replace(run, fixed=replace(run.fixed, ttl="10m", queue=Raw("task/charge")))


def erred(*messages: str, stack: str | None = None, **more: Any) -> Run:
    """Return a failed run with an attempt for each message."""
    errors = [RunError(Raw(message), Raw("Error"), Raw(stack) if stack else None, **more) for message in messages]
    return of(sample("FAILED"), *(attempt(number, error=each) for number, each in enumerate(errors, 1)))


CODE = build_error("trigger.dev internal error (TASK_PROCESS_SIGKILL_TIMEOUT)")
CRASHED = replace(sample("CRASHED"), error=(STAMP, CODE))
OPEN = attempt(1, status=AttemptStatus.EXECUTING)
LIVE = of(sample("EXECUTING"), OPEN)
RETRIED = of(sample("QUEUED"), attempt(1), retry_at=NOW + timedelta(seconds=12))
CANCELED = of(sample("CANCELED"), attempt(1, status=AttemptStatus.CANCELED))
CUT = of(sample("FAILED"), missing="the events could not be read: GET /api/v1/runs/run_1/events: 403 no")
GONE = replace(thrice(), gone_at=NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("run", "now", "failure", "expected"),
    [
        (never("QUEUED"), Now(NOW), None, "Not started yet. Queued for 31s in task/charge."),
        (never("EXPIRED"), Now(NOW), None, "Never started. It expired after its time to live of 10m."),
        (of(never("CANCELED")), Now(NOW), None, "Never started. It was canceled first."),
        (never("DELAYED", delayed_until=NOW), Now(NOW), None, "Delayed until 13:49:08.500."),
        (of(CRASHED, attempt(1, error=CODE)), Now(NOW), None, "The server sends only a code."),
        (thrice(), Now(NOW), "GET /x: 404 no", "The run could not be read: 404 no. # started"),
        (sample("FAILED"), Now(NOW), "it is not known: GET /x: 500 Oh", "It is not known: 500 Oh. r tries again."),
        (GONE, Now(NOW), None, "This run is no longer on the server; this is its last known state. # started"),
        (LIVE, Now(NOW), None, "◐ Executing 31s so far"),
        (of(sample("COMPLETED"), OPEN), Now(NOW), None, "◐ Executing 6.3s~ so far"),
        (RETRIED, Now(NOW), None, "next 13:49:20.500 in 12 s"),
        (RETRIED, Now(NOW + timedelta(seconds=13)), None, "next 13:49:20.500 due"),
        (of(sample("FAILED"), attempt(1), attempt(5)), Now(NOW), None, "attempts 2 to 4 are not in the trace"),
        (CUT, Now(NOW), None, "The events could not be read: 403 no; later attempts and errors may be missing."),
        (replace(CANCELED, error=(STAMP, RunError(Raw("by user")))), Now(NOW), None, "by user attempt"),
        (erred("boom", "boom"), Now(NOW), None, "the same in both attempts"),
        (erred("x 1", "y", "x 2", "x 3"), Now(NOW), None, "the same in 3 of 4 attempts, except for numbers"),
    ],
)
def test_page_says_what_is_known(run: Run, now: Now, failure: str | None, expected: str) -> None:
    assert expected in " ".join(text(run, 100, now=now, progress=ReadProgress(failure=failure)).split())


def test_middle_of_many_attempts_folds_around_the_selected_one() -> None:
    run = of(sample("FAILED", attempt_count=60), *(attempt(number, error=failure(number)) for number in range(1, 61)))
    for toggled, numbers in ((frozenset[Any](), [1, 2, 3, 30, 57, 58, 59, 60]), (frozenset({FOLDED}), [*range(1, 61)])):
        found = rows_of(run, picked=30, toggled=toggled)
        assert [row.key.number for row in found if isinstance(row.key, ShowAttempt)] == numbers
        assert any(row.action == ToggleFold(FOLDED) for row in found)
    assert "⋯ 26 attempts  4 to 29  ✗ 26" in text(run, picked=30)


MS = timedelta(milliseconds=1)
MOMENTS = st.integers(-10_000, 200_000).map(lambda ms: STARTED + ms * MS)


@given(st.integers(8, 150), st.integers(1, 10**9), MOMENTS, st.lists(MOMENTS, min_size=2, max_size=12).map(sorted))
def test_bars_are_never_empty_and_keep_their_order(width: int, span_ms: int, waited: Any, times: list[Any]) -> None:
    axis, edges = Axis(STARTED, span_ms * MS, width), []
    for begin, end in zip(times[::2], times[1::2], strict=False):
        line = axis.cells([Bar(waited, begin, end, Token.ROSE)]).line()
        assert line_width(line) == width
        bar = "".join(piece.text for piece in line if piece.token is Token.ROSE)
        assert bar
        assert not bar.strip("╺━╸")
        assert not plain(line).strip().strip("╌").strip("╺━╸")
        edges.append((plain(line).index(bar), plain(line).index(bar) + len(bar)))
    assert edges == sorted(edges)
    assert line_width(axis.labels()) <= width
    assert span_ms <= round_up(span_ms) <= max(3 * span_ms, 100)


def test_axis_is_drawn_to_half_a_cell_and_has_round_labels() -> None:
    axis, at = Axis(STARTED, 20 * MS, 10), [STARTED + ms * MS for ms in range(21)]
    times = ((at[0], at[8], at[14]), (at[3], at[9], at[12]), (at[20], at[20], at[20]), (at[4], at[16], None))
    bars = [Bar(waited, began, ended, Token.ROSE) for waited, began, ended in times]
    drawings = ["╌╌╌╌━━━   ", "  ╌╌╺━    ", "         ╺", "  ╌╌╌╌╌╌  "]
    assert [plain(axis.cells([bar]).line()) for bar in bars] == drawings
    assert plain(Axis(STARTED, 150_000 * MS, 74).labels()).split() == ["0s", "30s", "1m", "1m30s", "2m"]


# The error of an attempt, with its stack.


def test_recursion_does_not_fill_the_page() -> None:
    endless = text(erred("deep", stack="Error: deep\n" + "    at down (file:///app/src/a.ts:1:1)\n" * 300))
    assert endless.count("src/a.ts:1") == 20
    assert "⋯ 280 frames  yours 280" in endless
    foreign = text(erred("boom", stack="Error: boom\n    at connect (file:///app/node_modules/pg/client.js:132:9)"))
    assert "connect  pg/client.js:132:9\n▾ 1 frame  pg 1, none of your code" in foreign


def test_long_message_is_cut_counted_and_unfolded() -> None:
    run = erred("\n".join(f"line {number}" for number in range(400)))
    assert ["line 39" in text(run), "line 40" in text(run)] == [True, False]
    whole = text(run, toggled=frozenset({fold_named(run, "… 360 more lines  Enter shows all of it")}))
    assert "line 399" in whole
    endless = erred("x" * 3_000_000)
    assert len(rows_of(endless, toggled=frozenset({fold_named(endless, "… 3.0 MB in all  Enter shows more")}))) < 2_100


# The attempts beside each other.


def thrown(name: str, message: str, *places: str) -> RunError:
    frames = "".join(f"\n    at {place}" for place in places)
    return RunError(Raw(message), Raw(name), Raw(f"{name}: {message}{frames}"))


WAY_IN = "syncShop (file:///app/src/lib/sync.ts:58:1)", "run (file:///app/src/trigger/sync.ts:27:1)"
FETCH = "fetchOrders (file:///app/src/lib/shopify.ts:{}:3)"
BELOW = "x (file:///app/node_modules/undici/lib/x.ts:67:28)", "y (node:internal/y:65:14)"
TIMEOUT = thrown("TimeoutError", "30 s exceeded", FETCH.format(41), *WAY_IN, *BELOW)
ASSERT = "assertOk (file:///app/src/lib/shopify.ts:63:9)"
GATEWAY = thrown("ShopifyError", "502 Bad gateway", ASSERT, FETCH.format(44), *WAY_IN)


def logs(*lines: int) -> compared.LogCounts:
    return compared.LogCounts({n: Counter({LogLevel.INFO: each, LogLevel.WARN: 1}) for n, each in enumerate(lines, 1)})


def made(number: int, begins_s: float, lasts_s: float, error: RunError | None, **more: Any) -> Attempt:
    began = STARTED + timedelta(seconds=begins_s)
    made = attempt(number, error=error, **more)
    ended = None if made.status is AttemptStatus.EXECUTING else began + timedelta(seconds=lasts_s)
    return replace(made, started_at=began, completed_at=ended)


def odd() -> Run:
    """Three attempts, of which the second failed in another way."""
    attempts = made(1, 0, 30.1, TIMEOUT), made(2, 32, 1.2, GATEWAY), made(3, 37, 30.1, TIMEOUT)
    run = of(sample("FAILED", attempt_count=3), *attempts)
    assert run.state is not None
    return replace(run, body=full().body, state=replace(run.state, finished_at=STARTED + timedelta(seconds=67)))


def page(run: Run, limit: int = 117, counts: compared.LogCounts | None = None, last: int | None = None) -> list[Row]:
    assert run.attempts is not None
    window = compared.window_of(run.attempts[1], limit, last)
    return compared.compared_page(run, window, Now(NOW), compared.ComparedGrid(limit), counts or logs(11, 2, 11))


def lines_of(run: Run) -> list[str]:
    """Return the lines of the page, their spaces reduced."""
    return [" ".join(plain(row.line).split()) for row in page(run)]


BESIDE = """

                0s            10s            20s            30s           40s            50s            1m
time            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╌╌━━╌╌╌╌╌━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

differs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

                ✗ attempt 1                       ✗ attempt 2                       ✗ attempt 3

error           TimeoutError                    ≠ ShopifyError                      TimeoutError
message         30 s exceeded                   ≠ 502 Bad gateway                   30 s exceeded
your code       src/lib/shopify.ts:41           ≠ src/lib/shopify.ts:63             src/lib/shopify.ts:41
took            30s                             ≠ 1.2s                              30s
waited          67ms                              1.9s                              3.8s
logs            12 lines, 1 warn                ≠ 3 lines, 1 warn                   12 lines, 1 warn

the same in all 3 ───────────────────────────────────────────────────────────────────────────────────────────────────

payload         {"order": "ord_1001"}
version         20261124.3
called by       run  src/trigger/sync.ts:27  →  syncShop  src/lib/sync.ts:58

stacks ──────────────────────────────────────────────────────────────────────────────────────────────────── your code

                fetchOrders  …/shopify.ts:41:3  ≠ assertOk     …/shopify.ts:63:9    the same as attempt 1
                syncShop     …/sync.ts:58:1     ≠ fetchOrders  …/shopify.ts:44:3
                run          …/sync.ts:27:1       syncShop     …/sync.ts:58:1
                ⋯ 2 frames  undici 1 · node 1     run          …/sync.ts:27:1
"""


def test_compared_page_marks_the_odd_attempt() -> None:
    run = odd()
    assert drawn(row.line for row in page(run)) == BESIDE
    assert run.attempts is not None
    assert plain(compared.summary_words(run, run.attempts[1].attempts)) == "3 attempts · 2 different errors · final"


FAILED_TWICE = made(1, 0, 3, TIMEOUT), made(2, 5, 3, TIMEOUT)
STILL = of(sample("EXECUTING"), *FAILED_TWICE, made(3, 10, 0, None, status=AttemptStatus.EXECUTING))
DONE = of(sample(), *FAILED_TWICE, made(3, 10, 3, None, status=AttemptStatus.COMPLETED))
CRASH = RunError(Raw("Process exited."), Raw("Internal error"), None, "TASK_PROCESS_EXITED")
BROKEN = of(sample("CRASHED"), FAILED_TWICE[0], made(2, 5, 3, None), made(4, 9, 1, CRASH), missing="it was cut")
SLOWER = of(sample("FAILED"), *(made(n, 60 * n, 10.0**n, TIMEOUT) for n in (0, 1, 2)))
FEWER = of(sample("FAILED"), FAILED_TWICE[0], attempt(2, error=thrown("TimeoutError", "30 s exceeded", *WAY_IN)))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (erred("req_6hK2 failed", "req_6hK9 failed"), "message req_6hK2 failed req_6hK9 failed"),
        (erred("addr_line1 is null", "addr_line2a is null"), "message addr_line1 is null ≠ addr_line2a is null"),
        (STILL, "took 3.0s 3.0s 21s so far"),
        (STILL, "logs 12 lines, 1 warn ≠ 3 lines, 1 warn 12 lines, 1 warn so far"),
        (DONE, "error TimeoutError TimeoutError ≠ no error"),
        (DONE, "status Failed Failed ≠ Completed"),
        (BROKEN, "error TimeoutError · ≠ TASK_PROCESS_EXITED"),
        (BROKEN, "your code src/lib/shopify.ts:41 · ≠ no stack"),
        (BROKEN, "It was cut; later attempts and errors may be missing."),
        (BROKEN, "Attempt 3 is not in the trace."),
        (SLOWER, "took 1.0s 10s 1m40s"),
        (of(sample("FAILED"), *FAILED_TWICE), "⋯ 2 frames undici 1 · node 1"),
        (FEWER, "your code src/lib/shopify.ts:41 ≠ src/lib/sync.ts:58"),
    ],
)
def test_only_what_is_known_to_differ_is_marked(run: Run, expected: str) -> None:
    assert expected in lines_of(run)


def test_window_moves_over_more_attempts_than_fit() -> None:
    assert [compared.columns_for(width) for width in (60, 77, 117, 157, 400)] == [2, 2, 3, 4, 5]
    history = AttemptHistory(tuple(attempt(number, error=failure(1)) for number in range(1, 251)))
    window = compared.window_of(history, 117, None)
    assert window.words == "attempts 248 to 250 of 250 (only the last 100 are compared)"
    assert [compared.moved(window, 1), compared.moved(window, -1)] == [250, 249]
    assert not compared.window_of(replace(history, attempts=history.attempts[:2]), 197, None).words


@settings(max_examples=40)
@given(texts, st.integers(58, 200))
def test_compared_page_of_any_text_fits(text: str, width: int) -> None:
    error = RunError(Raw(text + HOSTILE), Raw(text), Raw(f"{text}\n    at {text} (/a/{text}.ts:1:2)\n    at b"))
    run = of(full(text), made(1, 0, 1, error), made(2, 3, 9, None, status=AttemptStatus.CANCELED), FAILED_TWICE[1])
    for row in page(run, width, compared.LogCounts(note=text), 2):
        assert line_width(row.line) <= width
        assert line_width(ascii_line(row.line)) <= width + EDGE  # `..` for a `…` at the end
