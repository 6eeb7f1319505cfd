"""`Feature`: what a feature hands in. Nothing of it is imported before it is first used."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from tui.kit.pane_entry import PaneEntry
from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ListEntrance, ViewEntrance
    from tui.kit.lists import ListView

Commands = Mapping[str, "Callable[[], tuple[click.Command, ...]]"]
"""The name of each command, and a function that imports it. One function may import several."""


@dataclass(frozen=True, slots=True)
class Feature:
    """The panes of the main screen, the lists and other views that cover it, and the commands of one feature.

    `entrances` are the ways to lists whose screens have more than others.
    A pane of the overview has a placement that says so, a form of another pane names that pane.
    """

    panes: tuple[PaneEntry, ...] = ()
    views: "Mapping[str, Callable[[], type[ViewEntrance]]]" = field(default_factory=dict)
    entrances: "Mapping[str, Callable[[], type[ListEntrance]]]" = field(default_factory=dict)
    lists: "Mapping[str, Callable[[], ListView[Any]]]" = field(default_factory=dict)
    commands: Commands = field(default_factory=dict)
