"""Makes the pools of connections, and reads the certificate authorities that they trust."""

import os
import ssl
from typing import Final
from urllib.parse import unquote

from tui.wire.http.core import httpcore, socks_pool
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


def no_authorities() -> ssl.SSLContext:
    """Return a context for addresses without TLS, which trusts no certificate."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def new_pool(proxy: HttpUrl | None, trust: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """Return a pool that connects directly, or through a proxy. Raises `InvalidUrl` or ValueError."""
    if proxy is None:
        return httpcore.AsyncConnectionPool(
            ssl_context=trust,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=AsyncioBackend(),
        )
    name, _, password = proxy.user.partition(":")
    auth = (unquote(name).encode(), unquote(password).encode()) if proxy.user else None
    url = httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/")
    if proxy.scheme.startswith("socks"):
        return socks_pool(
            proxy_url=url,
            proxy_auth=auth,
            ssl_context=trust,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=AsyncioBackend(),
        )
    return httpcore.AsyncHTTPProxy(
        proxy_url=url,
        proxy_auth=auth,
        ssl_context=trust,
        proxy_ssl_context=trust if proxy.scheme == "https" else None,
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEP_ALIVE_S,
        network_backend=AsyncioBackend(),
    )
