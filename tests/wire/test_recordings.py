"""Decodes every recording and compares the result with `tests/support/wire/expected.py`."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.domain.recorded import decode_trace
from tests.support.recordings import as_bytes, body_of, names, recording
from tests.support.wire.expected import DETAILS, ERRORS_OF_RUNS, LISTS, QUERIES, REFUSALS, UNREAD, UNREADABLE_ROWS
from tests.support.wire.requests import NOW
from tui.api.errors import RateLimited
from tui.api.responses import Response, decode_environment, decode_id, decode_query, read_date, response_error
from tui.api.runs import ListPage, RunResponse, decode_page, decode_run
from tui.api.traces import decode_span
from tui.domain.run import ABSENT, Environment
from tui.domain.text import Raw

IDS = ("400", "401", "402", "405", "406", "410", "412", "430")


def number(name: str) -> str:
    return name.partition("-")[0]


def successes(sort: str) -> list[str]:
    return [name for name in names() if name.split("-")[1] == sort and number(name) not in REFUSALS]


TRACES = successes("trace")
SPANS = successes("span")
ERROR_GROUPS = [name for name in names() if re.match(r"\d+-errors?-", name) and number(name) not in REFUSALS]
"""Decoded in `findings.test_facts`."""
_FACTS = r"\d+-(queues-list|queue-metrics|schedules(-list.*)?|tokens-list.*|deployments-list.*|report-health.*)\Z"
FACTS = [name for name in names() if re.match(_FACTS, name) and number(name) not in REFUSALS]
"""Decoded in `findings.test_facts`."""
EVENTS = successes("events")
"""Decoded in `traces.test_log`."""
FEEDS = [name for name in names() if "realtime" in name and number(name) not in REFUSALS]
"""Decoded in `test_feed`."""


def answer_of(name: str) -> Response:
    response = recording(name)["response"]
    headers = {key.lower(): value for key, value in response["headers"].items()}
    read_at = read_date(headers.get("date"), NOW)
    return Response("GET /it", response["status"], headers, as_bytes(response["body"]), read_at)


def page_of(name: str) -> ListPage:
    answer = answer_of(name)
    return decode_page(answer.body, answer.read_at)


def run_of(name: str) -> RunResponse:
    answer = answer_of(name)
    return decode_run(answer.body, answer.read_at)


def kind(value: Any, url: str | None) -> str:
    if value is ABSENT:
        return "absent" if url is None else "presigned"
    return "null" if value is None else type(value).__name__


def test_every_recording_is_tested_or_listed_as_unused() -> None:
    tested = {
        *LISTS,
        *DETAILS,
        *REFUSALS,
        *QUERIES,
        *IDS,
        "802",
        *map(number, [*TRACES, *SPANS, *EVENTS, *FEEDS, *ERROR_GROUPS, *FACTS]),
    }
    unread = {name for name in names() if any(re.fullmatch(pattern, name) for pattern in UNREAD)}
    assert [name for name in names() if number(name) not in tested and name not in unread] == []
    assert [pattern for pattern in UNREAD if not any(re.fullmatch(pattern, name) for name in names())] == []
    assert tested <= {number(name) for name in names()}


def test_every_recorded_error_is_tested() -> None:
    with_response = [name for name in names() if "response" in recording(name)]
    failed = {number(name) for name in with_response if recording(name)["response"]["status"] >= 300}
    assert failed == set(REFUSALS)


def test_list_gives_its_runs_and_cursors() -> None:
    for name in LISTS:
        page = page_of(name)
        words = Counter(patch.state.status.word for patch in page.patches if patch.state is not None)
        following = "" if page.next is None else "next"
        assert (" ".join(f"{words[word]} {word}" for word in sorted(words)), following) == LISTS[name], name
        assert page.unreadable == UNREADABLE_ROWS.get(name, 0), name
        for patch in page.patches:
            assert patch.fixed is not None, name
            assert patch.fixed.environment in {"dev", "prod"}, name
            assert (patch.body, patch.error, patch.attempt_count, patch.lists_all_children) == (
                None,
                None,
                None,
                False,
            ), name


def test_detail_gives_the_complete_run() -> None:
    for name in DETAILS:
        answer = run_of(name)
        run = answer.patch
        assert run.state is not None, name
        assert run.body is not None, name
        assert run.fixed is not None, name
        body = run.body[1]
        payload, output = kind(body.payload, body.payload_url), kind(body.output, body.output_url)
        facts = (run.state.status.title, run.attempt_count, payload, output, run.fixed.depth, len(answer.related))
        assert facts == DETAILS[name], name
        assert run.lists_all_children, name
        assert run.attempts is None, name


def test_detail_gives_the_error_of_the_run() -> None:
    for name in DETAILS:
        facet = run_of(name).patch.error
        assert facet is not None, name
        error = facet[1]
        assert (error is None) is (name not in ERRORS_OF_RUNS), name
        if error is not None:
            error_name, message, code, has_stack = ERRORS_OF_RUNS[name]
            assert (error.name, error.code, error.stack is not None) == (error_name, code, has_stack), name
            assert error.message == (message if code is None else f"{message} ({code})"), name
            assert error.has_code_only == (code is not None), name


def test_error_response_gives_one_line() -> None:
    for name in REFUSALS:
        error = response_error(answer_of(name))
        assert (type(error), str(error).removeprefix("GET /it: ").removeprefix("GET /it ")) == REFUSALS[name], name


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
        rows = decode_query(body_of(name))
        count, column, value = QUERIES[name]
        assert len(rows) == count, name
        assert rows[0][column] == value, name


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
