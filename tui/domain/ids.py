"""The names of things, as types of their own, so that a task is never passed for a run.

Nothing but `NewType`s: no validation, since an id is whatever the server calls it.
"""

from typing import NewType

RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
SpanId = NewType("SpanId", str)
TraceId = NewType("TraceId", str)
BatchId = NewType("BatchId", str)
Cursor = NewType("Cursor", str)
"""An opaque page position of the runs list (wire/README.md §3); never built, only handed back."""
