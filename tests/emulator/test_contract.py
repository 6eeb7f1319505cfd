"""Compares the emulator with the recordings, request by request: status, headers, keys, types and content.

Every recording is covered. Runs are created again (`contract.runs`), and at some moment their response must equal the
recorded one. All other requests have a case each (`contract.cases`). `contract.intended` lists the routes that are not
served and the intended differences, with reasons.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2
import pytest

from tests.emulator.contract import comparable, environment, error_groups, feeds, window
from tests.emulator.contract.cases import CASES, CONTENTS, LISTS
from tests.emulator.contract.intended import FEWER_HEADERS_FROM, HEADERS, INTENDED, NOT_SERVED, PRESENT, UNORDERED
from tests.emulator.contract.runs import make
from tests.emulator.contract.scene import START_MS, Scene, scenes
from tests.emulator.contract.shapes import Shape
from tests.emulator.contract.spans import recorded_path, span_at
from tests.support.recordings import names, recording, recordings

OF_CASES = (environment, error_groups)
"""The modules whose import adds cases."""

IS_RUN = re.compile(r"/api/v[123]/runs/(run_\w+)(/.*)?$")
STEPS_S = (0.0, *[0.05] * 80, *[0.25] * 60, *[1.0] * 60, 300.0)
"""The pauses between looks at a response while its run goes on."""

FIRST_SEEDS = {"220": 2, "221": 2}
"""The first seed to try where an earlier one is known to differ: to find that out takes a hundred requests."""

SEQUENCES = {"760", "761"}
OVER_S = 400.0
SEEDS = 12


@pytest.fixture(scope="module")
def server() -> Iterator[Scene]:
    with scenes() as scene:
        yield scene


@pytest.fixture
def scene(server: Scene) -> Scene:
    server.reset()
    return server


def number(name: str) -> str:
    return name.partition("-")[0]


def not_served(path: str) -> str | None:
    return next((why for pattern, why in NOT_SERVED.items() if re.match(pattern, path)), None)


def of_one_run() -> list[str]:
    """The names of recordings about one run."""
    return [
        name
        for name, parsed in recordings()
        if number(name) not in CASES
        and "request" in parsed
        and IS_RUN.match(parsed["request"]["path"])
        and not not_served(parsed["request"]["path"])
    ]


@cache
def row_shape(*, is_versioned: bool) -> Shape:
    """The rows of all recorded lists, because the keys of a row depend on its run."""
    pages = [
        parsed["response"]["body"]
        for name, parsed in recordings()
        if number(name) in LISTS and parsed["response"]["status"] == 200
        if ("x-trigger-api-version" in parsed["request"]["headers"]) == is_versioned
    ]
    return Shape.of(row for page in pages for row in page["data"])


def shape_of(name: str, recorded: dict[str, Any], request: dict[str, Any]) -> Shape:
    """The keys and types that a response must have."""
    body = recorded["body"]
    if isinstance(body, list) and isinstance(body[-1], str):
        # Rows that were cut from the file, and the message at the end of every response of a feed.
        body = [*body[:-1], feeds.UP_TO_DATE]
    shape = Shape.of([body])
    if number(name) in LISTS and recorded["status"] == 200:
        shape.keys["data"].items = row_shape(is_versioned="x-trigger-api-version" in request["headers"])
    return shape


def is_header_dropped(name: str, header: str, recorded: dict[str, Any]) -> bool:
    """Whether the recording lacks this header."""
    is_late = number(name).isdigit() and int(number(name)) >= FEWER_HEADERS_FROM
    return is_late and header not in recorded["headers"]


def differences(name: str, recorded: dict[str, Any], answer: httpx2.Response, shape: Shape) -> Iterator[str]:
    """Differences in status, headers, keys and types."""
    if answer.status_code != recorded["status"]:
        yield f"status: {answer.status_code} instead of {recorded['status']}: {answer.text[:300]}"
    for header in HEADERS:
        if is_header_dropped(name, header, recorded):
            continue
        if answer.headers.get(header) != recorded["headers"].get(header):
            yield f"header {header}: {answer.headers.get(header)!r} instead of {recorded['headers'].get(header)!r}"
    for header in PRESENT:
        if is_header_dropped(name, header, recorded):
            continue
        if (header in answer.headers) != (header in recorded["headers"]):
            yield f"header {header}: {answer.headers.get(header)!r} instead of {recorded['headers'].get(header)!r}"
    is_json = "json" in recorded["headers"].get("content-type", "")
    if is_json and answer.content:
        yield from shape.differences(answer.json())


def unintended(name: str, found: Iterator[str]) -> list[str]:
    """The differences that are not intended."""
    return [each for each in found if (number(name), each.split(":")[0]) not in INTENDED]


def comparison_for(name: str, path: str, recorded: dict[str, Any]) -> Callable[[Any], Any]:
    """The function that reduces a response to its comparable content."""
    if recorded["status"] != 200:
        return comparable.plain
    comparisons: dict[str, Callable[[Any], Any]] = {
        "/trace": comparable.trace,
        "/events": comparable.events,
        "/spans/": comparable.span,
    }
    comparison = next((comparison for part, comparison in comparisons.items() if part in path), comparable.plain)
    if "/api/v3/" in path or path.endswith("/reschedule"):
        comparison = comparable.detail
    return (lambda body: comparable.sorted_deep(comparison(body))) if number(name) in UNORDERED else comparison


def send_again(scene: Scene, request: dict[str, Any], run_id: str) -> httpx2.Response:
    """Send the recorded request with the ids that are used here."""
    match = IS_RUN.match(request["path"])
    assert match is not None
    path = request["path"].replace(match[1], run_id)
    if span := re.search(r"/spans/(\w+)$", path):
        where = recorded_path(span[1]) or ()
        trace = scene.ask("GET", f"/api/v1/runs/{run_id}/trace").json()
        path = path.replace(span[1], span_at(trace, where) or "0" * 16)
    scene.emulator.limiter.forget()
    return scene.ask(
        request["method"], path, query=request["query"], headers=request["headers"], body=request["body"], key=scene.key
    )


def is_over(recorded: dict[str, Any]) -> bool:
    """Whether the recorded run had ended. Then one look, after the end, is enough."""
    body = recorded["body"]
    if "spanId" in body:
        return not body["isPartial"]
    if "trace" in body:
        return not body["trace"]["rootSpan"]["data"]["isPartial"]
    if "events" in body:
        return not body["events"][0]["isPartial"]
    return bool(body.get("finishedAt"))


def content_differences(recorded: Any, content: Any, path: str = "says") -> Iterator[str]:
    """The differences of two contents, shortened."""
    if isinstance(recorded, dict) and isinstance(content, dict) and recorded.keys() == content.keys():
        for key in recorded:
            yield from content_differences(recorded[key], content[key], f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(content, list) and len(recorded) == len(content):
        for at, (one, other) in enumerate(zip(recorded, content, strict=True)):
            yield from content_differences(one, other, f"{path}[{at}]")
    elif not comparable.is_same(recorded, content):
        yield f"{path}: {str(content)[:600]} instead of {str(recorded)[:600]}"


@pytest.mark.parametrize("name", of_one_run())
def test_run_is_shown_as_recorded(server: Scene, name: str) -> None:
    parsed = recording(name)
    closest: list[str] = []
    # The visible part of a live run depends on when its spans are sent, and so on its seed.
    seeds = range(1 if is_over(parsed["response"]) else SEEDS)
    for seed in sorted(seeds, key=lambda seed: seed != FIRST_SEEDS.get(number(name), 0)):
        server.reset(seed)
        found = closest_answer(server, name, parsed["request"], parsed["response"])
        if not found:
            return
        closest = closest or found
    pytest.fail("\n".join(closest))


def closest_answer(scene: Scene, name: str, request: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    """The differences of the most similar response in the life of one run. Empty when one response is equal."""
    match = IS_RUN.match(request["path"])
    assert match is not None
    run_id = make(scene, match[1])
    comparison, shape = comparison_for(name, request["path"], recorded), shape_of(name, recorded, request)
    closest: list[str] = []
    for step_s in (OVER_S,) if is_over(recorded) else STEPS_S:
        scene.advance(step_s)
        answer = send_again(scene, request, run_id)
        found = unintended(name, differences(name, recorded, answer, shape))
        found = found or list(content_differences(comparison(recorded["body"]), comparison(answer.json())))
        if not found or request["method"] == "POST":
            return found
        if not closest or len(found) < len(closest):
            closest = found
    return closest


@pytest.mark.parametrize("name", [name for name in names() if number(name) in CASES])
def test_response_is_as_recorded(scene: Scene, name: str) -> None:
    parsed = recording(name)
    request, recorded = parsed["request"], parsed["response"]
    answer = CASES[number(name)](scene, request)
    assert unintended(name, differences(name, recorded, answer, shape_of(name, recorded, request))) == []
    if number(name) in LISTS and recorded["status"] == 200:
        page, rows = answer.json(), answer.json()["data"]
        if (number(name), "emptiness") not in INTENDED:
            assert bool(rows) == bool(recorded["body"]["data"])
        created = [row["createdAt"] for row in rows]
        assert created == sorted(created, reverse="page[before]" not in request["query"])
        assert len(page["data"]) <= int(request["query"].get("page[size]", 25))
    elif (content_of := CONTENTS.get(number(name))) is not None and recorded["status"] == 200:
        assert list(content_differences(content_of(recorded["body"]), content_of(answer.json()))) == []
    elif (number(name), "body") in INTENDED:
        assert answer.json() != recorded["body"]
    elif "json" in recorded["headers"]["content-type"] and recorded["status"] >= 400 and name[:3] not in {"930", "931"}:
        assert answer.json() == recorded["body"]


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("26") and "-window-" in name])
def test_lists_and_queries_reach_back_as_recorded(scene: Scene, name: str) -> None:
    parsed = recording(name)
    recorded = parsed["response"]
    answer = CASES[number(name)](scene, parsed["request"])
    then = parsedate_to_datetime(recorded["headers"]["date"])
    now = datetime.fromtimestamp(START_MS / 1000, UTC)
    assert sorted(window.ages(answer.json(), now)) == sorted(window.ages(recorded["body"], then))


def test_failing_run_is_followed_as_recorded(scene: Scene) -> None:
    """Recording 761: progress grows with each attempt, and the error comes with the end."""
    comparable = feeds.followed_run(scene, feeds.polls("761"))
    recorded = [row for poll in feeds.polls("761") for row in feeds.rows_of(poll["response"]["body"])]
    assert feeds.story_of_a_run(comparable) == feeds.story_of_a_run(recorded)


def test_tree_is_followed_as_recorded(scene: Scene) -> None:
    """Recording 760: each run is inserted once and followed to its end."""
    comparable = feeds.followed_tree(scene, feeds.polls("760"))
    recorded = [row for poll in feeds.polls("760") for row in feeds.rows_of(poll["response"]["body"])]
    recorded = [row for row in recorded if row["value"]["taskIdentifier"] in {"pipeline", "middle", "leaf"}]
    assert feeds.story_of_a_tree(comparable) == feeds.story_of_a_tree(recorded)


def test_every_recording_is_covered() -> None:
    replayed = {*of_one_run(), *(name for name in names() if number(name) in CASES or number(name) in SEQUENCES)}
    left = [name for name in names() if name not in replayed]
    paths = {name: recording(name).get("request", {}).get("path", recording(name)["what"]) for name in left}
    assert {name: path for name, path in paths.items() if not_served(path)} == paths


def test_every_intended_difference_exists() -> None:
    """A reason without a recording must be removed."""
    assert all(len(why) > 10 for why in INTENDED.values())
    assert {number for number, _ in INTENDED} <= {number(name) for name in names()}
