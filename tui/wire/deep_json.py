"""JSON that is nested deeper than a decoder follows: cut the text below a depth, so that the rest can be read.

One run whose payload or metadata is nested without end must not hide the other rows of its page.
"""

import re
from typing import Final

MAX_DEPTH: Final = 200
"""Arrays and objects around a value that is kept: pydantic's decoder follows as many."""

CUT: Final = '"…"'.encode()
"""Stands for an array or object that was cut."""

# A string without an end takes the rest of the text: each byte is looked at once.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def without_depth(body: bytes) -> bytes:
    """Replace each array and object that stands in MAX_DEPTH others by a text. What is no JSON stays none."""
    kept: list[bytes] = []
    depth = kept_until = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += [body[kept_until : token.start()], CUT]
        elif first in b"]}":
            if depth == MAX_DEPTH + 1:
                kept_until = token.end()
            depth -= 1
    if depth <= MAX_DEPTH:
        kept.append(body[kept_until:])
    return b"".join(kept)
