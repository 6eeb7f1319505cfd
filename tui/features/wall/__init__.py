"""The wall: findings and the last hour, to be read in passing."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ViewEntrance


def _view() -> "type[ViewEntrance]":
    from tui.features.wall.view import WallEntrance  # noqa: PLC0415  loaded when first used

    return WallEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.wall.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(views={"wall": _view}, commands={"status": _commands})
