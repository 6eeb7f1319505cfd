"""Removes the secrets of waitpoint tokens from whatever a server sends.

Whoever knows the callback address of a token can complete it. The server sends addresses in its list of tokens, and
they come back in everything that code of runs does with them: payloads, outputs, metadata, log lines, attributes,
errors. A body is cleaned before anything else reads it, so no address is shown, copied, printed, logged or relayed.
Source: tests/wire/recordings/README.md §7 (recordings 1103, 1105).
"""

import re
from typing import Final

_ONE_SLASH: Final = rb"(?:\\{0,31}/|%(?:25){0,4}2[fF]|\\{1,31}u002[fF])"
"""A slash as JSON, a URL or both may write it, inside of each other."""

# Bounded and possessive: with anything less, one kilobyte of slashes takes a minute.
_SLASH: Final = _ONE_SLASH + rb"{1,4}+"
_ID: Final = rb"(?:(?!" + _ONE_SLASH + rb")[\w.%-]){1,200}+"
_PARTS: Final = (rb"waitpoints", rb"tokens", _ID, rb"[Cc]allback", rb"")
_ADDRESS: Final = rb"(" + _SLASH.join(_PARTS) + rb")[\w.~+=%-]+"
_CUT: Final = b"\\1\xe2\x80\xa6"


def without_callback_secrets(body: bytes) -> bytes:
    """Return the body with `…` in the place of each secret. A body without an address is returned as it is."""
    return re.sub(_ADDRESS, _CUT, body) if b"allback" in body else body
