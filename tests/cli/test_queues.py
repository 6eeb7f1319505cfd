"""`queues`: the table, the objects, and its exit codes, whatever the key may read."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from starlette.responses import JSONResponse

from tests.support.commands import Terminal, environment, in_this_process
from tests.support.failures import QUERY
from tests.support.fleet import HELD, Fleet, FleetApi, serving
from tests.support.queues import queue_facts, verdict_at
from tests.support.responses import server_error
from tests.support.session import public_token
from tests.support.virtual_clock import VirtualClock
from tui.domain.facts import MAX_QUEUES, QUEUES_PER_PAGE
from tui.features.queues.command import PRINTED
from tui.store.findings.board import queue_rows
from tui.text.styled import line_width, plain
from tui.text.table import Print

KEYS = [
    "name",
    "type",
    "running",
    "limit",
    "queued",
    "queuedAtLeast",
    "paused",
    "oldestQueuedAt",
    "oldestRunId",
    "startedPerMin",
    "holders",
    "standstill",
    "health",
]
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
    assert all(list(each) == KEYS for each in done.objects)
    first, *others = done.objects
    assert (first["name"], first["type"], first["paused"], first["health"]) == (HELD, "custom", True, "paused")
    assert {each["health"] for each in others} == {"ok"}
    assert {each["type"] for each in others} >= {"task"}
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


def test_paused_environment_is_said(api: FleetApi) -> None:
    api.fleet.world.lifecycle.set_paused(is_paused=True)
    done = in_this_process("queues", "--json", url=api.url)
    assert done.err == "The environment is paused.\n"
    assert {each["standstill"] for each in done.objects} == {"queue-paused", "environment-paused"}


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


def test_lines_drop_columns_before_they_cut_the_name() -> None:
    now = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
    rows = queue_rows(queue_facts(now), verdict_at(now), now)
    for limit, titles in ((None, 7), (80, 7), (66, 6), (54, 5), (46, 4), (10, 4)):
        head, *others = Print(PRINTED, limit).page(rows, now)
        assert len(plain(head).split()) == titles, limit
        assert limit in {None, 10} or all(line_width(line) <= (limit or 0) for line in others)
