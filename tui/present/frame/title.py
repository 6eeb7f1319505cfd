"""The title of the terminal's window: failed runs, environment, project."""

from typing import Final

from tui.domain.text import clean
from tui.present import formatting
from tui.present.ascii import ascii_line
from tui.present.frame.header_facts import HeaderFacts
from tui.present.styled import Line, Piece, cut, plain

MAX_TITLE_CELLS: Final = 60
PROGRAM: Final = "trigger-tui"

_NO_TITLE: Final = frozenset({
    "ansi", "bterm", "cons25", "dumb", "eterm", "fbterm", "jfbterm", "linux", "pcansi", "sun", "unknown", "vt52",
    "vt100", "vt102", "vt220", "vt320", "wsvt25",
})  # fmt: skip
"""The first words of TERM of terminals that have no title and may print the sequence that sets one."""


def supports_title(term: str) -> bool:
    """Return whether a terminal with this TERM has a title."""
    return term != "" and term.partition("-")[0] not in _NO_TITLE


def terminal_title(facts: HeaderFacts, *, is_ascii: bool = False) -> str:
    """Return one clean line, like `✗3 PROD acme/shop`.

    Unknown counts are left out. The line starts with `○` while the data is not confirmed.
    """
    freshness, environment = facts.freshness, facts.environment
    parts: list[str] = []
    if freshness.confirmed_at is not None:
        if freshness.failure is not None or freshness.is_stale:
            parts.append("o" if is_ascii else "○")
        failed, is_least = facts.counts.failed, facts.counts.is_failed_partial
        if failed or not is_least:
            parts.append(f"✗{formatting.count(failed, at_least=is_least)}")
    if environment is not None:
        names = (environment.organisation, environment.project)
        parts += [environment.slug.upper(), "/".join(name for name in names if name), facts.branch or ""]
    elif freshness.confirmed_at is not None:
        parts.append("PROD?")
    line: Line = (Piece(" ".join(clean(part) for part in parts if part) or PROGRAM),)
    line = cut(line, MAX_TITLE_CELLS)
    return plain(ascii_line(line) if is_ascii else line).strip()
