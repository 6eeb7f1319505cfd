"""What leaves the monitor: copies, texts for the pager and the editor, and notices, in the terminal's own words."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleet import SECRET
from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.ui.panes.test_detail import LARGE, fleet_with, go_to
from tui.kit.page_screen import NO_DASHBOARD
from tui.kit.painted import MAX_BYTES, Clipboard, osc52
from tui.kit.terminal.output import (
    MAX_BODY_CHARS,
    MAX_SCREEN_STRING_BYTES,
    MAX_TITLE_CHARS,
    DesktopNotice,
    notice_sequence,
)
from tui.settings.schema import Dashboard
from tui.text.styled import plain


def test_menu_leads_to_the_run_the_list_and_the_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    async def copied(monitor: Monitored, key: str) -> str:
        await monitor.press("Y", wait_s=1)
        await monitor.press(key)
        return base64.b64decode(written[-1].split(";")[2].rstrip("\x07")).decode()

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(monitor.app, "write", written.append)
        url = monitor.session.settings.api_url
        await monitor.press("Y")
        assert "links to this list" not in monitor.text  # without a run there is only one group
        await monitor.press("escape", "j", wait_s=1)
        run_id = monitor.screen.pane.target
        assert await copied(monitor, "a") == f"run?id={run_id}"
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui show {run_id}"
        assert await copied(monitor, "A") == "runs?"
        assert await copied(monitor, "p") == f'{{"n": {int(str(run_id)[4:])}}}'
        assert (await copied(monitor, "e")).startswith("Error: Upstream returned 503\n    at run (file:///")
        await monitor.press("j")
        await monitor.press("Y", "t", wait_s=1)  # the letter of a row that is not read yet
        assert "ticket copied" in monitor.text
        await monitor.press("k", wait_s=1)
        assert await copied(monitor, "S") == f"TRIGGER_API_URL={url} trigger-tui ls"
        request = await copied(monitor, "C")
        assert request.startswith('curl -sS -H "Authorization: Bearer $TRIGGER_SECRET_KEY" -H ')
        assert request.endswith("&page%5Bsize%5D=100'")
        await monitor.press("Y", "d")
        assert NO_DASHBOARD[:30] in monitor.text
        await monitor.press("escape", "o")
        assert f"no link to the dashboard: {NO_DASHBOARD}"[:60] in monitor.text
        monitor.session.settings = replace(monitor.session.settings, dashboard=Dashboard("https://d.example.com"))
        assert (await copied(monitor, "d")).startswith("https://d.example.com/projects/v3/proj_")
        await monitor.press("5")
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui logs {run_id}"
        assert (await copied(monitor, "c")).endswith(f"/api/v1/runs/{run_id}/events")
        await monitor.press("escape", "exclamation_mark", wait_s=8)
        assert await copied(monitor, "s") == f"TRIGGER_API_URL={url} trigger-tui errors --since 24h"
        assert "/api/v1/errors?" in await copied(monitor, "c")
        assert not any(SECRET in base64.b64decode(each.split(";")[2].rstrip("\x07")).decode() for each in written)

    run_story(story, tmp_path, failing_fleet(), size=(80, 24))


def test_part_under_the_cursor_or_of_the_menu_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, str, str]] = []
    modes: list[int] = []

    def read(arguments: Sequence[str]) -> tuple[str, str, str]:
        path = Path(arguments[-1])
        modes.append(path.stat().st_mode & 0o777)
        return arguments[0], path.name.partition("-")[2], path.read_text()

    async def run(arguments: Sequence[str], _: Mapping[str, str] | None = None) -> int:
        opened.append(read(arguments))
        return 0

    async def opens(monitor: Monitored, *keys: str) -> tuple[str, str, str]:
        before = len(opened)
        await monitor.press(*keys, wait_s=1)
        await monitor.until(lambda: len(opened) > before, "the program")
        return opened[-1]

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(monitor.app, "run_in_foreground", run)
        monkeypatch.setattr(monitor.app, "environ", {"PAGER": "sh -x", "EDITOR": "sh", "VISUAL": "env"})
        await monitor.press("j", "enter", wait_s=1)
        go_to(monitor, "Enter reads it")
        program, name, text = await opens(monitor, "O")
        assert (program, name) == ("sh", "payload.json")
        assert json.loads(text) == LARGE
        assert text.startswith('{\n  "rows": [\n    {\n')
        program, name, text = await opens(monitor, "g", "ctrl+o", "e")
        assert (program, name) == ("env", "error.txt")
        assert set(modes) == {0o600}
        assert text == "CardError: Card was declined\n    at run (file:///app/src/card.ts:7:9)\n"
        monkeypatch.setattr(monitor.app, "environ", {"PAGER": "'unended", "PATH": ""})
        await monitor.press("O", "e", wait_s=1)
        await monitor.until(lambda: "The pager failed: $PAGER cannot be read" in monitor.lines[-1], "the notice")
        monkeypatch.setattr(monitor.app, "environ", {"PATH": ""})
        await monitor.press("O", "e", wait_s=1)
        await monitor.until(lambda: "The pager failed: less was not found" in monitor.lines[-1], "the notice")

    run_story(story, tmp_path, fleet_with(LARGE), size=(80, 24))


TMUX = {"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "screen-256color"}
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


def test_too_large_text_is_not_sent_with_a_notice() -> None:
    sent: list[str] = []
    shown_notices: list[str] = []
    clipboard = Clipboard({}, sent.append, lambda line: shown_notices.append(plain(line)))
    clipboard.send("payload", "é" * (MAX_BYTES // 2))
    assert len(sent) == 1
    assert shown_notices == ["payload copied"]
    clipboard.send("payload", "é" * 1_200_000)
    assert len(sent) == 1
    assert shown_notices[-1] == "payload is too large to copy: 2.4 MB; terminals take up to 100 kB"


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
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "", OSC_777),
        ({"TERM": "xterm-256color"}, "VTE(7600)", OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, "", OSC_777),
        ({"TERM": "xterm-ghostty"}, "", OSC_777),
        ({"TERM": "xterm-kitty"}, "", "".join(OSC_99)),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "kitty(0.35.2)", "".join(OSC_99)),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/1,2,3", "TERM_PROGRAM": "tmux"}, "tmux 3.4", tmux(OSC_9)),
        ({"TERM": "tmux-256color"}, "", tmux(OSC_9)),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/1", "KITTY_WINDOW_ID": "1"}, "tmux 3.4", "".join(map(tmux, OSC_99))),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts"}, "", f"\x1bP{OSC_9}\x1b\\"),
    ],
)
def test_notice_has_the_sequence_of_the_terminal(environ: dict[str, str], version: str, text: str) -> None:
    assert notice_sequence(NOTICE, environ, version) == text


HOSTILE_TEXT = st.text(st.characters() | st.sampled_from("\x1b\x07\x9c;\\]\n"), max_size=400)
ENVIRONS = st.sampled_from([{"TERM": "xterm"}, {"TERM": "foot"}, {"TERM": "xterm-kitty"}])


@given(HOSTILE_TEXT, HOSTILE_TEXT, ENVIRONS)
def test_hostile_text_neither_ends_nor_splits_it(title: str, body: str, environ: dict[str, str]) -> None:
    plain = notice_sequence(DesktopNotice(title, body), environ)
    assert re.fullmatch(r"(\x1b\]([^\x00-\x1f\x7f-\x9f]+)\x07){1,2}", plain)
    assert plain.count(";") == notice_sequence(DesktopNotice("a", "b"), environ).count(";")
    assert len(plain) <= MAX_TITLE_CHARS + MAX_BODY_CHARS + 60
    in_screen = notice_sequence(DesktopNotice(title, body), {**environ, "STY": "1"})
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", in_screen, re.DOTALL)
    assert "".join(pieces) == plain
    assert all(len(piece.encode("utf-8", "replace")) <= MAX_SCREEN_STRING_BYTES for piece in pieces)
