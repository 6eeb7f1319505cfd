"""A typed filter becomes a plan for a search on the server."""

import pytest

from tui.domain.filters import RunFilters
from tui.domain.run import RunId, TaskId
from tui.store.server_filter import MAX_ERROR_TEXTS, MAX_GLOB_TASKS, MAX_NAMES, KnownValues, SearchPlan, plan_search

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


@pytest.mark.parametrize("text", ["run_cmwu", "id:4se", f"-{ID}", "run_*"])
def test_part_of_an_id_searches_older_runs(text: str) -> None:
    assert plan(text).run_ids == ()
    assert plan(text).reads_older


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


def test_queue_is_found_by_its_list_only() -> None:
    search = plan("queue:task/mail")
    assert search.lists == lists_of({"queues": ("task/mail",)})
    assert not search.reads_older
    assert not search.reads_errors


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
