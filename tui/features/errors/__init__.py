"""Error groups, and errors on every page."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ListEntrance
    from tui.kit.lists import ListView
    from tui.store.error_groups import ErrorGroup


def _list() -> "ListView[ErrorGroup]":
    from tui.features.errors.data import GROUPS  # noqa: PLC0415  loaded when first used

    return GROUPS


def _entrance() -> "type[ListEntrance]":
    from tui.features.errors.screen import ErrorsEntrance  # noqa: PLC0415  as above

    return ErrorsEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.errors.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(lists={"errors": _list}, entrances={"errors": _entrance}, commands={"errors": _commands})
