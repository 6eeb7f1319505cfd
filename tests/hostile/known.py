"""Cases that are known to fail until an issue is fixed, by patterns of their ids."""

from fnmatch import fnmatchcase

KNOWN: dict[str, str] = {}
"""The issue for each pattern (`*` matches anything). Remove a pattern when its cases pass."""


def known_point(case_id: str) -> str | None:
    """Return the issue of a failing case, or None."""
    # Escape brackets, since fields contain them.
    escaped = ((pattern.replace("[", "[[]"), point) for pattern, point in KNOWN.items())
    return next((point for pattern, point in escaped if fnmatchcase(case_id, pattern)), None)
