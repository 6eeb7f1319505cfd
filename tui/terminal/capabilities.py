"""The sequences that a terminal understands, as far as a program may rely on them."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

FULL: Final = ("xterm", "kitty", "foot", "wezterm", "ghostty", "alacritty", "tmux", "konsole", "iterm", "rio")
"""Beginnings of TERM of terminals that can do all but REP, for machines whose terminfo does not know them."""

SAME_EVERYWHERE: Final = "xterm-256color"
"""The entry of this TERM says the same on all machines: all but REP. Reading it would load ncurses, 0.7 MB."""

REPEATING: Final = ("XTerm", "kitty", "foot", "WezTerm", "ghostty", "contour", "mintty", "tmux")
"""Beginnings of answers to XTVERSION of terminals that have REP. TERM proves nothing."""


class Capabilities(NamedTuple):
    """Sequences that the encoder may use. Without them it writes only text, pens, cursor moves and plain erasing."""

    erases_with_ground: bool = False
    """Erased and scrolled-in cells take the pen's ground (back color erase)."""

    scrolls_regions: bool = False
    """DECSTBM, SU and SD."""

    scrolls_at_borders: bool = False
    """DECSTBM, and the line feeds at the borders of a region that scroll it, as a vt100 and the Linux console have."""

    erases_characters: bool = False
    """ECH."""

    repeats: bool = False
    """REP."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the terminfo entry of TERM. Without an entry, as often over SSH, the name of TERM decides.

        GNU screen erases without a ground. It and tmux have ECH, which their entries lack. Terminfo is read for one
        TERM in the life of a process; later calls get the entry of the first.
        """
        term = environment.get("TERM", "")
        if term == SAME_EVERYWHERE and not {"TMUX", "STY"} & environment.keys():
            return cls(erases_with_ground=True, scrolls_regions=True, scrolls_at_borders=True, erases_characters=True)
        is_tmux = "TMUX" in environment or term.startswith("tmux")
        is_gnu_screen = "STY" in environment or (term.startswith("screen") and not is_tmux)
        try:
            import curses  # noqa: PLC0415  some builds of Python lack it

            curses.setupterm(term, 1)
        except Exception:  # noqa: BLE001  `curses.error` cannot be named where curses is missing
            is_known = term.startswith(FULL)
            return cls(erases_with_ground=is_known, scrolls_regions=is_known, erases_characters=is_known)
        return cls(
            erases_with_ground=(curses.tigetflag("bce") > 0 or is_tmux) and not is_gnu_screen,
            scrolls_regions=all(curses.tigetstr(name) for name in ("csr", "indn", "rin")),
            scrolls_at_borders=all(curses.tigetstr(name) for name in ("csr", "ind", "ri")),
            erases_characters=bool(curses.tigetstr("ech")) or is_tmux or is_gnu_screen,
        )

    def named(self, version: str) -> Self:
        """Return these capabilities with REP if the terminal with this answer to XTVERSION is known to have it."""
        return self._replace(repeats=version.startswith(REPEATING))
