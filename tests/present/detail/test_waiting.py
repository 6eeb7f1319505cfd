"""The words about a waiting run, on every surface that would otherwise call it running."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.present.attempt_pages import of, text
from tests.support.present.samples import NOW, STAMP, STARTED, attempt, sample, text_of
from tests.support.present.trees import Grove, view_of
from tui.domain.error import RunError
from tui.domain.run import AttemptStatus, Fixed, Run, RunId, SpanId, TaskId, Wait, WaitKind
from tui.domain.text import Raw
from tui.features.detail.words import DetailRead, DetailView, Relatives, detail_rows, origin_words
from tui.features.runs.command import run_page
from tui.features.runs.words import DATED_AFTER, MAX_RUNNING_AGE, summary_lines, waiting_words
from tui.features.tree.words import row
from tui.text.blocks import Now
from tui.text.json import ValueRows
from tui.text.styled import plain

AT = Now(NOW)
TOKEN = Wait(WaitKind.TOKEN, STARTED, SpanId("s"), Raw("waitpoint_1"))
RUNNING = "its code is running"


def waiting(wait: Wait | None, word: str = "EXECUTING") -> Run:
    return of(sample(word), attempt(1, status=AttemptStatus.EXECUTING), wait=wait)


def awaited(count: int, still: int, task: str | None = "sleeper", about: str | None = None) -> Wait:
    runs = tuple(RunId(f"run_{n}") for n in range(count))
    text = None if about is None else Raw(about)
    return Wait(WaitKind.RUNS, STARTED, SpanId("s"), text, runs, still, None if task is None else TaskId(task))


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (TOKEN, "waits for a token since 13:48"),
        (replace(TOKEN, kind=WaitKind.TIME, subject=Raw("10 minutes")), "waits 10m, since 13:48"),
        (replace(TOKEN, kind=WaitKind.TIME, subject=Raw("75 seconds")), "waits 1m15s, since 13:48"),
        (replace(TOKEN, kind=WaitKind.TIME, subject=Raw("2 hours")), "waits 2h, since 13:48"),
        (replace(TOKEN, kind=WaitKind.TIME, subject=None), "waits for a time since 13:48"),
        (
            replace(TOKEN, kind=WaitKind.TIME, subject=Raw("2026-11-24T15:00:00.000Z")),
            "waits until 15:00:00, since 13:48",
        ),
        (replace(TOKEN, kind=WaitKind.INPUT, subject=Raw("approval")), "waits for input since 13:48"),
        (replace(TOKEN, kind=WaitKind.TIME, subject=Raw("1 month")), "waits for 1 month, since 13:48"),
        (awaited(1, 1), "waits for its child sleeper since 13:48"),
        (awaited(1, 1, None), "waits for a child since 13:48"),
        (awaited(3, 3), "waits for 3 children since 13:48"),
        (awaited(10, 3), "waits for 3 of 10 children since 13:48"),
        (awaited(3, 0), "waits for 3 children since 13:48"),
        (awaited(0, 0, None, "sleeper"), "waits for runs of sleeper since 13:48"),
        (awaited(0, 0, None), "waits for children since 13:48"),
        (None, ""),
    ],
)
def test_wait_is_shown_with_the_event_that_ends_it(wait: Wait | None, expected: str) -> None:
    assert waiting_words(waiting(wait), AT) == expected


def test_wait_for_a_time_disappears_once_the_time_is_over() -> None:
    run = waiting(replace(TOKEN, kind=WaitKind.TIME, subject=Raw("40 seconds")))
    assert waiting_words(run, AT)
    assert waiting_words(run, Now(STARTED + timedelta(seconds=40))) == ""


def test_run_between_two_attempts_waits_for_the_next() -> None:
    run = of(sample("EXECUTING"), attempt(1), retry_at=NOW + timedelta(seconds=9))
    assert waiting_words(run, AT) == "waits for attempt 2, due 13:49:17.500"
    for surface in (detail_of, summary_of, show_of):
        assert "waits for attempt 2" in surface(run)
        assert RUNNING not in surface(run)
    due = Now(NOW + timedelta(seconds=9))
    assert waiting_words(run, due) == ""
    assert waiting_words(of(sample("FAILED"), attempt(1), retry_at=NOW + timedelta(seconds=9)), AT) == ""


def test_old_wait_has_the_time_of_its_read() -> None:
    later = Now(NOW + DATED_AFTER + timedelta(seconds=1))
    assert waiting_words(waiting(TOKEN), later) == "waits for a token since 13:48 (as of 13:49)"


def detail_of(run: Run, now: Now = AT) -> str:
    rows = detail_rows(run, Relatives(), DetailRead(), DetailView(), now, 100, ValueRows())
    return text_of([each.line for each in rows])


def summary_of(run: Run) -> str:
    return text_of(list(summary_lines(run, (), AT, 100)))


def tree_of(run: Run) -> str:
    grove = Grove()
    grove.add("root")
    grove.runs[RunId("run_root")] = replace(run, id=RunId("run_root"))
    shown = view_of(grove.tree("root"), grove.runs.get).shown
    return "\n".join(plain(row(each, 118, AT).line) for each in shown)


@pytest.mark.parametrize(
    ("word", "is_shown"),
    [("EXECUTING", True), ("QUEUED", True), ("COMPLETED", False), ("FAILED", False), ("NEW", True)],
)
def test_tree_drops_a_wait_for_runs_that_have_ended(word: str, is_shown: bool) -> None:
    grove = Grove()
    grove.add("root")
    child = grove.add("child", "root", word)
    wait = Wait(WaitKind.RUNS, STARTED, SpanId("s"), runs=(child,), open_count=1, task=TaskId("child"))
    grove.runs[RunId("run_root")] = replace(waiting(wait), id=RunId("run_root"))
    shown = view_of(grove.tree("root"), grove.runs.get).shown
    lines = [plain(row(each, 118, AT).line) for each in shown]
    assert ("waits for its child" in lines[0]) is is_shown


def show_of(run: Run) -> str:
    return text_of(run_page(run, now=NOW, width=100))


@pytest.mark.parametrize("word", ["EXECUTING", "WAITING"])
@pytest.mark.parametrize(
    "surface", [detail_of, summary_of, tree_of, show_of, text], ids=lambda surface: surface.__name__
)
def test_every_surface_says_what_a_run_waits_for(surface: object, word: str) -> None:
    assert callable(surface)
    found = surface(waiting(TOKEN, word))
    assert "waits for a token since 13:48" in " ".join(found.split())
    assert RUNNING not in found
    assert "running for" not in found


def test_wait_that_does_not_fit_beside_the_status_is_not_broken() -> None:
    rows = detail_rows(waiting(awaited(10, 3)), Relatives(), DetailRead(), DetailView(), AT, 50, ValueRows())
    assert [plain(each.line) for each in rows[1:3]] == [
        "◐ Executing  for 31s",
        "  waits for 3 of 10 children since 13:48",
    ]
    shown = text_of(run_page(waiting(awaited(10, 3)), now=NOW, width=50)).splitlines()
    assert shown[:2] == ["◐ Executing  for 31s", "  waits for 3 of 10 children since 13:48"]


@pytest.mark.parametrize("surface", [detail_of, show_of])
def test_page_names_the_token(surface: object) -> None:
    assert callable(surface)
    assert "token     waitpoint_1" in surface(waiting(TOKEN))


def test_code_is_called_running_only_where_the_trace_was_read() -> None:
    assert RUNNING in detail_of(waiting(None))
    unread = detail_of(sample("EXECUTING"))
    assert RUNNING not in unread
    assert "it has started and has not ended" in unread
    assert "running for" not in summary_of(sample("EXECUTING"))
    assert "running for" in summary_of(waiting(None))
    later = detail_of(waiting(None), Now(NOW + MAX_RUNNING_AGE + timedelta(seconds=1)))
    assert "it has started and has not ended" in later
    assert RUNNING not in later
    changed = waiting(None)
    assert changed.state is not None
    changed = replace(changed, state=replace(changed.state, updated_at=NOW))
    assert RUNNING not in detail_of(changed)


def test_run_that_the_server_canceled_was_not_stopped_on_request() -> None:
    lost = RunError(Raw("no heartbeat"), Raw("Internal error"), code="TASK_RUN_STALLED_EXECUTING")
    assert "Trigger.dev stopped it, not a request" in detail_of(replace(sample("CANCELED"), error=(STAMP, lost)))
    assert "not a request" not in detail_of(sample("CANCELED"))
    assert "it was stopped" in detail_of(sample("CANCELED"))


SCHEDULE = {"id": "sched_1", "externalId": "cust-42", "generator": {"type": "CRON", "expression": "0 3 * * *"}}


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        (Fixed(trigger_function="trigger", schedule=SCHEDULE), "schedule 0 3 * * *"),
        (Fixed(trigger_function="trigger", schedule={"id": "sched_1"}), "schedule sched_1"),
        (Fixed(trigger_function="trigger", schedule="odd"), "a schedule"),
        (Fixed(task_kind="SCHEDULED"), "a schedule"),
        (Fixed(trigger_function="trigger", task_kind="STANDARD"), "trigger()"),
        (Fixed(trigger_function="batchTrigger", schedule=SCHEDULE), "batchTrigger()"),
        (Fixed(), ""),
    ],
)
def test_scheduled_run_comes_from_its_schedule(fixed: Fixed, expected: str) -> None:
    assert origin_words(fixed) == expected


@pytest.mark.parametrize("surface", [detail_of, show_of])
def test_page_says_from_which_schedule_a_run_came(surface: object) -> None:
    assert callable(surface)
    run = sample("COMPLETED")
    run = replace(run, fixed=replace(run.fixed, trigger_function="trigger", schedule=SCHEDULE))
    assert "from      schedule 0 3 * * *" in surface(run)
    assert "trigger()" not in surface(run)
