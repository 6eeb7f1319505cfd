"""The server's filters applied to the store's runs give the same runs as the emulator's own filter over HTTP."""

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
from tui.domain.run import Fixed, Precision, Run, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.emulator.environment import API_VERSION
from tui.store import server_filter
from tui.store.filter import EVERYTHING, parse_filter
from tui.store.merge import merge
from tui.store.server_filter import KnownValues, is_typable, known_values, with_server_filters
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


@pytest.mark.parametrize(
    ("status", "word", "is_shown"),
    [
        ("EXECUTING", "EXECUTING", True),
        ("EXECUTING", "RETRYING_AFTER_FAILURE", True),
        ("EXECUTING", "DEQUEUED", False),
        ("FAILED", "COMPLETED_WITH_ERRORS", True),
        ("FAILED", "INTERRUPTED", True),
        ("INTERRUPTED", "FAILED", False),
        ("WAITING", "FROZEN", True),
        ("FROZEN", "WAITING", True),
        ("QUEUED", "FROBNICATING", False),
        ("NONSENSE", "QUEUED", False),
    ],
)
def test_status_matches_in_every_vocabulary(status: str, word: str, is_shown: bool) -> None:
    assert matches(run_of("run_a", word), statuses=(status,)) is is_shown


def test_unknown_values_do_not_hide_a_run() -> None:
    bare = run_of("run_a", None, task=None, created=None)
    for name in ("statuses", "tasks", "tags", "versions", "regions"):
        assert matches(bare, **{name: ("x",)}), name
    assert matches(bare, is_test=True)
    assert matches(bare, batch="batch_1")


def test_missing_version_hides_a_listed_run_only() -> None:
    assert not matches(run_of("run_a", state={"precision": Precision.LIST}), versions=("1",))
    assert matches(run_of("run_a", state={"precision": Precision.FEED}), versions=("1",))


def test_single_queue_shows_only_runs_listed_in_it() -> None:
    inside = run_of("run_a", fixed=Fixed(queue=Raw("emails")))
    assert matches(inside, queues=("emails",))
    assert not matches(run_of("run_b"), queues=("emails",))
    assert matches(run_of("run_b"), queues=("emails", "reports"))
    assert not matches(inside, queues=("reports", "imports"))


def test_typed_filter_restricts_the_server_filters_further() -> None:
    both = with_server_filters(RunFilters(tasks=(TaskId("sync"),)), parse_filter("status:failed"))
    assert both.matches(run_of("run_a", "FAILED", task="sync"))
    assert not both.matches(run_of("run_a", "FAILED", task="mail"))
    assert not both.matches(run_of("run_a", "EXECUTING", task="sync"))
    assert both.text == "status:failed"
    assert both != parse_filter("status:failed")
    assert with_server_filters(RunFilters(), both) is both


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
