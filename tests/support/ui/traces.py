"""A fleet whose selected run has a trace that a test chooses, served as the API serves it."""

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.virtual_clock import START

Node = dict[str, Any]

CHECKOUT = FleetRun(1, -17.2, -17.0, 60.0, task="checkout")
CHARGE = FleetRun(2, -15.9, -15.8, -9.8, "FAILED", task="charge-card", parent=1)
RECEIPT = FleetRun(3, -8.9, -8.8, 50.0, task="build-receipt", parent=1)


def node(
    message: str, start_s: float, took_s: float | None, *children: Node, run: FleetRun = CHECKOUT, **data: Any
) -> Node:
    """Return a node of a trace. `start_s` counts from the start of the checkout; without `took_s` it is open."""
    started = START + timedelta(seconds=CHECKOUT.created_s + start_s)
    return {
        "id": data.pop("id", f"{message}@{start_s}"),
        "runId": run.id,
        "data": {
            "message": message,
            "duration": int((took_s or 0.0) * 1e9),
            "isError": False,
            "isPartial": took_s is None,
            "isCancelled": False,
            "startTime": started.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": "TRACE",
            "events": [],
        }
        | data,
        "children": list(children),
    }


def log(message: str, at_s: float, level: str = "INFO", **more: Any) -> Node:
    return node(message, at_s, 0.0, level=level, **more)


def engine(message: str, at_s: float, run: FleetRun = CHECKOUT) -> Node:
    return node(f"[engine] {message}", at_s, 0.0, run=run, level="DEBUG")


def checkout() -> Node:
    """Return a checkout that waits for its receipt, after its payment failed."""
    error = {
        "name": "exception",
        "properties": {"exception": {"type": "CardError", "message": "Your card was declined.", "stacktrace": "x"}},
    }
    charge = node(
        "charge-card",
        1.3,
        6.1,
        node("Attempt 1", 1.406, 0.418, run=CHARGE, isError=True, attemptNumber=1, events=[error]),
        node("Retry #1 delay", 1.824, 1.5, run=CHARGE),
        node("Attempt 2", 3.33, 0.431, run=CHARGE, isError=True, attemptNumber=2, events=[error]),
        engine("PENDING_EXECUTING", 1.4, CHARGE),
        run=CHARGE,
        isError=True,
    )
    upload = node(
        "upload",
        10.6,
        None,
        log("upload receipt_81251.pdf to receipts-eu, 4 parts", 11.2, run=RECEIPT),
        log("part 3 of 4 timed out, trying again", 15.1, "WARN", run=RECEIPT),
        run=RECEIPT,
    )
    receipt = node(
        "build-receipt",
        8.3,
        None,
        node("render pdf", 8.5, 2.1, run=RECEIPT),
        upload,
        engine("QUEUED", 8.4, RECEIPT),
        run=RECEIPT,
    )
    function = node(
        "run()",
        0.21,
        None,
        log("checking out", 0.25),
        node("triggerAndWait()", 1.29, 6.15, charge),
        node("triggerAndWait()", 8.29, None, receipt),
    )
    attempt = node("Attempt 1", 0.2, None, function, attemptNumber=1)
    return node("checkout", 0.0, None, engine("PENDING_EXECUTING", 0.1), attempt, id="root")


def checkout_fleet() -> Fleet:
    """Return a fleet with the runs of the checkout, which answers with its trace."""
    fleet = fleet_of(CHECKOUT, CHARGE, RECEIPT)
    serve(fleet, checkout)
    return fleet


def serve(fleet: Fleet, root: Callable[[], Node], **trace: Any) -> None:
    """Answer for the trace of the checkout with this root node, and for each span with two attributes."""

    def answer(path: str) -> Response | None:
        if path == f"/api/v1/runs/{CHECKOUT.id}/trace":
            return JSONResponse({"trace": {"traceId": "t", "rootSpan": root()} | trace})
        if "/spans/" in path:
            span_id = path.rsplit("/", 1)[1]
            return Response(
                json.dumps({"spanId": span_id, "properties": {"bucket": "receipts-eu", "part": {"number": 3}}}),
                media_type="application/json",
            )
        return None

    fleet.fault = answer
