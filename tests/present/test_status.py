from dataclasses import replace

import pytest
from rich.cells import cell_len

from tests.support.present.samples import sample
from tui.domain.run import STATUS_TABLE, AttemptStatus, Run, RunId, RunStatus, parse_status
from tui.text.status import STATUS_STYLES, style_of, style_of_attempt, style_of_status
from tui.text.styled import Token


def test_every_status_has_a_style_of_its_own() -> None:
    assert {row.title for row in STATUS_TABLE} == set(STATUS_STYLES)
    assert len({look.glyph for look in STATUS_STYLES.values()}) == len(STATUS_STYLES)
    assert len({look.ascii_glyph for look in STATUS_STYLES.values()}) == len(STATUS_STYLES)


def test_every_glyph_is_one_cell_and_every_ascii_glyph_is_ascii() -> None:
    for look in STATUS_STYLES.values():
        assert cell_len(look.glyph) == 1
        assert len(look.ascii_glyph) == 1
        assert look.ascii_glyph.isascii()


@pytest.mark.parametrize(
    ("word", "glyph", "ascii_glyph", "shown", "token"),
    [
        ("DELAYED", "◌", ":", "Delayed", Token.MUTED),
        ("QUEUED", "○", ".", "Queued", Token.MUTED),
        ("PENDING", "○", ".", "Queued", Token.MUTED),
        ("PENDING_VERSION", "△", "^", "Pending version", Token.MUTED),
        ("DEQUEUED", "◔", "o", "Dequeued", Token.BLUE),
        ("EXECUTING", "◐", "O", "Executing", Token.BLUE),
        ("REATTEMPTING", "↻", "@", "Reattempting", Token.BLUE),
        ("FROZEN", "‖", "=", "Waiting", Token.MUTED),
        ("COMPLETED", "✓", "+", "Completed", Token.FAINT),
        ("FAILED", "✗", "x", "Failed", Token.ROSE),
        ("CRASHED", "▼", "!", "Crashed", Token.ROSE),
        ("TIMED_OUT", "◷", "T", "Timed out", Token.ROSE),
        ("SYSTEM_FAILURE", "⊠", "#", "System failure", Token.ROSE),
        ("FAILED_TO_RUN", "⊗", "X", "Failed to run", Token.ROSE),
        ("INTERRUPTED", "¦", "/", "Interrupted", Token.ROSE),
        ("CANCELED", "⊘", "-", "Canceled", Token.FAINT),
        ("EXPIRED", "◇", "_", "Expired", Token.FAINT),
    ],
)
def test_status_has_the_glyph_and_colours_of_the_readme(
    word: str, glyph: str, ascii_glyph: str, shown: str, token: Token
) -> None:
    look = style_of(sample(word))
    assert (look.glyph, look.ascii_glyph, look.word, look.name.token) == (glyph, ascii_glyph, shown, token)
    assert look.name.is_bold == parse_status(word).canonical.is_failed
    assert style_of_status(parse_status(word)) == look


def test_completed_and_pending_version_colour_only_their_glyph() -> None:
    assert style_of(sample("COMPLETED")).mark.token is Token.GREEN
    assert style_of(sample("PENDING_VERSION")).mark.token is Token.AMBER


def test_executing_again_is_reattempting() -> None:
    assert style_of(sample("EXECUTING", attempt_count=2)).word == "Reattempting"


@pytest.mark.parametrize("ended", [False, True])
def test_unknown_status_is_a_question_mark_and_a_clean_word(ended: bool) -> None:
    run = sample("QUEUED")
    assert run.state
    status = parse_status("QUANTUM\x1b[2J", ended=ended)
    look = style_of(replace(run, state=replace(run.state, status=status)))
    assert (look.glyph, look.name.text, look.name.token) == ("?", "QUANTUM␛[2J", Token.MUTED)


def test_empty_or_unread_status_is_unknown() -> None:
    assert (style_of(Run(RunId("run_1"))).glyph, style_of(Run(RunId("run_1"))).word) == ("?", "·")
    assert style_of_status(None).glyph == "?"
    assert style_of_status(parse_status("")).word == "·"


def test_every_attempt_status_has_a_style() -> None:
    shown = {status: style_of_attempt(status).word for status in AttemptStatus}
    assert shown == {
        AttemptStatus.EXECUTING: "Executing",
        AttemptStatus.COMPLETED: "Completed",
        AttemptStatus.FAILED: "Failed",
        AttemptStatus.CANCELED: "Canceled",
    }


def test_every_canonical_status_is_covered_by_a_title() -> None:
    assert {row.canonical for row in STATUS_TABLE} == set(RunStatus)
