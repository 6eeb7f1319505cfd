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
from tui.features.attempts.words import (
    FOLDED,
    AttemptKey,
    Axis,
    Bar,
    ReadProgress,
    run_words,
    selected_attempt,
    stepped,
)
from tui.kit.lines import EDGE
from tui.text.axis import round_up
from tui.text.blocks import Now, ReadStage, Row, ShowAttempt, ToggleFold
from tui.text.status import ascii_line
from tui.text.styled import Token, line_width, plain

NARROW = """

✗ 1   13:48:37.277    416ms   ╺━━╸
✗ 2   13:48:39.277    416ms       ╌╌╌╌╌╌╌╌╌╌╺━━
✗ 3   13:48:41.277    416ms                    ╌╌╌╌╌╌╌╌╌╌╌━━━

Error Upstream returned 503 on attempt 3: service unavailable
      the same in all 3 attempts, but for the numbers

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
    assert {row.key: row.action for row in found}[AttemptKey(2)] == ShowAttempt(2)
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
LOST = of(sample("FAILED"), replace(attempt(3, error=failure(3)), id=None), is_trace_gone=True)
GONE = replace(thrice(), gone_at=NOW + timedelta(seconds=1))
STALE = Now(NOW, NOW - timedelta(seconds=10))


@pytest.mark.parametrize(
    ("run", "now", "failure", "expected"),
    [
        (never("QUEUED"), Now(NOW), None, "Not started yet. Queued for 31s in task/charge."),
        (never("QUEUED"), STALE, None, "Queued for 21s~ in task/charge."),
        (never("DEQUEUED"), Now(NOW), None, "Not started yet. A worker has taken it."),
        (never("PENDING_VERSION"), Now(NOW), None, "Waiting for 31s for a version that has the task."),
        (never("EXPIRED"), Now(NOW), None, "Never started. It expired after its time to live of 10m."),
        (of(never("CANCELED")), Now(NOW), None, "Never started. It was canceled before."),
        (never("DELAYED", delayed_until=NOW), Now(NOW), None, "Delayed until 13:49:08.500."),
        (of(CRASHED, attempt(1, error=CODE)), Now(NOW), None, "The server reports only a code."),
        (thrice(), Now(NOW), "nobody answers", "Nobody answers. # started"),
        (thrice(), Now(NOW), "GET /x: 404 no", "The run could not be read: 404 no. # started"),
        (sample("FAILED"), Now(NOW), "it is not known: GET /x: 500 Oh", "It is not known: 500 Oh. r tries again."),
        (GONE, Now(NOW), None, "The server does not know this run any more; this is what was known of it. # started"),
        (LIVE, Now(NOW), None, "◐ Executing 31s so far"),
        (LIVE, STALE, None, "◐ Executing 21s~ so far"),
        (of(sample("COMPLETED"), OPEN), Now(NOW), None, "◐ Executing 6.3s~ so far"),
        (RETRIED, Now(NOW), None, "next 13:49:20.500 in 12 s"),
        (RETRIED, STALE, None, "in 22 s~"),
        (RETRIED, Now(NOW + timedelta(seconds=13)), None, "next 13:49:20.500 due"),
        (of(sample("CRASHED"), attempt(1)), Now(NOW), None, "▼ 1"),
        (of(sample("FAILED"), attempt(1), attempt(5)), Now(NOW), None, "attempts 2 to 4 are not in the trace"),
        (LOST, Now(NOW), None, "The trace is gone from the server; this is the error of the last attempt."),
        (CUT, Now(NOW), None, "The events could not be read: 403 no; later attempts may be missing,"),
        (replace(CANCELED, error=(STAMP, RunError(Raw("by user")))), Now(NOW), None, "by user attempt"),
        (erred("boom", "boom"), Now(NOW), None, "the same in both attempts"),
        (erred("bang", "boom", "boom"), Now(NOW), None, "the same in attempt 2"),
        (erred("x 1", "y", "x 2", "x 3"), Now(NOW), None, "the same in 3 of 4 attempts, but for the numbers"),
    ],
)
def test_page_says_what_is_known(run: Run, now: Now, failure: str | None, expected: str) -> None:
    assert expected in " ".join(text(run, 100, now=now, progress=ReadProgress(failure=failure)).split())


def test_page_claims_nothing_else() -> None:
    assert not any(word in text(LOST) for word in ("the same", "may be missing", "not in the trace"))
    assert "reading why…\ncode      TASK_PROCESS" in text(CRASHED, progress=ReadProgress(ReadStage.LATE))
    assert not text(CRASHED, progress=ReadProgress(ReadStage.DUE)).strip(), "attempts will stand above the error"


def test_last_failed_attempt_is_selected_until_another_is_picked() -> None:
    history = AttemptHistory((attempt(1), attempt(2), attempt(4, status=AttemptStatus.COMPLETED)))
    first, second, last = history.attempts
    assert [selected_attempt(history, picked) for picked in (None, 1, 4, 9)] == [second, first, last, second]
    done = AttemptHistory((replace(first, status=AttemptStatus.CANCELED), last))
    assert [selected_attempt(done, None), selected_attempt(AttemptHistory(), None)] == [last, None]
    steps = [(second, -1), (second, 1), (first, -1), (last, 1)]
    assert [stepped(history, each, step) for each, step in steps] == [1, 4, 1, 4]


def test_middle_of_many_attempts_folds_around_the_selected_one() -> None:
    run = of(sample("FAILED", attempt_count=60), *(attempt(number, error=failure(number)) for number in range(1, 61)))
    for toggled, numbers in ((frozenset[Any](), [1, 2, 3, 30, 57, 58, 59, 60]), (frozenset({FOLDED}), [*range(1, 61)])):
        found = rows_of(run, picked=30, toggled=toggled)
        assert [row.key.number for row in found if isinstance(row.key, AttemptKey)] == numbers
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
    assert plain(Axis(STARTED, 2_000 * MS, 74).labels()).split() == ["0s", "400ms", "800ms", "1.2s", "1.6s"]
    assert plain(Axis(STARTED, 150_000 * MS, 74).labels()).split() == ["0s", "30s", "1m", "1m30s", "2m"]
    first, later = (text(LIVE, now=Now(NOW + timedelta(seconds=more)), limit=80).splitlines() for more in (0, 8))
    assert first[1] == later[1], "the axis of a live run stays while its bar grows"
    assert len(first[2].rstrip()) < len(later[2].rstrip())


# The error of an attempt, with its stack.


def test_enter_or_a_search_unfolds_all_frames_in_their_order() -> None:
    run = thrice()
    key = fold_named(run, "⋯ 2 frames")
    shown = text(run, 118, toggled=frozenset({key}))
    places = [shown.index(each) for each in ("charge.ts:20", "charge.ts:11", "x.ts:67", "async_context_frame:65")]
    assert places == sorted(places)
    assert fold_named(run, "▾ 2 frames  @trigger.dev/core 1 · node 1", toggled=frozenset({key})) == key
    assert ["async_context_frame" in text(run, 118, opens_all=opens) for opens in (False, True)] == [False, True]
    foreign = text(erred("boom", stack="Error: boom\n    at connect (file:///app/node_modules/pg/client.js:132:9)"))
    assert "connect  pg/client.js:132:9" in foreign
    assert "▾ 1 frame  pg 1, none of yours" in foreign
    endless = text(erred("deep", stack="Error: deep\n" + "    at down (file:///app/src/a.ts:1:1)\n" * 300))
    assert endless.count("src/a.ts:1") == 20
    assert "⋯ 280 frames  yours 280" in endless


def test_causes_follow_in_order() -> None:
    deepest = RunError(Raw("fetch failed"), Raw("TypeError"), Raw("TypeError: x\n    at f (node:a:1:2)"), "ECONNRESET")
    middle = RunError(Raw("answered 503"), Raw("UpstreamError"), failure(1).stack, causes=(deepest,))
    shown = text(erred("x", causes=(middle,)), 118)
    first, second = "caused by UpstreamError answered 503", "caused by TypeError [ECONNRESET] fetch failed"
    assert shown.index(first) < shown.index(second) < shown.index("1 frame  node 1, none of yours")


def test_long_path_wraps_behind_a_slash_or_keeps_its_end() -> None:
    path = "src/trigger/a/very/long/path/to/the/thing/that/fails/in/this/place/charge.ts:31:13"
    run = erred("boom", stack=f"Error: boom\n    at run (file:///app/{path})")
    wrapped = [line.strip() for line in text(run).splitlines()]
    at = wrapped.index("run") + 1
    assert wrapped[at].endswith("/")
    assert "".join(wrapped[at : at + 2]) == path
    cut = next(line for line in text(run, is_wrapped=False).splitlines() if "charge.ts" in line)
    assert "  …" in cut
    assert cut.endswith("/this/place/charge.ts:31:13")


def test_long_message_is_cut_counted_and_unfolded() -> None:
    run = erred("\n".join(f"line {number}" for number in range(400)))
    assert ["line 39" in text(run), "line 40" in text(run)] == [True, False]
    whole = text(run, toggled=frozenset({fold_named(run, "… 360 more lines  Enter shows the whole")}))
    assert "line 399" in whole
    assert "▾ 400 lines" in whole
    endless = erred("x" * 3_000_000)
    assert len(rows_of(endless, toggled=frozenset({fold_named(endless, "… 3.0 MB in all  Enter shows more")}))) < 2_100
    unwrapped = text(erred(f"{'long ' * 40}\nsecond"), is_wrapped=False).splitlines()[3:5]
    assert [unwrapped[0][-1], unwrapped[1].strip()] == ["…", "second"]


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
own frame       src/lib/shopify.ts:41           ≠ src/lib/shopify.ts:63             src/lib/shopify.ts:41
took            30s                             ≠ 1.2s                              30s
waited          67ms                              1.9s                              3.8s
logs            12 lines, 1 warn                ≠ 3 lines, 1 warn                   12 lines, 1 warn

the same in all 3 ───────────────────────────────────────────────────────────────────────────────────────────────────

payload         {"order": "ord_1001"}
version         20261124.3
way in          run  src/trigger/sync.ts:27  →  syncShop  src/lib/sync.ts:58

stacks ─────────────────────────────────────────────────────────────────────────────────────────────────── own frames

                fetchOrders  …/shopify.ts:41:3  ≠ assertOk     …/shopify.ts:63:9    the same as attempt 1
                syncShop     …/sync.ts:58:1     ≠ fetchOrders  …/shopify.ts:44:3
                run          …/sync.ts:27:1       syncShop     …/sync.ts:58:1
                ⋯ 2 frames  undici 1 · node 1     run          …/sync.ts:27:1
"""

