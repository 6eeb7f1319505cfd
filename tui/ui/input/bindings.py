"""The keys that work on a screen now, as Textual knows them: what the footer, the help and the palette are made of.

What lives here: asking for them. No list of keys is kept anywhere.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from textual.actions import parse
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

from tui.ui.input.keys import MOTION, FooterSlot, place_of
from tui.ui.model.layout import WORKSPACE

_MOTION: Final = frozenset(binding.id for binding in MOTION)


@runtime_checkable
class Judge(Protocol):
    """A screen with keys that are bound all the time, to say why where they do nothing, and mean one thing here and
    another there.
    """

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether such an action would do more now than say why not."""

    def word_for(self, action: str, usual: str) -> str:
        """What it is called now."""

    def belongs_in_footer(self, action: str) -> bool:
        """Whether the footer has a place for an action that works now."""


@dataclass(frozen=True, slots=True)
class LiveKey:
    """One binding of those that a press would find. `node` is where it belongs, `works_now` is False where it has
    nothing to do at this moment.
    """

    id: str
    key: str
    shown: str
    word: str
    sentence: str
    action: str
    node: DOMNode
    place: FooterSlot | None
    is_motion: bool
    works_now: bool

    @property
    def is_everywhere(self) -> bool:
        """Whether it works in every pane."""
        return isinstance(self.node, (Screen, App)) or self.node.id == WORKSPACE


def live_keys(screen: Screen[Any]) -> list[LiveKey]:
    """Each binding once, those of the focused pane first; bindings of Textual's own, which have no id, are left out."""
    found: dict[str, LiveKey] = {}
    judge = screen if isinstance(screen, Judge) else None
    for node, binding, works_now, tooltip in screen.active_bindings.values():
        if binding.id is None or binding.id in found:
            continue
        found[binding.id] = LiveKey(
            id=binding.id,
            key=binding.key,
            shown=binding.key_display or binding.key,
            word=_word(judge, binding.action, binding.description),
            sentence=tooltip,
            action=binding.action,
            node=node,
            place=place_of(binding) if _has_place(judge, binding.action) else None,
            is_motion=binding.id in _MOTION,
            works_now=works_now and _has_use(judge, binding.action),
        )
    return list(found.values())


def _word(judge: Judge | None, action: str, usual: str) -> str:
    return usual if judge is None else judge.word_for(parse(action)[1], usual)


def _has_place(judge: Judge | None, action: str) -> bool:
    return judge is None or judge.belongs_in_footer(parse(action)[1])


def _has_use(judge: Judge | None, action: str) -> bool:
    _, name, parameters = parse(action)
    return judge is None or judge.has_use_for(name, parameters)
