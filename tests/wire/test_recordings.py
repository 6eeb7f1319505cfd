"""Decodes every recording, and compares the result with what its JSON says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.domain.recorded import decode_trace
from tests.support.recordings import as_bytes, body_of, names, recording
from tests.support.wire.requests import NOW
from tui.api.errors import ApiError, Limits, NotFound, RateLimited, Refused, ServerFault, TooExpensive
from tui.api.responses import Response, decode_environment, decode_id, decode_query, read_date, response_error
from tui.api.runs import RunResponse, decode_page, decode_run
from tui.api.traces import decode_span
from tui.domain.run import ABSENT, Environment, parse_status
from tui.domain.text import Raw

UNREAD: dict[str, str] = {
    r"1110-query-csv": "the program asks for JSON",
    r"(1117|2647|2649|2679|2685)-query-.*": "no rows to decode",
    r"2691-query-csv-.*": "the program asks for JSON",
    r"76\d-sequence-events-.*": "one answer after the other: `traces.test_log` decodes single ones",
    r"3\d\d-(result|metadata)-.*": "nobody: the detail says more",
    r"38\d-trigger.*": "Emulator: what starts runs",
    r"421-tags-add": "Emulator",
    r"(5\d\d|2840)-bulk-.*": "tests.lists.bulk_actions",
    r"11(00|01|03)-token-.*": "Emulator: what completes a token",
    r"(1095|1098|280[13])-schedule-.*": "Emulator: the list has the same fields",
    r"282\d-token-.*": "Emulator: what completes a token",
    r"6\d\d-(queue|queues|batch)-.*": "Screen: queues",
    r"(10[67]\d|1166)-queues?-.*": "Screen: queues",
    r"108[02]-deployments-.*": "no rows to decode",
    r"(80\d|81\d)-(whoami-pat|project.*|orgs|dev-status)": "later: profiles",
    r"(821|825|826|827)-deployment.*": "nobody: the list has the same fields",
    r"830-query-schema": "nobody: the columns that we ask for are fixed",
    r"92[34]-(options|head)-runs": "nobody: browsers ask that",
}
"""Successes of routes that the client does not use yet. The emulator must match all of them."""

IDS = ("400", "401", "402", "405", "406", "410", "412", "430")


def number(name: str) -> str:
    return name.partition("-")[0]


def successes(method: str, path: str) -> list[str]:
    """Return the recordings of a route, a pattern of its path, that have rows to decode."""
    found = []
    for name in names():
        request = recording(name).get("request")
        if request and request["method"] == method and re.fullmatch(path, request["path"]) and name not in REFUSALS:
            found.append(name)
    return [name for name in found if not any(re.fullmatch(pattern, name) for pattern in UNREAD)]


REFUSALS = [name for name in names() if recording(name).get("response", {}).get("status", 0) >= 300]
LISTS = successes("GET", "/api/v1/runs")
DETAILS = [*successes("GET", "/api/v3/runs/[^/]+"), *successes("POST", ".*/reschedule")]
TRACES = successes("GET", ".*/trace")
SPANS = successes("GET", ".*/spans/.*")
QUERIES = successes("POST", "/api/v1/query")
ERROR_GROUPS = [*successes("GET", "/api/v1/errors.*"), *successes("POST", "/api/v1/errors.*")]
FEEDS = [name for name in names() if "realtime" in name and name not in REFUSALS]
ELSEWHERE = [
    *ERROR_GROUPS,
    *FEEDS,
    *successes("GET", "/api/v1/(queues|queues/.*/metrics|schedules|waitpoints/tokens|deployments)"),
    *successes("GET", ".*/events"),
]
"""Decoded by other tests."""


def answer_of(name: str) -> Response:
    response = recording(name)["response"]
    headers = {key.lower(): value for key, value in response["headers"].items()}
    read_at = read_date(headers.get("date"), NOW)
    return Response("GET /it", response["status"], headers, as_bytes(response["body"]), read_at)


def run_of(name: str) -> RunResponse:
    answer = answer_of(name)
    return decode_run(answer.body, answer.read_at)


def test_every_recording_is_tested_or_listed_as_unused() -> None:
    tested = {*LISTS, *DETAILS, *REFUSALS, *QUERIES, *TRACES, *SPANS, *ELSEWHERE}
    unread = {name for name in names() if any(re.fullmatch(pattern, name) for pattern in UNREAD)}
    assert {number(name) for name in names() if name not in tested | unread} == {*IDS, "802"}
    assert [pattern for pattern in UNREAD if not any(re.fullmatch(pattern, name) for name in names())] == []
    assert min(map(len, (LISTS, DETAILS, TRACES, SPANS, QUERIES))) > 20


@pytest.mark.parametrize("name", LISTS)
def test_list_gives_its_runs_and_cursors(name: str) -> None:
    answer, body = answer_of(name), recording(name)["response"]["body"]
    page = decode_page(answer.body, answer.read_at)
    # In a shortened recording a note replaces the rows that were cut.
    rows = [row for row in body["data"] if isinstance(row, dict)]
    assert page.unreadable == len(body["data"]) - len(rows)
    assert page.next == body["pagination"].get("next")
    assert [
        (patch.id, patch.state and patch.state.status.word, patch.fixed and (patch.fixed.task, patch.fixed.environment))
        for patch in page.patches
    ] == [(row["id"], row["status"], (row["taskIdentifier"], row["env"]["name"])) for row in rows]
    for patch in page.patches:
        assert (patch.body, patch.error, patch.attempt_count, patch.lists_all_children) == (None, None, None, False)


@pytest.mark.parametrize("name", DETAILS)
def test_detail_gives_the_complete_run(name: str) -> None:
    answer, told = run_of(name), recording(name)["response"]["body"]
    run, related = answer.patch, told["relatedRuns"]
    assert run.state is not None
    assert run.body is not None
    assert run.fixed is not None
    assert run.state.status == parse_status(told["status"], ended="finishedAt" in told)
    assert (run.id, run.attempt_count, run.fixed.depth) == (told["id"], told["attemptCount"], told["depth"])
    body = run.body[1]
    for value, url, key in ((body.payload, body.payload_url, "payload"), (body.output, body.output_url, "output")):
        assert (value, url) == (told.get(key, ABSENT), told.get(f"{key}PresignedUrl"))
    above = [related[key]["id"] for key in ("root", "parent") if key in related]
    assert {each.id for each in answer.related} == {*above, *(child["id"] for child in related["children"])}
    assert (run.lists_all_children, run.attempts) == (True, None)


@pytest.mark.parametrize("name", DETAILS)
def test_detail_gives_the_error_of_the_run(name: str) -> None:
    facet, told = run_of(name).patch.error, recording(name)["response"]["body"].get("error")
    assert facet is not None
    error = facet[1]
    assert (error is None) is (told is None)
    if error is not None:
        message, stack = told["message"], told.get("stackTrace")
        code = re.fullmatch(r"trigger\.dev internal error \((\w+)\)", message)  # it has only a general message
        assert (error.name, error.message, error.stack) == (told.get("name"), message, stack)
        assert (error.code, error.has_code_only) == (code and code[1], code is not None)


KINDS: dict[int, type[ApiError]] = {404: NotFound, 422: TooExpensive, 429: RateLimited}
LINES = {
    "043": "400 Query Error: Invalid status values: RUNNING",
    "404": "400 Unexpected Server Error",
    "738": '400 Query Error: Invalid tag: "a\\"b"',
    "833": (
        '400 Unknown column "execution_started_at". Available columns: attempt_count, batch_id, '
        "bulk_action_group_ids, cli_version, completed_at, compute_cost, co…"
    ),
    "901": "401 No authorization header provided",
    "920": "404, no such route: is TRIGGER_API_URL right?",
    "926": "301 Moved Permanently. Redirecting to /api/v1/runs",
    "930": "429 Rate limit exceeded 0/5 requests remaining. Retry in 9.778 seconds.",
}
"""One response of each shape. All others have their message under `error`."""


@pytest.mark.parametrize("name", REFUSALS)
def test_error_response_gives_one_line(name: str) -> None:
    answer, body = answer_of(name), recording(name)["response"]["body"]
    error = response_error(answer)
    kind = KINDS.get(answer.status, Refused if 400 <= answer.status < 500 else ServerFault)
    assert type(error) is (Refused if number(name) == "920" else kind)
    line = str(error).removeprefix("GET /it: ")
    if number(name) in LINES:
        assert line == LINES[number(name)]
    elif isinstance(body, dict) and "error" in body:
        assert line.startswith(f"{answer.status} {body['error'].strip()}"[:80])
    assert "\n" not in line
    assert len(line) <= 160


@pytest.mark.parametrize("name", ["930", "931"])
def test_rate_limited_response_gives_the_wait(name: str) -> None:
    error = response_error(answer_of(name))
    assert isinstance(error, RateLimited)
    # The header is exact, the Date of the response only to the second.
    recorded_s = recording(name)["response"]["body"]["secondsUntilReset"]
    assert recorded_s <= error.resets_in.total_seconds() <= recorded_s + 1


def test_only_a_successful_response_is_no_error() -> None:
    answers = {name: answer_of(name) for name in names() if "response" in recording(name)}
    accepted = {name for name, answer in answers.items() if response_error(answer) is None}
    assert accepted == {name for name, answer in answers.items() if answer.status < 300}


@pytest.mark.parametrize("name", TRACES)
def test_trace_keeps_every_span_and_flag(name: str) -> None:
    body = json.loads(body_of(name))["trace"]
    trace = decode_trace(body_of(name))
    assert trace.root.run_id == recording(name)["request"]["path"].split("/")[4]
    assert trace.is_truncated == body.get("isTruncated", False)
    assert [
        (s.id, s.run_id, s.message, s.level, s.is_error, s.is_partial, s.is_cancelled, s.attempt_number)
        for s in trace.root.walk()
    ] == list(recorded_spans(body["rootSpan"]))


def recorded_spans(node: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the fields of a recorded node and of all nodes below it. A text replaces nodes that were cut."""
    data = node["data"]
    flags = (data[key] for key in ("message", "level", "isError", "isPartial", "isCancelled"))
    yield (node["id"], node["runId"], *flags, data.get("attemptNumber"))
    for child in node["children"]:
        if not isinstance(child, str):
            yield from recorded_spans(child)


@pytest.mark.parametrize("name", SPANS)
def test_span_is_decoded(name: str) -> None:
    assert decode_span(body_of(name)).properties == (recording(name)["response"]["body"].get("properties") or {})


def test_query_gives_its_rows() -> None:
    for name in QUERIES:
        assert list(decode_query(body_of(name), Limits())) == recording(name)["response"]["body"]["results"] != [], name


@pytest.mark.parametrize("name", IDS)
def test_action_gives_the_id_of_a_run(name: str) -> None:
    requested_id = recording(name)["request"]["path"].split("/")[4]
    is_replay = name in {"410", "412"}
    assert (decode_id(body_of(name)) == requested_id) is not is_replay


def test_whoami_gives_only_the_environment() -> None:
    project, organisation, ref = map(Raw, ("hello-world-9aEu", "references-4744", "proj_rrkpdguyagvsoktglnod"))
    expected = Environment(Raw("dev"), "DEVELOPMENT", project, organisation, ref)
    assert decode_environment(body_of("802")) == expected


@pytest.mark.parametrize("text", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 1601 00:00:00 GMT", "soon", None])
def test_implausible_date_is_ignored(text: str | None) -> None:
    assert read_date(text, NOW) == NOW
