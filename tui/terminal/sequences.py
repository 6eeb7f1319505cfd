"""The sequences that programs send to a terminal: how they are found in a text, and their effect on the screen."""

import re
from enum import Enum, auto
from typing import Final, NamedTuple

MAX_SEQUENCE: Final = 65_536
"""Characters of an unfinished sequence that are kept for the next write; a longer one is handed out as it is."""

LINE: Final = re.compile(
    r"(?:(?P<newline>\r\n)?\x1b\[(?P<row>[0-9]{1,4});(?P<column>[0-9]{1,4})H)?"
    r"(?P<styled>(?:[^\x00-\x1f\x7f-\x9f]+|\x1b\[[0-9;]{0,256}m)*)",
)
"""What most of a frame is made of: a cursor move, then text with its pens."""

PIECE: Final = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)")

TOKEN: Final = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<private>[<-?]*)(?P<parameters>[0-9:;]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<command>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    # Strings that are passed on by tmux or screen contain other sequences, but no CSI: that one ends a broken string.
    r"|\x1b[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b\\"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])",
)
UNFINISHED: Final = re.compile(
    r"\x1b(?:[ -/]*|\[[<-?]*[0-9:;]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b?)"
)
BROKEN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x1b]*|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*|[ -/]*)")
"""The part of an invalid sequence that a terminal ignores; what stands behind it counts again."""

PASSED_COMMAND: Final = re.compile(r"\x1bP(?:tmux;\x1b)?\x1b\][^\x07\x1b]*(?P<end>\x07)?\x1b\\")
"""An operating system command that tmux or GNU screen passes on, or its beginning. It touches no cell."""

PASSED_PIECE: Final = re.compile(r"\x1bP[^\x07\x1b]*(?P<end>\x07)?\x1b\\")
"""A later piece of such a command. Between two pieces the terminal around the multiplexer must get nothing else."""

SCREEN_MODES: Final = frozenset({"3", "5", "6", "47", "69", "1047", "1048", "1049"})
"""Private modes that change cells, the place where they are drawn, or the screen itself."""

ALTERNATE_SCREEN: Final = frozenset({"47", "1047", "1049"})
"""The private modes that show the alternate screen."""

MODES_OFF: Final = re.compile(r"\x1b\[\?[0-9;]*l")
"""Ends private modes, among which may be the alternate screen. The text behind it belongs to the other screen."""

HARMLESS_FINALS: Final = frozenset("cnqtup")
"""Reports and settings that touch no cell; `p` only with an intermediate `$`, `u` only with a private prefix."""


class Effect(Enum):
    """The effect of a foreign sequence on the screen."""

    NONE = auto()
    UNKNOWN = auto()
    SCREEN_BEGINS = auto()
    """The alternate screen is shown."""

    SCREEN_ENDS = auto()
    SYNC_BEGINS = auto()
    SYNC_ENDS = auto()


class Foreign(NamedTuple):
    """A sequence that is to be sent as it is, or the border of a synchronized update."""

    sequence: str
    effect: Effect
