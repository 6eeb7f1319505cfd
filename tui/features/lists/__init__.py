"""Lists of one file each: schedules, deployments, waitpoint tokens. A new list is a module, and its name below."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import click

    from tui.kit.lists import ListView


NAMES: Final = ("schedules", "deployments", "tokens")
"""The names of the lists: of their view, command and address."""


def _load(name: str) -> "ListView[Any]":
    from tui.features.lists import deployments, schedules, tokens  # noqa: PLC0415  loaded when one is opened

    views: dict[str, ListView[Any]] = {each.VIEW.name: each.VIEW for each in (deployments, schedules, tokens)}
    return views[name]


LISTS: Final[dict[str, "Callable[[], ListView[Any]]"]] = {name: partial(_load, name) for name in NAMES}
"""The declarations, each with a function that imports it when it is opened."""


def commands_of(load: "Callable[[], ListView[Any]]") -> "tuple[click.Command, ...]":
    """Make the command of a list."""
    from tui.features.lists.command import list_command  # noqa: PLC0415  loaded when it is run

    return (list_command(load()),)
