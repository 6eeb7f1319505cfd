"""The language of the filter `/`, the server's filters on the store's runs, and how a filter becomes a search."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import NOON, at, json_values, patch_of, run_of, stamp
from tests.support.emulator.server import EmulatorServer, later, run_emulator, started
from tui.api.client import filter_params
from tui.api.runs import decode_page
from tui.domain.error import RunError
from tui.domain.filters import RunFilters
from tui.domain.run import STATUS_TABLE, Body, Fixed, Json, Precision, Run, RunId, StatusRow, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.emulator.environment import API_VERSION
from tui.store.filter import EVERYTHING, as_value, highlighted_texts, parse_filter, value_filter, without_bodies
from tui.store.merge import merge
from tui.store.server_filter import (
    MAX_ERROR_TEXTS,
    MAX_GLOB_TASKS,
    MAX_NAMES,
    KnownValues,
    SearchPlan,
    known_values,
    plan_search,
    with_server_filters,
)
from tui.store.store import Store

FAILED_SYNC = merge(
    None,
    patch_of(
        "run_cmwur0jg4003u9f7dkkxil4se",
        "FAILED",
        fixed=Fixed(
            task=TaskId("sync-orders"),
            environment=Raw("staging"),
            version=Raw("20261124.1"),
            queue=Raw("task/sync-orders"),
            is_test=True,
        ),
        state={
            "tags": (Raw("shop:berlin"), Raw("two words"), Raw("a,b"), Raw("Größe"), Raw("50%*[x]")),
            "started_at": at(1),
            "finished_at": at(5),
        },
        error=(stamp(), RunError(Raw("Connection\nreset by peer"), Raw("NetError"))),
    ),
)
BARE = run_of("run_b", "QUEUED", created=None, task=None)


MATCHING = [
    "ORDERS",
    "berlin",
    "20261124",
    '"reset by"',
    "reset by",
    "grösse",
    "Status:Failed",
    "status:faild,failed",
    "error:RESET,other",
    "error:neterror",
    "-error:declined",
    "took:1s..5s",
    "-took:>5s",
    "age:60s..2m",
    "status:*errors",
    "TASK:SYNC-*",
    "task:mail,sync-*",
    "tag:shop:berlin",
    'tag:two" "words',
    'tag:"a,b"',
    "-tag:shop",
    "tag:50%*[x]",
    "id:4se",
    "queue:sync-orders",
    "env:st*",
    "test:y",
    "status:failed task:sync-* tag:shop:* -tag:y",
]


def test_filter_matches() -> None:
    for text in MATCHING:
        assert parse_filter(text, now=at(60)).matches(FAILED_SYNC), text
        assert not parse_filter(text).is_empty, text


NOT_MATCHING = [
    "-sync",
    "sync mail",
    '"sync reset"',
    '"con*reset"',
    "status:crashed",
    "status:live",
    "status:nonsense",
    "-status:nonsense",
    "-error:reset",
    "took:>10",
    "-since:5m",
    "age:yesterday",
    "task:sync",
    'tag:"50%*"',
    "version:20261124",
    "foo:bar",
    "test:maybe",
    '"status:failed"',
]


def test_filter_does_not_match() -> None:
    assert [text for text in NOT_MATCHING if parse_filter(text, now=at(60)).matches(FAILED_SYNC)] == []


@pytest.mark.parametrize("key", ["task", "tag", "version", "queue", "env", "error"])
def test_run_without_the_value_matches_only_the_negation(key: str) -> None:
    assert not parse_filter(f"{key}:*").matches(BARE)
    assert parse_filter(f"-{key}:*").matches(BARE)


@pytest.mark.parametrize(
    "text",
    ["", "  \t\n", "status:", "-", "-status:", '"', '""', '-""', 'tag:"', "task:,", ",", ",,,", "test:", "-took:"],
)
def test_unfinished_word_matches_everything(text: str) -> None:
    assert parse_filter(text).is_empty
    assert parse_filter(text).matches(FAILED_SYNC)
    assert parse_filter(text).matches(BARE)


@pytest.mark.parametrize("text", ["http://host", "10:30", "std::move", "C:\\temp", "TypeError: x", '"foo:bar"', "foo:"])
def test_text_with_a_colon_is_text(text: str) -> None:
    run = run_of("run_a", error=(stamp(), RunError(Raw("http://host 10:30 std::move C:\\temp TypeError: x foo:bar"))))
    assert parse_filter(text).matches(run)
    assert parse_filter(text).invalid_words == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "foo:bar",
            'no field "foo"; the fields are status task tag version queue error took age group id payload output',
        ),
        ("task:x shop:berlin", 'no field "shop"'),
        ("status:faild", 'no status "faild"; similar names: failed'),
        ("status:zzz", 'no status "zzz"; use the name of a status, or live final failed running waiting-to-start'),
        ("took:10s", '"10s" is not a duration; use for example took:>10s took:<2m took:1m..5m'),
        ("age:>999999999w", "is not a duration"),
        ("test:maybe", "test must be yes or no"),
        ("a " * 65, "at most 64 words and 256 values"),
        ("tag:" + "x," * 300, "at most 64 words and 256 values"),
    ],
)
def test_filter_reports_words_that_it_cannot_parse(text: str, reason: str) -> None:
    (invalid,) = parse_filter(text).invalid_words
    assert reason in invalid.reason


@pytest.mark.parametrize("text", ["stat", "status:", "status:waiting-t", "took:>", "took:1m.", "http:"])
def test_unfinished_word_is_not_invalid_while_typing(text: str) -> None:
    parsed = parse_filter(f"task:sync-orders {text}", is_typing=True)
    assert parsed.invalid_words == ()


def test_finished_word_is_invalid_while_typing() -> None:
    for text in ("took:>1 task", "foo:b", "status:faild", "took:>1x"):
        assert parse_filter(text, is_typing=True).invalid_words, text


def test_duration_of_a_live_run_grows_with_the_time() -> None:
    run = run_of("run_a", "EXECUTING", state={"started_at": at(10)})
    parsed = parse_filter("took:>10s")
    assert not parsed.matches(run)  # without a time the age is unknown
    assert not parsed.at(at(20)).matches(run)
    assert parsed.at(at(21)).matches(run)
    assert parsed.depends_on_duration
    assert not parse_filter("age:<5m").depends_on_duration


GROUPS = {
    "failed": {"Failed", "Interrupted", "Crashed", "System failure", "Timed out", "Failed to run"},
    "waiting-to-start": {"Delayed", "Queued", "Pending version"},
    "running": {"Dequeued", "Executing", "Reattempting"},
    "live": {"Delayed", "Queued", "Pending version", "Dequeued", "Executing", "Reattempting", "Waiting"},
}
GROUPS["final"] = {row.title for row in STATUS_TABLE} - GROUPS["live"]
GROUPS["failures"] = GROUPS["failed"]  # its name in earlier versions


def with_every_status() -> list[Run]:
    return [run_of("run_a", row.database[0]) for row in STATUS_TABLE]


@pytest.mark.parametrize("name", GROUPS)
def test_group_means_all_of_its_statuses(name: str) -> None:
    matching = parse_filter(f"status:{name}").matches
    assert {run.status_title for run in with_every_status() if matching(run)} == GROUPS[name]


@pytest.mark.parametrize("row", STATUS_TABLE, ids=lambda row: row.title)
def test_status_word_means_that_status_alone(row: StatusRow) -> None:
    words = {row.word, row.title, row.rest, row.legacy, *row.database, *row.trql} - {"", "Failed", "FAILED"}
    for word in words:
        for spelling in (word, word.lower(), word.replace("_", "-"), word.replace("_", " ").title()):
            parsed = parse_filter(f'status:"{spelling}"')
            assert {run.status_title for run in with_every_status() if parsed.matches(run)} == {row.title}, spelling
            assert parsed.invalid_words == ()


@pytest.mark.parametrize(
    ("half", "titles"), [("fail", GROUPS["failed"]), ("thr", {"Failed"}), ("waiting-to-s", GROUPS["waiting-to-start"])]
)
def test_beginning_of_a_status_means_all_that_begin_so(half: str, titles: set[str]) -> None:
    matching = parse_filter(f"status:{half}").matches
    assert {run.status_title for run in with_every_status() if matching(run)} == titles


BODY = {
    "customer": {"id": 1025, "Name": "Ann Lee"},
    "items": [{"sku": "b-7"}, {"sku": "c-9"}],
    "gift": True,
    "note": None,
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("payload.customer.id:1025", True),
        ("payload.customer:1025,9", True),
        ("payload.customer:102", False),
        ("PAYLOAD.customer.name:ann", True),
        ('payload.customer.name:"ann lee"', True),
        ("payload.items.sku:c-?", True),
        ("payload.gift:true -payload.note:x", True),
        ("payload.note:null", True),
        ("payload:b-7", True),
        ("output:b-7", False),
        ("metadata.step:2", True),
        ("metadata.st:2", False),
        ("ann", True),
        ("-1025", False),
        ("customer", False),
    ],
)
def test_values_of_the_code_are_found_once_they_are_read(text: str, matches: bool) -> None:
    run = run_of("run_a", "COMPLETED", body=(stamp(), Body(payload=BODY)), metadata=(stamp(), {"step": 2}))
    parsed = parse_filter(text)
    assert parsed.invalid_words == ()
    assert parsed.depends_on_bodies
    assert parsed.matches(run) is matches
    assert parse_filter(text).matches(run_of("run_b", "COMPLETED")) is text.startswith("-")
    assert without_bodies(f"{text} task:a -tag:b").text == ""
    assert len(without_bodies(f"{text} task:a -tag:b").terms) == 2


def leaves(value: Json, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Json]]:
    """Yield the single values within a value, each with its path of positions."""
    if isinstance(value, dict | list):
        for position, each in enumerate(value.values() if isinstance(value, dict) else value):
            yield from leaves(each, (*path, position))
    else:
        yield path, value


@given(json_values)
@example({"a.b": {"c d": 'q"*[x],', "É": "İ"}, "": [True, None, 1.5, -2], "x": ["", "a\nb", "-"]})
def test_the_filter_of_a_value_finds_its_run(payload: Json) -> None:
    run = run_of("run_a", "COMPLETED", body=(stamp(), Body(payload=payload)))
    for path, value in leaves(payload):
        text = value_filter("payload", payload, path)
        assert value_filter("schedule", payload, path) == ""
        if text:
            parsed = parse_filter(text)
            assert parsed.invalid_words == ()
            assert parsed.matches(run), (text, value)
        else:
            assert not str(value).isprintable() or value == ""
    assert value_filter("payload", BODY, (0, 0)) == "payload.customer.id:1025"
    assert value_filter("payload", BODY, (1, 1, 0)) == "payload.items.sku:c-9"
    assert value_filter("payload", BODY, (0,)) == ""


def test_unknown_status_is_found_by_its_own_word() -> None:
    run = run_of("run_a", "HALF_DONE")
    for text in ("status:HALF_DONE", "status:half-d", 'status:"half done"', "status:*done", "half_done", "status:live"):
        assert parse_filter(text).matches(run), text
    assert not parse_filter("status:done").matches(run)
    assert not parse_filter("status:queued").matches(run)


pieces = st.lists(
    st.sampled_from(
        [*'-",*?[]!\\ :a9<mw', "\ud800", "İ", "..", "failed", "status:", "tag:", "test:", "took:", "age:>", "foo:"]
    )
    | st.text(max_size=2)
).map("".join)


@given(pieces)
@example("[!]*" * 50)
@example("\\" * 99)
@example('"' * 99)
def test_parser_accepts_any_text(text: str) -> None:
    parsed = parse_filter(text)
    assert parsed.text == text
    assert parsed.matches(FAILED_SYNC) in {True, False}
    assert parsed.at(at(60)).matches(BARE) in {True, False}
    assert parse_filter(text, now=at(60), is_typing=True).matches(BARE) in {True, False}
    assert highlighted_texts(text) is not None
    assert plan_search(text, RunFilters(), KnownValues()) is not None
    if parsed.invalid_words and all(not each.word.startswith("status:") for each in parsed.invalid_words):
        assert not parsed.matches(FAILED_SYNC)


# Text with the filter's own grammar, and text whose length depends on case, is in the examples.
plain = st.text(st.characters(exclude_categories=["Zs", "Cc", "Zl", "Zp"], exclude_characters='"'), min_size=1)


@given(plain)
def test_quoted_tag_matches_itself(tag: str) -> None:
    run = run_of("run_a", state={"tags": (Raw(tag),)})
    assert parse_filter(f'tag:"{tag}"').matches(run)
    assert parse_filter(f'"{tag}"').matches(run)
    assert not parse_filter(f'-tag:"{tag}"').matches(run)
    assert not parse_filter(f'tag:"{tag}!"').matches(run)


@given(st.text(min_size=1), st.text(min_size=1))
@example('say "hi"', "say hi")
@example("a,b", "b")
@example("q*?[x]", "qq")
def test_name_as_a_value_matches_only_itself(name: str, other: str) -> None:
    run, of_other = run_of("run_a", task=name), run_of("run_b", task=other)
    found = parse_filter(f"task:{as_value(name)} status:queued,failures,executing")
    assert not found.invalid_words
    assert parse_filter(f"task:{as_value(name)}").matches(run)
    is_same = name.casefold() == other.casefold() or '"' in name
    assert is_same or not parse_filter(f"task:{as_value(name)}").matches(of_other)


lengths = st.integers(0, 200)


@given(
    lengths,
    lengths,
    st.integers(0, 60),
    st.sampled_from(["<", "<=", ">", ">=", "to"]),
    st.sampled_from(["age", "took"]),
)
def test_runs_of_other_durations_do_not_match(now_s: int, bound: int, began: int, sign: str, name: str) -> None:
    run = run_of("run_a", "EXECUTING", created=began, state={"started_at": at(began)})
    length = max(0, now_s - began)
    holds = {
        "<": length < bound,
        "<=": length <= bound,
        ">": length > bound,
        ">=": length >= bound,
        "to": length <= bound,
    }
    text = f"{name}:0s..{bound}s" if sign == "to" else f"{name}:{sign}{bound}s"
    assert parse_filter(text, now=at(now_s)).matches(run) is holds[sign]


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


@settings(max_examples=40, deadline=None)
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
    search = plan_search("task:charge-*,mail status:threw", RunFilters(), known)
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
        ("status:waiting-to-start", ("DELAYED", "QUEUED", "PENDING_VERSION")),
        ("status:failures", ("FAILED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT")),
        ("status:failed-to-run", ()),
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
