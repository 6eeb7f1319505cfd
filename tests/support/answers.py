"""Answers that a test gives by hand in the server's place.

What lives here: what a proxy, or a server in trouble, may say. What the emulator says by itself is not here.
"""

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send


def server_error(status: int = 503, words: str = "Internal Server Error") -> Response:
    return JSONResponse({"error": words}, status)


def html_page() -> Response:
    return HTMLResponse("<!DOCTYPE html><html>bad gateway</html>", 502)


class HalfAnswer(Response):
    """A body that ends before its Content-Length: the server closes the connection then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{"})
