"""What a screen knows about a pane before its class is imported."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.kit.layout import Placement
from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from tui.kit.pane import Pane


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """A pane that is imported and made when it is first visible.

    * `title`, `placement`, `form_of`: those of its class
    * `load`: imports its class
    """

    title: str
    placement: Placement
    load: "Callable[[], type[Pane]]"
    form_of: str = ""


def entry_of(pane: "Pane | type[Pane]") -> PaneEntry:
    """Return the entry of a pane, or of a class, that is imported already."""
    kind = pane if isinstance(pane, type) else type(pane)
    return PaneEntry(pane.title, pane.placement, lambda: kind, pane.form_of)
