"""What Enter on a line of a page means, as values that lines carry.

What lives here: the values, and `Row`, a line with one of them. Who does it is the pane that shows the page.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from tui.domain.ids import RunId
from tui.present.styled import Line


@dataclass(frozen=True, slots=True)
class GoToRun:
    """Go to another run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class ToggleFold:
    """Fold or unfold what `key` names."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class ShowWhole:
    """Show the whole of something that is cut here; `which` names it."""

    which: Hashable


@dataclass(frozen=True, slots=True)
class FetchValue:
    """Get what the server did not send along; `which` names it."""

    which: str


@dataclass(frozen=True, slots=True)
class ShowAttempt:
    """Show another attempt of the run."""

    number: int


RowAction = GoToRun | ToggleFold | ShowWhole | FetchValue | ShowAttempt


class Row(NamedTuple):
    """A line of a page. `key` finds it again when the page is made anew, `act` is what Enter on it means."""

    line: Line
    key: Hashable = None
    action: RowAction | None = None
