"""Downloads large payloads and outputs, which the API replaces by presigned URLs of an object store.

Source: tests/wire/recordings/README.md §4.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from tui.wire.connection import HttpConnection, Timeouts
from tui.wire.errors import Refused, ServerFault
from tui.wire.http.url import HttpUrl, InvalidUrl

OK: Final = 200


class ObjectStore:
    """Connections to the object store. They never send our key, and the first download opens them."""

    def __init__(
        self, user_agent: str, *, clock: Callable[[], datetime], timeouts: Timeouts, allows_http: bool
    ) -> None:
        """`allows_http`: the API itself is used without TLS, so URLs without TLS are accepted too."""
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
        """Download the bytes of a presigned URL.

        Raises `ServerFault` for more than `max_bytes`, for a URL that is less secure than the API's, and for any other
        status: 202 comes with a promise, 206 with a part.
        """
        scheme, host = _scheme_and_host(url)
        label = f"GET the stored data at {host}"
        if scheme != "https" and not (scheme == "http" and self._allows_http):
            raise ServerFault(f"{label}: not fetched, since the address is not https", 200)
        if self._connection is None:
            headers = {b"user-agent": self._user_agent.encode()}
            self._connection = HttpConnection(headers=headers, clock=self._clock, timeouts=self._timeouts)
        response = await self._connection.send("GET", url, label, max_bytes=max_bytes)
        if response.status == OK:
            return response.body
        if 400 <= response.status < 500:
            text = f"{label}: {response.status}, the address may have expired: read the run again"
            raise Refused(text, response.status)
        raise ServerFault(f"{label}: {response.status}", response.status)


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parsed = HttpUrl.of(url)
    except InvalidUrl:
        return "", "an invalid address"
    return parsed.scheme, parsed.host
