"""Reads the token file, which only its owner may access, and compares tokens in constant time.

No token appears in output or in an error.
"""

import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.settings import Secret

MIN_TOKEN_CHARS: Final = 16
"""As hexadecimal digits these are 64 bits, too many to guess over a network."""

MAX_FILE_BYTES: Final = 1024 * 1024

_GROUP_AND_OTHERS: Final = 0o077
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_BEARER: Final = "bearer "


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
        given = _token_of(authorization)
        found: str | None = None
        for name, token in self._known:
            if hmac.compare_digest(token.reveal().encode(), given):
                found = name
        return found


def read_tokens(path: Path) -> Tokens:
    """Read a file with one token a line, alone or after a name. A `#` at the start of a word begins a comment.

    Raises `TokensError`.
    """
    return Tokens(tuple(_parse(_private_lines(path), path)))


def _private_lines(path: Path) -> Iterable[str]:
    try:
        # The path may be a pipe without a writer. A running relay reads the file again, and must not block.
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TokensError(f"{path} is not a regular file")
            if status.st_mode & _GROUP_AND_OTHERS:
                raise TokensError(f"{path} may be read or written by other users: chmod 600 {path}")
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TokensError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise TokensError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise TokensError(f"{path} has characters other than ASCII") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _parse(lines: Iterable[str], path: Path) -> Iterable[tuple[str, Secret]]:
    names: set[str] = set()
    tokens: set[str] = set()
    for number, line in enumerate(lines, 1):
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
        tokens.add(token)
        yield name, Secret(token)
    if not tokens:
        raise TokensError(f"{path} has no token: `openssl rand -hex 32` makes one")


def _token_of(authorization: str | None) -> bytes:
    """Return the token after `Bearer`, or b"", which equals no token."""
    text = authorization or ""
    if text[: len(_BEARER)].lower() != _BEARER:
        return b""
    return text[len(_BEARER) :].strip().encode("utf-8", "surrogatepass")
