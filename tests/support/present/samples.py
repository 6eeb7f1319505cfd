"""Sample runs: small ones, one with every field, a hostile one, and the recorded ones."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tests.support.recordings import as_bytes, recordings
from tui.api.runs import decode_run
from tui.domain.error import RunError
from tui.domain.run import (
    Attempt,
    AttemptHistory,
    AttemptStatus,
    BatchId,
    Body,
    Fixed,
    Precision,
    Run,
    RunId,
    SpanId,
    Stamp,
    State,
    TaskId,
    parse_status,
)
from tui.domain.text import Raw
from tui.store.merge import merge
from tui.text.styled import Line, plain

NOW = datetime(2026, 11, 24, 13, 49, 8, 500_000, tzinfo=UTC)
CREATED = datetime(2026, 11, 24, 13, 48, 37, 210_000, tzinfo=UTC)
STARTED = CREATED + timedelta(milliseconds=67)
FINISHED = CREATED + timedelta(milliseconds=6394)
STAMP = Stamp(FINISHED, Precision.DETAIL, NOW)
RUN_ID = RunId("run_cmwuqwphl00009f7de45f6e3t")

# Escapes, both kinds of control characters, bidi, zero width, newlines, a lone surrogate, marks, wide characters.
HOSTILE = "\x1b[31m\x07\x08\r\n\x00\x7f\x9b31m\u202egnp\u200b\u2028\ud800\t\u0301日本\ufe0f[bold]"

STACK = Raw(
    "Error: Upstream returned 503 on attempt 1: service unavailable\n"
    "    at file:///app/src/trigger/charge.ts:20:29\n"
    "    at async chargeStep1 (file:///app/src/trigger/charge.ts:11:45)\n"
    "    at _RunTimelineMetricsAPI.measureMetric (file:///app/node_modules/@trigger.dev/core/src/v3/x.ts:67:28)\n"
    "    at AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:65:14)"
)

texts = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["", HOSTILE, "日本語", "e\u0301e\u0301", "☀\ufe0fx", "👩\u200d👩\u200d👧", "two words", "  indented", "a" * 30]
)


def text_of(lines: Iterable[Line]) -> str:
    """Return the visible text of lines."""
    return "\n".join(map(plain, lines))


def drawn(lines: Iterable[Line]) -> str:
    """Return lines as a block of text in a test: without spaces at their ends, between two line breaks."""
    return "\n".join(["", *(plain(line).rstrip() for line in lines), ""])


def sample(
    word: str = "COMPLETED",
    *,
    run_id: str = RUN_ID,
    task: str = "charge-card",
    started: bool = True,
    attempt_count: int | None = 1,
    tags: tuple[str, ...] = ("billing", "order:1001"),
) -> Run:
    """Return a run of today as the list knows it. A final status has an end."""
    status = parse_status(word)
    return Run(
        id=RunId(run_id),
        fixed=Fixed(task=TaskId(task), version=Raw("20261124.3")),
        state=State(
            updated_at=FINISHED,
            precision=Precision.LIST,
            status=status,
            started_at=STARTED if started else None,
            finished_at=FINISHED if status.canonical.is_final else None,
            tags=tuple(map(Raw, tags)),
        ),
        read_at=NOW,
        attempt_count=attempt_count,
        created_at=CREATED,
    )


def failure(number: int, message: str = "Upstream returned 503 on attempt {}: service unavailable") -> RunError:
    """Return the error of an attempt. Its message contains the number."""
    return RunError(Raw(message.format(number)), Raw("Error"), Raw(STACK.replace("attempt 1", f"attempt {number}")))


def attempt(number: int, *, status: AttemptStatus = AttemptStatus.FAILED, error: RunError | None = None) -> Attempt:
    """Return an attempt that ran 416 ms. Attempts start two seconds apart."""
    began = STARTED + timedelta(seconds=2 * (number - 1))
    is_open = status is AttemptStatus.EXECUTING
    ended = None if is_open else began + timedelta(milliseconds=416)
    return Attempt(number, status, SpanId(f"span{number}"), began, ended, error, timedelta(milliseconds=946))


def full(text: str = "") -> Run:
    """Return a failed run with every field. `text` is appended to each text that comes from outside."""
    base = sample("FAILED" if not text else f"FAILED{text}", attempt_count=2)
    assert base.state
    state = replace(
        base.state,
        finished_at=FINISHED,
        expired_at=FINISHED + timedelta(seconds=1),
        delayed_until=CREATED + timedelta(milliseconds=10),
        compute=timedelta(milliseconds=1258),
        cost_cents=0.02,
        base_cost_cents=0.0025,
        tags=(Raw(f"billing{text}"), Raw(f"order:1001{text}")),
    )
    fixed = Fixed(
        task=TaskId(f"charge-card{text}"),
        depth=2,
        is_test=True,
        environment=Raw(f"prod{text}"),
        version=Raw(f"20261124.3{text}"),
        parent_id=RunId(f"run_parent{text}"),
        root_id=RunId(f"run_root{text}"),
        batch_id=BatchId(f"batch_1{text}"),
        trigger_function=f"triggerAndWait{text}",
        ttl=f"10m{text}",
        idempotency_key=Raw(f"idem-1{text}"),
        region=Raw(f"eu-central-1{text}"),
        task_kind=f"STANDARD{text}",
        schedule={f"id{text}": f"sched_1{text}"},
        queue=Raw(f"task/charge{text}"),
        machine=Raw(f"small-1x{text}"),
    )
    cause = RunError(Raw(f"fetch failed{text}"), Raw(f"TypeError{text}"), Raw(f"{STACK}{text}"), f"ECONNRESET{text}")
    first = RunError(
        Raw(f"Out of luck{text}"), Raw(f"LuckError{text}"), Raw(f"{STACK}{text}"), f"A_CODE{text}", (cause,)
    )
    last = RunError(Raw(f"Card was declined{text}"), Raw(f"CardError{text}"), Raw(f"no frames{text}"))
    attempts = (attempt(1, error=first), attempt(2, error=last))
    return replace(
        base,
        id=RunId(f"{RUN_ID}{text}"),
        fixed=fixed,
        state=state,
        metadata=(STAMP, {f"step{text}": f"charge{text}"}),
        body=(STAMP, Body({f"order{text}": f"ord_1001{text}"}, [f"out{text}", 42])),
        error=(STAMP, last),
        attempts=(STAMP, AttemptHistory(attempts, NOW + timedelta(seconds=4))),
        children_read_at=NOW,
    )


def recorded_details() -> list[tuple[str, Run, list[Run]]]:
    """Return every recorded run detail that found its run: name, run, related runs."""
    found = []
    for name, parsed in recordings():
        if re.match(r"\d+u?-run-detail", name) and parsed["response"]["status"] == 200:
            answer = decode_run(as_bytes(parsed["response"]["body"]), NOW)
            found.append((name, merge(None, answer.patch), [merge(None, patch) for patch in answer.related]))
    return found
