"""The filters that list the runs of a queue."""

from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.store.filter_words import as_value, split_words


def runs_of_queue(text: str, queue: str, *, is_relayed: bool) -> tuple[RunFilters, str]:
    """Return the server's filters and the filter of the list for the runs of a queue.

    `text` is a filter with the word `queue:…`, `queue` the stored name. Rows do not name their queue: the server's
    filter finds all of its runs. A relay has no such filter, and in it a comma separates names. There a task names its
    queue, and for any other queue the search by the word `queue:…` finds the runs.
    """
    others = [word.source for word in split_words(text) if word.field != "queue"]
    if not is_relayed and "," not in queue:
        return RunFilters(queues=(queue,)), " ".join(others)
    task = queue.removeprefix(TASK_QUEUE_PREFIX)
    if task == queue:
        return RunFilters(), text
    return RunFilters(), " ".join([f"task:{as_value(task)}", *others])
