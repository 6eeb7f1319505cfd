"""The server's filters on the store's runs give what the emulator lists, and a typed filter becomes a search."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import NOON, patch_of, run_of
from tests.support.emulator.server import EmulatorServer, later, run_emulator, started
from tui.api.client import filter_params
from tui.api.runs import decode_page
from tui.domain.filters import RunFilters
from tui.domain.run import Fixed, Precision, Run, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.emulator.environment import API_VERSION
from tui.store import server_filter
from tui.store.filter import EVERYTHING
from tui.store.merge import merge
from tui.store.server_filter import (
    MAX_ERROR_TEXTS,
    MAX_GLOB_TASKS,
    MAX_NAMES,
    KnownValues,
    SearchPlan,
    is_typable,
    known_values,
    plan_search,
    with_server_filters,
)
from tui.store.store import Store

PAGE_SIZE = 100
TASKS = ("hello", "fail", "single", "slow", "pipeline", "crash", "nobody")
TAGS = ("a", "b", "c d", "日本", "A")
QUEUES = ("task/hello", "task/slow", "single-file", "hello")
VERSION = "20261124.1"
STATUSES = (
    *("QUEUED", "DELAYED", "EXECUTING", "COMPLETED", "FAILED", "CANCELED", "CRASHED", "EXPIRED"),
    *("FROZEN", "WAITING_FOR_DEPLOY", "REATTEMPTING", "INTERRUPTED", "DEQUEUED"),
)


class Known:
    """A running emulator, and its runs with all facets."""

    def __init__(self, api: EmulatorServer) -> None:
        self.api = api
        self.runs: list[Run] = []

    def ask(self, filters: RunFilters) -> list[Run]:
        """Return a page of the list, requested by the client."""
        answer = self.api.get(
            "/api/v1/runs",
            params=filter_params(filters) | {"page[size]": str(PAGE_SIZE)},
            headers={"x-trigger-api-version": API_VERSION},
        )
        assert answer.status_code == 200, answer.text
        return [merge(None, patch) for patch in decode_page(answer.content, NOON).patches]


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    with run_emulator() as api:
        api.get("/api/v1/runs")
        world, random = api.world(), Random(3)
        for _ in range(40):
            new = started(
                world,
                random.choice(TASKS[:-1]),
                random.choice((0, 0, 50, 700)),
                tags=tuple(random.sample(TAGS, random.randrange(3))),
                is_test=random.random() < 0.2,
                delay_ms=random.choice((0, 0, 0, 3_600_000)),
                machine=random.choice(("", "", "large-2x")),
            )
            if random.random() < 0.1:
                world.cancel(new)
        # The server filters in a replica that is behind. By now short runs have ended, and long ones still run.
        later(world, 20_000)
        api.time[0] = world.now_ms
        found = Known(api)
        truth = world.ledger.by_id
        for run in found.ask(RunFilters()):
            true = truth[run.id]
            # Rows do not contain these, and the version only once a worker has the run.
            facets = replace(run.fixed, queue=Raw(true.queue), machine=Raw(true.machine), version=Raw(true.version))
            found.runs.append(replace(run, fixed=facets))
        assert {run.fixed.version for run in found.runs} >= {VERSION}
        assert {run.status_title for run in found.runs} >= {
            "Queued",
            "Delayed",
            "Executing",
            "Completed",
            "Failed",
            "Canceled",
        }
        yield found


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), max_size=3, unique=True).map(tuple)


server_filters = st.builds(
    RunFilters,
    statuses=some(STATUSES),
    tasks=some(TASKS).map(lambda names: tuple(map(TaskId, names))),
    tags=some(TAGS),
    versions=some((VERSION, "20990101.1")),
    queues=some(QUEUES),
    machines=some(("large-2x", "large-1x")),
    is_test=st.none() | st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(server_filters)
def test_run_matches_exactly_if_the_server_lists_it(known: Known, filters: RunFilters) -> None:
    runs_filter = with_server_filters(filters, EVERYTHING)
    assert {run.id for run in known.runs if runs_filter.matches(run)} == {run.id for run in known.ask(filters)}


def matches(run: Run, **filters: object) -> bool:
    return with_server_filters(replace(RunFilters(), **filters), EVERYTHING).matches(run)  # type: ignore[arg-type]


def test_unknown_values_do_not_hide_a_run() -> None:
    bare = run_of("run_a", None, task=None, created=None)
    for name in ("statuses", "tasks", "tags", "versions", "regions"):
        assert matches(bare, **{name: ("x",)}), name
    assert matches(bare, is_test=True)
    assert matches(bare, batch="batch_1")


def test_missing_version_hides_a_listed_run_only() -> None:
    assert not matches(run_of("run_a", state={"precision": Precision.LIST}), versions=("1",))
    assert matches(run_of("run_a", state={"precision": Precision.FEED}), versions=("1",))


def test_suggested_values_are_sorted_by_likelihood() -> None:
    store = Store()
    rows = [
        ("run_a", "sync", "1.9", ("x", "rare")),
        ("run_b", "Mail", "1.10", ("x",)),
        ("run_c", "a,b", "1.9", ("\x1b[31m", " x", "")),
    ]
    store.apply(
        RunsRead(
            tuple(
                patch_of(
                    run_id,
                    fixed=Fixed(task=TaskId(task), version=Raw(version), queue=Raw("own") if task == "sync" else None),
                    state={"tags": tuple(map(Raw, tags))},
                )
                for run_id, task, version, tags in rows
            )
        )
    )
    known = known_values(store)
    assert known == KnownValues(
        ("Mail", "sync"), ("x", "rare"), ("1.10", "1.9"), ("own", "task/Mail", "task/sync"), is_all=True
    )


def test_suggestions_use_a_sample_of_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_filter, "MAX_SAMPLED_RUNS", 10)
    store = Store()
    store.apply(RunsRead(tuple(patch_of(f"run_{number}", task=f"t{number % 3}") for number in range(11))))
    known = known_values(store)
    assert known.tasks == ("t0", "t1", "t2")
    assert not known.is_all


@given(st.text(max_size=8))
def test_typable_value_survives_a_list_with_commas(value: str) -> None:
    if is_typable(value):
        assert [part.strip() for part in f"a, {value}, b".split(",")] == ["a", value, "b"]
        assert "\x1b" not in value
        assert "\n" not in value


ID = "run_cmwur0jg4003u9f7dkkxil4se"
KNOWN = KnownValues(tasks=("syncOrders", "mail"), tags=("Shop:Berlin",), queues=("Emails",))


def plan(text: str, **followed: object) -> SearchPlan:
    return plan_search(text, RunFilters(**followed), KNOWN)  # type: ignore[arg-type]


def lists_of(*lists: dict[str, tuple[str, ...]]) -> tuple[RunFilters, ...]:
    return tuple(RunFilters(**each) for each in lists)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [ID, f"id:{ID}", f'"{ID}"', f"{ID} status:failed"])
def test_whole_id_finds_one_run(text: str) -> None:
    search = plan(text)
    assert search.run_ids == (RunId(ID),)
    assert (search.lists, search.error_texts) == ((), ())
    assert not search.reads_older
    assert not search.reads_errors


def test_text_searches_tags_tasks_and_errors() -> None:
    search = plan("syncorders")
    assert search.lists == lists_of({"tags": ("syncorders",)}, {"tasks": ("syncOrders", "syncorders")})
    assert search.error_texts == ("syncorders",)
    assert search.reads_errors
    assert search.reads_older
    assert search.filters == RunFilters()


def test_names_have_the_spelling_of_known_runs() -> None:
    assert plan("tag:shop:berlin").lists == lists_of({"tags": ("Shop:Berlin", "shop:berlin")})
    assert plan("queue:emails").lists == lists_of({"queues": ("Emails",)}, {"queues": ("emails",)})
    assert plan("task:SYNCORDERS").filters.tasks == (TaskId("syncOrders"),)
    assert plan("task:unknown").filters.tasks == ()


def test_glob_of_a_task_becomes_the_known_tasks() -> None:
    known = KnownValues(tasks=("charge-card", "Charge-Refund", "mail"))
    search = plan_search("task:charge-*,mail status:failed", RunFilters(), known)
    tasks = (TaskId("charge-card"), TaskId("Charge-Refund"))
    assert search.lists[1:] == (RunFilters(tasks=tasks, statuses=("FAILED",)),)
    assert search.filters.tasks == ()
    assert search.reads_older, "an older run may be of a task that is not known"
    assert plan_search("-task:charge-* task:none-*", RunFilters(), known).lists == ()
    assert plan_search('task:"charge-*"', RunFilters(), known).lists == lists_of({"tasks": ("charge-*",)})
    assert plan_search("task:charge-*", RunFilters(tasks=tasks[:1]), known).lists == ()
    many = KnownValues(tasks=tuple(f"t{number}" for number in range(MAX_GLOB_TASKS + 1)))
    assert plan_search("task:t*", RunFilters(), many).lists == ()


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("status:queued", ("QUEUED",)),
        ("status:waiting-to-start", ("DELAYED", "QUEUED", "PENDING_VERSION")),
        ("status:interrupted", ("FAILED",)),
        ("status:failures", ("FAILED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT")),
        ("status:failed-to-run", ()),
        ("status:faild", ()),
        ("-status:failed", ()),
    ],
)
def test_status_restricts_the_list_of_older_runs(text: str, statuses: tuple[str, ...]) -> None:
    assert set(plan(text).filters.statuses) == set(statuses)


def test_active_filters_stay() -> None:
    search = plan("task:mail status:queued version:20261124.1", tasks=(TaskId("other"),), statuses=("FAILED",))
    assert search.filters == RunFilters(tasks=(TaskId("other"),), statuses=("FAILED",), versions=("20261124.1",))
    assert plan("x", tags=("y",)).lists == lists_of({"tags": ("y",), "tasks": ("x",)})


@pytest.mark.parametrize("text", ["declined", "-declined", "decl*ned", "error:x", "-error:x", "task:mail declined"])
def test_text_and_error_depend_on_errors(text: str) -> None:
    assert plan(text).reads_errors


@pytest.mark.parametrize("text", ["status:failed", "task:mail", "age:<5m", "tag:x -queue:y"])
def test_other_fields_depend_on_no_error(text: str) -> None:
    assert not plan(text).reads_errors


def test_search_plan_is_bounded() -> None:
    search = plan(" ".join(f"word{number}" for number in range(50)))
    assert len(search.lists) == 2 * MAX_NAMES
    assert len(search.error_texts) == MAX_ERROR_TEXTS
