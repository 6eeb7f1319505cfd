"""The lines of the dialog that confirms an action."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, NOW, RUN_ID, full, sample, text_of
from tui.api.actions import CANCEL, REPLAY
from tui.domain.action import ActionPlan, confirmation_texts
from tui.domain.run import Environment, Run, RunId, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.tree import TreeNode
from tui.features.actions.words import Question, Target, confirm_lines
from tui.kit.type_ahead import FrameVisibility
from tui.text.blocks import Now
from tui.text.styled import Token, line_width, plain

PROD = Target(Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")), "prod", is_production=True)
DEV = Target(Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme")), "dev", is_production=False)


def below(number: int, word: str = "EXECUTING", task: str = "import-page") -> TreeNode:
    return TreeNode(RunId(f"run_{number}"), 1, TaskId(task), parse_status(word), None)


def question(*runs: Run, others: int = 0, target: Target = PROD, **changes: object) -> Question:
    plan = ActionPlan("Cancel", runs, tuple(below(n, task=f"task-{n % 40}") for n in range(others)), read_at=NOW)
    made = Question(plan, target, CANCEL)
    return replace(made, **changes)  # type: ignore[arg-type]


def answering(dialog: Question, **changes: object) -> Question:
    """Return a question whose dialog is being answered."""
    return replace(dialog, answer=replace(dialog.answer, **changes))  # type: ignore[arg-type]


@given(
    width=st.integers(50, 100),
    height=st.integers(13, 60),
    others=st.integers(0, 60),
    count=st.integers(1, 12),
    is_reading=st.booleans(),
    visibility=st.sampled_from([None, *FrameVisibility]),
    is_silent=st.booleans(),
    missing=st.sampled_from([(), ("the trace was cut by the server",), (HOSTILE,)]),
    text=st.sampled_from(["", HOSTILE, "日本語" * 20]),
)
def test_question_fits_and_keeps_band_button_and_id(
    width: int,
    height: int,
    others: int,
    count: int,
    is_reading: bool,
    visibility: FrameVisibility | None,
    is_silent: bool,
    missing: tuple[str, ...],
    text: str,
) -> None:
    runs = tuple(replace(full(text), id=RunId(f"{RUN_ID}{n}")) for n in range(count))
    dialog = question(*runs, others=others, is_reading=is_reading, hidden_count=2, grace_s=5)
    dialog = answering(dialog, visibility=visibility, is_silent=is_silent)
    dialog = replace(dialog, plan=replace(dialog.plan, missing=missing, awaited_by=(TaskId("nightly"),)))
    lines = confirm_lines(dialog, Now(NOW), width, height)
    assert all(line_width(line) <= width for line in lines)
    assert plain(lines[0]).startswith("   PRODUCTION  acme/api")
    assert lines[0][0].token is Token.ALARM
    text_shown = text_of(lines)
    assert "Keep running" in text_shown
    assert not set(text_shown) & set("\x1b\x07\x00\u202e\u200b")
    if count == 1:
        assert f"{RUN_ID}0" in text_shown.replace("\n   ", "")


def test_low_terminal_counts_the_kinds_that_do_not_fit() -> None:
    lines = confirm_lines(question(sample("EXECUTING"), others=40), Now(NOW), 60, 16)
    assert len(lines) == 16
    assert "… and " in text_of(lines)
    assert "Type 41 or prod, then Enter" in text_of(lines)


def test_low_terminal_that_does_not_answer_keeps_the_button() -> None:
    runs = [replace(sample("EXECUTING"), id=RunId(f"run_{number}")) for number in range(9)]
    dialog = answering(question(*runs, others=4, hidden_count=2, grace_s=5), is_silent=True)
    lines = confirm_lines(dialog, Now(NOW), 56, 13)
    assert len(lines) <= 14, "the terminal has 15 rows"
    assert plain(lines[-1]).startswith("    Keep running   Esc")
    assert "…" in text_of(lines).split("\n   ")


def test_acting_key_is_lit_only_while_it_counts() -> None:
    def tokens(dialog: Question, key: str) -> list[Token]:
        lines = confirm_lines(dialog, Now(NOW), 70, 40)
        return [piece.token for line in lines for piece in line if piece.text == key]

    one = question(sample("EXECUTING"))
    ready = answering(one, accepts_keys=True)
    assert tokens(one, "y") == [Token.FAINT]
    assert tokens(ready, "y") == [Token.ROSE]
    assert tokens(replace(ready, action=REPLAY), "y") == [Token.BRIGHT]
    assert tokens(replace(ready, is_reading=True), "y") == [Token.FAINT]
    many = answering(question(sample("EXECUTING"), others=10), accepts_keys=True)
    assert tokens(answering(many, typed="1"), "Enter") == []
    assert tokens(answering(many, typed="11"), "Enter") == [Token.ROSE]
    gone = replace(ready, objection="it is already Completed")
    assert tokens(gone, "y") == []


def test_word_about_an_early_key_takes_the_place_of_nothing() -> None:
    early = answering(question(sample("EXECUTING")), accepts_keys=True, was_early=True)
    wide, narrow = (plain(confirm_lines(early, Now(NOW), width, 40)[-2]) for width in (70, 56))
    assert wide.rstrip().endswith("  typed too early  y  cancel 1 run")
    assert "too early" not in narrow
    assert narrow.strip().startswith("Keep running   Enter or Esc")


def test_unknown_environment_is_treated_as_production() -> None:
    unknown = Target(None, None, is_production=True)
    band = plain(confirm_lines(question(sample(), target=unknown), Now(NOW), 70, 40)[0])
    assert band.strip() == "PRODUCTION?  environment not known, treated as production"
    assert plain(confirm_lines(question(sample(), target=DEV), Now(NOW), 70, 40)[0]).strip() == "DEVELOPMENT  acme/api"


@pytest.mark.parametrize(
    ("runs", "others", "target", "typed"),
    [
        (1, 9, PROD, ()),
        (1, 10, PROD, ("11", "prod")),
        (1, 10, DEV, ("11", "dev")),
        (2, 0, DEV, ()),
        (2, 0, PROD, ("2", "prod")),
        (2, 0, Target(None, None, is_production=True), ("2",)),
    ],
)
def test_question_shows_the_text_to_type(runs: int, others: int, target: Target, typed: tuple[str, ...]) -> None:
    plan = ActionPlan("Cancel", (sample(),) * runs, tuple(map(below, range(others))))
    assert confirmation_texts(plan, target.name, is_production=target.is_production) == typed


def test_age_of_a_replica_tree_includes_its_lag() -> None:
    dialog = question(sample(), others=2)
    late = replace(dialog, plan=replace(dialog.plan, is_from_replica=True))
    texts = [text_of(confirm_lines(each, Now(NOW + timedelta(seconds=3)), 70, 40)) for each in (dialog, late)]
    assert "The tree was read 3 s ago and is fully loaded." in texts[0]
    assert "The tree is as of about 4 s ago and is fully loaded." in texts[1]


def test_question_asks_for_a_word_on_a_silent_terminal() -> None:
    dialog = answering(question(sample()), is_silent=True, accepts_keys=True)
    text = text_of(confirm_lines(dialog, Now(NOW), 70, 40))
    assert "Type cancel, then Enter" in text
    assert "The terminal does not confirm that it drew this" in text
    assert "y  cancel" not in text
    many = question(*(replace(sample(), id=RunId(f"run_{n}")) for n in range(11)))
    many = answering(many, is_silent=True)
    assert "Type 11 or prod, then Enter" in text_of(confirm_lines(many, Now(NOW), 70, 40))


def test_dialog_says_that_it_waits_for_the_terminal() -> None:
    dialog = answering(question(sample()), visibility=FrameVisibility.WAITING)
    assert "waiting for the terminal" in text_of(confirm_lines(dialog, Now(NOW), 70, 40))
    lines = [len(confirm_lines(each, Now(NOW), 70, 40)) for each in (dialog, answering(dialog, visibility=None))]
    assert lines[0] == lines[1], "nothing jumps"
