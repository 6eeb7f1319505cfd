"""Cases that fail until a point of an issue is mended, by a pattern of their ids."""

from fnmatch import fnmatchcase

KNOWN: dict[str, str] = {}
"""From the pattern (`*` stands for anything) to the point. A pattern that matches no failure any more is removed."""


def known_point(case_id: str) -> str | None:
    """The point that a failing case waits for, or None."""
    # In a pattern only `*` is special: fields have brackets.
    escaped = ((pattern.replace("[", "[[]"), point) for pattern, point in KNOWN.items())
    return next((point for pattern, point in escaped if fnmatchcase(case_id, pattern)), None)
