from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.present.printed.test_schema import SCHEMA
from tests.support.present.run_rows import columns_for, row
from tests.support.present.samples import (
    CREATED,
    HOSTILE,
    NOW,
    RUN_ID,
    STAMP,
    failure,
    full,
    recorded_details,
    sample,
    text_of,
)
from tui.domain.error import RunError
from tui.domain.run import ABSENT, STATUS_TABLE, Body, Run, RunId
from tui.domain.text import Raw
from tui.features.detail.words import (
    FETCHING,
    DetailRead,
    DetailView,
    Relatives,
    detail_rows,
    failure_lines,
    timeline_line,
    whole_of,
)
from tui.text.blocks import LABEL, FetchValue, GoToRun, Now, ReadStage, Row, ShowWhole, ToggleFold
from tui.text.json import ALL, JsonFolds, ValuePath, ValueRows
from tui.text.status import STATUS_STYLES, UNSURE_DESCRIPTIONS
from tui.text.styled import Token, line_width, plain

DETAILS = recorded_details()
FAMILY = Relatives(
    sample("COMPLETED", run_id="run_root", task="nightly"),
    sample("EXECUTING", run_id="run_parent", task="checkout"),
    [sample("CRASHED", run_id="run_child", task="notify")],
)


def rows(run: Run, width: int = 80, *, around: Relatives | None = None, **more: Any) -> list[Row]:
    read, shown = more.get("read", DetailRead()), more.get("shown", DetailView())
    return detail_rows(run, around or Relatives(), read, shown, more.get("now", Now(NOW)), width, ValueRows())


def page(run: Run, width: int = 80, **more: Any) -> str:
    return text_of([row.line for row in rows(run, width, **more)])


def row_of(found: list[Row], part: str) -> Row:
    return next(row for row in found if part in plain(row.line))


def test_page_has_every_field_of_the_schema() -> None:
    shown = page(full(), around=FAMILY)
    expected: dict[str, list[str]] = {
        "id": [RUN_ID],
        "status": ["✗ Failed  after 2 attempts  the last attempt threw"],
        "taskIdentifier": ["charge-card"],
        "version": ["version   20261124.3"],
        "createdAt": ["created   13:48:37.210"],
        "updatedAt": ["updated   13:48:43.604"],
        "startedAt": ["started   13:48:37.277"],
        "finishedAt": ["finished  13:48:43.604"],
        "isTest": ["test yes"],
        "payload": ['payload   { order: "ord_1001" }'],
        "output": ['output    [ "out", 42 ]'],
        "tags": ["tags      billing  order:1001"],
        "metadata": ['metadata  { step: "charge" }'],
        "relatedRuns": [
            "root      ✓ nightly      run_root",
            "parent    ◐ checkout     run_parent",
            "children  1  ▼ 1 Crashed",
            "▼ notify       run_child",
        ],
        # The attempts have a pane of their own.
        "attempts": ["attempts  2"],
    }
    assert set(expected) == set(SCHEMA["properties"])
    assert [text for texts in expected.values() for text in texts if text not in shown] == []


@pytest.mark.parametrize("width", [40, 52, 80, 200])
def test_page_has_every_other_value_at_every_width(width: int) -> None:
    shown = page(full(), width)
    expected = (
        "prod", "triggerAndWait()", "batch_1", "10m", "idem-1", "eu-central-1", "STANDARD", "sched_1", "task/charge",
        "small-1x", "$0.0002", "expired   13:48:44.604", "delayed   13:48:37.220", "57ms in queue",
        "6.3s, of it 1.3s running", "after 2 attempts", "run_root", "run_parent", "CardError", "Card was declined",
    )  # fmt: skip
    assert [text for text in expected if text not in shown] == []
    assert ("machine small-1x" if width > 40 else "machine   small-1x") in shown


def test_run_from_the_future_says_when_it_is_due() -> None:
    """A scheduled run is created at its due time, and is listed before."""
    run = next(run for name, run, _ in DETAILS if name.startswith("125-"))
    early = replace(run, created_at=NOW + timedelta(seconds=40))
    assert "due in 40s" in page(early)
    assert " 0s " in plain(row(early, columns_for(100), Now(NOW)))
    assert "0s ago" in page(replace(run, created_at=NOW + timedelta(milliseconds=900)))


