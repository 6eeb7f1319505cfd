"""Traces of any length, served in place of the emulator's, for the figures of the waterfall."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread

BEGAN: Final = datetime(2026, 11, 24, 13, 40, tzinfo=UTC)
STEP_MS: Final = 100


def trace_body(run_id: str, span_count: int) -> bytes:
    """Return the response of `/trace` with this many spans that follow each other in one attempt."""

    def node(name: str, start_ms: int, took_ms: int, children: list[Any], **data: Any) -> dict[str, Any]:
        at = (BEGAN + timedelta(milliseconds=start_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        flags = {"isError": False, "isPartial": False, "isCancelled": False, "level": "TRACE", "events": []}
        whole = {"message": name, "duration": took_ms * 1_000_000, "startTime": at} | flags | data
        return {"id": name, "runId": run_id, "data": whole, "children": children}

    spans = [node(f"span {number}", number * STEP_MS, STEP_MS, []) for number in range(span_count - 2)]
    length_ms = span_count * STEP_MS
    attempt = node("Attempt 1", 0, length_ms, spans, attemptNumber=1)
    root = node("the-task", 0, length_ms, [attempt])
    return json.dumps({"trace": {"traceId": "t", "rootSpan": root}}).encode()


class TraceServer:
    """Answers for traces with `span_count` spans. `answered_s` is when the last answer was on its way."""

    def __init__(self, serve: ASGIApp) -> None:
        self._serve = serve
        self._bodies: dict[tuple[str, int], bytes] = {}
        self.span_count = 0
        self.answered_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if not path.endswith("/trace"):
            await self._serve(scope, receive, send)
            return
        key = path.split("/")[4], self.span_count
        if key not in self._bodies:
            self._bodies[key] = trace_body(*key)
        await Response(self._bodies[key], media_type="application/json")(scope, receive, send)
        self.answered_s = time.monotonic()


@contextmanager
def serving_traces() -> Iterator[tuple[str, TraceServer]]:
    """Yield the address of an emulator whose runs never change, and the server of its traces."""
    began_s = time.monotonic()
    emulator = Emulator(
        COMPANY,
        Options(environments=(DEVELOPMENT,), rate_per_s=0, history=300, lag_ms=(0, 0)),
        lambda: int((BEGAN.timestamp() + 600 + time.monotonic() - began_s) * 1000),
    )
    emulator.make(DEVELOPMENT.slug)
    server = TraceServer(application(emulator))
    with serve_in_thread(server, emulator) as url:
        yield url, server
