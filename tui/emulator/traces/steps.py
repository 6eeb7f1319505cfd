"""Turns the items of a script into spans: work into log lines and spans, waits into the SDK's own spans.

`tree` knows when an attempt reached an item.
Source: tests/wire/recordings/README.md (recordings 220-223, 234, 235, 250, 253).
"""

from collections.abc import Iterator, Sequence

from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.names import span_id, waitpoint_id
from tui.emulator.simulation.runs import Attempt, Block, Run
from tui.emulator.simulation.script import Json, Lines, Log, Script, Span, Start, Step, Wait, Work
from tui.emulator.simulation.statuses import Status
from tui.emulator.traces.spans import LOGS, TRIGGER, Style, TraceSpan, TraceView

Pause = Wait | Start

_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000))
_PHASES = (("dequeue", 0.0, 0.0), ("create_attempt", 0.03, 0.3), ("fork", 0.34, 0.55), ("bootstrap", 0.9, 0.07))
"""The phases of a cold start: the start and the length of each, as parts of the whole (recordings 225, 261)."""


def split_at_pauses(script: Script) -> Iterator[tuple[list[Work], Pause | None]]:
    """The work before each pause, with that pause; the last one has none. Items that no trace shows are left out."""
    works: list[Work] = []
    for item in script.items:
        if isinstance(item, Work):
            works.append(item)
        elif isinstance(item, Wait | Start):
            yield works, item
            works = []
    yield works, None


def add_steps(
    view: TraceView,
    parent: TraceSpan,
    steps: Sequence[Step],
    path: str,
    started_ms: float,
    ms: float,
    *,
    cancelled_ms: int | None = None,
    is_nested: bool = False,
) -> None:
    """Spread steps over `ms` milliseconds in order, and add the visible ones to `parent`.

    The time that the spans leave free is divided equally after the steps; inside a span also before the first one
    (recordings 220, 250). `path` determines their ids.
    """
    if not steps:
        return
    run = parent.run
    shown = _spelled_out_lines(steps)
    free = max(0.0, 1.0 - sum(step.share for step in shown if isinstance(step, Span)))
    gap_ms = ms * free / (len(shown) + is_nested)
    started_ms += gap_ms if is_nested else 0.0
    for index, step in enumerate(shown):
        key, at_ms = f"{path}.{index}", int(started_ms)
        span = TraceSpan(span_id(run.seed, key), parent.id, run, step.message, at_ms, attempt=parent.attempt)
        if step.attributes:
            span.properties = step.attributes
        if isinstance(step, Log):
            span.level, span.style, span.is_error = step.level, LOGS[step.level], step.level == "ERROR"
            if cancelled_ms is None or at_ms <= cancelled_ms:
                view.add_row(parent, span)
        else:
            if step.icon:
                span.style = {"icon": step.icon}
            span_ms = ms * step.share
            ended_ms = int(started_ms + span_ms)
            if view.add_span(parent, span, ended_ms, cancelled_ms=cancelled_ms, failure=step.failure):
                add_steps(view, span, step.steps, key, started_ms, span_ms, cancelled_ms=cancelled_ms, is_nested=True)
            started_ms += span_ms
        started_ms += gap_ms


def _spelled_out_lines(steps: Sequence[Step]) -> list[Log | Span]:
    found: list[Log | Span] = []
    for step in steps:
        found.extend(map(step.line, range(step.first, step.first + step.count)) if isinstance(step, Lines) else (step,))
    return found


def pause_span(parent: TraceSpan, pause: Pause, block: Block, path: str) -> TraceSpan:
    """The span of a pause, which began with its block."""
    run = parent.run
    key = span_id(run.seed, path)
    token = waitpoint_id(run.seed, path) if isinstance(pause, Wait) and pause.is_token else ""
    if isinstance(pause, Wait):
        name, style = ("wait.forToken()" if token else "wait.for()"), _wait_style(token or _spelled_out(pause.ms))
    else:
        name, style = f"{pause.function}()", _start_style(pause)
    span = TraceSpan(key, parent.id, run, name, block.started_ms, style, parent.attempt)
    span.is_waitpoint, span.triggered = isinstance(pause, Wait), block.runs
    if token:
        span.properties = {"id": token}
    return span


def started_properties(block: Block) -> dict[str, Json]:
    """The properties of a span that started runs, once it ended (recordings 281-283)."""
    if block.batch_id:
        return {"batchId": block.batch_id, "runCount": len(block.runs)}
    return {"runId": block.runs[0].id} if block.runs else {}


def is_thrown(pause: Pause, block: Block) -> bool:
    """Whether a failed child ended the attempt at this pause."""
    if not isinstance(pause, Start) or not pause.is_awaited or not pause.must_succeed:
        return False
    return any(run.status is not Status.COMPLETED for run in block.runs)


def start_events(run: Run, attempt: Attempt, started_ms: int) -> list[dict[str, Json]]:
    """The events of a cold start that ended at `started_ms`; durations in milliseconds (recordings 225, 261)."""
    file = run.task.file if run.task is not None else f"src/trigger/{run.task_id}.ts"
    dequeued_ms = attempt.dequeued_ms
    whole_ms = max(0, started_ms - dequeued_ms)
    events = [
        _start_event(dequeued_ms + int(whole_ms * at), {"duration": int(whole_ms * share), "event": name})
        for name, at, share in _PHASES
    ]
    entry = f"/app/.trigger/tmp/build-AbC123/{file.removesuffix('.ts')}.mjs"
    last = {"entryPoint": entry, "file": file, "duration": int(whole_ms * 0.02), "event": "import"}
    return [*events, _start_event(dequeued_ms + int(whole_ms * 0.97), last)]


def _start_event(at_ms: int, properties: dict[str, Json]) -> dict[str, Json]:
    return {"name": "trigger.dev/start", "time": iso_time(at_ms), "properties": properties}


def _wait_style(text: str) -> Style:
    return {"icon": "wait", **_accessory(text)}


def _start_style(pause: Start) -> Style:
    if not pause.is_awaited:
        return TRIGGER
    return {**TRIGGER, **_accessory(pause.children[0].task if pause.children else "")}


def _accessory(text: str) -> Style:
    return {"accessory": {"items": [{"text": text, "variant": "normal"}], "style": "codepath"}}


def _spelled_out(ms: int) -> str:
    """`12 seconds`, `1 minute`: in the largest unit without a remainder."""
    unit, unit_ms = next(((name, size) for name, size in _UNITS if ms and ms % size == 0), ("second", 1000))
    count = ms / unit_ms
    return f"{count:g} {unit}{'' if count == 1 else 's'}"