def test_page_of_a_recorded_failure_reads_as_expected() -> None:
    run = next(run for name, run, _ in DETAILS if name.startswith("103-"))
    assert page(run, 52, around=Relatives(children=[])).splitlines() == [
        "",
        "✗ Failed  after 3 attempts  the last attempt threw",
        "fail-retry  run_cmwuqwphl00009f7de45f6e3t",
        "",
        "Error Upstream returned 503 on attempt 3: service",
        "      unavailable",
        "      at src/trigger/errors.ts:20:29",
        "",
        "○╌╌ 67ms ╌╌◐━━━━━━━━━━━━━━━━ 6.3s ━━━━━━━━━━━━━━━━✗",
        "created   13:43:46.210   5m ago",
        "started   13:43:46.277   67ms in queue",
        "finished  13:43:52.604   6.3s, of it 1.3s running",
        "version   20261124.1",
        "from      trigger()      depth 0",
        "cost      $0             ttl 10m",
        "tags      billing  retry-demo",
        "",
        'payload   { order: "ord_1001" }',
        "output    none, the run failed",
        "",
        "attempts  3              test no",
        "region    cmwuqs3df0005yl7daxfu2j6v",
        "updated   13:43:52.608   5m ago",
        "children  none",
    ]


@pytest.mark.parametrize(("depth", "root"), [(0, None), (1, "run_parent"), (2, "run_root")])
def test_nothing_moves_when_a_run_of_the_list_is_read(depth: int, root: str | None) -> None:
    listed = sample(attempt_count=None)
    listed = replace(listed, fixed=replace(listed.fixed, depth=depth))
    fixed = replace(
        listed.fixed,
        trigger_function=Raw("trigger"),
        root_id=None if root is None else RunId(root),
        parent_id=RunId("run_parent") if depth else None,
    )
    read = replace(listed, fixed=fixed, attempt_count=1, body=(STAMP, Body()))
    before, after = ([plain(row.line)[:LABEL] for row in rows(run)] for run in (listed, read))
    assert before == after
    assert page(listed).count("not read") == 4 + depth


@pytest.mark.parametrize("width", [40, 52, 120])
def test_page_of_every_recorded_run_fits_and_has_its_id(width: int) -> None:
    for name, run, related in DETAILS:
        shown = DetailView(folds={"payload": JsonFolds(ALL), "output": JsonFolds(ALL)}, is_wrapped=width == 52)
        found = rows(run, width, around=Relatives(children=related), shown=shown)
        assert [row.line for row in found if line_width(row.line) > width] == [], name
        keys = [row.key for row in found if row.key is not None]
        assert len(set(keys)) == len(keys), name
        assert run.id in text_of([row.line for row in found]), name


@given(st.integers(1, 120), st.booleans())
@settings(max_examples=25)
def test_hostile_text_in_any_field_stays_within_the_layout(width: int, is_wrapped: bool) -> None:
    run = full(HOSTILE)
    around = Relatives(run, run, [replace(run, id=RunId(f"run_{number}{HOSTILE}")) for number in range(12)])
    read = DetailRead(failure=f"GET /api/v3/runs/x: 500 {HOSTILE}")
    found = rows(run, width, around=around, read=read, shown=DetailView(is_wrapped=is_wrapped))
    assert all(line_width(row.line) <= max(width, 30) for row in found)
    assert not any(ord(character) < 0x20 for row in found for character in plain(row.line))


@pytest.mark.parametrize("row", STATUS_TABLE, ids=lambda row: row.title)
def test_every_status_is_described_in_words(row: Any) -> None:
    expected = UNSURE_DESCRIPTIONS.get(row.title, STATUS_STYLES[row.title].meaning)
    assert expected in page(sample(row.rest or row.legacy or row.database[0], attempt_count=None))


def test_running_times_stop_while_data_is_stale() -> None:
    run = sample("EXECUTING")
    frozen = page(run, now=Now(NOW + timedelta(minutes=5), NOW))
    assert "for 31s~" in frozen
    assert "so far    31s~" in frozen
    assert "━ 31s~ ━" in frozen
    assert "~" not in page(run)
    assert "~" not in page(sample("COMPLETED"), now=Now(NOW, NOW))


