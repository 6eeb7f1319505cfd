"""`queues`: the table, the objects, and its exit codes, whatever the key may read."""

from collections.abc import Iterator

import pytest
from starlette.responses import JSONResponse

from tests.support.commands import Terminal, environment, in_this_process
from tests.support.failures import QUERY
from tests.support.fleet import HELD, Fleet, FleetApi, serving
from tests.support.responses import server_error
from tests.support.session import public_token
from tests.support.virtual_clock import VirtualClock
from tui.domain.facts import MAX_QUEUES, QUEUES_PER_PAGE

QUEUES = "/api/v1/queues"


@pytest.fixture
def api() -> Iterator[FleetApi]:
    fleet = Fleet(VirtualClock())
    fleet.allow_queries()
    fleet.world.queues.named("task/fine")
    with serving(fleet) as served:
        yield served


def test_objects_have_every_key_worst_first(api: FleetApi) -> None:
    done = in_this_process("queues", "--json", url=api.url)
    assert (done.code, done.err) == (0, "")
    first, *others = done.objects
    assert first == {
        "name": HELD,
        "type": "custom",
        "running": 0,
        "limit": None,
        "queued": 0,
        "queuedAtLeast": None,
        "paused": True,
        "oldestQueuedAt": None,
        "oldestRunId": None,
        "startedPerMin": 0.0,
        "holders": [],
        "standstill": "queue-paused",
        "health": "paused",
    }
    assert {(each["type"], each["health"], list(each) == list(first)) for each in others} == {("task", "ok", True)}
    assert len(api.fleet.requests_to(QUEUES)) == len(api.fleet.requests_to(QUERY)) == 1


def test_unknown_values_are_null_where_the_key_may_not_query(api: FleetApi) -> None:
    api.fleet.fault = lambda path: server_error(403, "Unauthorized") if path == QUERY else None
    done = in_this_process("queues", "--json", url=api.url)
    assert done.code == 0
    assert "How many runs wait, the oldest and the starts a minute are not known: " in done.err
    paused, *others = done.objects
    assert (paused["health"], paused["oldestQueuedAt"], paused["startedPerMin"]) == ("paused", None, None)
    assert {(each["queued"], each["queuedAtLeast"], each["holders"]) for each in done.objects} == {(None, None, None)}
    assert {each["health"] for each in others} == {None}


def test_refusal_and_silence_end_with_their_codes(api: FleetApi) -> None:
    token = public_token("read:runs", "read:queues").reveal()
    refused = in_this_process("queues", url=api.url, TRIGGER_SECRET_KEY=token)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("a public token may not read the list of queues, a secret key may (GET ")
    assert in_this_process("queues", url="http://127.0.0.1:9").code == 3
    assert in_this_process("queues", "email", url=api.url).code == 2


def test_pages_without_end_are_refused(api: FleetApi) -> None:
    page = {"data": [], "pagination": {"currentPage": 1, "totalPages": 9_999, "count": 1}}
    api.fleet.fault = lambda path: JSONResponse(page) if path == QUEUES else None
    done = in_this_process("queues", "--json", url=api.url)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].endswith("stopped after 0 queues: the server's pages do not end")
    assert "no queues" not in done.err
    assert len(api.fleet.requests_to(QUEUES)) == MAX_QUEUES // QUEUES_PER_PAGE


def test_table_fits_the_terminal(api: FleetApi) -> None:
    terminal = Terminal("queues", env=environment(api.url, NO_COLOR="1"), columns=50)
    assert terminal.end() == 0
    head, first, *_ = terminal.screen.decode().replace("\r\n", "\n").splitlines()
    assert head.split() == ["queue", "running", "queued", "oldest", "health"]
    assert first.split() == ["‖", HELD, "0", "0", "paused"]
    assert len(head) <= 50
