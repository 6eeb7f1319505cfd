"""The sockets of httpcore on asyncio's transports: reading, writing, closing, and which address is connected to."""

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar

import httpcore
import pytest

from tests.support.raw_server import CERTIFICATE, Serve, over_tls, read_head, serving, tls_server
from tests.support.wire.requests import NOW
from tui.api.connection import HttpConnection, Timeouts
from tui.api.errors import Unreachable
from tui.api.http import MAX_BUFFERED_BYTES, AsyncioBackend

HOST = "127.0.0.1"
MUCH = bytes(range(256)) * 8192  # 2 MB


def run(serve: Serve, question: Callable[[httpcore.AsyncNetworkStream], Awaitable[None]]) -> None:
    """Connect to a server, and ask it something."""

    async def scenario(port: int) -> None:
        stream = await AsyncioBackend().connect_tcp(HOST, port, timeout=5.0)
        try:
            await question(stream)
        finally:
            await stream.aclose()

    with serving(serve) as port:
        asyncio.run(scenario(port))


def test_much_is_read_in_order_and_held_back() -> None:
    sent: list[int] = []

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with suppress(OSError):
            for start in range(0, len(MUCH), 4096):
                connection.sendall(MUCH[start : start + 4096])
                sent.append(4096)

    async def read_all(stream: httpcore.AsyncNetworkStream) -> None:
        await stream.read(1)
        for _ in range(100):
            await asyncio.sleep(0.001)
        assert sum(sent) < len(MUCH)  # the rest waits for its reader
        whole = MUCH[:1]
        while chunk := await stream.read(65_536, timeout=5.0):
            whole += chunk
        assert whole == MUCH
        assert await stream.read(10) == b""

    assert len(MUCH) > 4 * MAX_BUFFERED_BYTES
    run(serve, read_all)


def test_connection_keeps_nothing_of_the_task_that_opened_it() -> None:
    class Dialog:
        """What a task of Textual has in its context."""

    shown: ContextVar[Dialog] = ContextVar("shown")
    done = threading.Event()

    async def scenario(port: int) -> None:
        async def of_dialog() -> tuple[weakref.ref[Dialog], httpcore.AsyncNetworkStream]:
            shown.set(dialog := Dialog())
            stream = await AsyncioBackend().connect_tcp(
                HOST, port
            )  # without a timeout, whose timer has the context too
            left = len(MUCH)
            while left:
                await asyncio.sleep(0.001)  # so that it is held back, and resumed
                left -= len(await stream.read(MAX_BUFFERED_BYTES))
            return weakref.ref(dialog), stream

        freed, stream = await asyncio.create_task(of_dialog())
        await asyncio.sleep(0)
        gc.collect()
        assert freed() is None
        await stream.aclose()
        done.set()

    def serve(connection: socket.socket) -> None:
        connection.sendall(MUCH)
        done.wait(5.0)

    with serving(serve) as port:
        asyncio.run(scenario(port))


def test_read_and_write_time_out() -> None:
    done = threading.Event()

    async def wait(stream: httpcore.AsyncNetworkStream) -> None:
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(1, timeout=0.01)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(MUCH * 16, timeout=0.01)
        done.set()

    run(lambda _: done.wait(5.0), wait)


def over_client_tls(
    question: Callable[[httpcore.AsyncNetworkStream], Awaitable[None]],
) -> Callable[..., Awaitable[None]]:
    """Return a question that is asked after the TLS handshake."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))

    async def ask(stream: httpcore.AsyncNetworkStream) -> None:
        await question(await stream.start_tls(context, HOST, timeout=5.0))

    return ask


def test_write_over_tls_needs_no_answer() -> None:
    """A request's head and body are two writes, and the server answers after the body."""
    count = 5

    def serve(connection: socket.socket) -> None:
        for _ in range(count):
            connection.recv(1)
        connection.sendall(b"all")

    async def write_parts(stream: httpcore.AsyncNetworkStream) -> None:
        for _ in range(count):
            await stream.write(b"x", timeout=2.0)
        assert await stream.read(3, timeout=5.0) == b"all"

    run(over_tls(serve), over_client_tls(write_parts))


def test_write_over_tls_times_out() -> None:
    done = threading.Event()

    async def write_much(stream: httpcore.AsyncNetworkStream) -> None:
        await stream.write(MUCH * 8, timeout=2.0)  # below TLS, asyncio keeps what the kernel does not take
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(b"x", timeout=0.01)
        done.set()

    run(over_tls(lambda _: done.wait(5.0)), over_client_tls(write_much))


def test_idle_connection_that_ended_is_readable() -> None:
    async def idle(stream: httpcore.AsyncNetworkStream) -> None:
        assert not stream.get_extra_info("is_readable")
        await stream.write(b"x\r\n\r\n")
        assert await stream.read(10, timeout=5.0) == b""
        assert stream.get_extra_info("is_readable")
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x")

    run(read_head, idle)


