"""The filters that list the runs of a queue."""

from tui.domain.filters import RunFilters
from tui.features.queues.view import runs_of_queue


def test_server_lists_the_runs_of_a_queue() -> None:
    filters, text = runs_of_queue("queue:task/mail status:queued", "task/mail", is_relayed=False)
    assert (filters, text) == (RunFilters(queues=("task/mail",)), "status:queued")


def test_relay_lists_the_runs_of_the_task_of_a_queue() -> None:
    filters, text = runs_of_queue("queue:task/mail status:queued", "task/mail", is_relayed=True)
    assert (filters, text) == (RunFilters(), "task:mail status:queued")
    assert runs_of_queue("queue:mail", "mail", is_relayed=True) == (RunFilters(), "queue:mail")


def test_queue_with_a_comma_is_not_asked_of_the_server() -> None:
    assert runs_of_queue('queue:"a,b"', "a,b", is_relayed=False) == (RunFilters(), 'queue:"a,b"')
