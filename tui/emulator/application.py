"""The HTTP of the emulated server: from a request to a route, and from its answer to the wire.

What lives here: the order of things, as recorded: no authorization, rate limit, key, scope, route (900-931), then the
headers that every answer has; and where a fault strikes. What is answered is `routes`' matter.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tui.emulator.access import Access, check, identify
from tui.emulator.control import Control
from tui.emulator.emulator import Emulator
from tui.emulator.environment import API_VERSION
from tui.emulator.exchange import Answer, Asked, Refusal
from tui.emulator.faults import Fault
from tui.emulator.packets import packet, slug_in
from tui.emulator.routes.table import NAMES, ROUTES, Served
from tui.emulator.sockets import Broken, Closed, Hanging

JSON = "application/json; charset=utf-8"
HTML = {"content-type": "text/html; charset=utf-8"}
EXPOSED = {"access-control-expose-headers": "x-trigger-jwt,x-trigger-jwt-claims"}
GZIP_FROM_BYTES = 1024
PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/><title>{title}</title></head>'
    "<body><h1>{title}</h1></body></html>"
)


def application(emulator: Emulator) -> Starlette:
    """The ASGI application over that state."""
    by_path: defaultdict[str, dict[str, Served]] = defaultdict(dict)
    for served in ROUTES:
        by_path[served.path][served.method] = served
    # The longer path first: `{queue:path}` would take `…/pause` for a name.
    paths = sorted(by_path, key=lambda path: -path.count("/"))
    control = Control(emulator, NAMES)
    return Starlette(
        routes=[
            Route("/emulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/world", control.world),
            Route("/packets/{path:path}", _Packets(emulator)),
            *(Route(path, _Endpoint(emulator, by_path[path])) for path in paths),
            Route("/{path:path}", _Endpoint(emulator, {})),
        ]
    )


class _Endpoint:
    """What answers one path, whatever the method; with no route at all it is the page of an unknown one."""

    def __init__(self, emulator: Emulator, methods: dict[str, Served]) -> None:
        self._emulator = emulator
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        served = self._methods.get("GET" if request.method == "HEAD" else request.method)
        any_route = served or next(iter(self._methods.values()), None)
        if len(request.url.path) > 1 and request.url.path.endswith("/"):
            response = self._moved(request)
        elif request.method == "OPTIONS" and any_route is not None and any_route.is_exposed:
            response = self._preflight(request)
        else:
            response = await self._answer(request, served, any_route)
        await response(scope, receive, send)

    async def _answer(self, request: Request, served: Served | None, any_route: Served | None) -> Response:
        emulator = self._emulator
        headers: dict[str, str] = {}
        struck: list[Fault] = []
        try:
            access = identify(request.headers.get("authorization"), emulator.environments, emulator.clock())
            if served is not None and served.is_exposed:
                headers |= EXPOSED
            slug = access.environment.slug if access.environment else ""
            struck = emulator.faults.strike(any_route.name if any_route else "", slug)
            if (early := await self._before(struck)) is not None:
                return early
            spent = emulator.limiter.spend(access.token, emulator.limit(access.limit), emulator.clock())
            if not spent.is_allowed:
                headers = {"content-type": "application/problem+json; charset=utf-8"}
                answer = Answer(spent.refusal(), 429, spent.headers())
            else:
                headers |= spent.headers()
                answer = await self._handle(request, served, access, struck)
        except Refusal as refusal:
            answer = refusal.answer
        return self._after(struck, self._respond(request, answer, headers))

    async def _handle(self, request: Request, served: Served | None, access: Access, struck: Sequence[Fault]) -> Answer:
        """What the route answers, for who may ask it. Raises `Refusal`."""
        if not self._methods:
            raise Refusal(404, PAGE.format(title="404 Not found"), {**HTML, "cache-control": "no-cache"})
        if served is None:
            raise Refusal(405 if "GET" in self._methods else 400, {"message": "Unexpected Server Error"})
        if access.environment is None:
            raise Refusal(401, {"error": access.trouble})
        if (wrong := next((fault for fault in struck if fault.kind == "error"), None)) is not None:
            raise _error(wrong)
        world = await self._emulator.world(access.environment.slug)
        check(access, served.need, request.path_params, request.query_params, world.ledger)
        body = await request.body()
        is_versioned = request.headers.get("x-trigger-api-version") == API_VERSION
        address = f"{request.url.scheme}://{request.url.netloc}"
        return await served.handler(
            Asked(
                world,
                await self._emulator.queries(access.environment.slug),
                request.path_params,
                request.query_params,
                body,
                is_versioned,
                address,
                access.scopes,
            )
        )

    async def _before(self, struck: list[Fault]) -> Response | None:
        """Faults that strike before anything is done."""
        emulator = self._emulator
        for fault in struck:
            match fault.kind:
                case "latency":
                    jitter_ms = fault.number("jitter_ms") * (2 * emulator.chance() - 1)
                    await anyio.sleep(max(0.0, fault.number("ms") + jitter_ms) / 1000)
                case "hang":
                    return Hanging(emulator.sockets, emulator.faults.changed)
                case "close":
                    return Closed(emulator.sockets)
                case _:
                    pass
        return None

    def _after(self, struck: list[Fault], response: Response) -> Response:
        """Faults that strike the answer, when the effect is there."""
        for fault in struck:
            match fault.kind:
                case "lost-answer":
                    return Closed(self._emulator.sockets)
                case "cut" | "half-open":
                    return Broken(response, self._emulator.sockets, stays_open=fault.kind == "half-open")
                case _:
                    pass
        return response

    def _respond(self, request: Request, answer: Answer, more: dict[str, str]) -> Response:
        """The answer with the headers that all have; chunked, and packed when it is asked for."""
        body = answer.body.encode() if isinstance(answer.body, str) else _as_json(answer.body)
        kind = "text/plain; charset=utf-8" if isinstance(answer.body, str) else JSON
        headers = {"content-type": kind, **more, **answer.headers, "vary": "Accept-Encoding", "date": self._date()}
        if "gzip" in request.headers.get("accept-encoding", "") and len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 5, mtime=0)
            headers["content-encoding"] = "gzip"
        response = Response(b"" if request.method == "HEAD" else body, answer.status, headers)
        del response.headers["content-length"]
        return response

    def _moved(self, request: Request) -> Response:
        """A trailing slash (recording 926)."""
        path = request.url.path.rstrip("/")
        headers = {"location": path, "vary": "Accept, Accept-Encoding", "date": self._date()}
        return Response(f"Moved Permanently. Redirecting to {path}", 301, headers, "text/plain; charset=utf-8")

    def _preflight(self, request: Request) -> Response:
        """OPTIONS of a browser (recording 923)."""
        allowed = {"access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "access-control-max-age": "300"}
        response = self._respond(request, Answer({}, 200, allowed), {})
        response.headers["vary"] = "Access-Control-Request-Headers, Accept-Encoding"
        return response

    def _date(self) -> str:
        return formatdate(self._emulator.shown_ms / 1000, usegmt=True)


class _Packets(_Endpoint):
    """What answers the addresses that a detail hands out: they ask for no key, and no limit counts them."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        slug = slug_in(request.path_params["path"])
        address = f"{request.url.scheme}://{request.url.netloc}"
        try:
            world = await self._emulator.world(slug)
            queries = await self._emulator.queries(slug)
            answer = await packet(Asked(world, queries, request.path_params, request.query_params, b"", False, address))
        except KeyError:
            answer = Answer("Not found", 404)
        except Refusal as refusal:
            answer = refusal.answer
        await self._respond(request, answer, {})(scope, receive, send)


def _error(fault: Fault) -> Refusal:
    """What a server, or a proxy before it, answers in trouble (recordings 940-950)."""
    status = int(fault.number("status", 500))
    if "body" in fault.values:
        return Refusal(status, fault.values["body"])
    if status in {502, 503, 504}:
        titles = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}
        return Refusal(status, PAGE.format(title=titles[status]), {"content-type": "text/html"})
    if status == 401:
        return Refusal(status, {"error": "Invalid API key"})
    if status == 403:
        body = {"error": "Unauthorized", "code": "unauthorized", "param": "access_token", "type": "authorization"}
        return Refusal(status, body)
    return Refusal(status, {"error": "Internal Server Error" if status >= 500 else "Bad Request"})


def _as_json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
