"""The rows of a page, and the actions of Enter on a row. The pane that shows the page carries them out."""

from collections.abc import Hashable
from dataclasses import field
from typing import NamedTuple

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present.styled import Line


@dataclass(frozen=True, slots=True)
class GoToRun:
    """Go to another run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class ListRuns:
    """List the runs that a filter matches. `name` says of what, where the filter does not.

    `queue` is the stored name of the queue in the filter: rows of a list do not contain their queue. `filters` are the
    server's.
    """

    filter_text: str
    name: Raw = Raw("")
    queue: str = ""
    filters: RunFilters = field(default_factory=RunFilters)


@dataclass(frozen=True, slots=True)
class ToggleFold:
    """Fold or unfold the group or value with this key."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class ShowWhole:
    """Show all of a text or value that is cut here."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class FetchValue:
    """Fetch a value that the server stores apart."""

    label: str


@dataclass(frozen=True, slots=True)
class ShowAttempt:
    """Show another attempt of the run."""

    number: int


RowAction = GoToRun | ToggleFold | ShowWhole | FetchValue | ShowAttempt


class Row(NamedTuple):
    """A line of a page. `key` identifies it when the page is rebuilt; `action` is what Enter does on it."""

    line: Line
    key: Hashable = None
    action: RowAction | None = None
