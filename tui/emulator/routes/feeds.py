"""The routes of the realtime feed: one run, the runs of a batch, the runs of the environment."""

import math
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from urllib.parse import quote

from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, FeedSubscription, Refusal, query_error
from tui.emulator.feed import (
    INSERT,
    BatchRuns,
    PollResult,
    RecentRuns,
    RunPoll,
    SetPoll,
    Shape,
    changes_since,
    snapshot,
)
from tui.emulator.routes.runs import find_batch
from tui.emulator.rows import OUTPUT_INLINE_BYTES, PAYLOAD_INLINE_BYTES, SUPER_JSON, is_large, json_text, packet_path
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.runs import Run, Status, compute_cents, duration_ms, invocation_cents
from tui.emulator.simulation.script import NOTHING, Json

# The rows of the realtime feed: the columns of a run, all as text.
#
# Source: tests/wire/recordings/README.md §8, recordings 700-751.


Row = dict[str, str | None]

PLAIN_JSON = "application/json"
PLAIN_TEXT = "text/plain"
IN_OBJECT_STORE = "application/store"

NEVER_SKIPPED = frozenset({"id", "taskIdentifier", "friendlyId", "status", "createdAt"})

_TYPES = (
    "id:text taskIdentifier:text createdAt:timestamp updatedAt:timestamp startedAt:timestamp "
    "delayUntil:timestamp queuedAt:timestamp expiredAt:timestamp completedAt:timestamp friendlyId:text "
    "number:int4 isTest:bool status:text usageDurationMs:int4 costInCents:float8 baseCostInCents:float8 "
    "ttl:text payload:text payloadType:text metadata:text metadataType:text output:text outputType:text "
    "runTags:text[] error:jsonb realtimeStreams:text[]"
)
TYPES = {name: kind for name, _, kind in (column.partition(":") for column in _TYPES.split())}
"""All columns in their order, with their types in the database."""


class Columns:
    """The columns that a client wants, which are all but the `skipped` ones.

    `is_versioned` selects the current status words. Older clients never see DEQUEUED.
    """

    def __init__(self, environment: Environment, skipped: Collection[str] = (), *, is_versioned: bool = True) -> None:
        self.names = [name for name in TYPES if name in NEVER_SKIPPED or name not in skipped]
        self._environment = environment
        self._is_versioned = is_versioned
        wanted = frozenset(self.names)
        self._has_payload = not wanted.isdisjoint({"payload", "payloadType"})
        self._has_output = not wanted.isdisjoint({"output", "outputType"})

    def schema(self) -> str:
        """The value of `electric-schema`."""
        return json_text({name: _typed(TYPES[name]) for name in self.names})

    def row(self, run: Run) -> Row:
        """The row of a run as it is now."""
        payload, payload_type = _payload(run) if self._has_payload else (None, PLAIN_JSON)
        output, output_type = _output(run) if self._has_output else (None, PLAIN_JSON)
        status = run.status
        if status is Status.DEQUEUED and not self._is_versioned:
            status = Status.EXECUTING
        # One literal in the order of the columns, because it is built some thousand times a second.
        values: Row = {
            "id": run.id.removeprefix("run_"),
            "taskIdentifier": run.task_id,
            "createdAt": _moment(run.shown_created_ms),
            "updatedAt": _moment(run.updated_ms),
            "startedAt": _moment(run.started_ms),
            "delayUntil": _moment(run.delay_until_ms),
            "queuedAt": _moment(run.queued_ms),
            "expiredAt": _moment(run.finished_ms) if run.status is Status.EXPIRED else None,
            "completedAt": _moment(run.finished_ms),
            "friendlyId": run.id,
            "number": "0",
            "isTest": "t" if run.is_test else "f",
            "status": status.database,
            "usageDurationMs": str(run.usage_ms),
            "costInCents": number_text(compute_cents(run, self._environment)),
            "baseCostInCents": number_text(invocation_cents(self._environment) if run.started_ms is not None else 0),
            "ttl": run.ttl or None,
            "payload": payload,
            "payloadType": payload_type,
            "metadata": None if run.metadata is None else json_text(run.metadata),
            "metadataType": PLAIN_JSON,
            "output": output,
            "outputType": output_type,
            "runTags": array_literal(run.tags) if run.tags else None,
            "error": _error(run),
            "realtimeStreams": "{}",
        }
        return values if len(self.names) == len(values) else {name: values[name] for name in self.names}


def row_key(run: Run) -> str:
    """The key of a row, as in the database."""
    return f'"public"."TaskRun"/"{run.id.removeprefix("run_")}"'


