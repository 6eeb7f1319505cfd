"""Responses of a failing server or a proxy, which a test returns in place of the emulator's."""

import threading

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send


def server_error(status: int = 503, words: str = "Internal Server Error") -> Response:
    return JSONResponse({"error": words}, status)


def html_page() -> Response:
    return HTMLResponse("<!DOCTYPE html><html>bad gateway</html>", 502)


class HeldResponse(Response):
    """A response that never comes: the request is held until its client is gone. `is_asked` is set when it arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        self.is_asked.set()
        while (await receive())["type"] != "http.disconnect":
            pass


class TruncatedResponse(Response):
    """A body that ends before its Content-Length, after which the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{"})
