"""Who may connect to the relay: the tokens of a file, which nobody but its owner may read.

What lives here: reading them, and comparing in constant time. A token is never shown, and never part of an error.
"""

import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tui.config import Secret

SHORTEST_TOKEN: Final = 16
"""Characters: of hexadecimal digits that is 64 bits, which nobody guesses over a network."""

LARGEST_FILE: Final = 1024 * 1024

_OTHERS: Final = 0o077
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_BEARER: Final = "bearer "


class TokensError(Exception):
    """The file cannot be used; the text is one line, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Names and their tokens. A token without a name is called by the number of its line."""

    _known: tuple[tuple[str, Secret], ...] = field(repr=False)

    @property
    def names(self) -> frozenset[str]:
        """What the tokens are called."""
        return frozenset(name for name, _ in self._known)

    @property
    def secrets(self) -> Iterable[Secret]:
        """The tokens, for what has to be kept out of any report."""
        return (token for _, token in self._known)

    def name_of(self, authorization: str | None) -> str | None:
        """Whose token an `Authorization` header holds, or None. Every token is compared, whichever it is."""
        given = _token_of(authorization)
        found: str | None = None
        for name, token in self._known:
            if hmac.compare_digest(token.reveal().encode(), given):
                found = name
        return found


def read_tokens(path: Path) -> Tokens:
    """Read a file of tokens: one a line, alone or behind a name; `#` at the start of a word begins a comment.

    Raises `TokensError`.
    """
    return Tokens(tuple(_parse(_private_lines(path), path)))


def _private_lines(path: Path) -> Iterable[str]:
    try:
        # Not waiting for who writes to a pipe: it is no file, and a relay that serves reads this too.
        with open(path, "rb", opener=_at_once) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise TokensError(f"{path} is no file of tokens")
            if about.st_mode & _OTHERS:
                raise TokensError(f"{path} may be read or written by others: chmod 600 {path}")
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise TokensError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise TokensError(f"{path} is too large for a file of tokens")
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise TokensError(f"{path} holds characters that no token has") from None


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _parse(lines: Iterable[str], path: Path) -> Iterable[tuple[str, Secret]]:
    names: set[str] = set()
    tokens: set[str] = set()
    for number, line in enumerate(lines, 1):
        words = _COMMENT.sub("", line).split()
        if not words:
            continue
        if len(words) > 2:
            raise TokensError(f"{path}, line {number}: a name and a token, or a token alone, is meant")
        name, token = words if len(words) == 2 else (f"line {number}", words[0])
        if len(token) < SHORTEST_TOKEN:
            raise TokensError(f"{path}, line {number}: a token has {SHORTEST_TOKEN} characters at least")
        if not token.isprintable() or name in names or token in tokens:
            raise TokensError(f"{path}, line {number}: this name or token is there twice, or is no text")
        names.add(name)
        tokens.add(token)
        yield name, Secret(token)
    if not tokens:
        raise TokensError(f"{path} holds no token: `openssl rand -hex 32` makes one")


def _token_of(authorization: str | None) -> bytes:
    """What stands behind `Bearer`; nothing where that is missing, which is no token."""
    text = authorization or ""
    if text[: len(_BEARER)].lower() != _BEARER:
        return b""
    return text[len(_BEARER) :].strip().encode("utf-8", "surrogatepass")
