"""Lists of one file each: schedules, deployments, waitpoint tokens. A new list is a module here, and its row below."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import click

    from tui.kit.lists import ListView


def _schedules() -> "ListView[Any]":
    from tui.features.lists.schedules import VIEW  # noqa: PLC0415  loaded when it is opened

    return VIEW


def _deployments() -> "ListView[Any]":
    from tui.features.lists.deployments import VIEW  # noqa: PLC0415  loaded when it is opened

    return VIEW


def _tokens() -> "ListView[Any]":
    from tui.features.lists.tokens import VIEW  # noqa: PLC0415  loaded when it is opened

    return VIEW


LISTS: Final[dict[str, "Callable[[], ListView[Any]]"]] = {
    "schedules": _schedules,
    "deployments": _deployments,
    "tokens": _tokens,
}
"""The declarations, by the name of their view, command and address."""


def commands_of(load: "Callable[[], ListView[Any]]") -> "tuple[click.Command, ...]":
    """Make the command of a list."""
    from tui.features.lists.command import list_command  # noqa: PLC0415  loaded when it is run

    return (list_command(load()),)
