"""The commands that sort the list of runs, that of error groups, and that of queues."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tui.features.command_line.model import OneOf, Value
from tui.features.errors.model import GROUP_ORDERS, GroupOrder
from tui.features.queues.model import QUEUE_ORDERS, QueueOrder
from tui.kit.commands import Command
from tui.store.changes import COST, CREATED, ORDERS, STATUS, TASK, TOOK, UPDATED, Order

_SENTENCES: Final = {
    CREATED: "Newest runs first",
    STATUS: "Failed runs first, then running and waiting ones, completed runs last",
    TASK: "By the name of the task",
    TOOK: "Running runs first, then the longest ones",
    UPDATED: "Latest change first",
    COST: "Most expensive runs first",
}


def run_sorts(sort_by: Callable[[Order], None], current: Order) -> list[Command]:
    """Return `sort ORDER`, and a command for each order."""
    orders = {order.title: order for order in ORDERS}
    values = [Value(order.title, _SENTENCES.get(order, "")) for order in ORDERS]
    return _sorts("The order of the list.", values, lambda name: sort_by(orders[name]), current.title)


def group_sorts(sort_by: Callable[[GroupOrder], None], current: GroupOrder) -> list[Command]:
    """Return the same for error groups."""
    orders = {order.id: order for order in GROUP_ORDERS}
    values = [Value(order.id, order.sentence.removesuffix(".")) for order in GROUP_ORDERS]
    return _sorts("The order of the error groups.", values, lambda name: sort_by(orders[name]), current.id)


def queue_sorts(sort_by: Callable[[QueueOrder], None], current: QueueOrder) -> list[Command]:
    """Return the same for queues."""
    orders = {order.id: order for order in QUEUE_ORDERS}
    values = [Value(order.id, order.sentence.removesuffix(".")) for order in QUEUE_ORDERS]
    return _sorts("The order of the queues.", values, lambda name: sort_by(orders[name]), current.id)


def _sorts(sentence: str, values: Sequence[Value], take: Callable[[str], None], current: str) -> list[Command]:
    arguments = OneOf("ORDER", values, take, current=current)
    each = [Command(f"sort {value.name}", f"{value.sentence}.", partial(take, value.name)) for value in values]
    return [Command("sort", sentence, lambda: None, arguments=arguments), *each]
