"""The facts of a run: as the detail pane draws them, and as `show` prints them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.attempt_pages import of, text
from tests.support.present.samples import (
    CREATED,
    HOSTILE,
    NOW,
    STAMP,
    STARTED,
    attempt,
    drawn,
    full,
    recorded_details,
    sample,
    text_of,
)
from tests.support.present.trees import Grove, view_of
from tui.domain.error import RunError
from tui.domain.run import ABSENT, STATUS_TABLE, AttemptStatus, Body, Run, RunId, SpanId, TaskId, Wait, WaitKind
from tui.domain.text import Raw, clean
from tui.features.detail import words
from tui.features.detail.words import DetailRead, DetailView, Relatives
from tui.features.runs.command import run_page
from tui.features.runs.words import DATED_AFTER, MAX_RUNNING_AGE, summary_lines, waiting_words
from tui.features.tree.words import row as tree_row
from tui.text.blocks import LABEL, GoToRun, Now, ReadStage, Row
from tui.text.json import ALL, JsonFolds, ValuePath, ValueRows
from tui.text.status import STATUS_STYLES, UNSURE_DESCRIPTIONS
from tui.text.styled import line_width, plain

AT = Now(NOW)
FAMILY = Relatives(
    sample("COMPLETED", run_id="run_root", task="nightly"),
    sample("EXECUTING", run_id="run_parent", task="checkout"),
    [sample("CRASHED", run_id="run_child", task="notify")],
)


def rows(run: Run, width: int = 80, around: Relatives | None = None, now: Now = AT, **more: Any) -> list[Row]:
    read, shown = more.get("read", DetailRead()), more.get("shown", DetailView())
    return words.detail_rows(run, around or Relatives(), read, shown, now, width, ValueRows())


def pane(run: Run, width: int = 80, **more: Any) -> str:
    return text_of(row.line for row in rows(run, width, **more))


def show(run: Run, width: int = 80, **more: Any) -> str:
    return text_of(run_page(run, Relatives(**more), now=NOW, width=width))


NARROW = """

✗ Failed  after 2 attempts  the last attempt failed
charge-card  run_cmwuqwphl00009f7de45f6e3t

CardError Card was declined

◌╌╌ 10ms ╌╌○╌╌ 57ms ╌╌◐━━━━━━━━━━ 6.3s ━━━━━━━━━━━✗
created   13:48:37.210   31s ago
delayed   13:48:37.220
started   13:48:37.277   57ms in queue
finished  13:48:43.604   6.3s, 1.3s of it running
expired   13:48:44.604
root      ✓ nightly      run_root        6.3s
parent    ◐ checkout     run_parent       31s
version   20261124.3     eu-central-1
from      triggerAndWait()  depth 2
queue     task/charge    machine small-1x
cost      $0.0002        ttl 10m
tags      billing  order:1001

children  1  ▼ 1 Crashed
          ▼ notify       run_child       6.3s

payload   { order: "ord_1001" }
output    [ "out", 42 ]
metadata  { step: "charge" }
schedule  { id: "sched_1" }

attempts  2              test yes
env       prod           kind STANDARD
compute   $0.0002 compute, <$0.0001 per-run fee
batch     batch_1
key       idem-1
updated   13:48:43.604   24s ago
"""

PRINTED = """
compute   $0.0002 compute, <$0.0001 per-run fee
batch     batch_1
key       idem-1         idempotency key
tags      billing  order:1001

root      nightly  run_root  ✓ Completed
parent    checkout  run_parent  ◐ Executing
children  1  ▼ 1 Crashed
          notify  run_child  ▼ Crashed

payload   {"order": "ord_1001"}
output    ["out", 42]
metadata  {"step": "charge"}
schedule  {"id": "sched_1"}

attempt 1 ✗ Failed  13:48:37.277  416ms  waited 57ms  ended 13:48:37.693
          retry after 946ms  span span1
  LuckError [A_CODE] Out of luck
    (anonymous)        src/trigger/charge.ts:20:29
    async chargeStep1  src/trigger/charge.ts:11:45
    ⋯ 2 frames  @trigger.dev/core 1 · node 1
  caused by TypeError [ECONNRESET] fetch failed
    (anonymous)        src/trigger/charge.ts:20:29
    async chargeStep1  src/trigger/charge.ts:11:45
    ⋯ 2 frames  @trigger.dev/core 1 · node 1

attempt 2 ✗ Failed  13:48:39.277  416ms  waited 1.6s  ended 13:48:39.693
          retry after 946ms  span span2
  CardError Card was declined
    no frames
