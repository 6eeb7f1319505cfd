"""Queues: why runs wait."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ListEntrance
    from tui.kit.lists import ListView
    from tui.store.findings.board import QueueRow


def _list() -> "ListView[QueueRow]":
    from tui.features.queues.view import QUEUES  # noqa: PLC0415  loaded when first used

    return QUEUES


def _entrance() -> "type[ListEntrance]":
    from tui.features.queues.view import QueuesEntrance  # noqa: PLC0415  as above

    return QueuesEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.queues.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(lists={"queues": _list}, entrances={"queues": _entrance}, commands={"queues": _commands})