@given(st.integers(10, 100), st.integers(0, 10**9), st.sampled_from(["COMPLETED", "EXECUTING", "QUEUED", "EXPIRED"]))
def test_timeline_is_drawn_within_its_width_or_omitted(width: int, seconds: int, word: str) -> None:
    run = sample(word, started=word in {"COMPLETED", "EXECUTING"})
    assert run.state
    run = replace(run, state=replace(run.state, delayed_until=CREATED + timedelta(seconds=seconds % 100)))
    line = timeline_line(run, Now(CREATED + timedelta(seconds=seconds)), width)
    assert line_width(line) <= width
    assert not line or plain(line).endswith("✓" if word == "COMPLETED" else "◇" if word == "EXPIRED" else ("━", "╌"))


def test_enter_on_a_relative_goes_to_it() -> None:
    found = rows(full(), around=FAMILY)
    assert row_of(found, "nightly").action == GoToRun(RunId("run_root"))
    assert row_of(found, "checkout").action == GoToRun(RunId("run_parent"))
    assert row_of(found, "notify").action == GoToRun(RunId("run_child"))
    only_ids = rows(full())
    assert row_of(only_ids, "run_root").action == GoToRun(RunId("run_root"))


def test_children_are_sorted_by_status_and_large_groups_fold() -> None:
    children = [sample("COMPLETED", run_id=f"run_{number:03}") for number in range(23)]
    children += [sample("EXECUTING", run_id="run_live"), sample("FAILED", run_id="run_failed")]
    found = rows(sample(), around=Relatives(children=children))
    texts = [plain(row.line).strip() for row in found]
    start = next(index for index, text in enumerate(texts) if text.startswith("children"))
    assert texts[start] == "children  25  ✗ 1 Failed  ◐ 1 Executing  ✓ 23 Completed"
    assert "run_failed" in texts[start + 1]
    assert "run_live" in texts[start + 2]
    assert texts[start + 3] == "▸ ✓ 23 Completed"
    act = found[start + 3].action
    assert isinstance(act, ToggleFold)
    opened = page(sample(), around=Relatives(children=children), shown=DetailView(unfolded=frozenset({act.key})))
    assert "▾ ✓ 23 Completed" in opened
    assert "run_022" in opened


def test_failed_children_fold_from_fifty_on() -> None:
    def shown(count: int) -> str:
        return page(
            sample(),
            around=Relatives(children=[sample("FAILED", run_id=f"run_{number:03}") for number in range(count)]),
        )

    assert shown(30).count("charge-card") == 31
    assert shown(80).count("charge-card") == 51
    assert "▸ ✗ 30 more Failed" in shown(80)


def test_long_message_is_cut_and_enter_shows_all_of_it() -> None:
    error = RunError(Raw("\n".join(f"line {number}" for number in range(400))), Raw("Error"))
    run = replace(sample("FAILED"), error=(STAMP, error))
    row = row_of(rows(run), "Enter shows the whole")
    assert row.action == ShowWhole(ValuePath("error", ()))
    assert whole_of(run, ValuePath("error", ())) == error.message
    shown = page(run)
    assert "line 7" in shown
    assert "line 8" not in shown


def test_empty_line_of_a_message_stays_empty() -> None:
    error = RunError(Raw("two parts:\n\nthe second"), Raw("Error"))
    lines = [line.strip() for line in page(replace(sample("FAILED"), error=(STAMP, error))).splitlines()]
    first = lines.index("Error two parts:")
    assert lines[first + 1 : first + 3] == ["", "the second"]
    assert "no message" in page(replace(sample("FAILED"), error=(STAMP, RunError(Raw(" "), Raw("Error")))))


def test_error_shows_its_code_and_its_causes() -> None:
    causes = tuple(RunError(Raw(f"cause {number}"), Raw("TypeError")) for number in range(5))
    error = replace(failure(1), code="ECONNRESET", causes=causes)
    shown = page(replace(sample("FAILED"), error=(STAMP, error)))
    assert "code  ECONNRESET" in shown
    assert "at src/trigger/charge.ts:20:29" in shown
    assert "caused by TypeError cause 2" in shown
    assert "and 2 more causes" in shown


