"""Gives bindings the keys that the user chose for them.

Textual's own keymap is not used: it cannot take a key away, it puts letters over a focused text field, it works out all
bindings again for each key, and it loses the labels of keys. Here the bindings of a node are replaced once, when it
becomes part of the screen.
"""

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any, Final
from weakref import WeakKeyDictionary

from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.screen import Screen

from tui.settings.keys.names import is_printable, parse_key
from tui.ui.input.keys import key_label

_FOCUS_KEYS: Final = frozenset({"tab", "shift+tab"})

Keys = Mapping[str, tuple[str, ...]]
"""Keys by the ids of bindings. A binding with no keys does not work."""


class Keymap:
    """The user's own keys, and the bindings of an app that were replaced by them."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._keys: Keys = {}
        self._defaults: WeakKeyDictionary[DOMNode, BindingsMap] = WeakKeyDictionary()

    def use(self, own: Keys) -> Keys:
        """Use other keys, as the config file names them, in all screens. Return them as Textual names them."""
        self._keys = {binding: tuple(map(parse_key, names)) for binding, names in own.items()}
        self.apply(self._app)
        if self._app.is_running:
            for screen in self._app.screen_stack:
                for node in screen.walk_children(with_self=True):
                    self.apply(node)
            self._app.refresh_bindings()
        return self._keys

    def apply(self, node: DOMNode) -> None:
        """Give a node the user's keys. `node` is on a screen, or is one."""
        # Textual has no public name for the bindings of a node.
        default = self._defaults.get(node, node._bindings)  # noqa: SLF001
        is_screen = isinstance(node, Screen)
        mapped = default
        if self._keys and (is_screen or any(binding.id in self._keys for _, binding in default)):
            letters = _row_letters(node)
            mapped = self._mapped(default, letters, has_text=_has_text(node), is_screen=is_screen)
        if mapped is not node._bindings:  # noqa: SLF001
            self._defaults[node] = default
            node._bindings = mapped  # noqa: SLF001

    def _mapped(
        self, default: BindingsMap, row_letters: Container[str], *, has_text: bool, is_screen: bool
    ) -> BindingsMap:
        """Return other bindings of a node. `has_text`: it is in a dialog where the user's letters are text.

        `row_letters` choose the rows of a menu. A binding whose keys are all among them keeps its arrows there.

        Textual's own Tab of a screen would work where the user has taken ours away.
        """
        found: dict[str, list[Binding]] = {}
        done: set[tuple[str, str]] = set()
        for key, binding in default:
            if is_screen and not has_text and binding.id is None and key in _FOCUS_KEYS:
                continue
            own = None if binding.id is None else self._keys.get(binding.id)
            if own is None:
                found.setdefault(key, []).append(binding)
            elif (binding.id or "", binding.action) not in done:
                done.add((binding.id or "", binding.action))
                usual = (key for key, each in default if each.id == binding.id and not is_printable(key))
                usable = [each for each in own if each not in row_letters] or (usual if own else ())
                for chosen in (each for each in usable if not (has_text and is_printable(each))):
                    mapped = replace(binding, key=chosen, key_display=key_label(own[0]))
                    found.setdefault(chosen, []).append(mapped)
        return BindingsMap.from_keys(found)


def _has_text(node: DOMNode) -> bool:
    return bool(getattr(_screen_of(node), "has_text_field", False))


def _row_letters(node: DOMNode) -> frozenset[str]:
    return getattr(_screen_of(node), "row_letters", frozenset())


def _screen_of(node: DOMNode) -> Screen[Any] | None:
    return next((each for each in node.ancestors_with_self if isinstance(each, Screen)), None)
