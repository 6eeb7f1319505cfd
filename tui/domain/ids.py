"""A type for each kind of id, so that mypy rejects a task id in place of a run id.

Ids are not validated: the server may use any text.
"""

from typing import NewType

RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
SpanId = NewType("SpanId", str)
TraceId = NewType("TraceId", str)
BatchId = NewType("BatchId", str)
ErrorGroupId = NewType("ErrorGroupId", str)
"""The id of a group of errors on the server, `error_` and its fingerprint."""

Cursor = NewType("Cursor", str)
"""An opaque page position in a list of the server, passed back to the server as it came."""
