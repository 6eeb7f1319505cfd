"""Queues: why runs wait."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ViewEntrance


def _view() -> "type[ViewEntrance]":
    from tui.features.queues.view import QueuesEntrance  # noqa: PLC0415  loaded when first used

    return QueuesEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.queues.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(views={"queues": _view}, commands={"queues": _commands})
