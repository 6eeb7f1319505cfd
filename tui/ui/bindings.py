"""The keys that work on a screen now, as Textual knows them: what the footer, the help and the palette are made of.

What lives here: asking for them. No list of keys is kept anywhere.
"""

from dataclasses import dataclass
from typing import Any, Final

from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

from tui.ui.keys import MOTION, rank_of
from tui.ui.layout import WORKSPACE

_MOTION: Final = frozenset(binding.id for binding in MOTION)


@dataclass(frozen=True, slots=True)
class LiveKey:
    """One binding of those that a press would find. `node` is where it belongs, `works_now` is False where it has
    nothing to do at this moment.
    """

    key: str
    shown: str
    word: str
    sentence: str
    action: str
    node: DOMNode
    rank: int | None
    is_motion: bool
    works_now: bool

    @property
    def is_everywhere(self) -> bool:
        """Whether it works in every pane."""
        return isinstance(self.node, (Screen, App)) or self.node.id == WORKSPACE


def live_keys(screen: Screen[Any]) -> list[LiveKey]:
    """Each binding once, those of the focused pane first; bindings of Textual's own, which have no id, are left out."""
    found: dict[str, LiveKey] = {}
    for node, binding, works_now, tooltip in screen.active_bindings.values():
        if binding.id is None or binding.id in found:
            continue
        found[binding.id] = LiveKey(
            key=binding.key,
            shown=binding.key_display or binding.key,
            word=binding.description,
            sentence=tooltip,
            action=binding.action,
            node=node,
            rank=rank_of(binding),
            is_motion=binding.id in _MOTION,
            works_now=works_now,
        )
    return list(found.values())
