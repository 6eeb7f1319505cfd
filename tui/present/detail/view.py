"""What the user folded and searched on the detail page, and how far the read of its run has got."""

from collections.abc import Hashable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Final

from tui.domain.hold import QueueState
from tui.lazy_dataclass import dataclass
from tui.present.json.fold import JsonFolds
from tui.present.key_words import selecting_keys, with_key
from tui.present.read_stage import ReadStage
from tui.present.styled import Piece


def nothing_selected() -> str:
    """Return how a run is selected, while none is."""
    ways = [
        with_key("next-run", "]", "{} selects one from any pane"),
        with_key("next-error", "x", "{} finds a failed one"),
    ]
    others = "".join(f", {way}" for way in ways if way)
    return f"The list follows new runs. {selecting_keys()} in the list selects a run{others}."


FIRST_KEY: Final = ("head", 0)
"""The key of the row with the status, where the cursor starts."""


@dataclass(frozen=True, slots=True)
class DetailView:
    """What the user folded, searched and fetched on the page.

    `folds` and `fetching` (the progress of a fetch, in words) are by the label of a value; `unfolded` holds the keys
    of unfolded groups of children.
    """

    folds: Mapping[str, JsonFolds] = field(default_factory=lambda: MappingProxyType({}))
    unfolded: frozenset[Hashable] = frozenset()
    fetching: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_wrapped: bool = False
    is_searched: bool = False


@dataclass(frozen=True, slots=True)
class DetailRead:
    """The last read of the run: how far it has got, and why it failed.

    `action` replaces the status word while an action is pending.
    `queue` is the run's queue, if the run waits in it and it was read.
    """

    stage: ReadStage = ReadStage.DONE
    failure: str | None = None
    action: Piece | None = None
    queue: QueueState | None = None
