"""The dialogs: the question before an action, the server's filters, the way out, columns, own commands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import run_of, stamp
from tests.support.present.samples import HOSTILE, NOW, RUN_ID, drawn, full, sample, text_of
from tui.api.actions import CANCEL, REPLAY
from tui.domain.action import ActionPlan, Via
from tui.domain.error import build_error
from tui.domain.filters import RunFilters, parse_period
from tui.domain.own_commands import CommandScope, Expanded, Subject
from tui.domain.run import STATUS_TABLE, Environment, Fixed, Run, RunId, TaskId, filter_words, parse_status
from tui.domain.text import Raw
from tui.domain.tree import TreeNode
from tui.emulator.simulation.runs import FILTER_STATUSES
from tui.features.actions import words
from tui.features.actions.words import Question, Target, confirm_lines
from tui.features.own_commands import view as own
from tui.features.runs import words as say
from tui.features.runs.words import FAMILIES, PERIODS, Typed, word_of
from tui.kit.type_ahead import FrameVisibility
from tui.settings.schema import CommandEntry
from tui.store.server_filter import ServerFilter, is_typable
from tui.text.blocks import Now
from tui.text.styled import Piece, Token, line_width, plain

AT = Now(NOW)
PROD = Target(Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")), "prod", is_production=True)
UNKNOWN = Target(None, None, is_production=True)


def question(*runs: Run, others: int = 0, target: Target = PROD, **changes: Any) -> Question:
    below = (
        TreeNode(RunId(f"run_{number}"), 1, TaskId(f"task-{number % 40}"), parse_status("EXECUTING"), None)
        for number in range(others)
    )
    plan = ActionPlan("Cancel", runs or (sample("EXECUTING"),), tuple(below), read_at=NOW)
    return replace(Question(plan, target, CANCEL), **changes)


def answering(dialog: Question, **changes: Any) -> Question:
    """Return a question whose dialog is being answered."""
    return replace(dialog, answer=replace(dialog.answer, **changes))


def shown(dialog: Question, width: int = 70, height: int = 40) -> str:
    return drawn(confirm_lines(dialog, AT, width, height))


READY = answering(question(), accepts_keys=True)
MANY = answering(question(others=10, grace_s=5, hidden_count=2), is_silent=True)

ASKED = """
   PRODUCTION  acme/api

   Cancel charge-card?
   ◐ Executing  31s  billing  order:1001
   run_cmwuqwphl00009f7de45f6e3t
   2 marked runs hidden by the filter: left as they are.
   10 runs below it are also canceled
    1  ◐ executing  task-0
   … and 9 more groups
   The tree was read 0s ago and is complete.
   The terminal does not answer queries, so one key is
   not enough.
   Type 11 or prod, then Enter

   Sent after 5 s; before that, u withdraws it.
    Keep running   Esc                     cancel 11 runs
