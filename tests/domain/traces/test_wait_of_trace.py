"""The current wait of a run is found in the open spans of its last attempt."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.domain.recorded import START, run_of, span, trace, trace_of
from tui.domain.run import Precision, Run, Stamp, Wait, WaitKind
from tui.domain.text import Raw
from tui.domain.trace import Span, attempts_of


def waits(*inside: Span, number: int = 1, detail: str = "120", **changes: Any) -> Wait | None:
    """Return the wait of an executing run whose open attempt has these spans."""
    attempt = span(f"Attempt {number}", 1, None, span("run()", 1, None, *inside), attempt_number=number)
    run = run_of(detail, id="run_a", attemptCount=number, **changes)
    return attempts_of(run, trace(span("task", 0, None, attempt))).wait


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("wait.forToken()", WaitKind.TOKEN),
        ("wait.for()", WaitKind.TIME),
        ("wait.until()", WaitKind.TIME),
        ("triggerAndWait()", WaitKind.RUNS),
        ("batchTriggerAndWait()", WaitKind.RUNS),
        ("tasks.triggerAndWait()", WaitKind.RUNS),
        ("inputStream.wait()", WaitKind.INPUT),
        ("sessions.open(chat-1).in.waitWithIdleTimeout()", WaitKind.INPUT),
        ("chat.plugin.wait()", None),
        ("wait.createToken()", None),
        ("trigger()", None),
        ("my own span", None),
    ],
)
def test_open_span_shows_the_kind_of_a_wait(message: str, kind: WaitKind | None) -> None:
    found = waits(span(message, 2, None))
    assert (found and found.kind) == kind
    assert waits(span(message, 2, 1)) is None, "it is over"


def test_recorded_run_waits_for_its_token() -> None:
    found = attempts_of(run_of("1233"), trace_of("1230")).wait
    assert found is not None
    assert (found.kind, found.since.isoformat()) == (WaitKind.TOKEN, "2026-11-26T02:26:31.762000+00:00")


def test_recorded_parent_waits_only_for_its_child() -> None:
    found = attempts_of(run_of("1238"), trace_of("1237")).wait
    assert found is not None
    assert (found.kind, found.task, found.open_count) == (WaitKind.RUNS, "tree-mid", 1)
    assert found.since.isoformat() == "2026-11-26T02:26:33.442000+00:00", "the child began to wait later"


def test_latest_of_several_open_waits_counts() -> None:
    found = waits(
        span("wait.for()", 5, None, id="late"),
        span("wait.forToken()", 3, None, id="early"),
        span("outer", 2, None, span("triggerAndWait()", 4, None, id="middle")),
    )
    assert found is not None
    assert (found.span_id, found.kind) == ("late", WaitKind.TIME)


def test_wait_of_a_child_is_not_the_parents() -> None:
    child = span("child", 3, None, span("wait.for()", 4, None, run_id="run_b"), run_id="run_b")
    found = waits(span("triggerAndWait()", 2, None, child))
    assert found is not None
    assert (found.kind, found.runs, found.task) == (WaitKind.RUNS, ("run_b",), "child")
    assert waits(span("my own span", 2, None, child)) is None


def test_children_that_ended_are_not_waited_for() -> None:
    below = [span("a", 3, 1, run_id="run_b"), span("b", 3, None, run_id="run_c"), span("b", 3, None, run_id="run_d")]
    found = waits(span("batchTriggerAndWait()", 2, None, *below))
    assert found is not None
    assert (len(found.runs), found.open_count, found.task) == (3, 2, None)


def test_wait_of_an_earlier_attempt_is_over() -> None:
    lost = span("Attempt 1", 1, None, span("wait.for()", 2, None), attempt_number=1)
    second = span("Attempt 2", 3, None, attempt_number=2)
    run = run_of("120", id="run_a", attemptCount=2)
    assert attempts_of(run, trace(span("task", 0, None, lost, second))).wait is None


def read(wait: Wait, word: str = "EXECUTING", *, later_s: float = 0.0) -> Run:
    """Return a run that changed `later_s` after its trace was read with a wait that had just begun."""
    run = run_of("120", id="run_a", status=word)
    assert run.state is not None
    history = attempts_of(run, trace(span("task", 0, None)))
    stamp = Stamp(wait.since, Precision.TRACE, START)
    state = replace(run.state, updated_at=wait.since + timedelta(seconds=later_s))
    return replace(run, state=state, attempts=(stamp, replace(history, wait=wait)))


WAIT = Wait(WaitKind.TIME, START, span("s").id, Raw("10 minutes"))


def test_wait_is_known_until_the_run_changes() -> None:
    assert read(WAIT).wait == WAIT
    assert read(WAIT, later_s=1).wait is None
    assert read(WAIT, "WAITING", later_s=1).wait == WAIT, "it was suspended meanwhile"
    assert read(WAIT, "WAITING", later_s=31).wait is None, "it went on, and waits for something else"
    assert read(WAIT, "COMPLETED").wait is None


@pytest.mark.parametrize(
    ("subject", "lasts_s"),
    [
        ("10 minutes", 600),
        ("75 seconds", 75),
        ("1 second", 1),
        ("1.5 hours", 5400),
        ("2 days", 172_800),
        ("1 week", 604_800),
        ("1 month", None),
        ("2026-11-26T03:00:00.000Z", None),
        ("", None),
        (None, None),
        ("9" * 9 + " weeks", 3_650 * 86_400),
    ],
)
def test_wait_for_time_has_a_duration(subject: str | None, lasts_s: float | None) -> None:
    wait = replace(WAIT, subject=None if subject is None else Raw(subject))
    assert wait.duration == (None if lasts_s is None else timedelta(seconds=lasts_s))
    assert wait.until is None or lasts_s is None
    if lasts_s is not None:
        assert wait.is_over(START + timedelta(seconds=lasts_s))
        assert not wait.is_over(START + timedelta(seconds=lasts_s - 0.5))


@pytest.mark.parametrize(
    ("subject", "ends_s"),
    [
        ("2026-11-24T12:10:00.000Z", 600),
        ("2026-11-24T12:10:00", 600),
        ("2026-11-24T11:00:00.000Z", 0),
        ("9999-12-31T23:59:59.999Z", 3_650 * 86_400),
        ("+275760-09-13T00:00:00.000Z", None),
        ("10 minutes", None),
        ("", None),
    ],
)
def test_wait_until_a_time_ends_then(subject: str, ends_s: float | None) -> None:
    wait = replace(WAIT, subject=Raw(subject))
    assert wait.until == (None if ends_s is None else START + timedelta(seconds=ends_s))
    assert replace(wait, kind=WaitKind.TOKEN).until is None
    if ends_s is not None:
        assert wait.is_over(START + timedelta(seconds=ends_s))
        assert not wait.is_over(START + timedelta(seconds=ends_s - 0.5))
