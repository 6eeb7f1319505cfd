"""Finds the current wait of a run: an open span in its trace that has the name of one of the SDK's wait functions.

Source: tests/wire/recordings/README.md §5.
"""

import re
from typing import Final

from tui.domain.ids import TaskId
from tui.domain.traces.span import Span
from tui.domain.wait import Wait, WaitKind

_TOKEN: Final = "wait.forToken()"  # noqa: S105  the name of a span
_TIMES: Final = frozenset({"wait.for()", "wait.until()"})
_RUNS: Final = re.compile(r"AndWait\(\)\Z")
_INPUT: Final = re.compile(r"(?:\.in|\binputStream)\.wait(?:WithIdleTimeout)?\(\)\Z")
"""`inputStream.wait()` and `sessions.open(…).in.wait()`, from the source of the SDK; no recording has them."""


def wait_of(root: Span, attempt: Span | None) -> Wait | None:
    """Return the innermost open wait of an attempt, which is the one that began last, or None.

    `root` is the run's root span. The waits of child runs in the same trace do not count.
    """
    if attempt is None or not attempt.is_partial:
        return None
    latest: Span | None = None
    pending = [attempt]
    while pending:
        span = pending.pop()
        if span.run_id != root.run_id:
            continue
        if span.is_partial and _kind_of(span) is not None and (latest is None or span.started_at >= latest.started_at):
            latest = span
        pending.extend(reversed(span.children))
    kind = None if latest is None else _kind_of(latest)
    if latest is None or kind is None:
        return None
    below = [child for child in latest.children if child.run_id != root.run_id and child.level != "DEBUG"]
    tasks = {child.message for child in below}
    return Wait(
        kind,
        latest.started_at,
        latest.id,
        latest.wait_subject,
        tuple(child.run_id for child in below),
        sum(child.is_partial for child in below),
        TaskId(tasks.pop()) if len(tasks) == 1 else None,
    )


def _kind_of(span: Span) -> WaitKind | None:
    if span.level == "DEBUG":
        return None
    if span.message == _TOKEN:
        return WaitKind.TOKEN
    if span.message in _TIMES:
        return WaitKind.TIME
    if _INPUT.search(span.message):
        return WaitKind.INPUT
    return WaitKind.RUNS if _RUNS.search(span.message) else None
