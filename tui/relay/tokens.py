"""The tokens of a relay: the file that has them, and the check of requests that open a WebSocket."""

import hmac
import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tui.lazy_dataclass import dataclass
from tui.settings.secret import Secret
from tui.sync.clock import Clock

# Reads the token file, which only its owner may access, and compares tokens in constant time.
#
# No token appears in output or in an error.


MIN_TOKEN_CHARS: Final = 16
"""As hexadecimal digits these are 64 bits, too many to guess over a network."""

MAX_FILE_BYTES: Final = 1024 * 1024

_GROUP_AND_OTHERS: Final = 0o077
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


class TokensError(Exception):
    """The token file cannot be used. The text is one line, and quotes nothing from the file."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Names and their tokens. A token without a name is named after its line number."""

    _known: tuple[tuple[str, Secret], ...] = field(repr=False)

    @property
    def secrets(self) -> Iterable[Secret]:
        """All tokens, for code that removes them from error reports."""
        return (token for _, token in self._known)

    def name_of(self, authorization: str | None) -> str | None:
        """Return the name of the token in an `Authorization` header, or None. Always compares all tokens."""
        scheme, _, token = (authorization or "").partition(" ")
        given = token.strip().encode("utf-8", "surrogatepass") if scheme.lower() == "bearer" else b""  # equals no token
        found = [name for name, known in self._known if hmac.compare_digest(known.reveal().encode(), given)]
        return found[-1] if found else None


def read_tokens(path: Path) -> Tokens:
    """Read a file with one token a line, alone or after a name. A `#` at the start of a word begins a comment.

    Raises `TokensError`.
    """
    tokens: dict[str, str] = {}
    names: set[str] = set()
    for number, line in enumerate(_private_lines(path), 1):
        words = _COMMENT.sub("", line).split()
        if not words:
            continue
        if len(words) > 2:
            raise TokensError(f"{path}, line {number}: a line has a token, or a name and a token")
        name, token = words if len(words) == 2 else (f"line {number}", words[0])
        if len(token) < MIN_TOKEN_CHARS:
            raise TokensError(f"{path}, line {number}: a token needs at least {MIN_TOKEN_CHARS} characters")
        if not token.isprintable() or name in names or token in tokens:
            raise TokensError(f"{path}, line {number}: the name or token is a duplicate, or is not printable")
        names.add(name)
        tokens[token] = name
    if not tokens:
        raise TokensError(f"{path} has no token: `openssl rand -hex 32` makes one")
    return Tokens(tuple((name, Secret(token)) for token, name in tokens.items()))


def _private_lines(path: Path) -> Iterable[str]:
    try:
        # The path may be a pipe without a writer. A running relay reads the file again, and must not block.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TokensError(f"{path} is not a regular file")
            if status.st_mode & _GROUP_AND_OTHERS:
                raise TokensError(f"{path} may be read or written by other users: chmod 600 {path}")
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise TokensError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        return content.decode("ascii").splitlines()
    except OSError as error:
        raise TokensError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokensError(f"{path} has characters other than ASCII") from None


# Checks the tokens of HTTP requests that open a WebSocket, and logs refusals at a limited rate.


REFUSAL_PERIOD_S: Final = 60.0
"""The same refusal of the same host is logged once in this time."""

MAX_REFUSALS_LOGGED: Final = 10
"""Lines per period, so that a client without a token cannot fill the log, however many addresses it uses."""

MAX_REFUSALS_KEPT: Final = 1_000
"""Logged refusals that are remembered, by host and reason. Above this many all are forgotten."""


class Authenticator:
    """Checks requests against the current tokens. `log` receives lines for the operator."""

    def __init__(self, tokens: Tokens, clock: Clock, log: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._log = log
        self._logged_s: dict[tuple[str, str], float] = {}
        self._period_began_s = clock.monotonic_s()
        self._logged_count = 0
        self._skipped_count = 0

    def token_name(self, request: Request | None) -> str | None:
        """Return the name of the request's token, or None if it has no known token."""
        values = [] if request is None else request.headers.get_all("Authorization")
        return self.tokens.name_of(values[0]) if len(values) == 1 else None

    def refuse(self, connection: ServerConnection, status: HTTPStatus, reason: str) -> Response:
        """Log a refusal, and return the HTTP response for it."""
        self.log_refusal(connection, reason)
        body = json.dumps({"error": reason}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(status.value, status.phrase, headers, body)

    def log_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log a refusal, unless it is a repetition or too many were logged in this period."""
        host = str(connection.remote_address[0]) if connection.remote_address else "an unknown address"
        now_s = self._clock.monotonic_s()
        if now_s - self._logged_s.get((host, reason), now_s - REFUSAL_PERIOD_S) < REFUSAL_PERIOD_S:
            return
        if len(self._logged_s) >= MAX_REFUSALS_KEPT:
            self._logged_s.clear()
        self._logged_s[host, reason] = now_s
        if now_s - self._period_began_s >= REFUSAL_PERIOD_S:
            if self._skipped_count:
                noun = "request was" if self._skipped_count == 1 else "requests were"
                self._log(f"{self._skipped_count:,} more {noun} refused")
            self._period_began_s, self._logged_count, self._skipped_count = now_s, 0, 0
        if self._logged_count < MAX_REFUSALS_LOGGED:
            self._logged_count += 1
            self._log(f"a screen at {host} was refused: {reason}")
        else:
            self._skipped_count += 1
