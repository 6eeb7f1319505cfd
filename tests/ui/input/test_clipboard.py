"""Text is sent to the terminal's clipboard, also through tmux and screen, and from the copy menu."""

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import patch_of, stamp
from tests.support.fleet import FleetRun
from tests.support.ui.action_app import Stage, fleet_of, play
from tui.domain.run import Body, RunId
from tui.domain.update import RunsRead
from tui.features.copying.view import CopyMenu
from tui.features.copying.words import ticket
from tui.kit.painted import MAX_BYTES, Clipboard, osc52
from tui.kit.terminal.output import MAX_SCREEN_STRING_BYTES
from tui.text.styled import plain

TMUX = {"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "screen-256color"}
SCREEN = {"TERM": "screen.xterm-256color"}
PLAIN = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def taken(sequence: str) -> str:
    """Return the text that a terminal puts on its clipboard."""
    match = PLAIN.fullmatch(sequence)
    assert match, sequence[:80]
    return base64.b64decode(match[1]).decode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_arrives_whole_and_without_controls(text: str) -> None:
    assert taken(osc52(text, {"TERM": "xterm-256color"})) == text


def test_tmux_gets_the_text_and_passes_it_on() -> None:
    sequence = osc52("run_1", TMUX)
    own, _, wrapped = sequence.partition("\x1bPtmux;")
    assert taken(own) == "run_1"
    assert wrapped.endswith("\x1b\\")
    assert taken(wrapped.removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b")) == "run_1"


@pytest.mark.parametrize("environ", [SCREEN, {"TERM": "xterm", "STY": "1.pts"}])
def test_screen_gets_the_text_in_pieces(environ: dict[str, str]) -> None:
    text = "x" * 5000
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", osc52(text, environ), re.DOTALL)
    assert max(map(len, pieces)) <= MAX_SCREEN_STRING_BYTES
    assert taken("".join(pieces)) == text


def test_lone_surrogate_is_sent() -> None:
    assert taken(osc52("a\ud800b", {})) == "a?b"


def test_too_large_text_is_not_sent_with_a_notice() -> None:
    sent: list[str] = []
    shown_notices: list[str] = []
    clipboard = Clipboard({}, sent.append, lambda line: shown_notices.append(plain(line)))
    clipboard.send("payload", "é" * (MAX_BYTES // 2))
    assert len(sent) == 1
    assert shown_notices == ["payload sent to the terminal"]
    clipboard.send("payload", "é" * 1_200_000)
    assert len(sent) == 1
    assert shown_notices[-1] == "payload is too large to copy: 2.4 MB; terminals take up to 100 kB"


def test_copy_menu_reads_the_run_and_sends_the_choice(tmp_path: Path) -> None:
    run = FleetRun(7, -30, -20, -10, end="FAILED")

    async def scenario(stage: Stage) -> None:
        clipboard = Clipboard({}, stage.app.write, stage.add_notice)
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), clipboard))
        await stage.later(0.1)
        text = stage.text
        assert "i  id" in text
        assert "p  payload" in text
        assert "e  error" in text
        assert "output" not in text
        await stage.press("j", "enter")
        assert taken(stage.app.sent[-1]) == '{"n": 7}'
        assert stage.notices == ["payload sent to the terminal"]
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), clipboard))
        await stage.press("e")
        assert taken(stage.app.sent[-1]).startswith("Error: Upstream returned 503\n    at run (file:///")
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), clipboard))
        await stage.press("t")
        run_shown = stage.app.live.get(RunId(run.id))
        assert run_shown is not None
        assert taken(stage.app.sent[-1]) == ticket(run_shown, environment=stage.app.session.store.environment)
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), clipboard))
        await stage.press("w")
        assert '"n": 7' in taken(stage.app.sent[-1])
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), clipboard))
        await stage.press("q")
        assert len(stage.app.sent) == 4
        assert len(stage.app.screen_stack) == 1

    play(fleet_of(run), tmp_path, scenario)


def test_copy_menu_keeps_the_run_while_others_are_read(tmp_path: Path) -> None:
    run = FleetRun(7, -30, -20, -10, end="FAILED")

    async def scenario(stage: Stage) -> None:
        store = stage.app.session.store
        stage.app.push_screen(CopyMenu(stage.app.live, RunId(run.id), Clipboard({}, stage.app.write, stage.add_notice)))
        await stage.later(0.1)
        store.apply(RunsRead((patch_of("run_large", body=(stamp(), Body(payload="x" * 2_000_000))),)))
        await stage.press("down", "p")
        assert taken(stage.app.sent[-1]) == '{"n": 7}'
        store.apply(RunsRead((patch_of("run_large", body=(stamp(1), Body(payload="x" * 2_000_000))),)))
        closed = store.get(RunId(run.id))
        assert closed is not None
        assert closed.body is None, "a closed menu keeps nothing"

    play(fleet_of(run), tmp_path, scenario)