@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_second_address_is_tried(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    silent = socket.create_server((HOST, 0), backlog=0)
    filling = [socket.socket() for _ in range(4)]
    port_of_silent = silent.getsockname()[1]
    for each in filling:
        each.setblocking(False)
        with suppress(BlockingIOError):
            each.connect((HOST, port_of_silent))
    if first == "refuses":
        silent.close()

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"here")

    async def scenario(port: int) -> None:
        async def addresses(*_: object) -> Sequence[object]:
            return [(socket.AF_INET, (HOST, port_of_silent)), (socket.AF_INET, (HOST, port))]

        monkeypatch.setattr("tui.api.http.AsyncioBackend._addresses", addresses)
        monkeypatch.setattr("tui.api.http.HAPPY_EYEBALLS_S", 0.01)
        stream = await AsyncioBackend().connect_tcp("two.example", port, timeout=5.0)
        assert await stream.read(4, timeout=5.0) == b"here"
        await stream.aclose()
        assert len(asyncio.all_tasks()) == 1

    with serving(serve) as port:
        asyncio.run(scenario(port))
    for each in (silent, *filling):
        each.close()


def test_name_lookup_that_hangs_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    release, hosts = threading.Event(), list[bytes]()

    def hang(host: bytes, *_: object, **__: object) -> None:
        hosts.append(host)
        release.wait(20.0)
        raise OSError(0, "no answer")

    async def scenario() -> None:
        backend = AsyncioBackend()
        for _ in range(3):
            with pytest.raises(httpcore.ConnectTimeout):
                await backend.connect_tcp("slow.example", 443, timeout=0.01)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    asyncio.run(scenario())  # waits for the threads of asyncio, when it ends
    assert hosts == [b"slow.example"]
    release.set()


def test_unreachable_host_is_a_connect_error() -> None:
    async def scenario() -> None:
        with pytest.raises(httpcore.ConnectError, match="Connection refused"):
            await AsyncioBackend().connect_tcp("localhost", 9, timeout=5.0)
        with pytest.raises(httpcore.ConnectError, match=r"known|resolution"):
            await AsyncioBackend().connect_tcp("no.such.host.invalid", 9, timeout=5.0)
        with pytest.raises(httpcore.ConnectError, match=r"known|resolution"):
            await AsyncioBackend().connect_tcp("no..host", 9, timeout=5.0)

    asyncio.run(scenario())


def test_tunnel_leads_through_a_proxy_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS to the server within TLS to the proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)

    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere")

    def tunnel(connection: socket.socket) -> None:
        assert b"CONNECT" in read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection((HOST, origin)) as onward:
            threading.Thread(target=pump, args=(onward, connection), daemon=True).start()
            pump(connection, onward)

    async def scenario(port: int) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{HOST}:{port}")
        async with HttpConnection(headers={}, clock=lambda: NOW, timeouts=Timeouts()) as connection:
            response = await connection.send("GET", f"https://{HOST}:{origin}/", "GET /")
        assert response.body == b"here"

    with serving(over_tls(answer)) as origin, serving(over_tls(tunnel)) as port:
        asyncio.run(scenario(port))


def test_data_before_tls_is_no_response_through_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sits before the proxy could otherwise answer in the name of the server."""
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)

    def forge(connection: socket.socket) -> None:
        read_head(connection)
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        connection.sendall(head + bytes(65_536 - len(head)) + forged)  # httpcore reads 65,536 bytes at once
        with tls_server().wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1)

    async def scenario(port: int) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{port}")
        async with HttpConnection(headers={}, clock=lambda: NOW, timeouts=Timeouts()) as connection:
            with pytest.raises(Unreachable, match=r"before TLS|no connection|TLS failed"):
                await connection.send("GET", f"https://{HOST}/", "GET /")

    with serving(forge) as port:
        asyncio.run(scenario(port))


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)


REQUEST = """
import asyncio, sys
from datetime import UTC, datetime
from tui.api.connection import HttpConnection, Timeouts

async def scenario():
    async with HttpConnection(headers={}, clock=lambda: datetime.now(UTC), timeouts=Timeouts()) as connection:
        response = await connection.send("GET", sys.argv[1], "GET /")
    print(response.body, [name for name in sys.modules if name.startswith("anyio._backends.")])

asyncio.run(scenario())
"""


def test_request_uses_the_locks_of_asyncio() -> None:
    """The part of anyio that has others costs a twentieth of the start."""

    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere")

    with serving(answer) as port:
        command = [sys.executable, "-c", REQUEST, f"http://{HOST}:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "b'here' []\n"
