"""The stacks of the recorded errors, frame by frame as Node printed them.

Below the frames of the task's own code stand those of the platform that called it. They differ between the recordings,
because the project was built twice, with different log levels: `FIRST_BUILD` and `SECOND_BUILD`.
"""

_SOURCE = "file:///app/src/trigger"
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
"""The platform's frames in recordings 104, 107, 246, 274, 839."""

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
"""The platform's frames in recordings 144, 212, 278, 839."""

MAX_FRAMES = 10
"""Node's default for `Error.stackTraceLimit`."""


def stack(*frames: str) -> str:
    """The first `MAX_FRAMES` frames, innermost first, one a line."""
    return "\n".join(f"    at {frame}" for frame in frames[:MAX_FRAMES])


def thrown_at(position: str, build: tuple[str, ...] = FIRST_BUILD) -> str:
    """The stack of an error thrown in a task's `run` function. `position` is like `errors.ts:31:13`."""
    return stack(f"run ({_SOURCE}/{position})", *build)


HANDLED_IN_SPAN = stack(
    f"{_SOURCE}/basics.ts:38:85",
    f"{_CORE}/tracer.ts:135:18",
    f"{_SOURCE}/basics.ts:38:13",
    f"{_CORE}/tracer.ts:135:18",
    f"run ({_SOURCE}/basics.ts:31:5)",
    *SECOND_BUILD,
)
"""Recording 278: an error thrown inside two nested spans."""

CHARGE = stack(
    f"{_SOURCE}/errors.ts:20:29",
    f"frame ({_SOURCE}/errors.ts:9:22)",
    *(
        frame
        for step in range(1, 5)
        for frame in (f"chargeStep{step} ({_SOURCE}/errors.ts:11:45)", f"frame ({_SOURCE}/errors.ts:12:10)")
    ),
)
"""Recording 103: an error thrown so deep in the task's own calls that their frames fill the stack."""

TIMER = stack(
    f"Timeout._onTimeout ({_SOURCE}/errors.ts:43:130)",
    "listOnTimeout (node:internal/timers:685:17)",
    "processTimers (node:internal/timers:618:7)",
)
"""Recording 284: an error thrown in a timer, outside of the task's promise."""