TWO = """

differs ──────────────────────────────────────────────── attempts 2 to 3 of 3

                ✗ attempt 2                    ✗ attempt 3

"""


def test_compared_page_marks_the_odd_attempt() -> None:
    run = odd()
    assert drawn(row.line for row in page(run)) == BESIDE
    assert drawn([row.line for row in page(run, 77)][3:8]) == TWO
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
        (BROKEN, "own frame src/lib/shopify.ts:41 · ≠ no stack"),
        (BROKEN, "It was cut; later attempts may be missing, and so may errors."),
        (BROKEN, "Attempt 3 is not in the trace."),
        (SLOWER, "took 1.0s 10s 1m40s"),
        (of(sample("FAILED"), *FAILED_TWICE), "⋯ 2 frames undici 1 · node 1"),
        (FEWER, "own frame src/lib/shopify.ts:41 ≠ src/lib/sync.ts:58"),
    ],
)
def test_only_what_is_known_to_differ_is_marked(run: Run, expected: str) -> None:
    assert expected in lines_of(run)


def test_window_moves_over_more_attempts_than_fit() -> None:
    assert [compared.columns_for(width) for width in (60, 77, 117, 157, 197, 400)] == [2, 2, 3, 4, 5, 5]
    history = AttemptHistory(tuple(attempt(number, error=failure(1)) for number in range(1, 8)))
    window, first = compared.window_of(history, 117, None), compared.window_of(history, 117, 1)
    assert (window.words, window.can_move, first.words) == ("attempts 5 to 7 of 7", True, "attempts 1 to 3 of 7")
    assert [compared.moved(window, 1), compared.moved(window, -1), compared.moved(first, -1)] == [7, 6, 3]
    assert not compared.window_of(replace(history, attempts=history.attempts[:2]), 197, None).words
    many = replace(history, attempts=tuple(attempt(number, error=failure(1)) for number in range(1, 251)))
    assert compared.window_of(many, 117, None).words == "attempts 248 to 250 of 250, the last 100 compared"


@given(st.lists(st.integers(0, 10**7) | st.none(), min_size=1, max_size=9))
def test_durations_are_alike_if_most_are_about_equal(values: list[int | None]) -> None:
    found = compared.alike([None if each is None else timedelta(milliseconds=each) for each in values])
    known = [each for each in found if each is not compared.UNKNOWN]
    assert not known or 2 * known.count("usual") > len(known)
    numbers = [each for each in values if each is not None]
    if len(numbers) == len(values) and max(numbers) <= min(numbers) * 1.2:
        assert set(found) == {"usual"}


@settings(max_examples=40)
@given(texts, st.integers(58, 200))
def test_compared_page_of_any_text_fits(text: str, width: int) -> None:
    error = RunError(Raw(text + HOSTILE), Raw(text), Raw(f"{text}\n    at {text} (/a/{text}.ts:1:2)\n    at b"))
    run = of(full(text), made(1, 0, 1, error), made(2, 3, 9, None, status=AttemptStatus.CANCELED), FAILED_TWICE[1])
    for row in page(run, width, compared.LogCounts(note=text), 2):
        assert line_width(row.line) <= width
        assert line_width(ascii_line(row.line)) <= width + EDGE  # `..` for a `…` at the end
