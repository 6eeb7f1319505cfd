"""The two lines about the selected queue, visible where its page is not."""

from tui.present.queues.summary import queue_summary_lines
from tui.present.styled import Line
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.widgets.summary import Summary


class QueueSummary(Summary):
    """Summarises the queue under the cursor."""

    def __init__(self, live: LiveModel, queues: LiveQueues) -> None:
        super().__init__(live)
        self._queues = queues

    def content(self, width: int) -> tuple[Line, ...]:
        return queue_summary_lines(self._queues.facts, self.live.now, width)
