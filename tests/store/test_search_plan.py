"""What a typed filter is asked of the server by."""

import pytest

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, TaskId
from tui.store.search_plan import MAX_ERROR_TEXTS, MAX_NAMES, SearchPlan, plan_search
from tui.store.server_filter import KnownValues

ID = "run_cmwur0jg4003u9f7dkkxil4se"
KNOWN = KnownValues(tasks=("syncOrders", "mail"), tags=("Shop:Berlin",), queues=("Emails",))


def asked(text: str, **followed: object) -> SearchPlan:
    return plan_search(text, RunFilters(**followed), KNOWN)  # type: ignore[arg-type]


def by(*lists: dict[str, tuple[str, ...]]) -> tuple[RunFilters, ...]:
    return tuple(RunFilters(**each) for each in lists)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [ID, f"id:{ID}", f'"{ID}"', f"{ID} status:failed"])
def test_whole_id_finds_one_run(text: str) -> None:
    question = asked(text)
    assert question.run_ids == (RunId(ID),)
    assert (question.lists, question.error_texts) == ((), ())
    assert not question.reads_older
    assert not question.reads_errors


@pytest.mark.parametrize("text", ["run_cmwu", "id:4se", f"-{ID}", "run_*"])
def test_part_of_an_id_searches_older_runs(text: str) -> None:
    assert asked(text).run_ids == ()
    assert asked(text).reads_older


def test_text_searches_tags_tasks_and_errors() -> None:
    question = asked("syncorders")
    assert question.lists == by({"tags": ("syncorders",)}, {"tasks": ("syncOrders", "syncorders")})
    assert question.error_texts == ("syncorders",)
    assert question.reads_errors
    assert question.reads_older
    assert question.filters == RunFilters()


def test_names_have_the_spelling_of_known_runs() -> None:
    assert asked("tag:shop:berlin").lists == by({"tags": ("Shop:Berlin", "shop:berlin")})
    assert asked("queue:emails").lists == by({"queues": ("Emails",)}, {"queues": ("emails",)})
    assert asked("task:SYNCORDERS").filters.tasks == (TaskId("syncOrders"),)
    assert asked("task:unknown").filters.tasks == ()


def test_queue_is_found_by_its_list_only() -> None:
    question = asked("queue:task/mail")
    assert question.lists == by({"queues": ("task/mail",)})
    assert not question.reads_older
    assert not question.reads_errors


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
    assert set(asked(text).filters.statuses) == set(statuses)


def test_active_filters_stay() -> None:
    question = asked("task:mail status:queued version:20261124.1", tasks=(TaskId("other"),), statuses=("FAILED",))
    assert question.filters == RunFilters(tasks=(TaskId("other"),), statuses=("FAILED",), versions=("20261124.1",))
    assert asked("x", tags=("y",)).lists == by({"tags": ("y",), "tasks": ("x",)})


@pytest.mark.parametrize("text", ["version:20261124.*", "version:rc1", "task:sync*", "task:mail,sync*"])
def test_globs_and_unknown_names_restrict_nothing(text: str) -> None:
    assert asked(text).filters == RunFilters()


@pytest.mark.parametrize("text", ["declined", "-declined", "decl*ned", "error:x", "-error:x", "task:mail declined"])
def test_text_and_error_depend_on_errors(text: str) -> None:
    assert asked(text).reads_errors


@pytest.mark.parametrize("text", ["status:failed", "task:mail", "age:<5m", "tag:x -queue:y"])
def test_other_fields_depend_on_no_error(text: str) -> None:
    assert not asked(text).reads_errors


def test_search_plan_is_bounded() -> None:
    question = asked(" ".join(f"word{number}" for number in range(50)))
    assert len(question.lists) == 2 * MAX_NAMES
    assert len(question.error_texts) == MAX_ERROR_TEXTS
