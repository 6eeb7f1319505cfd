"""What the server answers to who follows runs: one run, those of a batch, those of the environment.

What lives here: understanding a request for a shape, and writing its answer. Which rows are told when is `feed`'s
matter. Source: wire/README.md §8, recordings 700-751, 760, 761; the reading of parameters is the server's source.
"""

import math
from collections.abc import Mapping
from urllib.parse import quote

from tui.emulator.exchange import ApiRequest, ApiResponse, FeedSubscription, Refusal, query_error
from tui.emulator.feed.columns import Columns, row_key
from tui.emulator.feed.polls import INSERT, RunPoll, SetPoll, Told, after_a_loss, snapshot
from tui.emulator.feed.shapes import Lately, OfBatch, Shape
from tui.emulator.rest.rows import json_text
from tui.emulator.routes.batches import find_batch
from tui.emulator.simulation.new_run import duration_ms

WINDOW_MOST_MS = 86_400_000
MINUTE_MS = 60_000
FROM_THE_START = "-1"
HANDLE, OLD_HANDLE = "electric-handle", "electric-shape-id"
SAFE = "".join(map(chr, range(0x21, 0x7F)))
UP_TO_DATE = {"headers": {"control": "up-to-date"}}

OPEN = {"access-control-allow-origin": "*", "access-control-expose-headers": "*", "cache-control": "no-store"}
"""Headers of every answer that is none of an error; browsers read the others only so."""


