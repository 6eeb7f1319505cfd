"""The realtime feed: Electric's shape protocol over long polls, turned into patches and a place to go on from.

What lives here: the parameters of a poll, its answer, and rows whose values are all texts. When to poll is
`sources.realtime`'s. Source: wire/README.md §8, recordings 700-761; 409 and must-refetch: Electric's HTTP API, which a
self-hosted server may still have behind it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from sys import intern
from typing import Any, Final

from pydantic import OnErrorOmit

# pydantic takes only this one before Python 3.12
from typing_extensions import TypedDict

from tui.domain.filters import period_text
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Precision, Stamp, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.wire.errors import ServerFault
from tui.wire.feed_bodies import read_body, read_metadata, read_stored_error
from tui.wire.limits import MAX_FEED_ROWS, MAX_ID_CHARS, MAX_NAME_CHARS, MAX_TAGS, Limits
from tui.wire.models import decode
from tui.wire.pg_array import read_array
from tui.wire.responses import Response
from tui.wire.times import read_duration_ms, read_time

UNUSED: Final = ("realtimeStreams", "number", "queuedAt")
"""Columns that nobody here reads."""

HEAVY: Final = ("payload", "payloadType", "output", "outputType", "metadata", "metadataType")
"""Columns that a list does without: each change sends every column anew (45 runs: 370 KB with them, 28 KB without)."""

MAX_FEED_WINDOW: Final = timedelta(hours=24)
"""The server's ceiling for `createdAt`; what is more is cut silently (recordings 736, 737)."""

MAX_SNAPSHOT_ROWS: Final = 1000
"""Of any answer, the newest by creation; the cut is silent (recording 750)."""

Row = Mapping[str, Any]
"""Column by column, as it came."""

_HANDLES: Final = ("electric-handle", "electric-shape-id")
_OFFSETS: Final = ("electric-offset", "electric-chunk-last-offset")
"""The names of today's servers, and of those that do not know our `x-trigger-electric-version` (710, 735)."""


@dataclass(frozen=True, slots=True)
class FeedTarget:
    """Whose changes are told: one run's, or those of all runs created within `window` that carry all of `tags`."""

    run_id: RunId | None = None
    window: timedelta = MAX_FEED_WINDOW
    tags: tuple[str, ...] = ()

    def params(self) -> dict[str, str]:
        """What every poll of it has to repeat."""
        params = {"skipColumns": ",".join(UNUSED)}
        if self.run_id is None:
            params["skipColumns"] = ",".join((*HEAVY, *UNUSED))
            params["createdAt"] = period_text(min(self.window, MAX_FEED_WINDOW))
            if self.tags:
                params["tags"] = ",".join(self.tags)
        return params


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where a feed goes on. `is_up_to_date`: the next poll may be held until something changes."""

    handle: str
    offset: str
    cursor: str | None
    is_up_to_date: bool

    def params(self) -> dict[str, str]:
        """What the next poll has to say."""
        params = {"offset": self.offset, "handle": self.handle}
        if self.is_up_to_date:
            params["live"] = "true"
            if self.cursor is not None:
                params["cursor"] = self.cursor
        return params


START: Final = {"offset": "-1"}
"""The position of a feed that begins."""


@dataclass(frozen=True, slots=True)
class FeedResponse:
    """One answer. `position` None: there is nothing to go on from, the feed has to begin anew.

    `partial` are the rows of which only some columns came, as a real Electric sends them: `read_change` needs what was
    known before. `unreadable` counts rows that are left out, since they name no run.
    """

    patches: tuple[RunPatch, ...]
    read_at: datetime
    position: FeedPosition | None
    partial: tuple[tuple[RunId, Row], ...] = ()
    unreadable: int = 0

    @property
    def row_count(self) -> int:
        """How many rows the server sent."""
        return len(self.patches) + len(self.partial) + self.unreadable


class _Headers(TypedDict, total=False):
    operation: OnErrorOmit[str]
    control: OnErrorOmit[str]


class _Message(TypedDict, total=False):
    """One item of an answer: a row with what happened to it, or a word about the feed itself."""

    value: OnErrorOmit[dict[str, Any]]
    headers: OnErrorOmit[_Headers]


def decode_feed(answer: Response, after: FeedPosition | None, limits: Limits | None = None) -> FeedResponse:
    """Read an answer of the feed that was asked for after a position (None: from the start).

    `limits` learns what was too much. Raises `ServerFault`.
    """
    limits = limits or Limits()
    messages = _bounded(decode(list[OnErrorOmit[_Message]], answer.body, "the realtime feed", limits), limits)
    patches: list[RunPatch] = []
    partial: list[tuple[RunId, Row]] = []
    unreadable, controls = 0, set[str]()
    for message in messages:
        headers = message.get("headers", {})
        if "value" not in message:
            controls.add(headers.get("control", ""))
            continue
        run_id = _run_id(message["value"])
        if run_id is None or headers.get("operation") == "delete":
            # No run is ever deleted from the feed by its end; one that leaves the window is none of our business.
            unreadable += run_id is None
        elif (patch := read_row(run_id, message["value"], answer.read_at, limits)) is not None:
            patches.append(patch)
        else:
            partial.append((run_id, message["value"]))
    position = None if "must-refetch" in controls else _position(answer, after, is_up_to_date="up-to-date" in controls)
    return FeedResponse(tuple(patches), answer.read_at, position, tuple(partial), unreadable)


def must_refetch(answer_at: datetime) -> FeedResponse:
    """What a 409 means: the server has forgotten the feed, which begins anew."""
    return FeedResponse((), answer_at, None)


def _position(answer: Response, after: FeedPosition | None, *, is_up_to_date: bool) -> FeedPosition:
    handle, offset = (_header(answer.headers, names) for names in (_HANDLES, _OFFSETS))
    if after is not None:
        handle, offset = handle or after.handle, offset or after.offset
    if not handle or not offset:
        raise ServerFault("the realtime feed could not be read: it does not say where it goes on", answer.status)
    return FeedPosition(handle, offset, answer.headers.get("electric-cursor"), is_up_to_date)


def _header(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := headers.get(name))), None)


def _run_id(row: Row) -> RunId | None:
    """The id that everybody knows the run by; it is the database's own with a prefix where only that came."""
    friendly, own = row.get("friendlyId"), row.get("id")
    if not isinstance(friendly, str) or not friendly:
        friendly = f"run_{own}" if isinstance(own, str) and own else ""
    return RunId(friendly) if 0 < len(friendly) <= MAX_ID_CHARS else None