def array_literal(values: Iterable[str]) -> str:
    """An array of texts as Postgres writes it, each in quotes (recording 719)."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def number_text(number: float) -> str:
    """A number as JavaScript prints it: never `1.2e-05`, never `12.0`."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f") if abs(number) >= 1e-6 else repr(number).replace("e-0", "e-")


def _typed(kind: str) -> Json:
    return {"type": kind.removesuffix("[]"), "dims": 1} if kind.endswith("[]") else {"type": kind}


def _moment(ms: int | None) -> str | None:
    return None if ms is None else iso_time(ms)[:-1]


def _payload(run: Run) -> tuple[str, str]:
    """The stored text and its type (recordings 700, 720)."""
    payload = run.payload()
    if is_large(payload, PAYLOAD_INLINE_BYTES):
        return packet_path(run, "payload"), IN_OBJECT_STORE
    return (payload, PLAIN_TEXT) if isinstance(payload, str) else (json_text(payload), PLAIN_JSON)


def _output(run: Run) -> tuple[str | None, str]:
    """The stored text and its type. The SDK wraps a value that is not a text (recordings 708, 719, 720)."""
    output = run.output()
    if output is NOTHING:
        return None, PLAIN_JSON
    if is_large(output, OUTPUT_INLINE_BYTES):
        return packet_path(run, "output"), IN_OBJECT_STORE
    return (output, PLAIN_TEXT) if isinstance(output, str) else (json_text({"json": output}), SUPER_JSON)


def _error(run: Run) -> str | None:
    """The stored form, with the keys in the database's order (recording 717)."""
    if run.failure is None or not run.status.is_final:
        return None
    stored = run.failure.stored()
    ordered = {key: stored[key].replace("\0", "") for key in sorted(stored, key=lambda key: (len(key), key))}
    return json_text(ordered)


# The routes.
#
# `feed` decides which rows are sent when. Source: tests/wire/recordings/README.md §8, recordings 700-751, 760, 761; the
# parsing of parameters follows the server's source code.


MAX_WINDOW_MS = 86_400_000
MINUTE_MS = 60_000
FROM_THE_START = "-1"
HANDLE, OLD_HANDLE = "electric-handle", "electric-shape-id"
HANDLE_CHARS = "".join(map(chr, range(0x21, 0x7F)))
UP_TO_DATE = {"headers": {"control": "up-to-date"}}

COMMON_HEADERS = {"access-control-allow-origin": "*", "access-control-expose-headers": "*", "cache-control": "no-store"}
"""Headers of every response. The first two let the script of a web page read the response and its headers."""


