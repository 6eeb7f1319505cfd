"""What differs between the attempts of a run, and what is the same."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.attempt_pages import of
from tests.support.present.samples import HOSTILE, NOW, STARTED, attempt, failure, full, sample, texts
from tui.domain.error import RunError
from tui.domain.log import LogLevel
from tui.domain.run import Attempt, AttemptStatus, Run
from tui.domain.text import Raw
from tui.features.attempts.compared import (
    MAX_COMPARED,
    UNKNOWN,
    ComparedGrid,
    LogCounts,
    alike,
    columns_for,
    compared_page,
    most_common,
    moved,
    summary_words,
    window_of,
)
from tui.kit.lines import EDGE
from tui.text.blocks import Now
from tui.text.status import ascii_line
from tui.text.styled import line_width, plain

BELOW = "\n    at x (file:///app/node_modules/undici/lib/x.ts:67:28)\n    at y (node:internal/y:65:14)"
TIMEOUT = RunError(
    Raw("30 s exceeded"),
    Raw("TimeoutError"),
    Raw(
        "TimeoutError: 30 s exceeded\n    at fetchOrders (file:///app/src/lib/shopify.ts:41:3)\n"
        f"    at syncShop (file:///app/src/lib/sync.ts:58:1)\n    at run (file:///app/src/trigger/sync.ts:27:1){BELOW}"
    ),
)
GATEWAY = RunError(
    Raw("502 Bad gateway"),
    Raw("ShopifyError"),
    Raw(
        "ShopifyError: 502 Bad gateway\n    at assertOk (file:///app/src/lib/shopify.ts:63:9)\n"
        "    at fetchOrders (file:///app/src/lib/shopify.ts:44:3)\n    at syncShop (file:///app/src/lib/sync.ts:58:1)\n"
        "    at run (file:///app/src/trigger/sync.ts:27:1)"
    ),
)


def logged(lines: int, warns: int = 0) -> Counter[LogLevel]:
    return Counter({LogLevel.INFO: lines - warns, LogLevel.WARN: warns})


LOGS = LogCounts(
    {
        1: logged(12, 1),
        2: logged(3),
        3: logged(12, 1),
    }
)


def made(number: int, begins_s: float, lasts_s: float, error: RunError | None, **more: object) -> Attempt:
    began = STARTED + timedelta(seconds=begins_s)
    made = attempt(number, error=error, **more)  # type: ignore[arg-type]
    ended = None if made.status is AttemptStatus.EXECUTING else began + timedelta(seconds=lasts_s)
    return replace(made, started_at=began, completed_at=ended)


def thrice() -> Run:
    """Three attempts, of which the second failed in another way."""
    attempts = made(1, 0, 30.1, TIMEOUT), made(2, 32, 1.2, GATEWAY), made(3, 37, 30.1, TIMEOUT)
    run = of(sample("FAILED", attempt_count=3), *attempts)
    assert run.state is not None
    return replace(run, body=full().body, state=replace(run.state, finished_at=STARTED + timedelta(seconds=67)))


def lines_of(run: Run, limit: int = 117, logs: LogCounts = LOGS, last: int | None = None) -> list[str]:
    assert run.attempts is not None
    window = window_of(run.attempts[1], limit, last)
    return [plain(row.line).rstrip() for row in compared_page(run, window, Now(NOW), ComparedGrid(limit), logs)]


def line_of(run: Run, label: str, **more: object) -> str:
    """Return the line with this label, its spaces reduced."""
    line = next(line for line in lines_of(run, **more) if line.startswith(label))  # type: ignore[arg-type]
    return " ".join(line.split())


def test_odd_attempt_is_marked() -> None:
    run = thrice()
    assert [line_of(run, label) for label in ("error", "message", "own frame", "took", "waited", "logs")] == [
        "error TimeoutError ≠ ShopifyError TimeoutError",
        "message 30 s exceeded ≠ 502 Bad gateway 30 s exceeded",
        "own frame src/lib/shopify.ts:41 ≠ src/lib/shopify.ts:63 src/lib/shopify.ts:41",
        "took 30s ≠ 1.2s 30s",
        "waited 67ms 1.9s 3.8s",
        "logs 12 lines, 1 warn ≠ 3 lines 12 lines, 1 warn",
    ]
    assert plain(summary_words(run, run.attempts[1].attempts)) == "3 attempts · 2 different errors · final"  # type: ignore[index]


def test_equal_stacks_are_said_once() -> None:
    lines = lines_of(thrice())
    stacks = lines[next(number for number, line in enumerate(lines) if line.startswith("stacks")) + 2 :]
    assert [" ".join(line.split()) for line in stacks] == [
        "fetchOrders …/shopify.ts:41:3 ≠ assertOk …/shopify.ts:63:9 the same as attempt 1",
        "syncShop …/sync.ts:58:1 ≠ fetchOrders …/shopify.ts:44:3",
        "run …/sync.ts:27:1 syncShop …/sync.ts:58:1",
        "⋯ 2 frames undici 1 · node 1 run …/sync.ts:27:1",
    ]
    assert line_of(thrice(), "way in") == "way in run src/trigger/sync.ts:27 → syncShop src/lib/sync.ts:58"


def test_other_frames_are_only_called_the_same_where_they_are() -> None:
    same = of(sample("FAILED", attempt_count=2), *(attempt(number, error=TIMEOUT) for number in (1, 2)))
    assert "⋯ 2 frames  undici 1 · node 1" in "\n".join(lines_of(same))
    fewer = replace(TIMEOUT, stack=Raw((TIMEOUT.stack or "").removesuffix("\n    at y (node:internal/y:65:14)")))
    run = of(sample("FAILED", attempt_count=2), attempt(1, error=TIMEOUT), attempt(2, error=fewer))
    page = "\n".join(lines_of(run))
    assert "stack           fetchOrders  src/lib/shopify.ts:41" in page
    assert "⋯ the other frames differ" in page
    assert "undici" not in page


def test_same_facts_stand_below_once() -> None:
    run = of(sample("FAILED", attempt_count=2), *(attempt(number, error=failure(9)) for number in (1, 2)))
    lines = lines_of(run, logs=LogCounts({1: logged(2), 2: logged(2)}))
    below = lines.index(next(line for line in lines if line.startswith("the same in both")))
    assert [line.split()[0] for line in lines[below + 2 :] if line[:1].strip()] == [
        "error", "message", "own", "logs", "version", "stack",
    ]  # fmt: skip
    assert not any(line.startswith("stacks") for line in lines)


def test_numbers_and_ids_in_messages_are_not_marked() -> None:
    run = of(sample("FAILED", attempt_count=3), *(attempt(number, error=failure(number)) for number in (1, 2, 3)))
    assert line_of(run, "message").startswith("message Upstream returned 503")
    assert not any("≠" in line for line in lines_of(run, logs=LogCounts()))


def test_short_ids_in_messages_are_not_marked() -> None:
    def errors(*messages: str) -> Run:
        each = [made(at, 5 * at, 1, RunError(Raw(text), Raw("Error"), None)) for at, text in enumerate(messages, 1)]
        return of(sample("FAILED", attempt_count=len(each)), *each)

    ids = errors("request req_6hK2 failed", "request req_6hK9 failed", "request req_6hLd failed")
    assert "≠" not in line_of(ids, "message")
    assert "one error" in plain(summary_words(ids, ids.attempts[1].attempts))  # type: ignore[index]
    assert "≠" in line_of(errors("column addr_line1 is null", "column addr_line2a is null"), "message")


def test_running_attempt_is_never_marked() -> None:
    run = of(
        sample("EXECUTING", attempt_count=3),
        made(1, 0, 3, TIMEOUT),
        made(2, 5, 3, TIMEOUT),
        made(3, 10, 0, None, status=AttemptStatus.EXECUTING),
    )
    assert not any("≠" in line for line in lines_of(run, logs=LogCounts({1: logged(2), 2: logged(2)})))
    assert line_of(run, "took").endswith("so far")
    assert line_of(run, "logs") == "logs 12 lines, 1 warn ≠ 3 lines 12 lines, 1 warn so far"


def test_attempt_without_an_error_differs_from_failed_ones() -> None:
    done = made(3, 10, 3, None, status=AttemptStatus.COMPLETED)
    run = of(sample("COMPLETED", attempt_count=3), made(1, 0, 3, TIMEOUT), made(2, 5, 3, TIMEOUT), done)
    assert line_of(run, "error") == "error TimeoutError TimeoutError ≠ no error"
    assert line_of(run, "status") == "status Failed Failed ≠ Completed"


def test_crash_without_a_stack_and_lost_attempts_are_said() -> None:
    crash = RunError(Raw("Process exited."), Raw("Internal error"), None, "TASK_PROCESS_EXITED")
    lost = made(2, 5, 3, None, status=AttemptStatus.FAILED)
    last = replace(made(4, 9, 1, crash), completed_at=None)
    run = of(sample("CRASHED", attempt_count=4), made(1, 0, 3, TIMEOUT), lost, last, missing="the trace was cut")
    text = "\n".join(lines_of(run))
    assert "The trace was cut; later attempts may be missing" in text
    assert "Attempt 3 is not in the trace." in text
    assert line_of(run, "error") == "error TimeoutError · ≠ TASK_PROCESS_EXITED"
    assert line_of(run, "own frame").endswith("· ≠ no stack")


@pytest.mark.parametrize(("width", "count"), [(60, 2), (77, 2), (117, 3), (157, 4), (197, 5), (400, 5)])
def test_as_many_attempts_as_fit_are_beside_each_other(width: int, count: int) -> None:
    assert columns_for(width) == count


def test_window_moves_over_more_attempts_than_fit() -> None:
    run = of(sample("FAILED", attempt_count=7), *(attempt(number, error=failure(1)) for number in range(1, 8)))
    assert run.attempts is not None
    history = run.attempts[1]
    window = window_of(history, 117, None)
    assert (window.words, window.can_move) == ("attempts 5 to 7 of 7", True)
    assert moved(window, 1) == 7
    assert moved(window, -1) == 6
    assert window_of(history, 117, 1).words == "attempts 1 to 3 of 7"
    assert moved(window_of(history, 117, 1), -1) == 3
    assert not window_of(replace(history, attempts=history.attempts[:2]), 197, None).words


def test_many_attempts_are_compared_within_a_bound() -> None:
    run = of(sample("FAILED", attempt_count=250), *(attempt(number, error=failure(1)) for number in range(1, 251)))
    assert run.attempts is not None
    window = window_of(run.attempts[1], 117, None)
    assert len(window.attempts) == MAX_COMPARED
    assert window.words == "attempts 248 to 250 of 250, the last 100 compared"
    assert "the same in all 100" in "\n".join(lines_of(run))


@given(st.lists(st.sampled_from([1, 2, 3, UNKNOWN]), min_size=1, max_size=9))
def test_most_common_value_is_known_and_no_rarer_than_others(values: list[object]) -> None:
    found = most_common(values)
    known = [value for value in values if value is not UNKNOWN]
    assert (found is UNKNOWN) is not bool(known)
    assert all(known.count(found) >= known.count(value) for value in known)


@given(st.lists(st.integers(0, 10**7) | st.none(), min_size=1, max_size=9))
def test_durations_are_alike_if_all_are_about_equal(values: list[int | None]) -> None:
    durations = [None if each is None else timedelta(milliseconds=each) for each in values]
    found = alike(durations)
    known = [each for each in found if each is not UNKNOWN]
    assert not known or 2 * known.count("usual") > len(known)
    if None not in values and max(values) <= min(values) * 1.2:  # type: ignore[operator, type-var]
        assert set(found) == {"usual"}


def test_durations_without_a_usual_one_are_not_marked() -> None:
    run = of(sample("FAILED", attempt_count=3), *(made(n, 60 * n, 10.0**n, TIMEOUT) for n in (0, 1, 2)))
    assert "≠" not in line_of(run, "took")


@settings(max_examples=40)
@given(texts, st.integers(58, 200))
def test_page_of_any_text_fits_its_width(text: str, width: int) -> None:
    error = RunError(Raw(text + HOSTILE), Raw(text), Raw(f"{text}\n    at {text} (/a/{text}.ts:1:2)\n    at b"))
    run = of(
        full(text), made(1, 0, 1, error), made(2, 3, 9, None, status=AttemptStatus.CANCELED), made(3, 4, 1, TIMEOUT)
    )
    assert run.attempts is not None
    window = window_of(run.attempts[1], width, 2)
    for row in compared_page(run, window, Now(NOW), ComparedGrid(width), LogCounts(note=text)):
        assert line_width(row.line) <= width
        assert line_width(ascii_line(row.line)) <= width + EDGE  # `..` for a `…` at the end
