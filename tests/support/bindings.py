"""The classes of the monitor that have keys, and the rows of the page of keys."""

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

import tui
from tui.kit.keys import Help, merged_bindings, places_of
from tui.kit.workspace import keys_for


def classes_with_keys() -> list[type[DOMNode]]:
    """Return our classes that have bindings with ids."""
    found: dict[type[DOMNode], None] = {}
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, DOMNode) and each.__module__.startswith("tui."):
                found[each] = None
    return [kind for kind in found if any(bindings_with_ids(kind))]


def bindings_with_ids(kind: type[DOMNode]) -> Iterator[Binding]:
    return (binding for _, binding in merged_bindings(kind) if binding.id)


def help_rows() -> list[Help]:
    """Return the rows of the page of keys."""
    bindings = [*keys_for({"runs": 1}), *(each for kind in classes_with_keys() for each in bindings_with_ids(kind))]
    rows = (places_of(each).help for each in bindings)
    return list(dict.fromkeys(row for row in rows if row and row.ids[0] != "pane-1"))
