"""The panes of the queues view, each in a module of its own, in the order of their numbers.

The named limits that queues share get a pane of their own between the two.
"""

from typing import Final

from tui.ui.panes.queues.queue import QueuePane
from tui.ui.panes.queues.queue_list import QueueListPane

QUEUE_PANES: Final = (QueueListPane, QueuePane)
"""The panes of the queues view. The position of a pane is its number, which is the key that leads to it."""
