"""The config file, as commands know it."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.config.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(commands={"config": _commands})
