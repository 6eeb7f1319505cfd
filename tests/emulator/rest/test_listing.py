"""The list of runs: filters, cursors and pages, compared with a slow scan of all runs."""

import base64
from collections.abc import Callable, Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator.small_world import START_MS, a_world, ask, later, refused, started
from tests.support.recordings import recording
from tui.emulator.environment import PRODUCTION
from tui.emulator.lists import cursor_of, read_page
from tui.emulator.routes.runs import list_runs
from tui.emulator.simulation.runs import FILTER_STATUSES, Run, Status
from tui.emulator.world import World

TASKS = ("hello", "fail", "single", "slow", "pipeline", "sleep")
TAGS = ("a", "b", "c d", "日本")
STATUSES = ("COMPLETED", "FAILED", "EXECUTING", "QUEUED", "DELAYED", "CANCELED", "FROZEN", "REATTEMPTING")


def lively() -> World:
    """About two hundred runs in all states. Three of them are too new for lists."""
    world = a_world()
    random = Random(7)
    for _ in range(90):
        run = started(
            world,
            random.choice(TASKS),
            random.choice((0, 0, 50, 700, 4000)),
            tags=tuple(random.sample(TAGS, random.randrange(3))),
            is_test=random.random() < 0.1,
            delay_ms=random.choice((0, 0, 0, 3_600_000)),
            machine=random.choice(("", "", "large-2x")),
        )
        if random.random() < 0.1:
            world.cancel(run)
    later(world, 2000)
    for _ in range(3):
        started(world, "hello")
    return world


WORLD = lively()
"""Read only. A test that changes a world makes its own."""

RUNS = [run for run in WORLD.ledger if run.listed_status is not None][::-1]
VERSION = RUNS[-1].version
BATCH = next(run.batch_id for run in RUNS if run.batch_id)


def ids(world: World, query: Mapping[str, str]) -> list[str]:
    return [row["id"] for row in ask(list_runs, world, query).body["data"]]