"""


def test_question_names_target_runs_and_keys() -> None:
    assert shown(MANY, 60, 16) == ASKED
    waiting = shown(answering(question(), visibility=FrameVisibility.WAITING))
    assert "waiting for the terminal" in waiting
    assert len(waiting.splitlines()) == len(shown(question()).splitlines()), "nothing jumps"
    assert "PRODUCTION?  environment not known, treated as production" in shown(question(target=UNKNOWN))
    late = replace(question(others=2).plan, is_from_replica=True)
    assert "The tree was read about 1s ago" in shown(question(plan=late)), "a replica lags"
    lit = (READY, replace(READY, action=REPLAY), question(), replace(READY, objection="it ended"))
    pieces = [piece for each in lit for line in confirm_lines(each, AT, 70, 40) for piece in line if piece.text == "y"]
    assert [piece.token for piece in pieces] == [Token.ROSE, Token.BRIGHT, Token.FAINT], "lit only while it counts"
    assert "Go back" in shown(lit[-1]), "nothing runs on"


@given(
    st.integers(50, 100), st.integers(13, 60), st.integers(0, 60), st.integers(1, 12), st.booleans(), st.booleans(),
    st.sampled_from([None, *FrameVisibility]), st.sampled_from([(), ("it was cut",), (HOSTILE,)]),
    st.sampled_from(["", HOSTILE, "日本語" * 20]),
)  # fmt: skip
def test_question_fits_and_keeps_band_button_and_id(
    width: int, height: int, others: int, count: int, is_reading: bool, is_silent: bool,
    visibility: FrameVisibility | None, missing: tuple[str, ...], text: str,
) -> None:  # fmt: skip
    runs = tuple(replace(full(text), id=RunId(f"{RUN_ID}{n}")) for n in range(count))
    dialog = question(*runs, others=others, is_reading=is_reading, hidden_count=2, grace_s=5)
    dialog = answering(dialog, visibility=visibility, is_silent=is_silent)
    dialog = replace(dialog, plan=replace(dialog.plan, missing=missing, awaited_by=(TaskId("nightly"),)))
    lines = confirm_lines(dialog, AT, width, height)
    assert all(line_width(line) <= width for line in lines)
    assert plain(lines[0]).startswith("   PRODUCTION  acme/api")
    assert lines[0][0].token is Token.ALARM
    found = text_of(lines)
    assert "Keep running" in found
    assert not set(found) & set("\x1b\x07\x00\u202e\u200b")
    assert count > 1 or f"{RUN_ID}0" in found.replace("\n   ", "")


def test_replay_says_that_parents_trigger_their_children_again() -> None:
    runs = [run_of(f"run_{depth}", fixed=Fixed(depth=depth)) for depth in (1, 2, 3)]
    said = "2 of them are child runs. A replayed parent triggers its"
    assert said in shown(replace(question(*runs), action=REPLAY))
    assert "child" not in shown(question(*runs)) + shown(replace(question(*runs[1:2]), action=REPLAY))


def test_runs_are_counted_by_status_task_and_error() -> None:
    messages = ("order 1 failed", "order 2 failed", "order 2 is late", "status code 503", "status code 404")
    errors = [(stamp(), build_error(message, name="Error")) for message in messages]
    runs = [run_of(f"run_{n}", "COMPLETED_WITH_ERRORS", error=error) for n, error in enumerate(errors)]
    lines = words.counted_lines(map(words.kind_of_run, runs), 100)
    said = [plain(line).split(maxsplit=4)[-1] for line in lines]
    assert sorted(said) == ["order 2 is late", "order <n> failed", "status code 404", "status code 503"]


# The server's filters.

DAY = timedelta(hours=24)
TODAY = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
FAILED = tuple(word_of(title) for title in FAMILIES[1][1])
CHOICES = [word_of(title) for _, titles in FAMILIES for title in titles]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (RunFilters(statuses=FAILED, tasks=(TaskId("charge-card"),)), "failed, charge-card"),
        (RunFilters(statuses=("QUEUED", "EXECUTING", "FAILED")), "3 statuses"),
        (RunFilters(statuses=("FAILED", "TIMED_OUT")), "Threw or Timed out"),
        (RunFilters(statuses=("PENDING_VERSION", "NEW_WORD")), "Pending version or NEW_WORD"),
        (RunFilters(tags=("a",), versions=("1",), queues=("q",)), "tag a, version 1, queue q"),
    ],
)
def test_filters_are_described_in_words(filters: RunFilters, expected: str) -> None:
    assert [say.filter_words(filters, period) for period in (DAY, None)] == [f"{expected}, last 24h", expected]
    older = [
        say.older_words(filters, count, is_cut=is_cut, period=DAY, reach=reach)
        for count, is_cut, reach in (
            (0, False, None), (1_000, True, None), (0, True, None),
            (0, True, DAY), (0, True, 30 * DAY), (3, True, 30 * DAY),
        )
    ]  # fmt: skip
    assert older == [
        "",
        " and ≥1,000 older live runs",
        *[", older live runs not read"] * 2,
        " and live runs of the last 30d",
        " and ≥3 older live runs of the last 30d",
    ]


def test_every_status_of_rest_can_be_chosen() -> None:
    assert set(CHOICES) == {row.rest for row in STATUS_TABLE if row.rest} | {"INTERRUPTED"}
    assert all(word in filter_words(word) for word in CHOICES)
    assert set(CHOICES) <= set(FILTER_STATUSES), "one word that the server does not know makes it refuse the list"


letters = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters=",")
lists = st.lists(st.text(letters, min_size=1, max_size=6).filter(is_typable), max_size=3, unique=True).map(tuple)
filters = st.builds(
    RunFilters,
    # The dialog keeps its own order of statuses, which means the same.
    statuses=st.sets(st.sampled_from(CHOICES)).map(
        lambda words: tuple(row.filter for row in STATUS_TABLE if row.filter in words)
    ),
    tasks=lists.map(lambda names: tuple(map(TaskId, names))),
    **dict.fromkeys(("tags", "versions", "queues"), lists),
)
periods = st.sampled_from([*PERIODS, "90m", "3d"]).map(lambda text: parse_period(text) or DAY)


@given(st.builds(ServerFilter, filters, periods))
def test_dialog_reads_back_the_filter_it_shows(before: ServerFilter) -> None:
    assert say.read_typed(say.typed_of(before), timedelta(hours=1), TODAY) == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("soon", ". Write 7d, 2:50-3:20 or yesterday 2:50-3:20"),
        ("02:60-03:00", ": there is no such day or time"),
        ("2:50", ": add its end, as in 2:50-3:20 or 2:50-now"),
        ("1900-01-01", ": it begins more than 10 years ago"),
    ],
)
def test_invalid_period_is_reported_and_not_accepted(text: str, problem: str) -> None:
    assert say.period_error(text, TODAY) == f"“{text}” is not a period{problem}."
    assert say.read_typed(Typed(period=text), DAY, TODAY) is None
    assert "until the period is valid" in plain(say.shows_line(Typed(period=text), DAY, TODAY))
    chosen = say.read_typed(Typed(period="yesterday 23:30–00:30"), DAY, TODAY)
    assert chosen is not None
    assert TODAY - chosen.period < datetime(2026, 11, 25, 23, 30, tzinfo=UTC), "the list is read back to the begin"
    assert say.filter_words(chosen.filters, chosen.period) == "2026-11-25 23:30 - 2026-11-26 00:30 UTC"


# Commands of the config file.


def prepared(text: str, shown: str) -> own.PreparedCommand:
    entry = CommandEntry(text or "n", ("p",), scope="task")
    command = own.OwnCommand(text, "", CommandScope.TASK, (("p",),), entry)
    return own.PreparedCommand(
        command, Subject(task=TaskId(text)), Expanded(("p",)), "/p", {}, Via.KEY, Raw(shown), UNKNOWN
    )


@given(st.text(max_size=300), st.text(), st.integers(24, 76), st.integers(10, 30))
def test_own_command_and_its_output_fit_and_are_clean(text: str, end: str, width: int, height: int) -> None:
    lines = own.command_lines(
        prepared(text, text * 20), ["A remark.", "Another."], (Piece("y  run it"),), width, height
    )
    assert all(line_width(line) <= max(width, 60) for line in lines)
    assert all("\x1b" not in plain(line) and "\n" not in plain(line) for line in lines)
    assert len(lines) <= max(height, 14)
    output = own.output_text(text * 50, end * 50, height).split("\n")
    assert len(output) <= own.MAX_LINES + 1
    assert all(len(line) <= own.MAX_LINE_CHARS + 2 for line in output)
