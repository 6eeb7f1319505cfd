"""What is known and what is folded of an opened line. `logs.opened` draws it, and is imported when a line is opened."""

from collections.abc import Hashable
from typing import Final

from tui.domain.run import Json
from tui.lazy_dataclass import dataclass
from tui.present.json.fold import JsonFolds, Path

MESSAGE: Final = "message"
"""The key of the whole message of a line."""


@dataclass(frozen=True, slots=True)
class LineFolds:
    """Which parts of an opened line the user folded or unfolded: of its attributes, and of its stacks.

    `opens_all` unfolds every stack, because a search found the line.
    """

    json: JsonFolds = JsonFolds()
    toggled: frozenset[Hashable] = frozenset()
    opens_all: bool = False


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a line as far as they are known. `note` says why there are none, or that they are being read.

    `is_failure`: they could not be read, so that opening the line tries again.
    """

    values: Json = None
    note: str = ""
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class AttributePath:
    """The place of a value in the attributes of a line."""

    path: Path
