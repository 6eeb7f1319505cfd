"""PostgreSQL's text form of an array: `{"a","b c",NULL}`.

What lives here: reading one flat array. Source: wire/README.md §8, recordings 717, 719; the PostgreSQL manual, "Array
Input and Output Syntax".
"""

import re

_ITEM = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"\s*+|((?:[^,{}"\\]|\\.)*+))(?:,|\Z)', re.DOTALL)
# Possessive: what was once taken is not tried in pieces, or spaces before an odd character would take for ever.
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_array(text: str | None) -> tuple[str, ...]:
    """Its items as they were stored; nulls are left out, and there are none where the text is no array."""
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
