"""The language of the filter `/`."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of, run_of, stamp
from tui.domain.error import RunError
from tui.domain.filters import RunFilters
from tui.domain.run import STATUS_TABLE, Fixed, Run, StatusRow, TaskId
from tui.domain.text import Raw
from tui.store.filter import as_value, highlighted_texts, parse_filter
from tui.store.merge import merge
from tui.store.server_filter import KnownValues, plan_search

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
    "4se",
    "berlin",
    "20261124",
    "failed",
    '"reset by"',
    "reset by",
    "con*reset",
    "grösse",
    "nothing,reset",
    "Status:Failed",
    "status:crashed,failed",
    "status:faild,failed",
    "error:RESET,other",
    "error:con*peer",
    "error:neterror",
    "-error:declined",
    "took:1s..5s",
    "took:4s..",
    "took:..1m30s",
    "took:<1s,>3s",
    "-took:>5s",
    "age:60s..2m",
    "status:*errors",
    "-status:live",
    "TASK:SYNC-*",
    "task:mail,sync-*",
    "-task:sync",
    "tag:shop:berlin",
    "tag:shop:*",
    'tag:two" "words',
    'tag:"a,b"',
    "tag:a,b,two?words",
    "-tag:shop",
    "tag:50%*[x]",
    "tag:*[*",
    "version:20261124.1",
    "-version:20261124",
    "id:4se",
    "id:run_*4se",
    "queue:sync-orders",
    "queue:task/sync-orders",
    "queue:sync*",
    "env:st*",
    "test:y",
    "test:1",
    "-test:no",
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
    "-reset,nothing",
    "status:crashed",
    "status:live",
    "status:nonsense",
    "-status:nonsense",
    "status:c*",
    "-error:reset",
    "took:>10",
    "-took:>10",
    "-age:<5m",
    "age:yesterday",
    "task:sync",
    "task:sync-?",
    "tag:shop",
    'tag:"50%*"',
    "-tag:a,b,two*",
    "version:20261124",
    "-id:4se",
    "queue:orders",
    "env:prod",
    "test:no",
    "foo:bar",
    "-foo:bar",
    "test:maybe",
    '"status:failed"',
    "status:failed task:mail",
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


def test_open_quote_matches_the_text_so_far() -> None:
    assert parse_filter('"reset b').matches(FAILED_SYNC)
    assert parse_filter('tag:"two words').matches(FAILED_SYNC)
    assert not parse_filter('"reset c').matches(FAILED_SYNC)


@pytest.mark.parametrize("text", ["http://host", "10:30", "std::move", "C:\\temp", "TypeError: x", '"foo:bar"', "foo:"])
def test_text_with_a_colon_is_text(text: str) -> None:
    run = run_of("run_a", error=(stamp(), RunError(Raw("http://host 10:30 std::move C:\\temp TypeError: x foo:bar"))))
    assert parse_filter(text).matches(run)
    assert parse_filter(text).invalid_words == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("foo:bar", 'no field "foo"; the fields are status task tag version queue error took age group id test env'),
        ("task:x shop:berlin", 'no field "shop"'),
        ("md5:x", 'no field "md5"'),
        ("status:faild", 'no status "faild"; similar names: failed'),
        ("status:failed,cancelled,compleeted", 'no status "compleeted"; similar names: completed'),
        ("status:zzz", 'no status "zzz"; use the name of a status, or live final failures running waiting-to-start'),
        ("took:10s", '"10s" is not a duration; use for example took:>10s took:<2m took:1m..5m'),
        ("took:5m..1m", '"5m..1m" is not a duration'),
        ("age:>5m,soon", '"soon" is not a duration'),
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
    "failures": {"Failed", "Interrupted", "Crashed", "System failure", "Timed out", "Failed to run"},
    "waiting-to-start": {"Delayed", "Queued", "Pending version"},
    "running": {"Dequeued", "Executing", "Reattempting"},
    "live": {"Delayed", "Queued", "Pending version", "Dequeued", "Executing", "Reattempting", "Waiting"},
}
GROUPS["final"] = {row.title for row in STATUS_TABLE} - GROUPS["live"]


def with_every_status() -> list[Run]:
    return [run_of("run_a", row.database[0]) for row in STATUS_TABLE]


@pytest.mark.parametrize("name", GROUPS)
def test_group_means_all_of_its_statuses(name: str) -> None:
    matching = parse_filter(f"status:{name}").matches
    assert {run.status_title for run in with_every_status() if matching(run)} == GROUPS[name]


@pytest.mark.parametrize("row", STATUS_TABLE, ids=lambda row: row.title)
def test_status_word_means_that_status_alone(row: StatusRow) -> None:
    words = {row.title, row.rest, row.legacy, *row.database, *row.trql} - {""}
    for word in words:
        for spelling in (word, word.lower(), word.replace("_", "-"), word.replace("_", " ").title()):
            parsed = parse_filter(f'status:"{spelling}"')
            assert {run.status_title for run in with_every_status() if parsed.matches(run)} == {row.title}, spelling
            assert parsed.invalid_words == ()


@pytest.mark.parametrize(
    ("half", "titles"), [("fail", {"Failed", "Failed to run"}), ("waiting-to-s", GROUPS["waiting-to-start"])]
)
def test_beginning_of_a_status_means_all_that_begin_so(half: str, titles: set[str]) -> None:
    matching = parse_filter(f"status:{half}").matches
    assert {run.status_title for run in with_every_status() if matching(run)} == titles


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