def _bounded(messages: list[_Message], limits: Limits) -> list[_Message]:
    """Leave out the rows over the bound; what the feed says about itself stays."""
    if len(messages) <= MAX_FEED_ROWS:
        return messages
    rows = [message for message in messages if "value" in message]
    kept = limits.take(rows, MAX_FEED_ROWS, "rows in one answer of the feed")
    return [*kept, *(message for message in messages if "value" not in message)]


def read_row(run_id: RunId, row: Row, read_at: datetime, limits: Limits | None = None) -> RunPatch | None:
    """A row as a patch; None where it does not tell the state. Its values are texts or null (recordings 717-728)."""
    status, task = _text(row, "status"), _text(row, "taskIdentifier")
    updated_at, created_at = read_time(_text(row, "updatedAt")), read_time(_text(row, "createdAt"))
    if not status or not task or updated_at is None or created_at is None:
        return None
    limits = limits or Limits()
    ended = read_time(_text(row, "completedAt")) is not None
    told = _told_of_state(run_id, row, limits)
    state = State(updated_at, Precision.FEED, parse_status(limits.text(status, "status"), ended=ended), **told)
    ttl = _text(row, "ttl")
    fixed = Fixed(
        task=TaskId(intern(limits.text(task, "task"))),
        created_at=created_at,
        is_test=_flag(row, "isTest"),
        ttl=intern(limits.text(ttl, "ttl")) if ttl else None,
    )
    stamp = Stamp(updated_at, Precision.FEED, read_at)
    error = (stamp, read_stored_error(row["error"])) if "error" in row else None
    body, metadata = read_body(row), read_metadata(row)
    return RunPatch(
        run_id,
        read_at,
        fixed=fixed,
        state=state,
        error=error,
        metadata=None if metadata is None else (stamp, metadata),
        body=None if body is None else (stamp, body),
    )


def read_change(run_id: RunId, row: Row, known: State, read_at: datetime) -> RunPatch:
    """Some columns of a row, on top of the state that was known before them.

    It is as true as that was: any whole answer of the same moment is believed instead.
    """
    told, word = _told_of_state(run_id, row, Limits()), _text(row, "status")
    updated_at = read_time(_text(row, "updatedAt")) or known.updated_at
    ended = told.get("finished_at", known.finished_at) is not None
    status = parse_status(word[:MAX_NAME_CHARS], ended=ended) if word else known.status
    state = replace(known, updated_at=updated_at, precision=Precision.DERIVED, status=status, **told)
    stamp = Stamp(updated_at, Precision.DERIVED, read_at)
    error = (stamp, read_stored_error(row["error"])) if "error" in row else None
    return RunPatch(run_id, read_at, state=state, error=error)


def _told_of_state(run_id: RunId, row: Row, limits: Limits) -> dict[str, Any]:
    """The fields of a state whose columns are there; `status` and `updated_at` are read by who knows the others."""
    told = {name: read(row, column) for column, (name, read) in _STATE_COLUMNS.items() if column in row}
    if "tags" in told:
        tags = limits.take(told["tags"], MAX_TAGS, f"tags of {run_id}")
        told["tags"] = tuple(Raw(limits.text(tag, "tag")) for tag in tags)
    return told


def _as_rest_sorts(tag: str) -> tuple[str, str]:
    """Details and lists have tags in alphabetical order, the feed as they were given (719, 114): one run, one order."""
    return tag.casefold(), tag


def _text(row: Row, key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None


def _number(row: Row, key: str) -> float:
    try:
        number = float(row.get(key) or 0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def _time(row: Row, key: str) -> datetime | None:
    return read_time(_text(row, key))


def _duration(row: Row, key: str) -> timedelta:
    return read_duration_ms(row.get(key))


def _tags(row: Row, key: str) -> tuple[Raw, ...]:
    return tuple(Raw(tag) for tag in sorted(read_array(_text(row, key)), key=_as_rest_sorts))


_STATE_COLUMNS: Final[Mapping[str, tuple[str, Callable[[Row, str], Any]]]] = {
    "startedAt": ("started_at", _time),
    "completedAt": ("finished_at", _time),
    "expiredAt": ("expired_at", _time),
    "delayUntil": ("delayed_until", _time),
    "usageDurationMs": ("compute", _duration),
    "costInCents": ("cost_cents", _number),
    "baseCostInCents": ("base_cost_cents", _number),
    "runTags": ("tags", _tags),
}


def _flag(row: Row, key: str) -> bool | None:
    return {"t": True, "f": False, "true": True, "false": False}.get(_text(row, key) or "")