def walk(world: World, query: Mapping[str, str]) -> list[str]:
    """All pages, from the newest run to the oldest."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask(list_runs, world, {**query, **cursor}).body
        found += [row["id"] for row in answer["data"]]
        if "next" not in answer["pagination"]:
            return found
        cursor = {"page[after]": answer["pagination"]["next"]}


def test_new_runs_appear_after_the_delay() -> None:
    world = a_world()
    run = started(world, "hello", 299)
    assert ids(world, {}) == []
    later(world, 701)
    assert ids(world, {}) == [run.id]


def test_first_page_has_the_newest_25_runs() -> None:
    answer = ask(list_runs, WORLD).body
    assert [row["id"] for row in answer["data"]] == [run.id for run in RUNS[:25]]
    assert answer["pagination"] == {"next": cursor_of(RUNS[24])}
    assert list(answer) == list(recording("010")["response"]["body"])


def test_empty_environment_has_an_empty_page() -> None:
    assert ask(list_runs, a_world(PRODUCTION)).body == recording("055")["response"]["body"]


def test_pages_forward_and_backward_agree() -> None:
    size = {"page[size]": "5"}
    first = ask(list_runs, WORLD, size).body
    second = ask(list_runs, WORLD, {**size, "page[after]": first["pagination"]["next"]}).body
    assert [row["id"] for row in second["data"]] == [run.id for run in RUNS[5:10]]
    assert second["pagination"] == {"next": cursor_of(RUNS[9]), "previous": cursor_of(RUNS[5])}
    back = ask(list_runs, WORLD, {**size, "page[before]": second["pagination"]["previous"]}).body
    assert [row["id"] for row in back["data"]] == [run.id for run in RUNS[4::-1]]
    # As recorded (013): there is no newer page, and the older one follows the oldest run of this one.
    assert back["pagination"] == {"next": cursor_of(RUNS[4])}


def test_page_before_a_cursor_is_adjacent() -> None:
    query = {"page[size]": "4", "page[before]": cursor_of(RUNS[20])}
    page = read_page(WORLD, query)
    assert list(page.runs) == RUNS[19:15:-1]
    assert page.pagination() == {"next": cursor_of(RUNS[19]), "previous": cursor_of(RUNS[16])}


def test_last_page_has_no_next() -> None:
    page = read_page(WORLD, {"page[size]": "10", "page[after]": cursor_of(RUNS[-4])})
    assert list(page.runs) == RUNS[-3:]
    assert page.pagination() == {"previous": cursor_of(RUNS[-3])}
    beyond = read_page(WORLD, {"page[after]": cursor_of(RUNS[-1])})
    assert (list(beyond.runs), beyond.pagination()) == ([], {})


def test_before_takes_precedence_over_after() -> None:
    before = {"page[before]": cursor_of(RUNS[10])}
    assert ids(WORLD, {**before, "page[after]": cursor_of(RUNS[50])}) == ids(WORLD, before)


def test_cursors_are_formatted_as_recorded() -> None:
    recorded = recording("011")["response"]["body"]
    run = started(a_world(), "hello")
    run.id, run.created_ms = recorded["data"][-1]["id"], 1_795_527_997_212
    assert cursor_of(run) == recorded["pagination"]["next"]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


@pytest.mark.parametrize("cursor", ["garbage", RUNS[9].id, "zé", encoded(b'{"c":1.5,"r":"x"}'), encoded(b'{"c":1}')])
def test_invalid_cursor_returns_page_one_with_a_previous(cursor: str) -> None:
    answer = ask(list_runs, WORLD, {"page[size]": "3", "page[after]": cursor}).body
    assert [row["id"] for row in answer["data"]] == [run.id for run in RUNS[:3]]
    # As recorded (017, 019).
    assert answer["pagination"] == {"next": cursor_of(RUNS[2]), "previous": cursor_of(RUNS[0])}
    assert ask(list_runs, WORLD, {"page[before]": cursor}).body == {"data": [], "pagination": {}}


@pytest.mark.parametrize("cursor", ["%%%", "A", encoded(b"[1]"), encoded(b"[" * 100_000)])
def test_cursor_before_all_ids_is_at_the_end(cursor: str) -> None:
    assert ask(list_runs, WORLD, {"page[after]": cursor}).body == {"data": [], "pagination": {}}
    assert ids(WORLD, {"page[before]": cursor, "page[size]": "2"}) == [RUNS[-1].id, RUNS[-2].id]


def test_cursor_at_a_dropped_run_keeps_its_position() -> None:
    world = a_world()
    runs = [started(world, "hello", 10 if at % 2 else 0) for at in range(8)]
    later(world, 2000)
    gone = runs[3]
    cursor = cursor_of(gone)
    world.ledger.drop(gone)
    world.ledger.compact()
    assert ids(world, {"page[after]": cursor}) == [run.id for run in runs[2::-1]]
    assert ids(world, {"page[before]": cursor}) == [run.id for run in runs[4:]]


def test_bare_id_is_a_cursor() -> None:
    assert ids(WORLD, {"page[after]": RUNS[9].id.removeprefix("run_")})[0] == RUNS[10].id


# --- filters


def matching(test: Callable[[Run], bool]) -> list[str]:
    return [run.id for run in RUNS if test(run)]


def known_as(run: Run, *words: Status) -> bool:
    """Whether that is its status and lists know it."""
    return run.status in words and run.listed_status in words


CASES: dict[str, tuple[dict[str, str], Callable[[Run], bool]]] = {
    "task": ({"filter[taskIdentifier]": "leaf"}, lambda run: run.task_id == "leaf"),
    "two tasks": ({"filter[taskIdentifier]": "leaf,middle"}, lambda run: run.task_id in {"leaf", "middle"}),
    "status": ({"filter[status]": "FAILED"}, lambda run: known_as(run, Status.FAILED)),
    "several": (
        {"filter[status]": "FAILED,CANCELED,COMPLETED"},
        lambda run: known_as(run, Status.FAILED, Status.CANCELED, Status.COMPLETED),
    ),
    "tag": ({"filter[tag]": "a"}, lambda run: "a" in run.tags),
    "two tags": ({"filter[tag]": "a,c d"}, lambda run: bool({"a", "c d"} & set(run.tags))),
    "unicode tag": ({"filter[tag]": "日本"}, lambda run: "日本" in run.tags),
    "version": ({"filter[version]": VERSION}, lambda run: run.version == VERSION),
    "custom queue": ({"filter[queue]": "single-file"}, lambda run: run.task_id == "single"),
    "task queue": ({"filter[queue]": "task/hello"}, lambda run: run.task_id == "hello"),
    "bare task queue": ({"filter[queue]": "hello"}, lambda _: False),
    "machine": ({"filter[machine]": "large-1x,large-2x"}, lambda run: run.machine in {"large-1x", "large-2x"}),
    "batch": ({"filter[batch]": BATCH}, lambda run: run.batch_id == BATCH),
    "no batch": ({"filter[batch]": "batch_doesnotexist"}, lambda _: False),
    "tests": ({"filter[isTest]": "true"}, lambda run: run.is_test),
    "no tests": ({"filter[isTest]": "false"}, lambda run: not run.is_test),
    "region": ({"filter[region]": f"x,{WORLD.environment.region}"}, lambda _: True),
    "other region": ({"filter[region]": "eu-central-1"}, lambda _: False),
    "period": ({"filter[createdAt][period]": "30s"}, lambda run: run.created_ms >= WORLD.now_ms - 30_000),
    "no period": ({"filter[createdAt][period]": "banana"}, lambda _: True),
    "from": ({"filter[createdAt][from]": str(RUNS[30].created_ms)}, lambda run: run.created_ms >= RUNS[30].created_ms),
    "to": ({"filter[createdAt][to]": str(RUNS[30].created_ms)}, lambda run: run.created_ms <= RUNS[30].created_ms),
    "iso": ({"filter[createdAt][from]": "2026-11-24T13:47:40Z"}, lambda run: run.created_ms >= START_MS + 60_000),
    "iso to": ({"filter[createdAt][to]": "2026-11-24T13:47:40.500Z"}, lambda run: run.created_ms <= START_MS + 60_500),
    "seconds from": ({"filter[createdAt][from]": str(WORLD.now_ms // 1000)}, lambda _: True),
    "seconds to": ({"filter[createdAt][to]": str(WORLD.now_ms // 1000)}, lambda _: False),
    "unknown error": ({"filter[error]": "error_fb54beda33d3fbe3"}, lambda _: False),
    "unknown schedule": ({"filter[schedule]": "sched_x"}, lambda _: False),
    "unknown bulk action": ({"filter[bulkAction]": "bulk_x"}, lambda _: False),
    "unknown parameter": ({"filter[nope]": "1"}, lambda _: True),
    "empty": ({"filter[tag]": "", "filter[status]": "", "filter[isTest]": "", "filter[batch]": ""}, lambda _: True),
    "waiting": ({"filter[status]": "WAITING"}, lambda _: False),
    "old word": ({"filter[status]": "FROZEN,REATTEMPTING,INTERRUPTED,WAITING_FOR_DEPLOY"}, lambda _: False),
    "both": (
        {"filter[status]": "COMPLETED", "filter[tag]": "a", "filter[taskIdentifier]": "hello"},
        lambda run: known_as(run, Status.COMPLETED) and "a" in run.tags and run.task_id == "hello",
    ),
}
EMPTY = {
    "bare task queue",
    "no batch",
    "other region",
    "seconds to",
    "waiting",
    "old word",
    "unknown error",
    "unknown schedule",
    "unknown bulk action",
}


@pytest.mark.parametrize("case", CASES)
def test_filter_returns_the_matching_runs(case: str) -> None:
    query, test = CASES[case]
    expected = matching(test)
    assert bool(expected) is (case not in EMPTY)
    assert walk(WORLD, {**query, "page[size]": "7"}) == expected


query_values = {
    "filter[status]": st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3, unique=True).map(",".join),
    "filter[taskIdentifier]": st.lists(st.sampled_from([*TASKS, "leaf"]), min_size=1, max_size=3).map(",".join),
    "filter[tag]": st.lists(st.sampled_from(TAGS), min_size=1, max_size=3).map(",".join),
    "filter[queue]": st.sampled_from(("single-file", "task/hello,task/leaf")),
    "filter[machine]": st.sampled_from(("small-1x", "large-1x,large-2x")),
    "filter[isTest]": st.sampled_from(("true", "false")),
    "filter[createdAt][from]": st.sampled_from(RUNS).map(lambda run: str(run.created_ms)),
    "filter[createdAt][to]": st.sampled_from(RUNS).map(lambda run: str(run.created_ms)),
}


def passes(run: Run, query: Mapping[str, str]) -> bool:
    """A slow and simple implementation of the filters."""

    def among(name: str, value: str) -> bool:
        return f"filter[{name}]" not in query or value in query[f"filter[{name}]"].split(",")

    words = [w for name in query.get("filter[status]", "").split(",") if name for w in FILTER_STATUSES[name]]
    return (
        ("filter[status]" not in query or known_as(run, *words))
        and among("taskIdentifier", run.task_id)
        and among("queue", run.queue)
        and among("machine", run.machine)
        and among("isTest", "true" if run.is_test else "false")
        and ("filter[tag]" not in query or any(tag in query["filter[tag]"].split(",") for tag in run.tags))
        and int(query.get("filter[createdAt][from]", 0)) <= run.created_ms
        and run.created_ms <= int(query.get("filter[createdAt][to]", 10**15))
    )


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=query_values), st.integers(1, 100))
def test_pages_of_any_filters_contain_all_matches(query: dict[str, str], size: int) -> None:
    expected = [run for run in RUNS if passes(run, query)]
    sized = {**query, "page[size]": str(size)}
    assert walk(WORLD, sized) == [run.id for run in expected]
    if expected:
        found: list[Run] = []
        cursor = cursor_of(expected[-1])
        while cursor:
            page = read_page(WORLD, {**sized, "page[before]": cursor})
            found += page.runs
            cursor = page.previous
        assert found == expected[-2::-1]


# --- delays and dropped runs


def test_status_filter_drops_rows_that_changed_since() -> None:
    world = a_world()
    runs = [started(world, "slow", 10) for _ in range(6)]
    later(world, 3000)
    executing = {"filter[status]": "EXECUTING", "page[size]": "2"}
    assert walk(world, executing) == [run.id for run in runs[::-1]]
    for run in runs[2:]:
        world.cancel(run)
    first = ask(list_runs, world, executing).body
    assert first == {"data": [], "pagination": {"next": cursor_of(runs[4])}}
    assert walk(world, executing) == [runs[1].id, runs[0].id]
    # Lists do not know the new status yet, but rows show it.
    assert ids(world, {"filter[status]": "CANCELED"}) == []
    assert [row["status"] for row in ask(list_runs, world, {"page[size]": "2"}).body["data"]] == ["CANCELED"] * 2
    later(world, 1000)
    assert ids(world, {"filter[status]": "CANCELED"}) == [run.id for run in runs[:1:-1]]


def test_dequeued_runs_never_match_executing() -> None:
    world = a_world(lag_ms=(0, 0))
    run = started(world, "slow")
    while run.status is not Status.DEQUEUED:
        later(world, 5)
    query = {"filter[status]": "EXECUTING"}
    assert ask(list_runs, world, {}, is_versioned=False).body["data"][0]["status"] == "EXECUTING"
    assert ask(list_runs, world, query, is_versioned=False).body["data"] == []
    assert ids(world, {"filter[status]": "DEQUEUED"}) == [run.id]


def test_dropped_runs_are_skipped_before_compaction() -> None:
    world = a_world()
    runs = [started(world, "hello", 2000, tags=("t",)) for _ in range(4)]
    world.ledger.drop(runs[2])
    expected = [runs[3].id, runs[1].id, runs[0].id]
    assert ids(world, {}) == ids(world, {"filter[tag]": "t"}) == expected


# --- refusals


@pytest.mark.parametrize("number", ["015", "016", "040", "042", "043", "051"])
def test_invalid_parameters_are_refused_as_recorded(number: str) -> None:
    recorded = recording(number)
    query = {name: str(value) for name, value in recorded["request"]["query"].items()}
    answer = refused(list_runs, WORLD, query)
    assert (answer.status, answer.body) == (recorded["response"]["status"], recorded["response"]["body"])


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"page[size]": "ten"}, ["invalid_type"]),
        ({"page[size]": ""}, ["too_small", "too_small"]),
        ({"page[size]": "-3"}, ["too_small", "too_small"]),
        ({"page[size]": "2.5"}, ["invalid_type"]),
        ({"page[size]": "Infinity"}, ["invalid_type"]),
        ({"page[size]": "1_0"}, ["invalid_type"]),
        ({"page[size]": "٣"}, ["invalid_type"]),
        ({"filter[createdAt][from]": "1_0"}, ["invalid_date"]),
        ({"filter[createdAt][from]": "yesterday"}, ["invalid_date"]),
        ({"filter[createdAt][to]": "9" * 400}, ["invalid_date"]),
        ({"page[size]": "101", "filter[status]": "X,COMPLETED,"}, ["too_big", "custom"]),
    ],
)
def test_other_invalid_parameters_are_refused(query: dict[str, str], codes: list[str]) -> None:
    answer = refused(list_runs, WORLD, query)
    assert answer.status == 400
    assert answer.body["error"] == "Query Error"
    assert [issue["code"] for issue in answer.body["details"]] == codes
    assert all(issue["path"][0] in query for issue in answer.body["details"])


@pytest.mark.parametrize("size", ["1", "100", " 7 ", "1e1"])
def test_valid_page_sizes(size: str) -> None:
    assert len(ids(WORLD, {"page[size]": size})) == min(int(float(size)), len(RUNS))


@pytest.mark.parametrize("period", ["9" * 5000 + "d", "never", "-1h", "0s"])
def test_unreadable_period_is_ignored(period: str) -> None:
    assert ids(WORLD, {"filter[createdAt][period]": period}) == ids(WORLD, {})