async def one_run(request: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/runs/{id}` (recordings 700-729)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise Refusal(404, {"error": "Not found"}, {"x-should-retry": "false"})
    subscription = request.subscription
    handle = _handle(request.query)
    if live_handle(request.query):
        poll = RunPoll(request.world, run, _offset_ms(request.query), subscription.now_ms, subscription.random)
        result = await subscription.hold(poll, handle)
        cursor = subscription.next_number()
        # A response without rows keeps the whole offset, number included (recording 709).
        offset = f"{result.ms}_{cursor}" if result.rows else request.query["offset"]
        return _answer(request, result, handle, offset, cursor)
    result = PollResult([(run, INSERT)], run.updated_ms)
    return _snapshot(request, result, handle or f"run-{run.id.removeprefix('run_')}")


async def many_runs(request: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/runs` (recordings 730-740, 743-751). Raises `Refusal` for an invalid tag (738)."""
    query = request.query
    tags = _tags(query.get("tags", ""))
    handle = _handle(query)
    since_ms = _since_ms(query.get("createdAt", ""), request.subscription.now_ms)
    if handle:
        pinned_ms = _pinned_ms(handle)
        if pinned_ms is not None:
            since_ms = _minute(max(pinned_ms, request.subscription.now_ms - MAX_WINDOW_MS))
    else:
        handle = f"runs_{since_ms}_{_unique(request)}"
    return await _shape_response(request, RecentRuns(since_ms, tags), handle)


async def batch(request: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/batches/{id}` (recordings 741, 742)."""
    block = find_batch(request)
    return await _shape_response(
        request, BatchRuns(block.batch_id, block.runs), _handle(request.query) or f"{block.batch_id}_{_unique(request)}"
    )


async def _shape_response(request: ApiRequest, shape: Shape, handle: str) -> ApiResponse:
    """The response for a shape of many runs: a snapshot, the changes since an offset, or the result of a live poll."""
    subscription, world = request.subscription, request.world
    now_ms = subscription.now_ms
    slug, sets = world.environment.slug, subscription.sets
    if not live_handle(request.query):
        return _snapshot(request, snapshot(world, shape, sets.make(slug, handle, now_ms)), handle)
    offset_ms = _offset_ms(request.query)
    known = sets.find(slug, handle, now_ms)
    missed = None
    if known is None:
        known = sets.make(slug, handle, now_ms)
        missed = changes_since(world, shape, known, offset_ms)
    poll = SetPoll(world, shape, known, offset_ms, now_ms, subscription.random)
    result = await subscription.hold(poll, handle, missed if missed and missed.rows else None)
    cursor = subscription.next_number()
    return _answer(request, result, handle, f"{result.ms}_{cursor}", cursor)


def _snapshot(request: ApiRequest, result: PollResult, handle: str) -> ApiResponse:
    schema = {"electric-schema": _columns(request).schema()}
    return _answer(request, result, handle, f"{result.ms}_{request.subscription.next_number()}", None, schema)


def _answer(
    request: ApiRequest,
    result: PollResult,
    handle: str,
    offset: str,
    cursor: int | None,
    more: Mapping[str, str] | None = None,
) -> ApiResponse:
    columns = _columns(request)
    rows = [
        {"key": row_key(run), "value": columns.row(run), "headers": {"operation": operation}}
        for run, operation in result.rows
    ]
    headers = {**COMMON_HEADERS, **position_headers(handle, offset, is_old=request.subscription.is_old), **(more or {})}
    if cursor is not None:
        headers["electric-cursor"] = str(cursor)
    return ApiResponse([*rows, UP_TO_DATE], headers=headers)


def position_headers(handle: str, offset: str, *, is_old: bool) -> dict[str, str]:
    """The headers with the handle and the offset, under their current or their older names (recordings 710, 735)."""
    names = (OLD_HANDLE, "electric-chunk-last-offset") if is_old else (HANDLE, "electric-offset")
    # The client may have made the handle up, so it may be unfit for a header.
    return {name: quote(text, HANDLE_CHARS) for name, text in zip(names, (handle, offset), strict=True)}


def must_refetch(subscription: FeedSubscription, handle: str) -> Refusal:
    """Return the 409 with which Electric itself replaces a dropped handle. The recorded server never sends it."""
    name = OLD_HANDLE if subscription.is_old else HANDLE
    new_handle = subscription.replace_handle(handle, f"{quote(handle, HANDLE_CHARS)}-{subscription.next_number()}")
    headers = {**COMMON_HEADERS, name: new_handle}
    return Refusal(409, [{"headers": {"control": "must-refetch"}}], headers)


def live_handle(query: Mapping[str, str]) -> str:
    """The handle of a live request; "" for any other, which gets all rows (recordings 711, 713, 714)."""
    is_live = query.get("live") == "true" and query.get("offset", FROM_THE_START) != FROM_THE_START
    return _handle(query) if is_live else ""


def _columns(request: ApiRequest) -> Columns:
    skipped = {name.strip() for name in request.query.get("skipColumns", "").split(",")}
    return Columns(request.world.environment, skipped, is_versioned=request.is_versioned)


def _handle(query: Mapping[str, str]) -> str:
    """The handle that the client sent, even a made-up one (recordings 713, 740); "" for none."""
    return query.get("handle") or query.get("shape_id") or ""


def _offset_ms(query: Mapping[str, str]) -> int:
    try:
        ms = float(query["offset"].partition("_")[0])
    except ValueError:
        return 0
    return int(ms) if math.isfinite(ms) and ms > 0 else 0


def _since_ms(window: str, now_ms: int) -> int:
    """The start of the window `createdAt`: at most a day ago, also for an unreadable one (recordings 736, 737)."""
    window_ms = duration_ms(window) or MAX_WINDOW_MS
    return _minute(now_ms - min(window_ms, MAX_WINDOW_MS))


def _pinned_ms(handle: str) -> int | None:
    """The start of the window in a handle; None for a made-up handle."""
    parts = handle.split("_")
    if parts[0] != "runs" or len(parts) < 2 or not (parts[1].isascii() and parts[1].isdigit()):
        return None
    return int(parts[1][:15])


def _minute(ms: int) -> int:
    return ms - ms % MINUTE_MS


def _unique(request: ApiRequest) -> str:
    """The end of a new handle, like `38_c39edb2c`."""
    return f"{request.subscription.next_number()}_{request.subscription.random.getrandbits(32):08x}"


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(text.split(",")) if text else ()
    for tag in tags:
        if not tag or any(letter in '"\\' or (not letter.isprintable() and ord(letter) < 0xA0) for letter in tag):
            raise query_error({"code": "custom", "message": f"Invalid tag: {json_text(tag)}", "path": ["tags"]})
    return tags
