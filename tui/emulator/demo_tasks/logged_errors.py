"""Errors with their causes, as tasks log them: printed by `console.error`, and in the attributes of a log line."""

from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.script import Json

CAUSES = """\
CheckoutError: order 218403 could not be paid
    at payOrder (file:///app/src/lib/checkout.ts:41:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
    at async run (file:///app/src/trigger/examples.ts:24:11) {
  orderId: 218403,
  [cause]: TypeError: fetch failed
      at node:internal/deps/undici/undici:13510:13
      at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
      at async postJson (file:///app/src/lib/http.ts:23:20) {
    [cause]: Error: connect ECONNREFUSED 10.0.3.7:443
        at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1634:16) {
      errno: -111,
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '10.0.3.7',
      port: 443
    }
  }
}"""
"""An error with its causes, as `console.error` prints it."""

AGGREGATE = """\
AggregateError: All promises were rejected
    at async quoteAll (file:///app/src/lib/carriers.ts:57:18)
    at async Promise.all (index 3)
    at async run (file:///app/src/trigger/examples.ts:31:22) {
  [errors]: [
    Error: carrier dhl: 503 Service Unavailable
        at quote (file:///app/src/lib/carriers.ts:33:13)
        at async quoteAll (file:///app/src/lib/carriers.ts:55:9),
    RangeError: carrier ups: weight 71.5 kg is above 70 kg
        at new Parcel (file:///app/src/lib/parcel.ts:12:11)
        at eval (eval at compile (file:///app/src/lib/rules.ts:8:10), <anonymous>:1:7)
        at Array.map (<anonymous>)
  ]
}"""


def as_attributes(failure: Failure) -> Json:
    """An error with two causes in the attributes of a log line."""
    refused = {"name": "Error", "message": "connect ECONNREFUSED 10.0.3.7:443", "code": "ECONNREFUSED", "errno": -111}
    fetch = {"name": "TypeError", "message": "fetch failed", "stack": _FETCH_STACK, "cause": refused}
    return {"error": {"name": failure.name, "message": failure.message, "stack": failure.stack_trace, "cause": fetch}}


_FETCH_STACK = (
    "TypeError: fetch failed\n"
    "    at node:internal/deps/undici/undici:13510:13\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n"
    "    at async postJson (file:///app/src/lib/http.ts:23:20)"
)
