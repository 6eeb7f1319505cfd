"""The stacks of the recorded errors, frame by frame as Node printed them.

The project was rebuilt between two recordings with another log level of the worker. So the frames below a task's own
are those of `FIRST_BUILD` in some errors and of `SECOND_BUILD` in others.
"""

SOURCE = "file:///app/src/trigger"
_CORE = "file:///app/node_modules/@trigger.dev/core/src/v3"
_OPENTELEMETRY = "file:///app/node_modules/@opentelemetry"
_HOOKS = f"{_OPENTELEMETRY}/context-async-hooks/src"

FIRST_BUILD = (
    f"_tracer.startActiveSpan.attributes ({_CORE}/workers/taskExecutor.ts:431:24)",
    f"{_CORE}/tracer.ts:135:24",
    "AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:65:14)",
    f"AsyncLocalStorageContextManager.with ({_HOOKS}/AsyncLocalStorageContextManager.ts:30:36)",
    f"_ContextAPI.with ({_OPENTELEMETRY}/api/src/api/context.ts:68:38)",
    f"Tracer.startActiveSpan ({_OPENTELEMETRY}/sdk-trace-base/src/Tracer.ts:246:24)",
    f"TriggerTracer.startActiveSpan ({_CORE}/tracer.ts:79:24)",
    f"{_CORE}/workers/taskExecutor.ts:426:33",
    f"_RunTimelineMetricsAPI.measureMetric ({_CORE}/runTimelineMetrics/index.ts:67:28)",
)
"""Frames below the task's function in recordings 104, 107, 246, 274, 839."""

SECOND_BUILD = (
    f"_tracer.startActiveSpan.attributes ({_CORE}/workers/taskExecutor.ts:431:18)",
    f"{_CORE}/tracer.ts:135:18",
    f"{_CORE}/workers/taskExecutor.ts:426:14",
    f"_RunTimelineMetricsAPI.measureMetric ({_CORE}/runTimelineMetrics/index.ts:67:22)",
    f"{_CORE}/workers/taskExecutor.ts:190:26",
    f"tryCatch ({_CORE}/tryCatch.ts:10:18)",
    f"executeTask ({_CORE}/workers/taskExecutor.ts:179:40)",
    f"tryCatch ({_CORE}/tryCatch.ts:10:18)",
    f"{_CORE}/workers/taskExecutor.ts:393:33",
)
"""Frames below the task's function in recordings 144, 212, 278, 839."""

MAX_FRAMES = 10
"""Node's default."""


def stack(*frames: str) -> str:
    """The first ten frames, one a line."""
    return "\n".join(f"    at {frame}" for frame in frames[:MAX_FRAMES])


def thrown_at(place: str, below: tuple[str, ...] = FIRST_BUILD) -> str:
    """The stack of an error in a task's own function; `place` is like `errors.ts:31:13`."""
    return stack(f"run ({SOURCE}/{place})", *below)


HANDLED_IN_SPAN = stack(
    f"{SOURCE}/basics.ts:38:85",
    f"{_CORE}/tracer.ts:135:18",
    f"{SOURCE}/basics.ts:38:13",
    f"{_CORE}/tracer.ts:135:18",
    f"run ({SOURCE}/basics.ts:31:5)",
    *SECOND_BUILD,
)
"""Recording 278: thrown in a span within a span."""

CHARGE = stack(
    f"{SOURCE}/errors.ts:20:29",
    f"frame ({SOURCE}/errors.ts:9:22)",
    *(
        frame
        for step in range(1, 5)
        for frame in (f"chargeStep{step} ({SOURCE}/errors.ts:11:45)", f"frame ({SOURCE}/errors.ts:12:10)")
    ),
)
"""Recording 103: functions that call each other."""

TIMER = stack(
    f"Timeout._onTimeout ({SOURCE}/errors.ts:43:130)",
    "listOnTimeout (node:internal/timers:685:17)",
    "processTimers (node:internal/timers:618:7)",
)
"""Recording 284: outside of the task's promise."""
