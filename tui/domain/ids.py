"""A type for each kind of id, and the names of the sources."""

from typing import Final, NewType

# Ids are types of their own, so that mypy rejects a task id in place of a run id. They are not validated: the server
# may use any text.


RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
SpanId = NewType("SpanId", str)
TraceId = NewType("TraceId", str)
BatchId = NewType("BatchId", str)
ErrorGroupId = NewType("ErrorGroupId", str)
"""The id of a group of errors on the server, `error_` and its fingerprint."""

Cursor = NewType("Cursor", str)
"""An opaque page position in a list of the server, passed back to the server as it came."""


# The names of the sources, under which the store keeps their status. The sources are in `sync`.


REST: Final = "rest"
"""Polls the list of runs."""

RUN: Final = "run"
"""Polls one run."""

REALTIME: Final = "realtime"
"""Receives the realtime feed of the environment."""

RUN_FEED: Final = "run-feed"
"""Receives the realtime feed of one run."""

RELAY: Final = "relay"
"""Receives the updates of a relay, which has its own sources."""

FEEDS: Final = frozenset({REALTIME, RUN_FEED})
"""The sources to which the server sends changes; the others poll."""
