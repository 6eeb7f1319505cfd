"""Serves the logs of runs of a fleet, and the attributes of their lines."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, in_ms

_EVENTS = re.compile(r"/api/v1/runs/[^/]+/events")
_SPAN = re.compile(r"/api/v1/runs/[^/]+/spans/(.*)")


@dataclass
class LogServer:
    """The answers about logs. Each call of `say` adds a row."""

    fleet: Fleet
    rows: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    failure: Response | None = None
    body: bytes | None = None
    """Sent in place of `rows`."""

    def __post_init__(self) -> None:
        self.fleet.fault = self.answer

    def say(self, at_s: float, message: str, level: str = "INFO", **more: Any) -> str:
        """Add a row at a time of the fleet. Return the id of its span."""
        span_id = f"{len(self.rows):016x}"
        row = {"spanId": span_id, "message": message, "level": level, "attemptNumber": 1, "events": []}
        self.rows.append(row | {"startTime": f"{in_ms(at_s)}000000"} | more)
        self.body = None
        return span_id

    def answer(self, path: str) -> Response | None:
        """Answer a request for a log or a span; None leaves others to the fleet."""
        if _EVENTS.fullmatch(path):
            self.requests["events"] += 1
            if self.failure is not None:
                return self.failure
            if self.body is None:
                self.body = json.dumps({"events": self.rows}).encode()
            return Response(self.body, media_type="application/json")
        if match := _SPAN.fullmatch(path):
            self.requests["span"] += 1
            span_id = match[1]
            if span_id in self.attributes:
                return JSONResponse({"spanId": span_id, "message": "x", "properties": self.attributes[span_id]})
        return None
