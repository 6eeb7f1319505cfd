"""The sequences by which a terminal rings, and shows a notice on the desktop of its user.

Terminals have three sequences for notices: OSC 9 (a text), OSC 777 (a title and a text) and OSC 99 (the same in two
parts). A terminal ignores those that it does not know. OSC 9 is known to most, also to those that have another one.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

from tui.domain.text import Raw, clean
from tui.ui.terminal.multiplexers import for_screen, for_tmux

BELL: Final = "\x07"
_END: Final = "\x07"
"""Ends a sequence. Not ST, which would end the string around it in GNU screen."""

MAX_TITLE_CHARS: Final = 80
MAX_BODY_CHARS: Final = 200
_CUT: Final = "…"

_NOT_ALLOWED: Final = re.compile("[;\x00-\x1f\x7f-\x9f]+")
_NOTICE_ID: Final = "trigger-tui"

_OSC_777: Final = ("foot", "wezterm", "ghostty", "contour", "vte", "rxvt", "urxvt")
_OSC_99: Final = ("kitty",)
_MULTIPLEXERS: Final = ("tmux", "screen")

_OUTER_VARIABLES: Final = {
    "KITTY_WINDOW_ID": "kitty",
    "WEZTERM_PANE": "wezterm",
    "GHOSTTY_RESOURCES_DIR": "ghostty",
}
"""Variables that a terminal sets, and a multiplexer in it passes on."""


class NoticeSequence(Enum):
    """The sequence for a notice that a terminal has."""

    OSC_9 = auto()
    OSC_777 = auto()
    OSC_99 = auto()


class Around(Enum):
    """The multiplexer between the program and the terminal."""

    NOTHING = auto()
    TMUX = auto()
    SCREEN = auto()


class DesktopNotice(NamedTuple):
    """A title and a sentence for the desktop. Both are cleaned when they are written."""

    title: str
    body: str


def notice_sequence(notice: DesktopNotice, environ: Mapping[str, str], version: str = "") -> str:
    """Return the text that shows a notice. `version` is the terminal's answer to XTVERSION, "" without one."""
    title, body = _cleaned(notice.title, MAX_TITLE_CHARS), _cleaned(notice.body, MAX_BODY_CHARS)
    around = multiplexer_of(environ, version)
    parts = _parts(sequence_of(environ, version), title, body)
    match around:
        case Around.TMUX:
            return "".join(map(for_tmux, parts))
        case Around.SCREEN:
            return "".join(map(for_screen, parts))
        case Around.NOTHING:
            return "".join(parts)


def multiplexer_of(environ: Mapping[str, str], version: str = "") -> Around:
    """Return the multiplexer that a program runs in, also on another machine, as far as TERM and the answer say."""
    term = environ.get("TERM", "")
    if environ.get("TMUX") or term.startswith("tmux") or version.lower().startswith("tmux"):
        return Around.TMUX
    return Around.SCREEN if environ.get("STY") or term.startswith("screen") else Around.NOTHING


def sequence_of(environ: Mapping[str, str], version: str = "") -> NoticeSequence:
    """Return the sequence of a terminal: by its answer, by variables, by TERM. OSC 9 for those that are not known."""
    names = [version, environ.get("TERM_PROGRAM", ""), *_outer_names(environ), environ.get("TERM", "")]
    for name in (each.lower().removeprefix("xterm-") for each in names):
        if name.startswith(_OSC_99):
            return NoticeSequence.OSC_99
        if name.startswith(_OSC_777):
            return NoticeSequence.OSC_777
        if name and not name.startswith(_MULTIPLEXERS):
            return NoticeSequence.OSC_9
    return NoticeSequence.OSC_9


def _outer_names(environ: Mapping[str, str]) -> list[str]:
    return [name for variable, name in _OUTER_VARIABLES.items() if environ.get(variable)]


def _parts(sequence: NoticeSequence, title: str, body: str) -> tuple[str, ...]:
    match sequence:
        case NoticeSequence.OSC_9:
            return (f"\x1b]9;{title}: {body}{_END}",)
        case NoticeSequence.OSC_777:
            return (f"\x1b]777;notify;{title};{body}{_END}",)
        case NoticeSequence.OSC_99:
            start = f"\x1b]99;i={_NOTICE_ID}"
            return (f"{start}:d=0;{title}{_END}", f"{start}:p=body;{body}{_END}")


def _cleaned(text: str, most: int) -> str:
    """Return a text of at most `most` characters without anything that would end or split the sequence."""
    cleaned = _NOT_ALLOWED.sub(",", clean(Raw(text[: 2 * most])))
    return cleaned if len(cleaned) <= most else cleaned[: most - 1] + _CUT
