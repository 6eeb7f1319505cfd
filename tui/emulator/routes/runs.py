"""The routes of runs and batches: the list, one run, large payloads, triggers, and the actions on a run."""

import hmac
import json
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import takewhile
from time import gmtime, strftime, strptime
from typing import Any
from urllib.parse import urlencode

from tui.emulator.access import claims_of, sign_token
from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, json_type, not_found, validation_error
from tui.emulator.lists import MACHINES, parse_moment_ms, read_page
from tui.emulator.rows import SUPER_JSON, Presign, json_text, list_row, packet_path
from tui.emulator.rows import detail as detail_of
from tui.emulator.simulation.lifecycle import MAX_TAGS
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.runs import ABSENT, Block, NewRun, Run, Status, duration_ms
from tui.emulator.simulation.script import NOTHING, Json
from tui.emulator.world import LIST_LAG_MS, World

# Presigned URLs of large payloads and outputs, and the values behind them.
#
# The real server's object store signs them (recording 119). Here they lead to this server, and need no key either. They
# expire by the world's time.


VALID_S = 300
_TIME = "%Y%m%dT%H%M%SZ"


def presigner(request: ApiRequest) -> Presign:
    """Return a function that creates URLs, valid from now on."""
    environment = request.world.environment
    now_ms = request.world.now_ms

    def presign(run: Run, part: str) -> str:
        path = f"{environment.project.ref}/{environment.slug}/{packet_path(run, part)}"
        query = {
            "X-Amz-Expires": str(VALID_S),
            "X-Amz-Date": strftime(_TIME, gmtime(now_ms // 1000)),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-SignedHeaders": "host",
        }
        query["X-Amz-Signature"] = _signature(environment, path, query)
        return f"{request.address}/packets/{path}?{urlencode(query)}"

    return presign


async def packet(request: ApiRequest) -> ApiResponse:
    """`GET /packets/{path}`, without a key. `request.world` is the world of `slug_in(path)`.

    An output is wrapped as the SDK stores it, `{"json":…}`; a text is stored bare, a payload as it was sent (recordings
    706, 719). The SDK reads it by its content type, which has no charset. Refuses a wrong or expired signature with 403
    and a missing value with 404.
    """
    environment, query = request.world.environment, request.query
    path = request.path["path"]
    signature = query.get("X-Amz-Signature", "")
    if not hmac.compare_digest(signature.encode(), _signature(environment, path, query).encode()):
        raise _denied(403, "SignatureDoesNotMatch", "The signature is not that of this address.")
    # A valid signature was created here, so its time and path are well formed.
    signed_s = timegm(strptime(query["X-Amz-Date"], _TIME))
    if request.world.now_ms // 1000 > signed_s + int(query["X-Amz-Expires"]):
        raise _denied(403, "AccessDenied", "Request has expired")
    *_, folder, name = path.split("/")
    run = request.world.find(folder.partition("-")[0])
    is_payload = name == "payload.json"
    value = NOTHING if run is None else run.payload() if is_payload else _wrapped(run.output())
    if value is NOTHING:
        raise _denied(404, "NoSuchKey", "The specified key does not exist.")
    kind = "text/plain" if isinstance(value, str) else "application/json" if is_payload else SUPER_JSON
    return ApiResponse(value, headers={"content-type": kind})


def slug_in(path: str) -> str:
    """The slug of the environment in a path under `/packets/`; "" for any other path."""
    parts = path.split("/")
    return parts[1] if len(parts) == 4 else ""


def _wrapped(output: Json) -> Json:
    return output if output is NOTHING or isinstance(output, str) else {"json": output}


def _signature(environment: Environment, path: str, query: Mapping[str, str]) -> str:
    signed = "\n".join((path, query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")))
    return hmac.new(environment.key.encode(), signed.encode(), sha256).hexdigest()


def _denied(status: int, code: str, message: str) -> Refusal:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Refusal(status, body, {"content-type": "application/xml"})


# Parses the body of a trigger.
#
# Options without an effect here are ignored: context, priority, locked versions, parents of other workers.
# Source: tests/wire/recordings/README.md (recordings 380-385), and the options that the SDK sends.


MAX_TAG_UNITS = 128
KEY_VALID_MS = 30 * 86_400_000
"""How long an idempotency key is valid by default."""

MAX_TTL_S = 10_000_000_000
MAX_TIME_MS = 253_402_300_799_999
"""The last time that a row can show: the end of the year 9999."""

_NOT_IN_QUEUE_NAMES = re.compile(r"[^a-zA-Z0-9_/-]")


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """The run to create, and how long its idempotency key is valid in milliseconds."""

    new: NewRun
    key_valid_ms: int = KEY_VALID_MS


def read_trigger(task_id: str, body: Json, now_ms: int) -> TriggerRequest:
    """Parse a body. Raises `Refusal`: 400 for a wrong type (384), 422 for too many tags (383) or a bad delay."""
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {json_type(body)}")
    options = _read_field(body, "options", dict, {})
    tags = _tags(options.get("tags"))
    machine = _read_field(options, "machine", str, "")
    if machine and machine not in MACHINES:
        expected = " | ".join(f"'{name}'" for name in MACHINES)
        raise _wrong(f"Invalid enum value. Expected {expected}, received '{machine}'", "options.machine")
    delay = _read_field(options, "delay", str, "")
    key = _read_field(options, "idempotencyKey", str, "")
    key_options = _read_field(options, "idempotencyKeyOptions", dict, {})
    key_ttl = _read_field(options, "idempotencyKeyTTL", str, "")
    new = NewRun(
        task_id=task_id,
        payload=_payload(body, _read_field(options, "payloadType", str, "application/json")),
        tags=tags,
        queue=_queue(options.get("queue")),
        delay_ms=read_delay_ms(delay, now_ms) if delay else 0,
        ttl=_ttl(options.get("ttl")),
        idempotency_key=key,
        key_name=_read_field(key_options, "key", str, "", "options.idempotencyKeyOptions."),
        machine=machine,
        concurrency_key=_read_field(options, "concurrencyKey", str, ""),
        metadata=_metadata(options),
        is_test=_read_field(options, "test", bool, default=False),
        max_attempts=_read_field(options, "maxAttempts", int, None),
    )
    return TriggerRequest(new, duration_ms(key_ttl) or KEY_VALID_MS)


def read_delay_ms(text: str, now_ms: int) -> int:
    """Parse a delay: `1h30m`, or an ISO date; 0 for a time in the past. Raises `Refusal` for any other text."""
    delay_ms = duration_ms(text)
    if delay_ms is not None:
        until_ms: int | None = now_ms + delay_ms
    else:
        until_ms = None if text.strip().isdigit() else parse_moment_ms(text)
    if not text.strip() or until_ms is None or until_ms > MAX_TIME_MS:
        raise Refusal(422, {"error": f"Invalid delay: {text}"})
    return max(0, until_ms - now_ms)


def read_tags(value: Json, path: str) -> tuple[str, ...]:
    """Parse one tag or a list of them, without duplicates. Raises `Refusal` for an invalid or too long one (384)."""
    if value is None:
        return ()
    tags = [value] if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise _wrong("Invalid input", path)
    for at, tag in enumerate(tags):
        location = path if isinstance(value, str) else f"{path}[{at}]"
        if not isinstance(tag, str):
            raise _wrong(f"Expected string, received {json_type(tag)}", location)
        # Counted in UTF-16 units, as JavaScript does.
        if len(tag.encode("utf-16-le", "surrogatepass")) // 2 > MAX_TAG_UNITS:
            raise _wrong("Tags must be less than 128 characters", location)
    return tuple(dict.fromkeys(tag for tag in tags if tag.strip()))


def _tags(value: Json) -> tuple[str, ...]:
    tags = read_tags(value, "options.tags")
    if len(tags) > MAX_TAGS:
        text = f"Runs can only have {MAX_TAGS} tags, you're trying to set {len(tags)}."
        raise Refusal(422, {"error": text})
    return tags


def _payload(body: Mapping[str, Json], kind: str) -> Json:
    """The payload. The SDK sends super JSON as a text that wraps it."""
    if "payload" not in body:
        return ABSENT
    payload = body["payload"]
    return _unwrapped(payload) if kind == SUPER_JSON else payload


def _unwrapped(value: Json) -> Json:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value["json"] if isinstance(value, dict) and "json" in value else value


def _queue(value: Json) -> str:
    """The stored name of `{"name": …}`, or of a bare name."""
    if isinstance(value, dict):
        value = _read_field(value, "name", str, "", "options.queue.")
    elif value is not None and not isinstance(value, str):
        raise _wrong(f"Expected object, received {json_type(value)}", "options.queue")
    return _NOT_IN_QUEUE_NAMES.sub("", value or "")


def _ttl(value: Json) -> str | None:
    """A text as it is, or a number of seconds; None means the environment's default."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= MAX_TTL_S and value == int(value):
        return _spelled(int(value)) or None
    if value is not None and not isinstance(value, str):
        raise _wrong("Invalid input", "options.ttl")
    return value or None


def _spelled(seconds: int) -> str:
    """Seconds as `1h30m`."""
    parts = []
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size) if seconds > 0 else (0, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _metadata(options: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """An object, or its JSON text, which the SDK sends. Raises `Refusal` for a text that is not JSON."""
    value = options.get("metadata")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Refusal(400, {"error": "Invalid JSON"}) from None
    if options.get("metadataType") == SUPER_JSON:
        value = _unwrapped(value)
    return value if isinstance(value, dict) else None


def _read_field(fields: Mapping[str, Json], name: str, kind: type, default: Any, path: str = "") -> Any:
    """The field, or the default when it is absent or null. Raises `Refusal` for another type."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        location = name if name == "options" else f"{path or 'options.'}{name}"
        raise _wrong(f"Expected {_NAMES[kind]}, received {json_type(value)}", location)
    return value


_NAMES: Mapping[type, str] = {dict: "object", str: "string", bool: "boolean", int: "number"}


def _wrong(text: str, path: str) -> Refusal:
    return validation_error(f'{text} at "{path}"')


# The routes of runs: the list, one run, its result and metadata, and the actions on it.
#
# `lists` reads the filters, `rows` builds the rows. Source: tests/wire/recordings/README.md §3, §4 and §7.


TOKEN_VALID_S = 3600


async def list_runs(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs` (recordings 010-063)."""
    page = read_page(request.world, request.query)
    environment = request.world.environment
    rows = [list_row(run, environment, is_versioned=request.is_versioned) for run in page.rows]
    return ApiResponse({"data": rows, "pagination": page.pagination()})


async def detail(request: ApiRequest) -> ApiResponse:
    """`GET /api/v3/runs/{id}` (recordings 100-152)."""
    return _detail(request, find_run(request))


async def result(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/result`. Only a canceled run has one (recordings 300-305)."""
    run = request.world.find(request.path["id"])
    if run is None or run.status is not Status.CANCELED:
        raise Refusal(404, {"error": "Run either doesn't exist or is not finished"})
    error = {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}
    return ApiResponse({"ok": False, "id": run.id, "taskIdentifier": run.task_id, "error": error})


async def metadata(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/metadata`, as a JSON text (recordings 310-312)."""
    run = find_run(request)
    text = None if run.metadata is None else json_text(run.metadata)
    return ApiResponse({"metadata": text, "metadataType": "application/json"})


async def cancel(request: ApiRequest) -> ApiResponse:
    """`POST /api/v2/runs/{id}/cancel`. Returns the same in any state; a body is optional (recordings 400-406)."""
    run = _change(request)
    request.world.cancel(run)
    return ApiResponse({"id": run.id})


async def replay(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/replay`. Returns the id of the new run (recordings 410-413)."""
    return ApiResponse({"id": request.world.replay(_change(request)).id})


async def reschedule(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/reschedule` with `{"delay": …}`. Returns the run's detail (recording 420)."""
    run = _change(request)
    body = request.json()
    delay = body.get("delay") if isinstance(body, dict) else None
    if not isinstance(delay, str):
        raise Refusal(400, {"error": "Invalid request body"})
    if not request.world.lifecycle.reschedule(run, read_delay_ms(delay, request.world.now_ms)):
        raise Refusal(422, {"error": "Cannot reschedule a run that is not delayed"})
    return _detail(request, run)


async def add_tags(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/tags` with `{"tags": …}`, one or a list. Above ten nothing changes (recording 421)."""
    run = _change(request)
    body = request.json()
    if not isinstance(body, dict) or body.get("tags") is None:
        raise Refusal(400, {"error": "Invalid request body"})
    new = [tag for tag in read_tags(body["tags"], "tags") if tag not in run.tags]
    if not new:
        return ApiResponse({"message": "No new tags to add"})
    if not request.world.lifecycle.add_tags(run, tuple(new)):
        unset = ", ".join(f"'{tag}'" for tag in new)
        text = f"Runs can only have {MAX_TAGS} tags, you're trying to set {len(run.tags) + len(new)}."
        raise Refusal(422, {"error": f"{text} These tags have not been set: {unset}."})
    return ApiResponse({"message": f"Successfully set {len(new)} new tags."})


async def trigger(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/tasks/{task}/trigger`. Returns a new run, or the one with the same key (recordings 380-385).

    An unknown task is accepted. Without a payload a known task generates its own, as for the company's runs. A repeated
    request, recognised by the SDK's key, gets the first response again.
    """
    world = request.world
    if (made := world.ledger.by_request.get(request.request_key)) is not None:
        return _triggered(world, made, is_cached=False)
    trigger_request = read_trigger(request.path["task"], request.json(), world.now_ms)
    key = (trigger_request.new.task_id, trigger_request.new.idempotency_key)
    known = world.ledger.by_idempotency.get(key)
    if known is not None and known.key_expires_ms is not None and known.key_expires_ms <= world.now_ms:
        del world.ledger.by_idempotency[key]
        known.idempotency_key = ""
    run, is_cached = world.trigger(trigger_request.new)
    if not is_cached and run.idempotency_key:
        run.key_expires_ms = world.now_ms + trigger_request.key_valid_ms
    world.ledger.record_request(request.request_key, run)
    return _triggered(world, run, is_cached=is_cached)


def _triggered(world: World, run: Run, *, is_cached: bool) -> ApiResponse:
    """The id of the run, and a token that may read it."""
    scopes = [f"read:runs:{run.id}", f"write:inputStreams:{run.id}"]
    now_s = world.now_ms // 1000
    token = sign_token(world.environment, scopes, issued_s=now_s, expires_s=now_s + TOKEN_VALID_S)
    headers = {"x-trigger-jwt": token, "x-trigger-jwt-claims": json_text(claims_of(world.environment, scopes))}
    return ApiResponse({"id": run.id, "isCached": is_cached}, headers=headers)


def _detail(request: ApiRequest, run: Run) -> ApiResponse:
    return ApiResponse(detail_of(run, request.world.environment, presigner(request), is_versioned=request.is_versioned))


def find_run(request: ApiRequest) -> Run:
    """The run that a reading route names. Raises `Refusal` (recordings 150-152, 291, 292)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise not_found()
    return run


def _change(request: ApiRequest) -> Run:
    """The run that an action names. Raises `Refusal` (recordings 403, 413)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise Refusal(404, {"error": "Resource not found"})
    return run


# The routes of batches.
#
# Source: tests/wire/recordings/README.md §6, recordings 610-613.


async def batch(request: ApiRequest) -> ApiResponse:
    """`GET /api/v2/batches/{id}`, which the SDK calls. The failures to create its runs (none) are `errors`."""
    block = find_batch(request)
    runs, created_at = block.runs, iso_time(block.started_ms)
    is_over = all(run.status.is_final for run in runs)
    return ApiResponse(
        {
            "id": block.batch_id,
            "status": "COMPLETED" if is_over else "PENDING",
            "createdAt": created_at,
            "updatedAt": iso_time(max(run.updated_ms for run in runs)),
            "runCount": len(runs),
            "runs": [run.id for run in runs],
            "processing": {"completedAt": created_at, "errors": []},
        }
    )


async def batch_of_v1(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/batches/{id}`. The counts are of created runs, not of results (recording 610)."""
    body = (await batch(request)).body
    del body["processing"]
    return ApiResponse({**body, "successfulRunCount": body["runCount"], "failedRunCount": 0})


async def batch_results(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/batches/{id}/results`, which is always empty (recording 612)."""
    return ApiResponse({"id": find_batch(request).batch_id, "items": []})


def find_batch(request: ApiRequest) -> Block:
    """Find the call that started the batch. Raises `Refusal` (recording 613)."""
    batch_id = request.path["id"]
    run = _any_run(request.world, batch_id)
    if run is None or run.parent is None:
        raise not_found()
    blocks = (block for attempt in run.parent.attempts for block in attempt.blocks)
    return next(block for block in blocks if block.batch_id == batch_id)


def _any_run(world: World, batch_id: str) -> Run | None:
    """A run of the batch: from the index of lists, or from the newest runs while lists do not see it."""
    by_number = world.ledger.by_number
    if not batch_id:
        return None
    for number in world.ledger.with_field("batch", batch_id):
        if number in by_number:
            return by_number[number]
    recent_ms = world.now_ms - 2 * LIST_LAG_MS[1]
    newest = takewhile(lambda run: run.created_ms >= recent_ms, reversed(by_number.values()))
    return next((run for run in newest if run.batch_id == batch_id), None)
