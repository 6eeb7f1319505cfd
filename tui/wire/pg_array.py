"""Reads PostgreSQL array literals such as `{"a","b c",NULL}`; the feed's `runTags` is one.

Source: tests/wire/recordings/README.md §8 (recordings 717, 719); PostgreSQL manual, "Array Input and Output Syntax".
"""

import re

# Possessive quantifiers prevent backtracking, which would take minutes on many spaces before an odd character.
_ITEM = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"\s*+|((?:[^,{}"\\]|\\.)*+))(?:,|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_array(text: str | None) -> tuple[str, ...]:
    """Return the items of a flat array without its nulls, none if the text is not an array."""
    if text is None or len(text) < 2 or text[0] != "{" or text[-1] != "}":
        return ()
    inside = text[1:-1]
    items: list[str] = []
    at = 0
    while at < len(inside):
        item = _ITEM.match(inside, at)
        if item is None:
            return ()
        quoted, bare = item.groups()
        if quoted is not None:
            items.append(_ESCAPED.sub(r"\1", quoted))
        elif bare.strip() and bare.strip().upper() != "NULL":
            items.append(_ESCAPED.sub(r"\1", bare.strip()))
        at = item.end()
    return tuple(items)
