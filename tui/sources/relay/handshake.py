"""How a connection to a relay is made, and what it means when none is.

What lives here: the WebSocket's handshake, its certificates and proxies, and the translation of what websockets raises
meanwhile. What is said on the connection is `link`'s. No text of an error holds the token. Source: DESIGN §6.
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

from tui.config import Secret
from tui.domain.text import clean
from tui.sources.base import Fatal
from tui.wire.client import USER_AGENT
from tui.wire.dead_peers import detect_dead_peer
from tui.wire.errors import ApiError, Refused, ServerFault, Unreachable
from tui.wire.responses import Response, refusal

OPEN_WITHIN_S: Final = 10.0
PING_EVERY_S: Final = 20.0
CLOSE_WITHIN_S: Final = 2.0
LARGEST_MESSAGE: Final = 32 * 1024 * 1024
"""A trace of 8 MB as a text of JSON, whose quotes are all escaped."""

UNTRUSTED: Final = 495
"""The status that a certificate gets which is not trusted, as some servers have it: there is none of HTTP."""


def silence() -> logging.Logger:
    """A logger that nobody can turn on: websockets would log headers, with the token in them."""
    return logging.Logger("relay", logging.CRITICAL + 1)  # noqa: LOG001  not to be found by its name


def trusting(ca: PurePath | None) -> ssl.SSLContext:
    """TLS that trusts the machine's authorities, or those of a file. Raises `Fatal` for a file that holds none."""
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:  # those of TLS are such too
        reason = (getattr(error, "reason", None) or error.strerror or "").replace("_", " ").lower()
        raise Fatal(f"--tls-ca {ca} holds no certificates that can be read: {reason}") from None


class RelayConnector:
    """The way to one relay."""

    def __init__(self, url: str, token: Secret, now: Callable[[], datetime], ca: PurePath | None) -> None:
        self.url = url
        self._token = token
        self._now = now
        self._ca = ca

    async def connect(self) -> ClientConnection:
        """A new connection, silent as yet. Raises `ApiError`, or `Fatal` for what only a person can mend."""
        failure: ApiError
        tls = trusting(self._ca) if self.url.startswith("wss:") else None
        try:
            line = await _Connect(
                self.url,
                additional_headers={"Authorization": f"Bearer {self._token.reveal()}"},
                user_agent_header=USER_AGENT,
                extensions=[ClientPerMessageDeflateFactory(server_max_window_bits=15, client_max_window_bits=True)],
                compression=None,
                proxy=True if tls is not None else None,
                ssl=tls,
                open_timeout=OPEN_WITHIN_S,
                ping_interval=PING_EVERY_S,
                ping_timeout=PING_EVERY_S,
                close_timeout=CLOSE_WITHIN_S,
                max_size=LARGEST_MESSAGE,
                logger=silence(),
            )
        except InvalidStatus as error:
            failure = self._refused(error)
        except InvalidProxy as error:
            # Not its text, which holds the proxy's address, and in that may be a password.
            raise Fatal(f"the relay at {self.url} cannot be reached through this proxy: {clean(error.msg)}") from None
        except (InvalidURI, ImportError) as error:
            raise Fatal(f"the relay at {self.url} cannot be reached through this proxy: {clean(str(error))}") from None
        except UnicodeError:  # of who looks names up: a part of one is empty, or too long
            raise Fatal(f"the relay at {self.url} is behind a name that is none, its own or the proxy's") from None
        except Exception as error:  # noqa: BLE001  TLS, sockets, a proxy: nothing of ours runs in there
            failure = self._unreachable(error)
        else:
            detect_dead_peer(line.transport.get_extra_info("socket"))
            return line
        # Raised out here so that it carries no exception of websockets, whose request holds the token.
        raise failure

    def _unreachable(self, error: Exception) -> ApiError:
        match error:
            case ssl.SSLCertVerificationError():
                return Refused(f"the certificate of {self.url} is not trusted: {error.verify_message}", UNTRUSTED)
            case ssl.SSLError():
                reason = (error.reason or "it broke off").replace("_", " ").lower()
                words = f"no TLS with what answers at {self.url}: {reason}"
            case InvalidHandshake():
                words = f"what answers at {self.url} broke off, or is no relay"
            case TimeoutError():
                words = f"no connection to {self.url} in {OPEN_WITHIN_S:.0f} s"
            case OSError():
                # asyncio makes a sentence of its own out of it, with the address once more.
                number = error.errno or 0
                reason = os.strerror(number) if number > 0 else clean(error.strerror or "it broke off")
                words = f"no connection to {self.url}: {reason}"
            case _:
                words = f"no connection to {self.url}: it broke off"
        return Unreachable(words, may_have_arrived=False)

    def _refused(self, error: InvalidStatus) -> ApiError:
        """What the HTTP answer means that came instead of a WebSocket."""
        response = error.response
        status = response.status_code
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        answer = Response("the relay", status, headers, bytes(response.body or b""), self._now())
        found = refusal(answer, self._token) if status >= 400 else None
        match found:
            case None:
                return ServerFault(f"what answers at {self.url} is no relay ({status})", status)
            case Refused() if found.is_about_the_key:
                return Refused(f"the relay refused the token ({status}): is TRIGGER_TUI_RELAY_TOKEN right?", status)
            case Refused():
                return Refused(f"there is no relay at {self.url} ({status})", status)
            case _:
                return found


class _Connect(connect):
    """Follows no redirect: the token goes to the address that was given, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
