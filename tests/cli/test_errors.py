"""`errors` and `queues`: tables and objects, whatever the key may read and whatever the server does."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.support.commands import environment, in_this_process, on_terminal
from tests.support.failures import ERRORS, QUERY, RUNS, details
from tests.support.fleet import ENDS, HELD, Fleet, FleetApi, FleetRun, serving
from tests.support.responses import server_error
from tests.support.session import public_token
from tests.support.virtual_clock import VirtualClock
from tui.domain.facts import MAX_QUEUES, QUEUES_PER_PAGE
from tui.emulator.simulation.script import Failure, FailureKind

FEED = "/realtime/v1/runs"
REFUSED = {QUERY: 403, ERRORS: 403, FEED: 403}
"""The routes without which every error is read run by run."""


def fleet_of(**counts: int) -> Fleet:
    """A fleet with that many failures of each kind in the last hour, a run every second, and an older failure."""
    fleet = Fleet(VirtualClock())
    fleet.allow_queries()
    ends = [end for end, count in counts.items() for _ in range(count)]
    fleet.add(FleetRun(9_000, -5_000.0, -5_000.0, -4_999.0, end="FAILED", task="old"))
    fleet.add(FleetRun(9_001, -5.0, -5.0, -4.0, task="fine"))
    fleet.add_all(
        FleetRun(number, -float(number), -float(number), -number + 0.5, end, end.lower())
        for number, end in enumerate(ends, 10)
    )
    return fleet


@pytest.fixture(autouse=True)
def _ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENDS, "STRING", Failure(FailureKind.STRING, "quota of org_12345 exceeded"))


@pytest.fixture
def few() -> Iterator[FleetApi]:
    with serving(fleet_of(FAILED=3, STRING=2, CRASHED=1)) as api:
        yield api


def refuse(fleet: Fleet, refused: dict[str, int] | None = None) -> None:
    """Refuse the requests of some routes."""
    routes = REFUSED if refused is None else refused
    fleet.fault = lambda path: server_error(routes[path], "Unauthorized") if path in routes else None


def test_table_has_one_line_a_group(few: FleetApi) -> None:
    done = in_this_process("errors", url=few.url)
    assert (done.code, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert head.split() == ["runs", "state", "task", "error", "your", "code", "versions", "first", "last"]
    assert [row.split()[:4] for row in rows] == [
        ["✗", "3", "NEW", "failed"],
        ["✗", "2", "NEW", "string"],
        ["▼", "1", "NEW", "crashed"],
    ]
    assert "Error Upstream returned" in rows[0]
    assert "src/mail.ts run" in rows[0]
    assert len({row.index("NEW") for row in rows}) == 1


def test_groups_are_the_same_without_queries(few: FleetApi) -> None:
    queried = in_this_process("errors", "--json", url=few.url).objects
    asked = len(few.fleet.requests)
    refuse(few.fleet, {QUERY: 403, ERRORS: 403})
    done = in_this_process("errors", "--json", url=few.url)
    assert done.code == 0
    # Each run, the feed of the one that crashed, two pages of runs, and the query, the groups and the feed once.
    assert len(few.fleet.requests) - asked == 6 + 1 + 2 + len(REFUSED)
    assert len(details(few.fleet)) == 6
    # An older failure is of the first kind, and without the server's groups nothing tells its state.
    states = {group["fingerprint"]: group["state"] for group in done.objects}
    assert states == {group["fingerprint"]: None if group["type"] == "Error" else "new" for group in queried}
    assert sorted(map(str, done.objects)) == sorted(
        str(group | {"state": states[group["fingerprint"]]}) for group in queried
    )
    assert done.err == (
        "Regressed and acknowledged groups are not marked: the key may not read the server's error groups (403).\n"
    )


def test_at_most_a_hundred_run_ids_are_printed() -> None:
    with serving(fleet_of(FAILED=101, TIMED_OUT=100)) as api:
        failed, timed_out = in_this_process("errors", "--json", url=api.url).objects
        assert (failed["count"], len(failed["runIds"]), failed["runIdsComplete"]) == (101, 100, False)
        assert failed["runIds"][0] == FleetRun(10, 0).id
        assert (timed_out["count"], len(timed_out["runIds"]), timed_out["runIdsComplete"]) == (100, 100, True)
        assert len(api.fleet.requests_to(RUNS)) == 3


def test_only_the_newest_runs_are_read_and_this_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.features.errors.command.MAX_RUNS", 100)
    with serving(fleet_of(FAILED=130)) as api:
        done = in_this_process("errors", "--json", url=api.url)
        assert done.code == 0
        # There are 100 ids of 100 runs, but the server has more of the same kind.
        assert [(group["count"], group["runIdsComplete"]) for group in done.objects] == [(100, False)]
        assert done.err.startswith("Only the newest 100 failed runs were read.")


@pytest.mark.parametrize("flags", [["--json"], []])
def test_no_failed_run_is_no_error(flags: list[str]) -> None:
    with serving(fleet_of()) as api:
        done = in_this_process("errors", "--since", "30m", *flags, url=api.url)
        assert (done.code, done.out, done.err) == (0, "", "No run failed in the last 30m.\n")
        assert [query.get("filter[createdAt][period]") for _, _, query in api.fleet.requests] == ["30m"]


@pytest.mark.parametrize("since", ["soon", "0h", "-1h", "1", "", "9999999d"])
def test_wrong_period_is_a_usage_error(since: str) -> None:
    done = in_this_process("errors", "--since", since, url="http://127.0.0.1:9")
    assert done.code == 2
    assert "is not a period" in done.err


@pytest.mark.parametrize("status", [400, 401, 403, 422, 500])
def test_refused_list_exits_with_1(few: FleetApi, status: int) -> None:
    refuse(few.fleet, {RUNS: status})
    done = in_this_process("errors", "--json", url=few.url)
    assert (done.code, done.out) == (1, "")
    assert str(status) in done.err
    assert len(few.fleet.requests_to(RUNS)) == 1


@pytest.mark.parametrize(("count", "status"), [(2, 500), (30, 503), (2, 403)])
def test_nothing_but_failing_details_exits_with_1(monkeypatch: pytest.MonkeyPatch, count: int, status: int) -> None:
    monkeypatch.setattr("tui.sync.failures.FIRST_WAIT_S", 0.01)
    with serving(fleet_of(FAILED=count)) as api:
        refuse(api.fleet)
        refused = api.fleet.fault
        api.fleet.fault = lambda path: server_error(status) if path.startswith("/api/v3/runs/") else refused(path)
        done = in_this_process("errors", "--json", url=api.url)
        assert (done.code, done.out) == (1, "")
        assert f"stopped after 0 of {count} failed runs: " in done.err
        assert str(status) in done.err


async def hanging(_scope: Any, receive: Any, _send: Any) -> None:
    """Answer nothing until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.parametrize(("fault", "code"), [(hanging, 3), (JSONResponse({"error": "Rate limit exceeded"}, 429), 1)])
