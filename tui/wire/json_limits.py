"""Cuts arrays and objects that are too deep or too long out of a JSON text, before it is decoded.

The decoder holds the GIL, even in a thread: a million keys would freeze the screen for a second. It also fails at a
depth of about 900, so that one deeply nested run would hide the other rows of its page.
"""

import re
from typing import Final

MAX_DEPTH: Final = 200
"""Arrays and objects around a value."""

MAX_ITEMS: Final = 10_000
"""Items of one array or object. No limit of `wire.limits` for such items is higher, except that of spans."""

CUT: Final = '"…"'.encode()
"""Replaces an array or object that is too deep."""

# An unterminated string matches the rest of the text, so that each byte is scanned only once.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)


def may_be_long(body: bytes) -> bool:
    """Whether an array or object may have more than MAX_ITEMS. This takes a millisecond for 10 MB."""
    return body.count(b",") >= MAX_ITEMS


def within_bounds(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[bytes, int]:
    """Cut values below `max_depth`, and items after the first MAX_ITEMS of an array or object.

    Return the shortened text and the number of items in the longest array or object. Invalid JSON stays invalid.
    """
    kept: list[bytes] = []
    commas: list[int] = []
    kept_until = cut_depth = longest = 0
    for token in _TOKEN.finditer(body):
        match body[token.start()]:
            case 0x5B | 0x7B:  # [ {
                commas.append(0)
                if not cut_depth and len(commas) > max_depth:
                    kept += [body[kept_until : token.start()], CUT]
                    cut_depth = len(commas)
            case 0x5D | 0x7D if commas:  # ] }
                if cut_depth == len(commas):
                    kept_until = token.end() if cut_depth > max_depth else token.start()
                    cut_depth = 0
                longest = max(longest, commas.pop() + 1)
            case 0x2C if commas:  # ,
                commas[-1] += 1
                if commas[-1] == MAX_ITEMS and not cut_depth:
                    kept.append(body[kept_until : token.start()])
                    cut_depth = len(commas)
            case _:  # a string, or a token outside of any array or object
                pass
    if not cut_depth:
        kept.append(body[kept_until:])
    return b"".join(kept), longest