def test_enter_on_a_cut_fact_shows_all_of_it() -> None:
    run = sample()
    run = replace(run, fixed=replace(run.fixed, idempotency_key=Raw("k" * 100_000)))
    row = row_of(rows(run, 60), "key       k")
    assert row.action == ShowWhole(ValuePath("key", ()))
    assert whole_of(run, ValuePath("key", ())) == "k" * 100_000
    wrapped = [row for row in rows(run, 60, shown=DetailView(is_wrapped=True)) if "kkkk" in plain(row.line)]
    assert len(wrapped) == 8
    assert plain(wrapped[-1].line).endswith("…")


def test_enter_fetches_a_value_that_is_stored_apart() -> None:
    url = "https://store.example/secret?signature=1"
    run = replace(sample(), body=(STAMP, Body(payload_url=url)))
    row = row_of(rows(run), "payload")
    assert plain(row.line) == "payload   stored apart  Enter fetches it"
    assert row.action == FetchValue("payload")
    fetching = row_of(rows(run, shown=DetailView(fetching={"payload": FETCHING})), "payload")
    assert (plain(fetching.line), fetching.action) == ("payload   fetching…", None)
    failed = rows(run, shown=DetailView(fetching={"payload": "403"}))
    assert row_of(failed, "payload   403").action == row_of(failed, "Enter tries again").action == FetchValue("payload")
    assert "secret" not in page(run)


def test_whole_of_finds_a_nested_value() -> None:
    run = replace(sample(), body=(STAMP, Body({"a": [1, {"text": "x\ny"}]})))
    assert whole_of(run, ValuePath("payload", (0, 1, 0))) == "x\ny"
    assert whole_of(run, ValuePath("payload", ())) == {"a": [1, {"text": "x\ny"}]}
    assert whole_of(run, ValuePath("payload", (5,))) is ABSENT
    assert whole_of(run, ValuePath("payload", (0, 9))) is ABSENT
    assert whole_of(sample(), ValuePath("error", ())) is ABSENT


def test_values_say_that_they_were_not_read_yet() -> None:
    assert "payload   loading…" in page(sample(), read=DetailRead(ReadStage.LATE))
    assert "payload   not read" in page(sample())
    quiet = page(sample(), read=DetailRead(ReadStage.DUE)).splitlines()
    assert "payload" in [line.rstrip() for line in quiet]
    assert not any(word in line for line in quiet for word in ("not read", "loading…"))
    assert len(quiet) == len(page(sample()).splitlines()), "nothing moves"
    assert "output    none" in page(replace(sample(), body=(STAMP, Body({}))))
    assert "payload   none" in page(replace(sample(), body=(STAMP, Body())))
    assert "output" not in page(replace(sample("EXECUTING"), body=(STAMP, Body({}))))


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ("GET /api/v3/runs/x: 403 Forbidden", "This key may not read runs (403). The list still works."),
        ("GET /api/v3/runs/x: 401 Invalid", "The server refused the key (401). Set TRIGGER_SECRET_KEY again."),
        ("GET /api/v3/runs/x: 503 Busy", "The run could not be read: 503 Busy. r tries again."),
        ("GET /api/v3/runs/x: no connection: it", "The run could not be read: no connection: it. r tries again."),
        (
            "GET /api/v3/runs/x: 200, but a web page: is it right?",
            "The run could not be read: 200, but a web page: is it right? r tries again.",
        ),
        ("the run could not be read: no JSON", "The run could not be read: no JSON. r tries again."),
        ("the attempts are not known: GET /api/v1/runs/x/trace: 500 Oh", "the attempts are not known: 500 Oh"),
    ],
)  # fmt: skip
def test_failure_is_explained_with_what_to_do(failure: str, expected: str) -> None:
    assert text_of(failure_lines(sample(), failure, 80)) == expected


def test_run_gone_from_the_server_says_so_first() -> None:
    lines = failure_lines(replace(sample(), gone_at=NOW), "GET /x: 404 no", 80)
    assert text_of(lines) == "The server does not know this run any more."
    assert lines[0][0].token is Token.AMBER
    unknown = failure_lines(Run(sample().id, gone_at=NOW), "GET /x: 404 no", 80)
    assert text_of(unknown) == "The server does not know this run."
    assert text_of(failure_lines(None, "GET /x: no answer in 20 s", 80)).startswith(
        "The run could not be read: no answer in 20 s."
    )
