from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.present.printed.test_schema import SCHEMA
from tests.support.domain.recorded import decode_trace
from tests.support.present.samples import (
    HOSTILE,
    NOW,
    RUN_ID,
    STAMP,
    attempt,
    failure,
    full,
    recorded_details,
    sample,
    text_of,
)
from tests.support.recordings import body_of
from tui.domain.error import RunError, build_error
from tui.domain.run import Attempt, AttemptHistory, AttemptStatus, Body, Run, RunId
from tui.domain.text import Raw, clean
from tui.domain.trace import attempts_of
from tui.features.detail.words import Relatives
from tui.features.runs.command import run_page
from tui.text.styled import line_width

DETAILS = recorded_details()


def page(run: Run, width: int = 80, **more: Any) -> str:
    return text_of(run_page(run, Relatives(**more), now=NOW, width=width))


def with_attempts(run: Run, *attempts: Attempt, **history: Any) -> Run:
    return replace(run, attempts=(STAMP, AttemptHistory(attempts, **history)))


def recorded(number: str, trace: str) -> Run:
    run = next(run for name, run, _ in DETAILS if name.startswith(f"{number}-"))
    assert run.error_facet
    return replace(run, attempts=(run.error_facet[0], attempts_of(run, decode_trace(body_of(trace)))))


def test_page_has_every_field_of_the_schema() -> None:
    shown = page(
        full(),
        root=sample("COMPLETED", run_id="run_root", task="nightly"),
        parent=sample("EXECUTING", run_id="run_parent", task="checkout"),
        children=[sample("CRASHED", run_id="run_child", task="notify")],
    )
    expected: dict[str, list[str]] = {
        "id": [RUN_ID],
        "status": ["✗ Failed"],
        "taskIdentifier": ["charge-card"],
        "version": ["20261124.3"],
        "createdAt": ["13:48:37.210"],
        "updatedAt": ["updated   13:48:43.604"],
        "startedAt": ["started   13:48:37.277"],
        "finishedAt": ["finished  13:48:43.604"],
        "isTest": ["test      yes"],
        "payload": ['{"order": "ord_1001"}'],
        "output": ['["out", 42]'],
        "tags": ["billing  order:1001"],
        "metadata": ['{"step": "charge"}'],
        "relatedRuns": [
            "root      nightly  run_root  ✓ Completed",
            "parent    checkout  run_parent  ◐ Executing",
            "children  1  ▼ 1 Crashed",
            "notify  run_child  ▼ Crashed",
        ],
        "attempts": [
            "attempt 1 ✗ Failed  13:48:37.277",
            "ended 13:48:37.693",
            "span span1",
            "attempt 2 ✗ Failed  13:48:39.277",
            "span span2",
            "LuckError [A_CODE] Out of luck",
            "CardError Card was declined",
            "src/trigger/charge.ts:20:29",
        ],
    }
    assert set(expected) == set(SCHEMA["properties"])
    missing = [text for texts in expected.values() for text in texts if text not in shown]
    assert not missing


def test_page_has_every_other_value() -> None:
    shown = page(full())
    expected = (
        "prod", "triggerAndWait", "batch_1", "10m", "idem-1", "eu-central-1", "STANDARD", "sched_1", "task/charge",
        "small-1x", "$0.0002", "expired   13:48:44.604", "delayed   13:48:37.220", "57ms in queue",
        "6.3s, of it 1.3s running", "caused by TypeError [ECONNRESET] fetch failed", "A_CODE",
        "retry after 946ms", "depth     2", "after 2 attempts", "run_root", "run_parent",
    )  # fmt: skip
    assert [text for text in expected if text not in shown] == []
    assert "next   " not in shown  # The run is final, whatever its history says.


