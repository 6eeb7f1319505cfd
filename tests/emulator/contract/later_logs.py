"""`logs-nested` of the later project's `src/trigger/tasks.ts`: spans five levels deep, with a log line of each level.

It replaces the task of the same name in `basics.ts`. Source: tests/wire/recordings/README.md (recording 1205).
"""

from tui.emulator.recorded_tasks import stack
from tui.emulator.simulation.script import Call, Failure, FailureKind, Log, Script, Span, Task, Work

_CORE = "file:///app/node_modules/@trigger.dev/core/src/v3"
_OPENTELEMETRY = "file:///app/node_modules/@opentelemetry"
_URL = "file:///app/src/trigger/tasks.ts"

_HANDLED = Failure(
    FailureKind.ERROR,
    "handled inside",
    "Error",
    stack(
        f"{_URL}:48:75",
        f"{_CORE}/tracer.ts:135:24",
        "AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:63:14)",
        "AsyncLocalStorageContextManager.with "
        f"({_OPENTELEMETRY}/context-async-hooks/src/AsyncLocalStorageContextManager.ts:30:36)",
        f"_ContextAPI.with ({_OPENTELEMETRY}/api/src/api/context.ts:68:38)",
        f"Tracer.startActiveSpan ({_OPENTELEMETRY}/sdk-trace-base/src/Tracer.ts:246:24)",
        f"TriggerTracer.startActiveSpan ({_CORE}/tracer.ts:79:24)",
        f"OtelTaskLogger.trace ({_CORE}/logger/taskLogger.ts:113:32)",
        f"_LoggerAPI.trace ({_CORE}/logger/index.ts:56:34)",
        f"run ({_URL}:48:22)",
    ),
)

_LEXING = Span(
    "step 1.1.1.1: lex", 0.6, (Log("INFO", "deep line"), Span("step 1.1.1.1.1: utf8", 0.1, (Log("WARN", "deepest"),)))
)
_PARSING = Span("step 1.1: parse", 0.8, (Log("DEBUG", "parsing"), Span("step 1.1.1: tokenise", 0.6, (_LEXING,))))
_STORING = (
    Log("INFO", "console line { a: 1 } [ 1, 2 ]"),
    Log("ERROR", "console error line"),
    Log("ERROR", "an error with an object"),
)


def _logs_nested(_: Call) -> Script:
    steps = (
        Span("step 1: load", 0.07, (_PARSING,)),
        Span("step 2: handled failure", 0.88, failure=_HANDLED),
        Span("step 3: store", 0.03, _STORING),
    )
    return Script((Work(5_720, steps),), output="nested")


LATER_LOGS = Task("logs-nested", _logs_nested, "src/trigger/tasks.ts")
