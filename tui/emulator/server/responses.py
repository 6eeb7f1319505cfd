"""The form of responses: bytes, headers, and the bodies of errors that no route produces."""

import gzip
import json
import re

from starlette.requests import Request
from starlette.responses import Response

from tui.emulator.access import forbidden
from tui.emulator.exchange import PAGE, ApiResponse, Refusal
from tui.emulator.server.faults import Fault
from tui.emulator.simulation.script import Json

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 5
TOO_EXPENSIVE = "This query is too expensive. Please narrow the time window and try again."
"""The error of a 422. The text is ours: the documentation names only the status."""

PROXY_TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}

_NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def as_json(body: Json) -> bytes:
    """Encode a body as JSON. A lone surrogate becomes its escape, as in JavaScript."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def response_of(request: Request, answer: ApiResponse, more: dict[str, str], date: str) -> Response:
    """Build the HTTP response, with `more` headers: chunked, and gzipped if the client accepts that."""
    is_text = isinstance(answer.body, str)
    body = answer.body.encode("utf-8", "replace") if isinstance(answer.body, str) else as_json(answer.body)
    kind = {"content-type": TEXT if is_text else JSON}
    headers = {**kind, **more, **answer.headers, "vary": "Accept-Encoding", "date": date}
    if len(body) >= GZIP_FROM_BYTES and takes_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    response = Response(b"" if request.method == "HEAD" else body, answer.status, headers)
    del response.headers["content-length"]
    return response


def takes_gzip(accepted: str) -> bool:
    accepted = accepted.lower()
    return "gzip" in accepted and not _NO_GZIP.search(accepted)


def redirect(request: Request, date: str) -> Response:
    """Redirect an address with a trailing slash to the one without it (recording 926)."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    to = re.sub("/+", "/", path[:-1].decode("ascii")) + (f"?{query.decode('ascii')}" if query else "")
    headers = {"location": to, "vary": "Accept, Accept-Encoding", "date": date}
    return Response(f"Moved Permanently. Redirecting to {to}", 301, headers, TEXT)


def preflight(request: Request, date: str) -> Response:
    """Answer a browser's OPTIONS request (recording 923)."""
    allowed = {"access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "access-control-max-age": "300"}
    response = response_of(request, ApiResponse({}, 200, allowed), {}, date)
    response.headers["vary"] = "Access-Control-Request-Headers, Accept-Encoding"
    return response


def fault_refusal(fault: Fault) -> Refusal:
    """The response of the fault `error`, as the server or a proxy in front of it sends it (recordings 940-950)."""
    status = int(fault.number("status", 500))
    if "body" in fault.values:
        return Refusal(status, fault.values["body"])
    if status in PROXY_TITLES:
        return Refusal(status, PAGE.format(title=PROXY_TITLES[status]), {"content-type": "text/html"})
    if status == 422:
        return Refusal(status, {"error": TOO_EXPENSIVE})
    if status == 401:
        return Refusal(status, {"error": "Invalid API key"})
    if status == 403:
        return forbidden()
    return Refusal(status, {"error": "Internal Server Error" if status >= 500 else "Bad Request"})