async def one_run(asked: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/runs/{id}` (recordings 700-729)."""
    run = asked.world.find(asked.path["id"])
    if run is None:
        raise Refusal(404, {"error": "Not found"}, {"x-should-retry": "false"})
    following = asked.following
    handle = _handle(asked.query)
    if live_handle(asked.query):
        poll = RunPoll(asked.world, run, _offset_ms(asked.query), following.now_ms, following.random)
        told = await following.hold(poll, handle)
        cursor = following.next_number()
        # An answer without a row leaves the offset as it was, number and all (recording 709).
        offset = f"{told.ms}_{cursor}" if told.rows else asked.query["offset"]
        return _answer(asked, told, handle, offset, cursor)
    told = Told([(run, INSERT)], run.updated_ms)
    return _snapshot(asked, told, handle or f"run-{run.id.removeprefix('run_')}")


async def many_runs(asked: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/runs` (recordings 730-740, 743-751). Raises `Refusal` for a tag that cannot be (738)."""
    query = asked.query
    tags = _tags(query.get("tags", ""))
    handle = _handle(query)
    since_ms = _since_ms(query.get("createdAt", ""), asked.following.now_ms)
    if handle:
        pinned_ms = _pinned_ms(handle)
        if pinned_ms is not None:
            since_ms = _minute(max(pinned_ms, asked.following.now_ms - WINDOW_MOST_MS))
    else:
        handle = f"runs_{since_ms}_{_unique(asked)}"
    return await _set(asked, Lately(since_ms, tags), handle)


async def batch(asked: ApiRequest) -> ApiResponse:
    """`GET /realtime/v1/batches/{id}` (recordings 741, 742)."""
    block = find_batch(asked)
    return await _set(
        asked, OfBatch(block.batch_id, block.runs), _handle(asked.query) or f"{block.batch_id}_{_unique(asked)}"
    )


async def _set(asked: ApiRequest, shape: Shape, handle: str) -> ApiResponse:
    """The answer of a shape of many runs."""
    following, world = asked.following, asked.world
    now_ms = following.now_ms
    slug, sets = world.environment.slug, following.sets
    if not live_handle(asked.query):
        return _snapshot(asked, snapshot(world, shape, sets.make(slug, handle, now_ms)), handle)
    offset_ms = _offset_ms(asked.query)
    known = sets.find(slug, handle, now_ms)
    lost = None
    if known is None:
        known = sets.make(slug, handle, now_ms)
        lost = after_a_loss(world, shape, known, offset_ms)
    poll = SetPoll(world, shape, known, offset_ms, now_ms, following.random)
    told = await following.hold(poll, handle, lost if lost and lost.rows else None)
    cursor = following.next_number()
    return _answer(asked, told, handle, f"{told.ms}_{cursor}", cursor)


def _snapshot(asked: ApiRequest, told: Told, handle: str) -> ApiResponse:
    schema = {"electric-schema": _columns(asked).schema()}
    return _answer(asked, told, handle, f"{told.ms}_{asked.following.next_number()}", None, schema)


def _answer(
    asked: ApiRequest, told: Told, handle: str, offset: str, cursor: int | None, more: Mapping[str, str] | None = None
) -> ApiResponse:
    columns = _columns(asked)
    rows = [
        {"key": row_key(run), "value": columns.row(run), "headers": {"operation": operation}}
        for run, operation in told.rows
    ]
    headers = {**OPEN, **place_headers(handle, offset, is_old=asked.following.is_old), **(more or {})}
    if cursor is not None:
        headers["electric-cursor"] = str(cursor)
    return ApiResponse([*rows, UP_TO_DATE], headers=headers)


def place_headers(handle: str, offset: str, *, is_old: bool) -> dict[str, str]:
    """The handle and the offset, under the names of today or those of old (recordings 710, 735)."""
    names = (OLD_HANDLE, "electric-chunk-last-offset") if is_old else (HANDLE, "electric-offset")
    # What a client made up comes back to it, and need not be fit for a header.
    return {name: quote(text, SAFE) for name, text in zip(names, (handle, offset), strict=True)}


def must_refetch(following: FeedSubscription, handle: str) -> Refusal:
    """What a real Electric answers to a handle that it has given up: begin anew, with another one.

    Source: Electric's HTTP API; the recorded server never does it.
    """
    name = OLD_HANDLE if following.is_old else HANDLE
    new_handle = following.given_up(handle, f"{quote(handle, SAFE)}-{following.next_number()}")
    headers = {**OPEN, name: new_handle}
    return Refusal(409, [{"headers": {"control": "must-refetch"}}], headers)


def live_handle(query: Mapping[str, str]) -> str:
    """The handle of a live request; "" for any other, which is answered with all rows (recordings 711, 713, 714)."""
    is_live = query.get("live") == "true" and query.get("offset", FROM_THE_START) != FROM_THE_START
    return _handle(query) if is_live else ""


def _columns(asked: ApiRequest) -> Columns:
    skipped = {name.strip() for name in asked.query.get("skipColumns", "").split(",")}
    return Columns(asked.world.environment, skipped, is_versioned=asked.is_versioned)


def _handle(query: Mapping[str, str]) -> str:
    """What a client calls its feed, made up or not (recordings 713, 740); "" when it has no name yet."""
    return query.get("handle") or query.get("shape_id") or ""


def _offset_ms(query: Mapping[str, str]) -> int:
    try:
        ms = float(query["offset"].partition("_")[0])
    except ValueError:
        return 0
    return int(ms) if math.isfinite(ms) and ms > 0 else 0


def _since_ms(window: str, now_ms: int) -> int:
    """Where `createdAt` begins: at most a day ago, also when it says nonsense (recordings 736, 737)."""
    window_ms = duration_ms(window) or WINDOW_MOST_MS
    return _minute(now_ms - min(window_ms, WINDOW_MOST_MS))


def _pinned_ms(handle: str) -> int | None:
    """The beginning that a handle remembers; None for one that a client made up."""
    parts = handle.split("_")
    if parts[0] != "runs" or len(parts) < 2 or not (parts[1].isascii() and parts[1].isdigit()):
        return None
    return int(parts[1][:15])


def _minute(ms: int) -> int:
    return ms - ms % MINUTE_MS


def _unique(asked: ApiRequest) -> str:
    """The end of a new handle, as `38_c39edb2c`."""
    return f"{asked.following.next_number()}_{asked.following.random.getrandbits(32):08x}"


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(text.split(",")) if text else ()
    for tag in tags:
        if not tag or any(letter in '"\\' or (not letter.isprintable() and ord(letter) < 0xA0) for letter in tag):
            raise query_error({"code": "custom", "message": f"Invalid tag: {json_text(tag)}", "path": ["tags"]})
    return tags
