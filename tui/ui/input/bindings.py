"""`live_keys` returns the keys that work on a screen now. The footer and the command line show them.

They come from Textual's active bindings, so that no list of keys has to be maintained.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from textual.actions import parse
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from tui.lazy_dataclass import dataclass
from tui.ui.base import app_of
from tui.ui.input.keys import MOTION, FooterSlot, key_label, place_of

_MOTION: Final = frozenset(binding.id for binding in MOTION)


@runtime_checkable
class KeyContext(Protocol):
    """A screen that decides by its state which of its bindings are useful now, and how the footer names them.

    All its keys stay bound: pressing one that is not useful now shows the reason.
    """

    def keeps_keys(self) -> bool:
        """Return whether the state lasts for a moment only: the footer would change twice, and keeps its keys."""

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Return whether the action would do something now, instead of only showing why it cannot."""

    def word_for(self, action: str, usual: str) -> str:
        """Return the name of the action in the current state; `usual` is its usual name."""

    def belongs_in_footer(self, action: str) -> bool:
        """Return whether the footer shows the action in the current state."""

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return why the action does nothing for the whole session; empty if it may. Its key is shown all the same."""


@dataclass(frozen=True, slots=True)
class LiveKey:
    """One active binding. `node` is the widget, screen or app that handles it.

    `key` is one of its keys, `keys` are the labels of all, `shown` is that of the first one, or those of a pair.
    `works_now` is False if the action would do nothing in the current state. `denial` says why it never will.
    """

    id: str
    key: str
    keys: tuple[str, ...]
    shown: str
    word: str
    sentence: str
    action: str
    node: DOMNode
    place: FooterSlot | None
    is_motion: bool
    works_now: bool
    denial: str = ""


def live_keys(screen: Screen[Any]) -> list[LiveKey]:
    """Return each active binding once, those of the focused pane first.

    Textual's own bindings, which have no id, are left out.
    """
    found: dict[str, LiveKey] = {}
    active = screen.active_bindings
    keys: dict[str, list[str]] = {}
    for key, each in active.items():
        keys.setdefault(each.binding.id or "", []).append(key_label(key))
    context = screen if isinstance(screen, KeyContext) else None
    for node, binding, works_now, tooltip in active.values():
        if binding.id is None or binding.id in found:
            continue
        found[binding.id] = LiveKey(
            id=binding.id,
            key=binding.key,
            keys=tuple(keys[binding.id]),
            shown=_shown(binding, keys),
            word=_word(context, binding.action, binding.description),
            sentence=tooltip,
            action=binding.action,
            node=node,
            place=place_of(binding) if _has_place(context, binding.action) else None,
            is_motion=binding.id in _MOTION,
            works_now=works_now and _has_use(context, binding.action),
            denial=_denial(context, binding.action),
        )
    return list(found.values())


def _shown(binding: Binding, keys: Mapping[str, Sequence[str]]) -> str:
    """Return the key in the footer. `keys` are the labels of the keys of all bindings that work now, by id."""
    place = place_of(binding)
    pair = [keys[each][0] for each in place.pair if each in keys] if place is not None else []
    return " ".join(pair) or binding.key_display or key_label(binding.key)


class KeyFacts:
    """Everything that decides how the footer of a screen shows its keys: `current` differs when they may differ.

    It costs a tenth of `live_keys`, which makes all keys of the help too.
    """

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._context = screen if isinstance(screen, KeyContext) else None
        self._nodes: Sequence[DOMNode] = ()
        self._keys = app_of(screen).keys
        self._checks: list[tuple[Callable[[str, tuple[object, ...]], object], str, tuple[object, ...]]] = []
        self._placed: dict[tuple[str, tuple[object, ...]], str] = {}

    def current(self) -> tuple[object, ...]:
        """Return the nodes that handle keys, which actions of theirs are enabled, and the states of those shown."""
        nodes = (self._screen.focused or self._screen).ancestors_with_self
        keys = app_of(self._screen).keys
        if nodes != self._nodes or keys is not self._keys:
            self._nodes, self._keys = nodes, keys
            self._read_bindings()
        context = self._context
        states = (
            []
            if context is None
            else [
                (
                    context.has_use_for(name, parameters),
                    context.word_for(name, usual),
                    context.belongs_in_footer(name),
                    context.denial_of(name, parameters),
                )
                for (name, parameters), usual in self._placed.items()
            ]
        )
        return tuple(nodes), [check(name, parameters) for check, name, parameters in self._checks], states, id(keys)

    def _read_bindings(self) -> None:
        self._checks.clear()
        self._placed.clear()
        for node in self._nodes:
            # Textual has no public list of the bindings of a node. They change with the user's keys.
            for binding in {each.action: each for _, each in node._bindings}.values():  # noqa: SLF001
                namespace, name, parameters = parse(binding.action)
                target = {"screen": self._screen, "app": self._screen.app}.get(namespace, node)
                self._checks.append((target.check_action, name, parameters))
                if place_of(binding) is not None:
                    self._placed[name, parameters] = binding.description


def _word(context: KeyContext | None, action: str, usual: str) -> str:
    return usual if context is None else context.word_for(parse(action)[1], usual)


def _has_place(context: KeyContext | None, action: str) -> bool:
    return context is None or context.belongs_in_footer(parse(action)[1])


def _has_use(context: KeyContext | None, action: str) -> bool:
    _, name, parameters = parse(action)
    return context is None or context.has_use_for(name, parameters)


def _denial(context: KeyContext | None, action: str) -> str:
    _, name, parameters = parse(action)
    return "" if context is None else context.denial_of(name, parameters)