def test_page_of_a_recorded_failure_reads_as_expected() -> None:
    run = recorded("103", "241")
    lines = page(run).splitlines()
    assert lines[:9] == [
        "✗ Failed  after 3 attempts  the last attempt threw",
        "fail-retry  run_cmwuqwphl00009f7de45f6e3t",
        "",
        "Error Upstream returned 503 on attempt 3: service unavailable",
        "",
        "created   13:43:46.210   5m ago · times are UTC",
        "started   13:43:46.277   67ms in queue",
        "finished  13:43:52.604   6.3s, of it 1.3s running",
        "updated   13:43:52.608   5m ago",
    ]
    assert [line.strip() for line in lines if line.startswith("  the same")] == (
        ["the same as attempt 1, but for the numbers"] * 2
    )
    assert "    chargeStep1  src/trigger/errors.ts:11:45" in lines


@pytest.mark.parametrize("cells", [40, 60, 80, 200])
def test_page_of_every_recorded_run_fits_and_has_its_id(cells: int) -> None:
    for name, run, related in DETAILS:
        lines = run_page(run, Relatives(children=related), now=NOW, width=cells)
        assert [line for line in lines if line_width(line) > cells] == [], name
        shown = text_of(lines)
        assert run.id in shown, name
        assert run.status_title in shown, name
        if run.error_value:
            flat = " ".join(shown.split())
            assert clean(run.error_value.message.split("\n")[0])[:20].strip() in flat, name


@given(st.integers(1, 120))
@settings(max_examples=25)
def test_hostile_text_in_any_field_stays_within_the_layout(cells: int) -> None:
    lines = run_page(full(HOSTILE), Relatives(children=[full(HOSTILE)] * 3), now=NOW, width=cells)
    assert all(line_width(line) <= max(cells, 40) for line in lines)
    assert not any(ord(character) < 0x20 and character != "\n" for character in text_of(lines))


def test_page_of_a_bare_id_says_that_only_the_id_is_known() -> None:
    assert page(Run(RUN_ID)) == f"? ·  only its id is known\n·  {RUN_ID}"


def test_unknown_status_is_explained() -> None:
    assert "status    QUANTUM        unknown to trigger-tui\ntaken for QUEUED" in page(sample("QUANTUM"))


def test_live_run_says_for_how_long() -> None:
    assert page(sample("EXECUTING")).startswith("◐ Executing  for 31s")
    assert page(sample("EXECUTING", attempt_count=2)).startswith("↻ Reattempting  attempt 2  for 31s")
    assert "so far    31s" in page(sample("EXECUTING"))
    assert "so far" not in page(sample("QUEUED", started=False))


def test_backoff_says_when_the_next_attempt_is_due() -> None:
    run = with_attempts(sample("QUEUED"), attempt(1, error=failure(1)), retry_at=NOW + timedelta(seconds=25))
    shown = page(run)
    assert shown.startswith("○ Queued  waiting to retry after attempt 1")
    assert "next      13:49:33.500   in 25s" in shown
    late = with_attempts(sample("QUEUED"), attempt(1), retry_at=NOW - timedelta(seconds=1))
    assert "next      13:49:07.500   due" in page(late)


def test_delayed_run_says_when_it_starts() -> None:
    run = sample("DELAYED", started=False)
    assert run.state
    run = replace(run, state=replace(run.state, delayed_until=NOW + timedelta(minutes=4, seconds=12)))
    assert "delayed   13:53:20.500   in 4m12s" in page(run)


def test_run_gone_from_the_server_is_marked() -> None:
    assert "gone from the server" in page(replace(sample(), gone_at=NOW))
    assert "only its id is known  not found" in page(Run(sample().id, gone_at=NOW)), "it may never have been there"


def test_times_of_another_day_have_a_date() -> None:
    shown = text_of(run_page(sample(), now=NOW + timedelta(days=1), width=80))
    assert "created   2026-11-24 13:48:37.210  1d ago" in shown


