"""Opens a WebSocket to a relay, and translates the exceptions of the websockets library.

No error that leaves this module contains the token.
"""

import logging
import os
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tui.domain.text import clean
from tui.settings import Secret
from tui.sources.base import Fatal
from tui.sources.relay.authorities import tls_context
from tui.wire.client import USER_AGENT
from tui.wire.dead_peers import detect_dead_peer
from tui.wire.errors import ApiError, Refused, ServerFault, Unreachable
from tui.wire.responses import Response, response_error

OPEN_TIMEOUT_S: Final = 10.0
PING_INTERVAL_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Enough for a trace of 8 MB, with all its quotes escaped in a JSON string."""

UNTRUSTED_CERTIFICATE: Final = 495
"""The status for an untrusted certificate. HTTP defines none; some servers use this one."""


def silent_logger() -> logging.Logger:
    """Return a logger that no configuration enables: websockets would log headers with the token."""
    return logging.Logger("relay", logging.CRITICAL + 1)  # noqa: LOG001  must not be found by its name


class RelayConnector:
    """Opens connections to one relay."""

    def __init__(self, url: str, token: Secret, now: Callable[[], datetime], ca: PurePath | None) -> None:
        self.url = url
        self._token = token
        self._now = now
        self._ca = ca

    async def connect(self) -> ClientConnection:
        """Open a connection. Raises `ApiError`, or `Fatal` where a retry cannot help."""
        failure: ApiError
        tls = tls_context(self._ca) if self.url.startswith("wss:") else None
        try:
            socket = await self._open(tls)
        except InvalidStatus as error:
            failure = self._status_error(error)
        except InvalidProxy as error:
            # The text of the error has the proxy's address, which may include a password.
            raise Fatal(f"the relay at {self.url} cannot be reached through this proxy: {clean(error.msg)}") from None
        except (InvalidURI, ImportError) as error:
            raise Fatal(f"the relay at {self.url} cannot be reached through this proxy: {clean(str(error))}") from None
        except UnicodeError:  # the resolver raises it for a host name with an empty part, or a very long one
            raise Fatal(f"the relay at {self.url} or the proxy before it has an invalid host name") from None
        except Exception as error:  # noqa: BLE001  TLS, sockets and proxies raise many kinds, and no code of ours runs
            failure = self._connection_error(error)
        else:
            detect_dead_peer(socket.transport.get_extra_info("socket"))
            return socket
        # Raised outside of the handlers: an exception of websockets as its context would contain the token.
        raise failure

    async def _open(self, tls: ssl.SSLContext | None) -> ClientConnection:
        return await _Connect(
            self.url,
            additional_headers={"Authorization": f"Bearer {self._token.reveal()}"},
            user_agent_header=USER_AGENT,
            extensions=[ClientPerMessageDeflateFactory(server_max_window_bits=15, client_max_window_bits=True)],
            compression=None,
            proxy=True if tls is not None else None,
            ssl=tls,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_INTERVAL_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_MESSAGE_BYTES,
            logger=silent_logger(),
        )

    def _connection_error(self, error: Exception) -> ApiError:
        match error:
            case ssl.SSLCertVerificationError():
                return Refused(
                    f"the certificate of {self.url} is not trusted: {error.verify_message}", UNTRUSTED_CERTIFICATE
                )
            case ssl.SSLError():
                reason = (error.reason or "the connection broke").replace("_", " ").lower()
                text = f"no TLS connection to {self.url}: {reason}"
            case InvalidHandshake():
                text = f"the server at {self.url} closed the connection, or is not a relay"
            case TimeoutError():
                text = f"no connection to {self.url} in {OPEN_TIMEOUT_S:.0f} s"
            case OSError():
                # asyncio's own text repeats the address.
                number = error.errno or 0
                reason = os.strerror(number) if number > 0 else clean(error.strerror or "it broke")
                text = f"no connection to {self.url}: {reason}"
            case _:
                text = f"no connection to {self.url}: it broke"
        return Unreachable(text, may_have_arrived=False)

    def _status_error(self, error: InvalidStatus) -> ApiError:
        """Return the error for an HTTP response that came instead of a WebSocket."""
        status = error.response.status_code
        headers = {name.lower(): value for name, value in error.response.headers.raw_items()}
        response = Response("the relay", status, headers, bytes(error.response.body or b""), self._now())
        refused = response_error(response, self._token) if status >= 400 else None
        match refused:
            case None:
                return ServerFault(f"the server at {self.url} is not a relay ({status})", status)
            case Refused() if refused.is_about_the_key:
                return Refused(f"the relay refused the token ({status}): is TRIGGER_TUI_RELAY_TOKEN right?", status)
            case Refused():
                return Refused(f"there is no relay at {self.url} ({status})", status)
            case _:
                return refused


class _Connect(connect):
    """Follows no redirect, so that the token is sent to the given address only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
