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
from tui.domain.action import ActionPhase, ActionPlan, ActionStatus, Via, confirmation_texts
from tui.domain.error import build_error
from tui.domain.filters import RunFilters, parse_period
from tui.domain.own_commands import CommandScope, Expanded, Subject
from tui.domain.run import STATUS_TABLE, Environment, Run, RunId, TaskId, filter_word, parse_status
from tui.domain.text import Raw
from tui.domain.tree import TreeNode
from tui.emulator.simulation.runs import FILTER_STATUSES
from tui.features.actions import words
from tui.features.actions.words import Question, Target, confirm_lines
from tui.features.own_commands import view as own
from tui.features.runs import words as say
from tui.features.runs.words import FAMILIES, PERIODS, Typed, word_of
from tui.kit.painted import leave_lines
from tui.kit.type_ahead import FrameVisibility
from tui.settings.schema import CommandEntry
from tui.store.server_filter import KnownValues, ServerFilter, is_typable
from tui.text.blocks import Now
from tui.text.styled import Piece, Token, line_width, plain

AT = Now(NOW)
PROD = Target(Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")), "prod", is_production=True)
DEV = Target(Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme")), "dev", is_production=False)
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

   Nothing else stops.
   The tree was read 0 s ago and is fully loaded.

    Keep running   Enter or Esc                     y  cancel 1 run


   PRODUCTION  acme/api

   Cancel charge-card?
   ◐ Executing  31s  billing  order:1001
   run_cmwuqwphl00009f7de45f6e3t
   2 marked runs hidden by the filter: not touched.
   10 runs below it also stop
    1  ◐ executing  task-0
   … and 9 more kinds
   The tree was read 0 s ago and is fully loaded.
   The terminal does not confirm that it drew this, so
   type a word.
   Type 11 or prod, then Enter

   Nothing is sent for 5 s; until then u withdraws it.
    Keep running   Esc                     cancel 11 runs
"""


def test_question_names_target_runs_and_keys() -> None:
    assert shown(READY) + shown(MANY, 60, 16) == ASKED
    waiting = shown(answering(question(), visibility=FrameVisibility.WAITING))
    assert "waiting for the terminal" in waiting
    assert len(waiting.splitlines()) == len(shown(question()).splitlines()), "nothing jumps"
    silent = shown(answering(READY, is_silent=True))
    assert "Type cancel, then Enter" in silent
    assert "y  cancel" not in silent
    bands = [shown(question(target=target)).splitlines()[1].strip() for target in (UNKNOWN, DEV)]
    assert bands == ["PRODUCTION?  environment not known, treated as production", "DEVELOPMENT  acme/api"]
    early = [plain(confirm_lines(answering(READY, was_early=True), AT, width, 40)[-2]) for width in (70, 56)]
    assert ["typed too early  y  cancel 1 run" in line for line in early] == [True, False]
    late = question(others=2)
    late = replace(late, plan=replace(late.plan, is_from_replica=True))
    text = text_of(confirm_lines(late, Now(NOW + timedelta(seconds=3)), 70, 40))
    assert "The tree is as of about 4 s ago and is fully loaded." in text, "a replica lags"


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


def test_acting_key_is_lit_only_while_it_counts() -> None:
    def tokens(dialog: Question, key: str) -> list[Token]:
        return [piece.token for line in confirm_lines(dialog, AT, 70, 40) for piece in line if piece.text == key]

    assert [tokens(question(), "y"), tokens(READY, "y")] == [[Token.FAINT], [Token.ROSE]]
    assert tokens(replace(READY, action=REPLAY), "y") == [Token.BRIGHT]
    assert tokens(replace(READY, is_reading=True), "y") == [Token.FAINT]
    assert tokens(replace(READY, objection="it is already Completed"), "y") == []
    typed = [answering(question(others=10), accepts_keys=True, typed=text) for text in ("1", "11")]
    assert [tokens(dialog, "Enter") for dialog in typed] == [[], [Token.ROSE]]


@pytest.mark.parametrize(
    ("runs", "others", "target", "typed"),
    [
        (1, 9, PROD, ()),
        (1, 10, PROD, ("11", "prod")),
        (2, 0, DEV, ()),
        (2, 0, PROD, ("2", "prod")),
        (2, 0, UNKNOWN, ("2",)),
    ],
)
def test_question_shows_the_text_to_type(runs: int, others: int, target: Target, typed: tuple[str, ...]) -> None:
    plan = question(*[sample()] * runs, others=others).plan
    assert confirmation_texts(plan, target.name, is_production=target.is_production) == typed


def test_runs_are_counted_by_status_task_and_error() -> None:
    def counted(*messages: str) -> list[str]:
        errors = [(stamp(), build_error(message, name="Error")) for message in messages]
        runs = [run_of(f"run_{n}", "COMPLETED_WITH_ERRORS", error=error) for n, error in enumerate(errors)]
        lines = words.counted_lines(map(words.kind_of_run, runs), 100)
        return [plain(line).split(maxsplit=4)[-1] for line in lines]

    assert counted("order 1 failed", "order 2 failed", "order 2 is late") == ["order <n> failed", "order 2 is late"]
    assert counted("order 7 failed\nmore", "order 7 failed\nmore") == ["order 7 failed"]
    assert len(counted("failed with status code 503", "failed with status code 404")) == 2
    assert len(counted("user 1207 is gone", "user 5e0f3c1a-93b5-4f0e-8d0e-0c4f7f0a1b2c is gone")) == 1


def status(phase: ActionPhase, message: str = "", new: str | None = None) -> ActionStatus:
    return ActionStatus(RunId(RUN_ID), "cancel", 1, phase, NOW, message, RunId(new) if new else None)


@pytest.mark.parametrize(
    ("pending", "said", "token"),
    [
        (status(ActionPhase.REQUESTED), "cancel sent", Token.AMBER),
        (status(ActionPhase.ACCEPTED), "cancel accepted", Token.AMBER),
        (status(ActionPhase.REFUSED, "POST /api/v2/runs/run_4031/cancel: 403 no"), "refused: 403", Token.ROSE),
        (status(ActionPhase.REFUSED, "this session is read-only"), "refused", Token.ROSE),
        (status(ActionPhase.FINISHED_FIRST, "Completed"), "finished first", Token.MUTED),
        (status(ActionPhase.UNKNOWN, "?"), "unknown", Token.AMBER),
    ],
)
def test_pending_action_replaces_the_status_word(pending: ActionStatus, said: str, token: Token) -> None:
    assert words.overlay(pending, NOW + timedelta(seconds=1)) == Piece(said, token)
    assert (words.overlay(pending, NOW + words.SHOWN_FOR) is None) == pending.phase.is_end
    assert (words.failure_words(pending) is None) != pending.phase.is_end
    assert words.overlay(status(ActionPhase.CONFIRMED), NOW) is None


@given(st.integers(0, 6000))
def test_countdown_rounds_up_and_outcomes_start_with_failures(left_ms: int) -> None:
    piece = words.countdown("cancel", timedelta(milliseconds=left_ms))
    assert line_width((piece,)) <= 15
    seconds = int(piece.text.split()[2]) if " in " in piece.text else 0
    assert 0 <= 1000 * seconds - left_ms < 1000
    ends = [ActionPhase.CONFIRMED] * 38 + [ActionPhase.FINISHED_FIRST] * 2 + [ActionPhase.REFUSED]
    assert plain(words.batch_words("canceled", [*map(status, ends)])) == "1 refused  2 finished first  38 canceled"
    replayed = status(ActionPhase.CONFIRMED, new="run_cmabcdef6e3t")
    assert plain(words.outcome_words("replayed", replayed)) == "replayed as run_cm…6e3t"


@pytest.mark.parametrize("width", [40, 46, 60])
@pytest.mark.parametrize("visibility", [None, *FrameVisibility])
@pytest.mark.parametrize("waiting", [{}, {"Cancel": 1}, {"Cancel": 1_000, "Replay": 12_345}])
def test_way_out_fits_and_counts_what_waits(
    width: int, visibility: FrameVisibility | None, waiting: dict[str, int]
) -> None:
    lines = leave_lines(waiting, visibility, width)
    assert all(line_width(line) <= width for line in lines)
    text = " ".join(text_of(lines).split())
    assert "ctrl-c quit" in text
    assert "Stay" in text
    assert ("y or" in text) is (visibility in {None, FrameVisibility.SEEN})
    counts = ["Nothing waits to be sent.", "Cancel of 1 run waits to be sent."]
    counts.append("Cancel of 1,000 runs and Replay of 12,345 runs wait to be sent.")
    assert counts[len(waiting)] in text


# The server's filters.

DAY = timedelta(hours=24)
TODAY = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
FAILED = tuple(word_of(title) for title in FAMILIES[1][1])
CHOICES = [word_of(title) for _, titles in FAMILIES for title in titles]
KNOWN = KnownValues(
    ("charge-card", "send-digest", "send-email"),
    ("billing",),
    ("20261124.3",),
    ("emails", "task/send-email"),
    is_all=True,
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (RunFilters(statuses=FAILED, tasks=(TaskId("charge-card"),)), "failed, charge-card"),
        (RunFilters(statuses=("QUEUED", "PENDING_VERSION")), "Queued or Pending version"),
        (RunFilters(statuses=(*FAILED, "CANCELED")), "failed or Canceled"),
        (RunFilters(statuses=("QUEUED", "EXECUTING", "FAILED")), "3 statuses"),
        (RunFilters(statuses=("WAITING_FOR_DEPLOY", "NEW_WORD")), "Pending version or NEW_WORD"),
        (RunFilters(tags=("a", "b", "c")), "3 tags"),
        (RunFilters(tags=("a",), versions=("1",), queues=("q",)), "tag a, version 1, queue q"),
    ],
)
def test_filters_are_described_in_words(filters: RunFilters, expected: str) -> None:
    assert [say.filter_words(filters, period) for period in (DAY, None)] == [f"{expected}, last 24h", expected]
    older = [
        say.older_words(filters, count, is_cut=is_cut) for count, is_cut in ((0, False), (1, False), (1_000, True))
    ]
    assert older == ["", " and 1 older live run", " and ≥1,000 older live runs"]
    assert say.older_words(filters, 0, is_cut=True) == ", older live runs not read"


def test_every_status_of_rest_can_be_chosen() -> None:
    assert set(CHOICES) == {row.rest for row in STATUS_TABLE if row.rest} | {"INTERRUPTED"}
    assert all(filter_word(word) == word for word in CHOICES)
    assert set(CHOICES) <= set(FILTER_STATUSES), "one word that the server does not know makes it refuse the list"
    cells = [
        say.status_cell(title, frozenset(chosen)) for title, chosen in (("Failed", ["FAILED"]), ("Crashed", ["FAILED"]))
    ]
    cells += [say.heading_cell(1, frozenset(chosen)) for chosen in (FAILED, FAILED[1:])]
    assert [cell[-1].is_bold for cell in cells] == [True, False, True, False], "it stands out without colour"


letters = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters=",")
lists = st.lists(st.text(letters, min_size=1, max_size=6).filter(is_typable), max_size=3, unique=True).map(tuple)
filters = st.builds(
    RunFilters,
    # The dialog keeps its own order of statuses, which means the same.
    statuses=st.sets(st.sampled_from(CHOICES)).map(lambda words: tuple(word for word in CHOICES if word in words)),
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
        ("soon", "7d, 2:50-3:20, yesterday 2:50-3:20"),
        ("02:60-03:00", "it names a day or a time that does not exist"),
        ("2026-02-30", "it names a day or a time that does not exist"),
        ("02:50-02:50", "it begins when it ends"),
        ("2:50", "it has no end, as 2:50-3:20 or 2:50-now"),
        ("1900-01-01", "it begins more than 10 years ago"),
        ("02-03", "it may be hours or a day (2:00-3:00, 2026-02-03)"),
        ("03:20-now-1", "7d, 2:50-3:20, yesterday 2:50-3:20"),
    ],
)
def test_invalid_period_is_reported_and_not_accepted(text: str, problem: str) -> None:
    assert say.period_error(text, TODAY) == f"“{text}” is not a period: {problem}."
    assert say.read_typed(Typed(period=text), DAY, TODAY) is None
    assert "until the period is one" in plain(say.shows_line(Typed(period=text), DAY, TODAY))
    assert say.read_typed(Typed(period="  "), DAY, TODAY) == ServerFilter(RunFilters(), DAY)


def test_span_of_time_becomes_a_filter() -> None:
    chosen = say.read_typed(Typed(period="yesterday 23:30–00:30"), DAY, TODAY)
    assert chosen is not None
    begin = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert (chosen.filters.created_from, chosen.filters.created_to) == (begin, begin + timedelta(hours=1))
    assert TODAY - chosen.period < begin, "the list is read back to the begin"
    assert say.filter_words(chosen.filters, chosen.period) == "2026-11-25 23:30 - 2026-11-26 00:30 UTC"
    for text, problem in (
        ("today 16:00-17:00", "has not begun"),
        ("2026-11-25 03:20 - 2026-11-25 02:50", "ends before"),
    ):
        assert problem in (say.period_error(text, TODAY) or "")
    again = say.read_typed(say.typed_of(chosen), DAY, TODAY)
    assert again is not None
    assert again.filters == chosen.filters


@pytest.mark.parametrize(
    ("text", "offered", "after"),
    [
        ("", ("charge-card", "send-digest", "send-email"), "X"),
        ("SEND-E", ("send-email",), "X"),
        ("email", ("send-email",), "X"),
        ("send-email", (), "X"),
        ("send-email, c", ("charge-card",), "send-email, X"),
        ("nothing", (), "X"),
    ],
)
def test_candidates_match_the_last_value_and_replace_it(text: str, offered: tuple[str, ...], after: str) -> None:
    assert say.candidates(text, KNOWN.tasks) == offered
    assert say.completed(text, "X") == after
    assert say.is_incomplete(text, KNOWN.tasks) is bool(offered and text)
    assert say.candidates("mail", ("a-mail", "mail-b")) == ("mail-b", "a-mail"), "those that begin with it come first"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("queue", "emails, send-email", None),
        ("task", "send-*", "The server takes whole names; patterns are for /."),
        ("task", "charge-crad", "No run here has the task “charge-crad” yet."),
        ("tag", "biling", "No run here has the tag “biling” yet."),
        ("version", "1", None),
        ("task", "", None),
    ],
)
def test_doubtful_values_are_pointed_out(field: str, text: str, expected: str | None) -> None:
    assert say.doubtful_value(field, text, KNOWN) == expected
    assert "*" in text or say.doubtful_value(field, text, replace(KNOWN, is_all=False)) is None


@given(st.lists(st.text(max_size=30) | st.just(HOSTILE), max_size=6), st.integers(56, 120), st.booleans())
def test_offers_fit_and_end_with_their_key(offered: list[str], width: int, is_tab: bool) -> None:
    line = say.offer_line(offered, width, is_tab=is_tab)
    assert line_width(line) <= width
    assert bool(line) == bool(offered)
    assert not line or plain(line).rstrip().endswith("Tab completes" if is_tab else "→ completes")
    assert "\x1b" not in plain(line)
    assert line_width(say.band_line(width, needs_rules=is_tab)) == width


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


def test_own_command_says_what_it_runs_and_how_it_ended() -> None:
    assert own.template_words(["p", "{run.id}", "a b", "-t={run.tags}"]) == "p {run.id} 'a b' -t={run.tags}"
    ended = [own.ended_words(3, timedelta(seconds=1.2)), own.ended_words(-9, timedelta(minutes=5))]
    assert ended == ["ended with 3 after 1.2s", "was ended by signal 9 after 5m00s"]
    text = "\x1b[31mred\x1b[0m\r\n10%\r50%\rdone\n\ttab\n\x1b]0;title\x07\n"
    assert own.output_text(text, "", 0) == "  red\n  done\n          tab"
    assert own.output_text("a\n", "z\n", 5_000_000) == "  a\n  … 5.0 MB left out …\n  z"
    lines = [plain(line) for line in own.command_lines(prepared("n", "x" * 50_000), [], (), 76, 20)]
    left = 50_000 - sum(line.count("x") for line in lines)
    assert any(f"… {left:,} more characters" in line for line in lines)