def test_equal_errors_of_attempts_are_printed_once() -> None:
    other = failure(4, "Card was declined in attempt {}")
    run = with_attempts(
        sample("FAILED", attempt_count=5),
        attempt(1, error=failure(1)),
        attempt(2, error=failure(2)),
        attempt(3, error=failure(1)),
        attempt(4, error=other),
        attempt(5, error=failure(5, "Card was declined in attempt {}")),
    )
    shown = [line.strip() for line in page(run).splitlines() if "Error " in line or "the same" in line]
    assert shown == [
        "Error Card was declined in attempt 5",
        "Error Upstream returned 503 on attempt 1: service unavailable",
        "the same as attempt 1, but for the numbers",
        "the same as attempt 1",
        "Error Card was declined in attempt 4",
        "the same as attempt 4, but for the numbers",
    ]


def test_errors_with_different_frames_are_not_the_same() -> None:
    elsewhere = replace(failure(2), stack=Raw("Error: x\n    at other (file:///app/src/b.ts:1:2)"))
    shown = page(with_attempts(sample("FAILED"), attempt(1, error=failure(1)), attempt(2, error=elsewhere)))
    assert "the same" not in shown
    assert "src/b.ts:1:2" in shown


def test_wait_before_an_attempt_needs_both_ends() -> None:
    run = with_attempts(sample("FAILED"), attempt(1), attempt(2), attempt(4))
    shown = page(run)
    assert shown.count("waited") == 2
    assert "waited 67ms" in shown
    assert "waited 1.6s" in shown


def test_running_attempt_says_how_long_so_far() -> None:
    shown = page(with_attempts(sample("EXECUTING"), attempt(1, status=AttemptStatus.EXECUTING)))
    assert "attempt 1 ◐ Executing  13:48:37.277  31s so far" in shown


def test_lost_trace_is_mentioned() -> None:
    gone = "The trace is gone from the server; this is the error of the last attempt."
    run = with_attempts(sample("FAILED"), Attempt(3, AttemptStatus.FAILED, error=failure(3)), is_trace_gone=True)
    assert gone in page(run)
    assert "attempt 3 ✗ Failed" in page(run)
    empty = page(with_attempts(sample("FAILED"), is_trace_gone=True))
    assert "The trace is gone from the server." in empty
    assert "this is the error" not in empty


def test_foreign_frames_are_counted_by_package() -> None:
    shown = page(replace(sample("FAILED"), error=(STAMP, failure(1))))
    assert shown.splitlines()[3:7] == [
        "Error Upstream returned 503 on attempt 1: service unavailable",
        "  (anonymous)        src/trigger/charge.ts:20:29",
        "  async chargeStep1  src/trigger/charge.ts:11:45",
        "  ⋯ 2 frames  @trigger.dev/core 1 · node 1",
    ]


def test_stack_without_own_frames_is_shown_whole() -> None:
    stack = Raw(
        "Error: x\n    at a (file:///app/node_modules/undici/index.js:1:2)\n    at b (node:internal/x:3:4)\n"
        "    at new Promise (<anonymous>)"
    )
    shown = page(replace(sample("FAILED"), error=(STAMP, RunError(Raw("x"), Raw("Error"), stack))))
    assert "node:internal/x:3:4" in shown
    assert "undici/index.js:1:2" in shown
    assert "new Promise" in shown
    assert "⋯" not in shown


def test_frameless_stack_is_shown_unless_it_repeats_the_error() -> None:
    other = RunError(Raw("x"), Raw("Error"), Raw("Killed\nby the kernel"))
    assert "by the kernel" in page(replace(sample("FAILED"), error=(STAMP, other)))
    repeated = RunError(Raw("boom"), Raw("Error"), Raw("Error: boom\n"))
    assert page(replace(sample("FAILED"), error=(STAMP, repeated))).count("boom") == 1


