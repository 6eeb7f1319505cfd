"""Addresses of views, and what the command line knows of the store: links, counts of values, shell commands."""

import shlex
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.patches import patch_of
from tests.support.sure import sure
from tui.domain.filters import RunFilters
from tui.domain.run import Environment, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.features import FORMS, PANES
from tui.features.errors.model import GROUP_ORDERS, SPANS
from tui.features.runs.command import DEFAULT_LIMIT, ls
from tui.store.addresses import (
    VIEWS,
    AddressError,
    ViewAddress,
    is_address,
    parse_address,
    parse_words,
    period_problem,
    read_address,
)
from tui.store.command_line import (
    LS_LIMIT,
    MAX_FOUND_IDS,
    IdSearch,
    LinkKind,
    LoadedNames,
    ValueTally,
    elsewhere,
    parse_link,
    parse_run,
    shell_command,
)
from tui.store.filter import parse_filter
from tui.store.server_filter import is_typable
from tui.store.store import Store

FIELDS = st.sampled_from(["task", "status", "tag", "-tag", "version", "queue", "error", "took", "age", "id", "-task"])
VALUES = {"status": st.sampled_from(["failed", "executing,queued"]), "took": st.just(">5s"), "age": st.just("<2h")}
TEXTS = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Return a filter of words that the language knows."""
    words: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.none() | FIELDS)
        if name is None:
            words.append(f'"{draw(TEXTS)}"')
            continue
        value = draw(VALUES[name]) if name in VALUES else f'"{draw(TEXTS)}"'
        words.append(f"{name}:{value}")
    return " ".join(words)


@st.composite
def addresses(draw: st.DrawFn) -> ViewAddress:
    view = draw(st.sampled_from(["runs", "errors"]))
    names = st.lists(TEXTS.filter(is_typable), max_size=2, unique=True).map(tuple)
    return ViewAddress(
        view,
        draw(filters()) if view == "runs" else "",
        draw(st.sampled_from(["", "7d"] if view == "errors" else ["", "2h", "02:50-03:20", "yesterday 23:30-00:30"])),
        draw(st.sampled_from(["", *VIEWS[view].sorts().values()])),
        None,
        RunFilters(
            statuses=draw(st.sampled_from([(), ("FAILED",), ("EXECUTING", "QUEUED")])),
            tasks=draw(names.map(lambda ids: tuple(map(TaskId, ids)))),
            tags=draw(names),
            errors=draw(st.sampled_from([(), ("error_49a734270b075a70",), ("49a734270b075a70",)])),
        ),
    )


@given(addresses())
def test_address_means_the_same_in_both_notations(address: ViewAddress) -> None:
    assert parse_address(str(address)) == address
    assert parse_words(address.words) == address
    assert " " not in str(address)
    assert is_address(str(address))


@given(st.text(max_size=60))
@example("VERSION")
@example("-Status:failed")
def test_any_text_is_an_address_or_is_refused_in_one_line(text: str) -> None:
    for parse in (parse_address, parse_words):
        for head in ("runs?", "runs ", "errors?", "errors ", "run?", ""):
            with suppress(AddressError):
                address = parse(head + text)
                assert parse_address(str(address)) == address
                assert parse_words(address.words) == address
                assert address.view != "runs" or not parse_filter(address.filter).invalid_words


def test_unquoted_spaces_of_an_address_stay_one_value() -> None:
    assert parse_address("runs?error=No%20such customer&q=two words").filter == 'error:"No such customer" "two words"'
    assert parse_address('runs?error=5" pipe&tag=a').filter == 'error:"5 pipe" tag:a'


def test_pane_of_a_run_has_an_address() -> None:
    address = parse_words("run run_123 pane:logs")
    assert str(address) == "run?id=run_123&pane=logs"
    assert address == parse_address(str(address)) == parse_words(address.words)
    assert parse_address("run?id=run_123&pane=detail").pane == ""


def test_parts_that_do_not_fit_are_said_and_the_rest_is_used() -> None:
    read = read_address("runs?tag=x&tsk=y&sort=tok&server-status=faled,threw&since=2h&since=3h")
    assert read.address == ViewAddress("runs", "tag:x", "2h", server=RunFilters(statuses=("FAILED",)))
    assert read.problems == (
        '"since" is given twice',
        "tsk:y: no field 'tsk', nearest: task",
        'no order "tok", nearest: took; the orders are age status task took updated cost created',
        'server-status: no status "faled"',
    )
    assert read_address("hall?sort=x").address is None
    assert read_address("run?id=../admin").address is None


def test_span_of_time_is_checked_where_the_time_is() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert period_problem("2h", now) is None
    assert period_problem("02:50-03:20", now) is None
    assert "is in the future" in (period_problem("2026-12-01", now) or "")
    assert "is not a period" in (period_problem("soon", now) or "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vrun?", 'no view "vrun", nearest: run; the views are errors runs wall run queues'),
        ("runs?tsk=x", "tsk:x: no field 'tsk', nearest: task"),
        ("runs?-since=2h", '"since" cannot be negated'),
        ("runs?since=soon", '"soon" is not a period. Write 7d,'),
        ("runs?server-task=charge-*", "write the whole name, without"),
        ("runs?server-error=error_1,error_2", "server-error: the server takes one error group"),
        ("run?", "the id of the run is missing"),
        ("run?id=run_1&tag=x", "a run is named by its id"),
        ("runs", 'an address needs a "?": runs?'),
        ("runs?q=" + "x" * 8000, "at most 8,000 characters"),
    ],
)
def test_wrong_address_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert reason in str(refused.value)


def test_orders_of_errors_are_those_of_the_view() -> None:
    assert tuple(VIEWS["errors"].sorts().values()) == tuple(order.id for order in GROUP_ORDERS)


def test_periods_and_panes_are_those_of_the_views() -> None:
    assert VIEWS["errors"].periods == tuple(span.name for span in SPANS)
    assert {*VIEWS["run"].panes} == {entry.title for entry in (*PANES, *FORMS)} - {"runs"}


HOST = "https://cloud.trigger.dev"
RUN = "run_cmwvq81zu01h49f7dk2m96e3t"
OURS = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"), Raw("proj_abc"), Raw(HOST))


@pytest.mark.parametrize(
    "text",
    [
        RUN,
        f"  <{RUN}>\n",
        f"{HOST}/orgs/acme/projects/api/env/prod/runs/{RUN}",
        f"{HOST}/projects/v3/proj_abc/runs/{RUN}",
        f"trigger://acme/api/prod/{RUN}",
        f'"{HOST}/runs/{RUN}",',
    ],
)
def test_run_is_found_in_an_id_or_a_link(text: str) -> None:
    link = sure(parse_link(text))
    assert (link.kind, link.run_id) == (LinkKind.RUN, RUN)
    assert elsewhere(link, OURS) == ""


def test_part_of_an_id_is_no_link() -> None:
    for part in ("run_cmwvq8", "run_cm…6e3t", RUN[4:], "6e3t"):
        assert parse_link(part) is None, part
        found = parse_run(f" {part}  ")
        assert (found is not None) is (part == RUN[4:]), part
    assert parse_run(RUN[4:]) == parse_run(f"{RUN} ") == parse_link(RUN)
    for text in ("", "runs task:x", "https://[", f"see {RUN} and more", "x" * 2000):
        assert parse_link(text) is None, text


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"/orgs/acme/projects/api/env/staging/runs/{RUN}", "the environment staging"),
        (f"/orgs/acme/projects/web/env/prod/runs/{RUN}", "the project acme/web"),
        (f"/orgs/other/projects/api/env/prod/runs/{RUN}", "the project other/api"),
        (f"/projects/v3/proj_xyz/runs/{RUN}", "the project proj_xyz"),
        ("/orgs/acme/projects/api/env/dev/errors/error_a1b2", "the environment dev"),
    ],
)
def test_link_to_another_place_names_it(path: str, place: str) -> None:
    link = sure(parse_link(HOST + path))
    assert elsewhere(link, OURS) == place


def test_link_to_another_server_names_it() -> None:
    link = sure(parse_link(f"https://trigger.example.com/orgs/acme/projects/api/env/prod/runs/{RUN}"))
    assert elsewhere(link, OURS) == "the server trigger.example.com"
    assert elsewhere(link, None) == ""


@given(st.text(max_size=60), st.sampled_from(["", HOST, f"{HOST}/orgs/", "trigger://", "run_", f"{HOST}/projects/v3/"]))
def test_link_of_any_text_never_raises(text: str, before: str) -> None:
    link = parse_link(before + text)
    if link is not None:
        assert isinstance(elsewhere(link, OURS), str)


WORDS = st.sampled_from(["EXECUTING", "COMPLETED", "FAILED", "CRASHED", "QUEUED"])
TASKS = st.sampled_from(["sync", "charge-card", None])
RUNS = st.lists(st.tuples(WORDS, TASKS, st.integers(-300, 0)), max_size=150)


def store_of(runs: list[tuple[str, str | None, int]]) -> Store:
    store = Store()
    patches = (patch_of(f"run_{n:04}", word, task=task, created=at) for n, (word, task, at) in enumerate(runs))
    store.apply(RunsRead(tuple(patches)))
    return store


@given(RUNS)
def test_values_are_counted_once_for_each_run(runs: list[tuple[str, str | None, int]]) -> None:
    store = store_of(runs)
    tally = ValueTally(store.get, store.newest_first_keys())
    assert tally.count_some(lambda: False)
    assert tally.counts["status"].total() == len(runs)
    assert list(tally.counts["task"].values()) == sorted(tally.counts["task"].values(), reverse=True)
    assert tally.counts["task"] == {task: store.task_count(TaskId(task)) for _, task, _ in runs if task is not None}


def test_ids_are_found_by_their_end_first() -> None:
    keys = [(0.0, RunId(text)) for text in ("run_6e3tx", "run_a6E3T", "run_b", "run_c6e3t")]
    search = IdSearch(keys, "6e3t")
    assert search.count_some(lambda: False)
    assert list(search.found) == ["run_a6E3T", "run_c6e3t", "run_6e3tx"]
    for part in ("run_a…6e3t", "RUN_A..6e3t", "run_a…"):
        shown = IdSearch(keys, part)
        assert shown.count_some(lambda: False)
        assert list(shown.found) == ["run_a6E3T"], part
    many = IdSearch([(0.0, RunId(f"run_{n}")) for n in range(10_000)], "")
    assert many.count_some(lambda: False)
    assert len(many.found) == MAX_FOUND_IDS


NAMES = LoadedNames(
    {"task": ["charge-card", "charge-refund", "Send Email", "sync"], "tag": ["order:1", "a,b"], "queue": ["mail"]}, True
)


def command(words: str, found: int | None = None, names: LoadedNames = NAMES) -> str:
    return shell_command(parse_words(words), names, found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("runs", "trigger-tui ls"),
        (
            "runs task:charge-* status:failed since:2h",
            "trigger-tui ls --task charge-card --task charge-refund --status failed --period 2h",
        ),
        ('runs task:"send email"', "trigger-tui ls --task 'Send Email'"),
        (
            "runs tag:order:1 version:20261126.3 queue:mail",
            "trigger-tui ls --tag order:1 --version 20261126.3 --queue mail",
        ),
        ("runs status:timed-out,crashed", "trigger-tui ls --status crashed --status timed-out"),
        ("runs server-task:sync", "trigger-tui ls --task sync"),
        ("runs since:02:50-03:20", "trigger-tui ls --period 02:50-03:20"),
        ("run run_1", "trigger-tui show run_1"),
        ("run run_1 pane:logs", "trigger-tui logs run_1"),
        ("errors", "trigger-tui errors --since 24h"),
    ],
)
def test_view_has_an_equal_command(words: str, expected: str) -> None:
    assert command(words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "runs charge",
        "runs task:nothing-*",
        "runs tag:order:1 tag:order:2",
        "runs sort:took",
        "runs status:executing since:2h",
        "errors No such since:7d",
    ],
)
def test_view_without_an_equal_command_is_an_address(words: str) -> None:
    program, address = shlex.split(command(words))
    assert program == "trigger-tui"
    assert "?" in address


def test_glob_is_not_expanded_before_all_runs_are_counted() -> None:
    assert "?" in command("runs task:charge-*", names=LoadedNames(NAMES.values, are_all=False))
    assert "?" not in command("runs task:charge-card", names=LoadedNames(NAMES.values, are_all=False))


def test_limit_prints_all_runs_that_were_found() -> None:
    assert LS_LIMIT == DEFAULT_LIMIT
    assert command("runs", 50) == "trigger-tui ls"
    assert command("runs", 51) == "trigger-tui ls --limit 100"
    assert command("runs", 100) == "trigger-tui ls --limit 100"


@given(st.text(max_size=30), st.sampled_from(["task", "tag", "queue", "version"]))
def test_hostile_values_are_one_shell_word_each(value: str, field: str) -> None:
    try:
        address = parse_words(f'runs {field}:"{value.replace(chr(34), "")}"')
    except AddressError:
        return
    parts = shlex.split(shell_command(address, NAMES))
    assert parts[0] == "trigger-tui"
    assert len(parts) == 2 or parts[1:2] == ["ls"]


@pytest.mark.parametrize("words", ["runs task:charge-* status:failed since:2h", "runs tag:order:1 status:failed"])
def test_options_are_those_of_the_command(words: str) -> None:
    arguments = shlex.split(command(words, 120))[2:]
    result = CliRunner().invoke(ls, [*arguments, "--nonsense"])
    assert "No such option" in result.output
    assert "--nonsense" in result.output
