"""Makes the pools of connections, and reads the certificate authorities that they trust."""

import os
import ssl
from typing import Final
from urllib.parse import unquote

from tui.wire.http.core import httpcore
from tui.wire.http.network import AsyncioBackend
from tui.wire.http.url import HttpUrl

KEEP_ALIVE_S: Final = 60.0
"""Connections that were idle for longer are not reused: the server closes them after 65 s
(tests/wire/recordings/README.md §10).
"""

MAX_CONNECTIONS: Final = 20
"""Open connections: more than the sources use at a time, so that hung reads never delay a user's action."""


def read_authorities() -> ssl.SSLContext:
    """Read the authorities of `SSL_CERT_FILE` or `SSL_CERT_DIR`, otherwise those of certifi. Takes 10 ms.

    Raises OSError.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi  # noqa: PLC0415  not needed without TLS

    return ssl.create_default_context(cafile=certifi.where())


def new_pool(proxy: HttpUrl | None, trust: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    """Return a pool that connects directly, or through a proxy. `trust` is None for addresses without TLS."""
    return httpcore.AsyncConnectionPool(
        ssl_context=trust,
        proxy=None if proxy is None else _proxy(proxy, trust),
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEP_ALIVE_S,
        network_backend=AsyncioBackend(),
    )


def _proxy(proxy: HttpUrl, trust: ssl.SSLContext | None) -> httpcore.Proxy:
    name, _, password = proxy.user.partition(":")
    return httpcore.Proxy(
        httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
        auth=(unquote(name).encode(), unquote(password).encode()) if proxy.user else None,
        ssl_context=trust if proxy.scheme == "https" else None,
    )
