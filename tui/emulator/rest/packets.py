"""Presigned URLs of large payloads and outputs, and the values behind them.

The real server's object store signs them (recording 119). Here they lead to this server, and need no key either. They
expire by the world's time.
"""

import hmac
from calendar import timegm
from collections.abc import Mapping
from hashlib import sha256
from time import gmtime, strftime, strptime
from urllib.parse import urlencode

from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.rest.rows import SUPER_JSON, Presign, packet_path
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import NOTHING, Json

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
