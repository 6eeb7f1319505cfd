"""JSON without what is too deep or too long, cut out of its text before a decoder sees it.

pydantic's decoder does not let the event loop run, not even from a thread: a million keys would freeze the screen for a
second. Python's own gives up at a depth of some 900, and one run would hide the other rows of its page.
"""

import re
from typing import Final

MAX_DEPTH: Final = 200
"""Arrays and objects around a value that is kept: pydantic's decoder follows as many."""

MAX_ITEMS: Final = 10_000
"""Of one array or object: no bound of `wire.limits` for what an answer lists is higher, spans apart."""

CUT: Final = '"…"'.encode()
"""Stands for an array or object that was too deep."""

# A string without an end takes the rest of the text: each byte is looked at once.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)


def may_be_long(body: bytes) -> bool:
    """Whether an array or object may hold more than MAX_ITEMS. It costs a millisecond for 10 MB."""
    return body.count(b",") >= MAX_ITEMS


def within_bounds(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[bytes, int]:
    """Cut what stands in more than `max_depth` arrays and objects, and what follows MAX_ITEMS items of one of them.

    Return the rest, and how many items the longest array or object had. What is no JSON stays none.
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
            case _:  # a string, or what no array or object holds
                pass
    if not cut_depth:
        kept.append(body[kept_until:])
    return b"".join(kept), longest