def test_attempt_error_replaces_a_run_error_with_only_a_code() -> None:
    blurred = build_error("trigger.dev internal error (TASK_PROCESS_OOM_KILLED)")
    true = RunError(Raw("Out of memory"), Raw("Internal error"), None, "TASK_PROCESS_OOM_KILLED")
    run = with_attempts(replace(sample("CRASHED"), error=(STAMP, blurred)), attempt(1, error=true))
    assert page(run).splitlines()[3:5] == ["Internal error [TASK_PROCESS_OOM_KILLED]", "  Out of memory"]


def test_long_messages_are_cut() -> None:
    endless = RunError(Raw("\n".join(f"line {n}" for n in range(500))), Raw("Error"))
    shown = page(replace(sample("FAILED"), error=(STAMP, endless)))
    assert "line 39" in shown
    assert "line 40" not in shown
    assert "… 460 more lines; --json prints the whole" in shown
    assert "\nno message\n" in page(replace(sample("FAILED"), error=(STAMP, RunError(Raw(" ")))))
    long_name = RunError(Raw("the message"), Raw("N" * 70))
    assert f"{'N' * 70}\n  the message" in page(replace(sample("FAILED"), error=(STAMP, long_name)))


def body(payload: Any, **more: Any) -> Run:
    return replace(sample(), body=(STAMP, Body(payload, **more)))


def test_value_that_fits_is_on_one_line_and_others_are_indented() -> None:
    assert 'payload   {"a": [1, 2], "b": null}' in page(body({"a": [1, 2], "b": None}))
    assert "payload   null" in page(body(None))
    assert "payload   {}" in page(body({}))
    wide = page(body({"first": "x" * 40, "second": "y" * 40}))
    assert f'payload   {{\n            "first": "{"x" * 40}",\n' in wide


def test_long_value_is_cut_and_counts_what_is_missing() -> None:
    shown = page(body({"rows": list(range(100)), "z": 1}))
    assert "… without 45 lines; --json prints the whole" in shown
    text = page(body({"text": "x" * 10_000, "after": 1}))
    assert '"after": 1' in text
    assert "… without 9,611 characters; --json prints the whole" in text


def test_value_with_a_thousand_levels_is_shown() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    assert "… without" in page(body(value))


def test_missing_output_is_explained() -> None:
    assert "output    none, the run failed" in page(replace(sample("FAILED"), body=(STAMP, Body(1))))
    assert "output    none\n" in page(body(1)) + "\n"
    assert "output" not in page(replace(sample("EXECUTING"), body=(STAMP, Body(1))))
    assert "payload   none" in page(replace(sample(), body=(STAMP, Body())))
    assert "payload" not in page(sample())


def test_page_never_shows_a_signed_url() -> None:
    shown = page(replace(sample(), body=(STAMP, Body(payload_url="https://a/?signature=secret"))))
    assert "secret" not in shown
    assert "payload   too large for the answer; --json prints the URL to fetch it from" in shown


def test_children_are_counted_and_all_failed_ones_named() -> None:
    fine = [sample("COMPLETED", run_id=f"run_fine{n}", task="leaf") for n in range(30)]
    bad = [sample("FAILED", run_id=f"run_bad{n}", task="leaf") for n in range(12)]
    shown = page(sample(), children=[*fine, *bad])
    assert "children  42  ✗ 12 Failed  ✓ 30 Completed" in shown
    assert all(run.id in shown for run in bad)
    assert "… and 20 more; tree prints them" in shown
    assert "children  none" in page(sample(), children=[])
    assert "children" not in page(sample())


def test_relative_known_only_by_its_id_is_named() -> None:
    run = sample()
    run = replace(run, fixed=replace(run.fixed, parent_id=RunId("run_parent")))
    assert "parent    run_parent" in page(run)


def test_attempts_that_the_trace_does_not_show_are_named() -> None:
    run = with_attempts(sample(), attempt(1), attempt(4))
    assert "attempts 2 to 3 are not in the trace" in page(run)
    assert "not in the trace" not in page(with_attempts(sample(), attempt(1), attempt(2)))
