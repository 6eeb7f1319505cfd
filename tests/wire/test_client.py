"""Routes, parameters, headers and redirects of the client, and its results from recorded responses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording
from tests.support.wire.requests import KEY, NOW, ask, runs
from tui import __version__
from tui.api.client import Client, filter_params
from tui.api.errors import NotFound, Refused, ServerFault
from tui.api.queries import RunCounts
from tui.domain.filters import RunFilters
from tui.domain.run import BatchId, RunId, TaskId

RUN = RunId("run_cmwuqwphl00009f7de45f6e3t")
WIDEST = {"filter[createdAt][period]": "3650d"}


def ids(page: Any) -> list[str]:
    return [patch.id for patch in page.patches]


def recorded_ids(number: str) -> list[str]:
    return [row["id"] for row in recording(number)["response"]["body"]["data"]]


def test_every_request_has_the_identifying_headers(recordings_api: RecordingsApi) -> None:
    ask(recordings_api.url, runs, branch="feature/née")
    headers = recordings_api.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-trigger-api-version"] == "2025-07-16"
    assert headers["user-agent"] == f"trigger-tui/{__version__}"
    assert headers["x-trigger-branch"] == "feature/née"
    assert headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        (RunFilters(statuses=("FAILED", "CRASHED", "TIMED_OUT", "EXPIRED", "CANCELED", "SYSTEM_FAILURE")), "021"),
        (RunFilters(tasks=(TaskId("leaf"), TaskId("middle"))), "027"),
        (RunFilters(tags=("billing", "reports")), "029"),
        (RunFilters(tags=("user:日本 語 🚀",)), "030"),
        (RunFilters(period="1h"), "032"),
        (RunFilters(batch=BatchId("batch_cmwur0d3400329f7dedh38lbv")), "035"),
        (RunFilters(queues=("task/hello-world",)), "037"),
        (RunFilters(machines=("small-2x",)), "039"),
    ],
)
def test_filter_sends_the_recorded_parameters(recordings_api: RecordingsApi, filters: RunFilters, number: str) -> None:
    page = ask(recordings_api.url, lambda client: client.list_runs(filters))
    recorded = {key: str(value) for key, value in recording(number)["request"]["query"].items()}
    window = {} if filters.has_window else WIDEST
    assert recordings_api.requests[0].query == recorded | window | {"page[size]": "100"}
    assert ids(page) == recorded_ids(number)


def test_filter_times_are_rounded_outwards_to_milliseconds() -> None:
    moment = datetime(2026, 11, 24, 13, 43, 24, 709_500, tzinfo=UTC)
    filters = RunFilters(created_from=moment, created_to=moment + timedelta(minutes=10))
    assert filter_params(filters) == {
        "filter[createdAt][from]": "1795527804709",
        "filter[createdAt][to]": "1795528404710",
    }


@pytest.mark.parametrize("period", ["", "nonsense", "0d", "90 days"])
def test_invalid_period_is_never_sent(recordings_api: RecordingsApi, period: str) -> None:
    with pytest.raises(ValueError, match="cannot read the period"):
        filter_params(RunFilters(period=period))
    with pytest.raises(Refused, match="cannot read the period"):
        ask(recordings_api.url, lambda client: client.query(RunCounts(period)))
    assert recordings_api.requests == []


def test_query_is_posted_with_its_period(recordings_api: RecordingsApi) -> None:
    trql = recording("831")["request"]["body"]["query"]
    rows = ask(recordings_api.url, lambda client: client.query(RunCounts("1d")))
    assert rows[0] == {"status": "Completed", "n": 55}
    assert recordings_api.requests[0].json == {"query": trql, "period": "1d"}
    ask(recordings_api.url, lambda client: client.query(RunCounts(None)))
    assert recordings_api.requests[1].json == {"query": trql, "period": "30d"}
    ask(recordings_api.url, lambda client: client.query(RunCounts("41d")))
    assert recordings_api.requests[2].json == {"query": trql, "period": "30d"}


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": ""}, [], "<html>welcome to the hotel</html>", ""])
def test_action_without_an_id_in_the_response_fails(recordings_api: RecordingsApi, body: Any) -> None:
    recordings_api.answer(Reply(body=body), method="POST")
    for question in (lambda client: client.cancel(RUN), lambda client: client.replay(RUN)):
        with pytest.raises(ServerFault):
            ask(recordings_api.url, question)


@pytest.mark.parametrize(
    ("run_id", "part"),
    [("../x", "..%2Fx"), ("run_%2Fabc", "run_%252Fabc"), ("a?b=c#d", "a%3Fb%3Dc%23d"), ("run ü\n", "run%20%C3%BC%0A")],
)
def test_id_never_changes_the_route(recordings_api: RecordingsApi, run_id: str, part: str) -> None:
    with pytest.raises(NotFound):
        ask(recordings_api.url, lambda client: client.read_run(RunId(run_id)))
    with pytest.raises(NotFound):
        ask(recordings_api.url, lambda client: client.cancel(RunId(run_id)))
    assert [request.target for request in recordings_api.requests] == [
        f"/api/v3/runs/{part}",
        f"/api/v2/runs/{part}/cancel",
    ]


@pytest.mark.parametrize("run_id", ["", ".", "..", "\ud800"])
def test_impossible_id_is_rejected_before_sending(recordings_api: RecordingsApi, run_id: str) -> None:
    with pytest.raises(NotFound, match="is not an id"):
        ask(recordings_api.url, lambda client: client.cancel(RunId(run_id)))
    assert recordings_api.requests == []


@pytest.mark.parametrize("base", ["", "/", "/base", "/base/", "/a/b//"])
def test_api_address_may_have_a_path(recordings_api: RecordingsApi, base: str) -> None:
    path = f"{base.rstrip('/')}/api/v1/runs"
    recordings_api.answer("011", path=path)
    assert len(ids(ask(recordings_api.url + base, runs))) == 5
    assert recordings_api.requests[0].path == path


@pytest.mark.parametrize("key", ["", "tr dev", "tr_dev_x\n", "tr_dev_ü", "tr_dev_\x1b"])
def test_invalid_key_is_rejected_without_repeating_it(key: str) -> None:
    with pytest.raises(ValueError, match="the key") as caught:
        Client("https://host", key, clock=lambda: NOW)
    assert key == "" or key not in str(caught.value)


@pytest.mark.parametrize("branch", ["a\nx-evil: 1", "日本"])
def test_invalid_branch_is_rejected(branch: str) -> None:
    with pytest.raises(ValueError, match=r"branch|latin-1"):
        Client("https://host", KEY, clock=lambda: NOW, branch=branch)


def test_redirect_within_the_origin_is_followed(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(301, headers={"location": "/api/v1/moved?page%5Bsize%5D=5"}), path="/api/v1/runs")
    recordings_api.answer("011", path="/api/v1/moved")
    assert len(ids(ask(recordings_api.url, runs))) == 5
    assert recordings_api.requests[1].query == {"page[size]": "5"}
    assert recordings_api.requests[1].headers["authorization"] == f"Bearer {KEY}"


def test_redirect_to_another_origin_is_not_followed(recordings_api: RecordingsApi) -> None:
    with RecordingsApi() as elsewhere:
        recordings_api.answer(Reply(302, headers={"location": f"{elsewhere.url}/api/v1/runs?token=x"}))
        with pytest.raises(ServerFault, match=f"redirected to {elsewhere.url}, which was not followed"):
            ask(recordings_api.url, runs)
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/moved", "//127.0.0.1/x", "?a=1", "", "/api/v1/runs/x/replay/"])
def test_redirected_action_is_sent_once(recordings_api: RecordingsApi, status: int, location: str) -> None:
    recordings_api.answer(Reply(status, headers={"location": location}), method="POST")
    for action in (lambda client: client.cancel(RUN), lambda client: client.replay(RUN)):
        with pytest.raises(ServerFault, match="redirected to") as caught:
            ask(recordings_api.url, action)
        assert caught.value.status == status
    assert [request.method for request in recordings_api.requests] == ["POST", "POST"]


def test_redirects_are_limited(recordings_api: RecordingsApi) -> None:
    for path, target in (("/api/v1/runs", "/away"), ("/away", "/back"), ("/back", "/away")):
        recordings_api.answer(Reply(302, headers={"location": target}), path=path)
    with pytest.raises(ServerFault, match="too many redirects") as caught:
        ask(recordings_api.url, runs)
    assert caught.value.status == 302
    assert len(recordings_api.requests) == 4
