"""Cuts keys and tokens out of text for people: in every form in which an error can quote them, and in part too.

What a user types may hold a key that this session does not have. `finds` also recognises these by their look.
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from tui.settings.settings import Settings

CUT: Final = "tr_…"
"""Replaces a secret."""

HOLDS_KEY: Final = "it has a key or token"
"""Why a text of the user is not saved or copied."""

MIN_SECRET_CHARACTERS: Final = 6
"""A shorter text is not treated as a secret: it would occur in ordinary words."""

FRAGMENT_CHARACTERS: Final = 12
"""Errors quote long texts in part. A shorter part of a secret does not help to guess the rest."""


_KEY: Final = re.compile(
    r"(?<![a-z0-9])tr_(?:dev|stg|prod|preview|pat|[a-z0-9]+_sk)_\w{3,}|tr_(?:dev|stg|prod|preview|pat)_\w{16,}"
    r"|(?:(?<![a-z0-9])(?-i:ey[JA])\w{10,}|(?-i:ey[JA])[\w-]{10,200}\.[\w-]{10,})[\w.-]*",
    re.IGNORECASE,
)
"""Keys and access tokens of Trigger.dev, and JWTs. The longer ones count also after other letters."""

MAX_QUOTINGS: Final = 4
"""How often a part of an address may be quoted inside of another one."""


class Redactor:
    """Replaces the secrets that were passed to `hide` by `CUT`."""

    def __init__(self) -> None:
        self._short: set[str] = set()
        self._fragments: set[str] = set()

    def hide(self, secret: str) -> None:
        """Redact this secret from now on."""
        if len(secret) < MIN_SECRET_CHARACTERS:
            return
        for form in _forms(secret):
            if len(form) < FRAGMENT_CHARACTERS:
                self._short.add(form)
            starts = range(len(form) - FRAGMENT_CHARACTERS + 1)
            self._fragments.update(form[start : start + FRAGMENT_CHARACTERS] for start in starts)

    def redact(self, text: str) -> str:
        """Return the text without the secrets."""
        for short in sorted(self._short, key=len, reverse=True):
            text = text.replace(short, CUT)
        if not self._fragments:
            return text
        kept: list[str] = []
        at = begin = 0
        while at <= len(text) - FRAGMENT_CHARACTERS:
            end = self._end_of_secret(text, at)
            if end > at:
                kept += (text[begin:at], CUT)
                at = begin = end
            else:
                at += 1
        return "".join((*kept, text[begin:]))

    def finds(self, text: str) -> bool:
        """Whether a text has one of the secrets, or anything that looks like a key or token of Trigger.dev."""
        for _ in range(MAX_QUOTINGS):
            if _KEY.search(text) or self.redact(text) != text:
                return True
            quoted, text = text, unquote(text)
            if text == quoted:
                return False
        return True

    def cut(self, text: str) -> str:
        """Return the text without the secrets, and without anything that looks like a key."""
        return _KEY.sub(CUT, self.redact(text))

    def _end_of_secret(self, text: str, at: int) -> int:
        """Return the end of the part of a secret that begins at `at`; `at` if none begins there."""
        end = at
        while text[at : at + FRAGMENT_CHARACTERS] in self._fragments:
            end = at + FRAGMENT_CHARACTERS
            at += 1
        return end


def redactor_of(settings: Settings) -> Redactor:
    """Return what removes the secrets of a session from a text."""
    redactor = Redactor()
    for secret in (settings.key, settings.relay_token):
        redactor.hide(secret.reveal())
    return redactor


def _forms(secret: str) -> Iterable[str]:
    """Return the secret as it is, and as Python, JSON, a URL or a header would write it, quoted once and twice."""
    forms = {secret}
    for _ in range(2):
        forms |= {quoted for form in forms for quoted in _quoted(form)}
    # Base64 depends on the offset of the secret in its input. The first and last characters also encode its neighbours.
    encoded = (base64.b64encode(b"\0" * shift + secret.encode())[2 * shift : -4] for shift in range(3))
    return forms | {each.decode() for each in encoded if len(each) >= FRAGMENT_CHARACTERS} | {secret.encode().hex()}


def _quoted(text: str) -> Iterable[str]:
    yield repr(text)[1:-1]
    yield repr(f"{text}'")[1:-2]  # with a single quote, so that `repr` uses double quotes
    yield ascii(text)[1:-1]
    yield repr(text.encode())[2:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    yield text.replace("'", "'\"'\"'")  # as a shell quotes it
    yield text.replace("'", "\\'")
