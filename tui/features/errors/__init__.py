"""Error groups, and errors on every page."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ViewEntrance


def _view() -> "type[ViewEntrance]":
    from tui.features.errors.screen import ErrorsEntrance  # noqa: PLC0415  loaded when first used

    return ErrorsEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.errors.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(views={"errors": _view}, commands={"errors": _commands})