def test_server_that_never_answers_again_ends_the_read(monkeypatch: pytest.MonkeyPatch, fault: Any, code: int) -> None:
    # Real time: on a busy machine, one of the first twelve answers may take two seconds.
    monkeypatch.setattr("tui.sync.failures.MAX_SILENCE_S", 3.0)
    monkeypatch.setattr("tui.sync.failures.MAX_LIMITED_S", 3.0)
    with serving(fleet_of(FAILED=30)) as api:
        refuse(api.fleet)
        refused = api.fleet.fault
        api.fleet.fault = lambda path: fault if len(details(api.fleet)) > 12 else refused(path)
        done = in_this_process("errors", "--json", url=api.url)
        assert done.code == code
        assert [group["count"] for group in done.objects] == [12]
        assert "18 of 30 failed runs are in no group: their errors were not read." in done.err
        assert "stopped after 12 of 30 failed runs: the " in done.err


def test_ctrl_c_ends_with_130_and_clears_the_progress() -> None:
    with serving(fleet_of(FAILED=30)) as api:
        refuse(api.fleet)
        refused = api.fleet.fault
        limited = JSONResponse({"error": "Rate limit exceeded", "secondsUntilReset": 60}, 429)
        api.fleet.fault = lambda path: limited if len(details(api.fleet)) > 6 else refused(path)
        terminal = on_terminal("errors", env=environment(api.url))
        terminal.wait_for_bytes(b"waiting 60 s for the rate limit")
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.end() == 130
        assert "Traceback" not in terminal.received.decode()
        # The last thing drawn over the progress are blanks.
        assert terminal.received.decode().rstrip("\n").endswith(" \r")


QUEUES_ROUTE = "/api/v1/queues"


@pytest.fixture
def queues_api() -> Iterator[FleetApi]:
    fleet = Fleet(VirtualClock())
    fleet.allow_queries()
    fleet.world.queues.named("task/fine")
    with serving(fleet) as served:
        yield served


def test_objects_have_every_key_worst_first(queues_api: FleetApi) -> None:
    done = in_this_process("queues", "--json", url=queues_api.url)
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
    assert len(queues_api.fleet.requests_to(QUEUES_ROUTE)) == len(queues_api.fleet.requests_to(QUERY)) == 1


def test_unknown_values_are_null_where_the_key_may_not_query(queues_api: FleetApi) -> None:
    queues_api.fleet.fault = lambda path: server_error(403, "Unauthorized") if path == QUERY else None
    done = in_this_process("queues", "--json", url=queues_api.url)
    assert done.code == 0
    assert "The queued runs, the oldest wait and the starts per minute are not known: " in done.err
    paused, *others = done.objects
    assert (paused["health"], paused["oldestQueuedAt"], paused["startedPerMin"]) == ("paused", None, None)
    assert {(each["queued"], each["queuedAtLeast"], each["holders"]) for each in done.objects} == {(None, None, None)}
    assert {each["health"] for each in others} == {None}


def test_refusal_and_silence_end_with_their_codes(queues_api: FleetApi) -> None:
    token = public_token("read:runs", "read:queues").reveal()
    refused = in_this_process("queues", url=queues_api.url, TRIGGER_SECRET_KEY=token)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("a public token cannot read the list of queues; use a secret key (GET ")
    assert in_this_process("queues", url="http://127.0.0.1:9").code == 3
    assert in_this_process("queues", "email", url=queues_api.url).code == 2


def test_pages_without_end_are_refused(queues_api: FleetApi) -> None:
    page = {"data": [], "pagination": {"currentPage": 1, "totalPages": 9_999, "count": 1}}
    queues_api.fleet.fault = lambda path: JSONResponse(page) if path == QUEUES_ROUTE else None
    done = in_this_process("queues", "--json", url=queues_api.url)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].endswith("stopped after 0 queues: the server sent too many pages")
    assert "no queues" not in done.err
    assert len(queues_api.fleet.requests_to(QUEUES_ROUTE)) == MAX_QUEUES // QUEUES_PER_PAGE
