"""The routes of the realtime feed: one run, the runs of a batch, the runs of the environment.

`feed` decides which rows are sent when. Source: tests/wire/recordings/README.md §8, recordings 700-751, 760, 761; the
parsing of parameters follows the server's source code.
"""

import math
from collections.abc import Mapping
from urllib.parse import quote

from tui.emulator.exchange import ApiRequest, ApiResponse, FeedSubscription, Refusal, query_error
from tui.emulator.feed.columns import Columns, row_key
from tui.emulator.feed.polls import INSERT, PollResult, RunPoll, SetPoll, changes_since, snapshot
from tui.emulator.feed.shapes import BatchRuns, RecentRuns, Shape
from tui.emulator.rest.rows import json_text
from tui.emulator.routes.batches import find_batch
from tui.emulator.simulation.new_run import duration_ms

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
