"""Payloads and outputs that are stored apart, behind presigned addresses.

What lives here: fetching them, by a connection of its own that has no key. Source: wire/README.md §4; DESIGN §8.
"""

from collections.abc import Callable
from datetime import datetime

import httpx

from tui.wire.connection import HttpConnection, Timeouts
from tui.wire.errors import Refused, ServerFault


class ObjectStore:
    """The object store. Nothing is opened before the first fetch."""

    def __init__(
        self, user_agent: str, *, clock: Callable[[], datetime], timeouts: Timeouts, allows_http: bool
    ) -> None:
        """`allows_http`: the API is asked without TLS as well."""
        self._user_agent = user_agent
        self._clock = clock
        self._timeouts = timeouts
        self._allows_http = allows_http
        self._connection: HttpConnection | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._connection is not None:
            await self._connection.aclose()

    async def fetch(self, url: str, *, max_bytes: int) -> bytes:
        """The bytes behind an address, fetched without our key, as they are stored.

        Raises `ServerFault` where there are more than `max_bytes`, or where the address is less safe than the API's.
        """
        scheme, host = _scheme_and_host(url)
        label = f"GET the stored data at {host}"
        if scheme != "https" and not (scheme == "http" and self._allows_http):
            raise ServerFault(f"{label}: not fetched, since the address is not https", 200)
        if self._connection is None:
            headers = {b"user-agent": self._user_agent.encode()}
            self._connection = HttpConnection(headers=headers, clock=self._clock, timeouts=self._timeouts)
        answer = await self._connection.send("GET", url, label, max_bytes=max_bytes)
        if 200 <= answer.status < 300:
            return answer.body
        if 400 <= answer.status < 500:
            raise Refused(f"{label}: {answer.status}, the address may be too old: read the run again", answer.status)
        raise ServerFault(f"{label}: {answer.status}", answer.status)


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):  # lone surrogates, which JSON may hold, cannot be encoded
        return "", "an address that is none"
    return parsed.scheme, parsed.host