"""


def test_every_field_of_a_run_is_shown_and_printed() -> None:
    found = rows(full(), 52, FAMILY)
    assert drawn(row.line for row in found) == NARROW
    assert [row.action for row in found if row.action] == [
        *map(GoToRun, map(RunId, ("run_root", "run_parent", "run_child")))
    ]
    narrow, wide = NARROW.splitlines(), drawn(row.line for row in rows(full(), 118, FAMILY)).splitlines()
    timeline = "◌╌╌ 10ms ╌╌○╌╌ 57ms ╌╌◐━━━━━━━━━━━━━━ 6.3s ━━━━━━━━━━━━━━━✗"
    assert [(index, line) for index, line in enumerate(wide) if line != narrow[index]] == [(7, timeline)]
    assert drawn(run_page(full(), FAMILY, now=NOW, width=80)[24:]) == PRINTED


@pytest.mark.parametrize("width", [40, 52, 120])
def test_every_recorded_run_fits_and_has_its_id(width: int) -> None:
    for name, run, related in recorded_details():
        around = Relatives(children=related)
        shown = DetailView(folds={"payload": JsonFolds(ALL), "output": JsonFolds(ALL)}, is_wrapped=width == 52)
        found = rows(run, width, around, shown=shown)
        keys = [row.key for row in found if row.key is not None]
        assert len(set(keys)) == len(keys), name
        printed = run_page(run, around, now=NOW, width=width)
        for lines in ([row.line for row in found], printed):
            assert max(map(line_width, lines)) <= width, name
            assert run.id in text_of(lines), name
        message = "" if run.error_value is None else clean(run.error_value.message.split("\n")[0])[:20].strip()
        assert message in " ".join(text_of(printed).split()), name


@given(st.integers(1, 120), st.booleans())
@settings(max_examples=25)
def test_hostile_text_in_any_field_stays_within_the_layout(width: int, is_wrapped: bool) -> None:
    run = full(HOSTILE)
    around = Relatives(run, run, [replace(run, id=RunId(f"run_{number}{HOSTILE}")) for number in range(12)])
    read = DetailRead(failure=f"GET /api/v3/runs/x: 500 {HOSTILE}")
    found = rows(run, width, around, read=read, shown=DetailView(is_wrapped=is_wrapped))
    for lines, least in (([row.line for row in found], 30), (run_page(run, around, now=NOW, width=width), 40)):
        assert all(line_width(line) <= max(width, least) for line in lines)
        assert not any(ord(character) < 0x20 for line in lines for character in plain(line))


@pytest.mark.parametrize("row", STATUS_TABLE, ids=lambda row: row.title)
def test_every_status_is_described_in_words(row: Any) -> None:
    expected = UNSURE_DESCRIPTIONS.get(row.title, STATUS_STYLES[row.title].meaning)
    word, is_queued = row.rest or row.legacy or row.database[0], row.title == "Queued"
    assert expected in pane(sample(word, attempt_count=None, started=not is_queued))


def having(run: Run | None = None, **fixed: Any) -> Run:
    """Return a run of which some fixed facts are others."""
    run = run or sample()
    return replace(run, fixed=replace(run.fixed, **fixed))


def dated(run: Run, **state: Any) -> Run:
    """Return a run of which some times are others."""
    assert run.state
    return replace(run, state=replace(run.state, **state))


def bodied(payload: Any = ABSENT, word: str = "COMPLETED", **more: Any) -> Run:
    return replace(sample(word), body=(STAMP, Body(payload, **more)))


def failed(word: str = "FAILED", message: str = "x", stack: str | None = None, **more: Any) -> Run:
    error = RunError(Raw(message), Raw("Error"), Raw(stack) if stack else None, **more)
    return replace(sample(word), error=(STAMP, error))


SCHEDULE = {"id": "sched_1", "externalId": "cust-42", "generator": {"type": "CRON", "expression": "0 3 * * *"}}
SECRET_URL = "https://store.example/secret?signature=1"
LATER = NOW + timedelta(seconds=25)
CAUSES = tuple(RunError(Raw(f"cause {number}"), Raw("TypeError")) for number in range(5))
FOREIGN = "Error: x\n    at a (file:///app/node_modules/undici/i.js:1:2)\n    at new Promise (<anonymous>)"


@pytest.mark.parametrize(
    ("drawing", "run", "expected"),
    [
        (pane, replace(sample(), created_at=LATER), "13:49:33.500   due in 25s"),
        (pane, failed(message="two parts:\n\nthe second"), "Error two parts:\n      \n      the second"),
        (pane, failed(message=" "), "Error no message"),
        (pane, failed(code="ECONNRESET", causes=CAUSES), "code  ECONNRESET\n      caused by TypeError cause 0"),
        (pane, failed(causes=CAUSES), "TypeError cause 2\n      and 2 more causes"),
        (pane, bodied({}), "payload   {}\noutput    none"),
        (pane, failed("CANCELED", code="TASK_RUN_STALLED_EXECUTING"), "canceled by Trigger.dev: its worker was lost"),
        (show, Run(RunId("run_1")), "? ·  only its id is known\n·  run_1"),
        (show, replace(sample(), gone_at=NOW), "✓ Completed  no longer on the server"),
        (show, sample("QUANTUM"), "status    QUANTUM        not known to trigger-tui\nshown as  QUEUED"),
        (show, sample("EXECUTING", attempt_count=2), "↻ Reattempting  attempt 2  for 31s"),
        (show, dated(sample("DELAYED", started=False), delayed_until=LATER), "delayed   13:49:33.500   in 25s"),
        (show, of(sample("QUEUED"), attempt(1), retry_at=LATER), "next      13:49:33.500   in 25s"),
        (show, of(sample("EXECUTING"), attempt(1, status=AttemptStatus.EXECUTING)), "13:48:37.277  31s so far"),
        (show, of(sample(), attempt(1), attempt(4)), "attempts 2 to 3 are not in the trace"),
        (show, of(sample("FAILED"), is_trace_gone=True), "The trace is gone from the server.\n"),
        (show, failed(stack=FOREIGN), "a            undici/i.js:1:2\n  new Promise"),
        (show, failed(message="\n".join(["line"] * 500)), "… 460 more lines; --json prints the whole"),
        (show, bodied({"rows": list(range(100)), "z": 1}), "… without 45 lines; --json prints the whole"),
        (show, bodied({"text": "x" * 10_000, "z": 1}), '"z": 1\n          }\n          … without 9,611 characters'),
        (show, bodied(1, "FAILED"), "output    none (the run failed)"),
        (show, having(trigger_function="trigger", schedule=SCHEDULE), "from      schedule 0 3 * * *"),
        (pane, having(trigger_function="batchTrigger", schedule=SCHEDULE), "from      batchTrigger()"),
        (pane, bodied(payload_url=SECRET_URL), "payload   large value  Enter reads it"),
        (show, bodied(payload_url=SECRET_URL), "too large for the answer; --json prints the URL"),
    ],
)
def test_page_says_what_is_known(drawing: Callable[[Run], str], run: Run, expected: str) -> None:
    found = f"{drawing(run)}\n"
    assert expected in found
    assert "secret" not in found


def test_nothing_is_claimed_of_a_final_run_and_stale_times_stop() -> None:
    assert "next   " not in show(of(sample("FAILED"), attempt(1), retry_at=LATER))
    assert not any(label in show(sample()) for label in ("payload", "children", "so far", "not in the trace"))
    frozen = pane(sample("EXECUTING"), now=Now(NOW + timedelta(minutes=5), NOW))
    assert all(part in frozen for part in ("for 31s~", "so far    31s~", "━ 31s~ ━"))
    assert "~" not in pane(sample(), now=Now(NOW, NOW))
    failure, gone = "GET /api/v3/runs/x: 403 Forbidden", replace(sample(), gone_at=NOW)
    said = [text_of(words.failure_lines(run, failure, 80)) for run in (sample(), gone)]
    assert said[0] == "This key may not read runs (403). The list still works."
    assert said[1] == "The server does not know this run any more."


@given(st.integers(10, 100), st.integers(0, 10**9), st.sampled_from(["COMPLETED", "EXECUTING", "QUEUED", "EXPIRED"]))
def test_timeline_is_drawn_within_its_width_or_omitted(width: int, seconds: int, word: str) -> None:
    run = sample(word, started=word in {"COMPLETED", "EXECUTING"})
    run = dated(run, delayed_until=CREATED + timedelta(seconds=seconds % 100))
    line = words.timeline_line(run, Now(CREATED + timedelta(seconds=seconds)), width)
    assert line_width(line) <= width
    assert not line or plain(line).endswith("✓" if word == "COMPLETED" else "◇" if word == "EXPIRED" else ("━", "╌"))


def test_nothing_moves_when_a_run_of_the_list_is_read() -> None:
    listed = having(sample(attempt_count=None), depth=2)
    read = replace(listed, attempt_count=1, body=(STAMP, Body()))
    read = having(read, trigger_function=Raw("trigger"), root_id=RunId("run_root"), parent_id=RunId("run_parent"))
    before, after = ([plain(row.line)[:LABEL] for row in rows(run)] for run in (listed, read))
    assert before == after
    assert pane(listed).count("not read") == 6
    assert "payload   loading…" in pane(listed, read=DetailRead(ReadStage.LATE))
    quiet = rows(listed, read=DetailRead(ReadStage.DUE))
    assert [plain(row.line)[:LABEL] for row in quiet] == before
    assert not any(word in plain(row.line) for row in quiet for word in ("not read", "loading…"))


# What a live run waits for, on every surface that would otherwise call it running.

TOKEN = Wait(WaitKind.TOKEN, STARTED, SpanId("s"), Raw("waitpoint_1"))
RUNNING = "its code is running"


def waiting(wait: Wait | None, word: str = "EXECUTING") -> Run:
    return of(sample(word), attempt(1, status=AttemptStatus.EXECUTING), wait=wait)


def timed(subject: str | None) -> Wait:
    return replace(TOKEN, kind=WaitKind.TIME, subject=Raw(subject) if subject else None)


def awaited(count: int, still: int, task: str | None = "sleeper", about: str | None = None) -> Wait:
    runs, name = tuple(RunId(f"run_{n}") for n in range(count)), TaskId(task) if task else None
    subject = Raw(about) if about else None
    return replace(TOKEN, kind=WaitKind.RUNS, subject=subject, runs=runs, open_count=still, task=name)


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (TOKEN, "for a token since"),
        (timed("75 seconds"), "1m15s, since"),
        (timed(None), "for a time since"),
        (timed("2026-11-24T15:00:00.000Z"), "until 15:00:00, since"),
        (timed("1 month"), "for 1 month, since"),
        (replace(TOKEN, kind=WaitKind.INPUT, subject=Raw("approval")), "for input since"),
        (awaited(1, 1), "for its child sleeper since"),
        (awaited(10, 3), "for 3 of 10 children since"),
        (awaited(3, 0), "for 3 children since"),
        (awaited(0, 0, None, "sleeper"), "for runs of sleeper since"),
    ],
)
def test_wait_is_shown_with_the_event_that_ends_it(wait: Wait, expected: str) -> None:
    assert waiting_words(waiting(wait), AT) == f"waits {expected} 13:48"


def summary(run: Run) -> str:
    return text_of(summary_lines(run, (), AT, 100))


def tree(run: Run, *children: str) -> str:
    grove = Grove()
    grove.add("root")
    for number, word in enumerate(children):
        grove.add(f"{number}", "root", word)
    grove.runs[RunId("run_root")] = replace(run, id=RunId("run_root"))
    shown = view_of(grove.tree("root"), grove.runs.get).shown
    return text_of(tree_row(each, 118, AT).line for each in shown)


@pytest.mark.parametrize("word", ["EXECUTING", "WAITING"])
@pytest.mark.parametrize("surface", [pane, summary, tree, show, text], ids=lambda surface: surface.__name__)
def test_every_surface_says_what_a_run_waits_for(surface: Callable[[Run], str], word: str) -> None:
    found = surface(waiting(TOKEN, word))
    assert "waits for a token since 13:48" in " ".join(found.split())
    assert RUNNING not in found
    assert "running for" not in found
    assert surface not in {pane, show} or "token     waitpoint_1" in found


def test_wait_ends_with_its_event_and_has_the_time_of_its_read() -> None:
    retried = of(sample("EXECUTING"), attempt(1), retry_at=LATER)
    assert waiting_words(retried, AT) == "waits for attempt 2, due 13:49:33.500"
    assert waiting_words(retried, Now(LATER)) == ""
    assert waiting_words(of(sample("FAILED"), attempt(1), retry_at=LATER), AT) == ""
    assert waiting_words(waiting(timed("40 seconds")), Now(STARTED + timedelta(seconds=40))) == ""
    later = Now(NOW + DATED_AFTER + timedelta(seconds=1))
    assert waiting_words(waiting(TOKEN), later) == "waits for a token since 13:48 (as of 13:49)"
    wait = replace(awaited(1, 1, "child"), runs=(RunId("run_0"),))
    assert ["waits for its child" in tree(waiting(wait), word) for word in ("QUEUED", "FAILED")] == [True, False]


def test_code_is_called_running_only_where_the_trace_was_read() -> None:
    run = waiting(None)
    assert RUNNING in pane(run)
    assert "running for" in summary(run)
    late = pane(run, now=Now(NOW + MAX_RUNNING_AGE + timedelta(seconds=1)))
    for found in (pane(sample("EXECUTING")), late, pane(dated(run, updated_at=NOW))):
        assert RUNNING not in found
        assert "it has started and has not ended" in found
    assert "running for" not in summary(sample("EXECUTING"))


def test_enter_on_a_cut_fact_shows_all_of_it() -> None:
    run = sample()
    run = replace(run, fixed=replace(run.fixed, idempotency_key=Raw("k" * 100_000)))
    assert words.whole_of(run, ValuePath("key", ())) == "k" * 100_000
