"""The bytes of a notice: for each kind of terminal, through tmux and GNU screen, and with hostile text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.kit.terminal.output import (
    MAX_BODY_CHARS,
    MAX_SCREEN_STRING_BYTES,
    MAX_TITLE_CHARS,
    DesktopNotice,
    notice_sequence,
)
from tui.terminal.cells import Capabilities
from tui.terminal.output import FrugalOutput

NOTICE = DesktopNotice("FAILING a", "3 of 4; since 14:21")
OSC_9 = "\x1b]9;FAILING a: 3 of 4, since 14:21\x07"
OSC_777 = "\x1b]777;notify;FAILING a;3 of 4, since 14:21\x07"
OSC_99 = "\x1b]99;i=trigger-tui:d=0;FAILING a\x07", "\x1b]99;i=trigger-tui:p=body;3 of 4, since 14:21\x07"


def tmux(sequence: str) -> str:
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


@pytest.mark.parametrize(
    ("environ", "version", "text"),
    [
        ({}, "", OSC_9),
        ({"TERM": "xterm-256color"}, "", OSC_9),
        ({"TERM": "xterm-256color"}, "XTerm(390)", OSC_9),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "", OSC_9),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "", OSC_777),
        ({"TERM": "xterm-256color"}, "VTE(7600)", OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, "", OSC_777),
        ({"TERM": "foot"}, "foot(1.16.2)", OSC_777),
        ({"TERM": "xterm-ghostty"}, "", OSC_777),
        ({"TERM": "xterm-kitty"}, "", "".join(OSC_99)),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "kitty(0.35.2)", "".join(OSC_99)),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/1,2,3", "TERM_PROGRAM": "tmux"}, "tmux 3.4", tmux(OSC_9)),
        ({"TERM": "screen-256color", "TMUX": "/tmp/1,2,3"}, "", tmux(OSC_9)),
        ({"TERM": "tmux-256color"}, "", tmux(OSC_9)),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/1", "KITTY_WINDOW_ID": "1"}, "tmux 3.4", "".join(map(tmux, OSC_99))),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts"}, "", f"\x1bP{OSC_9}\x1b\\"),
        ({"TERM": "screen"}, "", f"\x1bP{OSC_9}\x1b\\"),
    ],
)
def test_notice_has_the_sequence_of_the_terminal(environ: dict[str, str], version: str, text: str) -> None:
    assert notice_sequence(NOTICE, environ, version) == text


HOSTILE = st.text(st.characters() | st.sampled_from("\x1b\x07\x9c;\\]\n"), max_size=400)
ENVIRONS = st.sampled_from([{"TERM": "xterm"}, {"TERM": "foot"}, {"TERM": "xterm-kitty"}])


@given(HOSTILE, HOSTILE, ENVIRONS)
def test_hostile_text_neither_ends_nor_splits_it(title: str, body: str, environ: dict[str, str]) -> None:
    plain = notice_sequence(DesktopNotice(title, body), environ)
    assert re.fullmatch(r"(\x1b\]([^\x00-\x1f\x7f-\x9f]+)\x07){1,2}", plain)
    assert plain.count(";") == notice_sequence(DesktopNotice("a", "b"), environ).count(";")
    assert len(plain) <= MAX_TITLE_CHARS + MAX_BODY_CHARS + 60
    in_screen = notice_sequence(DesktopNotice(title, body), {**environ, "STY": "1"})
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", in_screen, re.DOTALL)
    assert "".join(pieces) == plain
    assert all(len(piece.encode("utf-8", "replace")) <= MAX_SCREEN_STRING_BYTES for piece in pieces)


@pytest.mark.parametrize("environ", [{"TERM": "foot"}, {"TERM": "tmux", "TMUX": "1"}, {"TERM": "screen", "STY": "1"}])
def test_notice_does_not_disturb_the_screen(environ: dict[str, str]) -> None:
    output = FrugalOutput(20, 4, Capabilities())
    output.take()
    sequence = "\x07" + notice_sequence(NOTICE, environ)
    output.pass_on(sequence)
    assert output.take() == sequence, "nothing is painted again"
