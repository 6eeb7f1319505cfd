"""Keys of one's own: in the footer, in help, in dialogs, and in panes that are made later."""

import sys
from pathlib import Path

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.raw_server import serving, until_closed
from tests.support.ui.fleets import small_fleet
from tests.support.ui.logs import LogServer
from tests.support.ui.monitor import Monitored, run_story
from tui.features.command_line.view import CommandField, CommandLineScreen
from tui.features.copying.view import CopyMenu
from tui.kit.page_screen import help_keys

KEYS: dict[str, tuple[str, ...]] = {
    "down": ("n", "Down"),
    "next-match": ("m",),
    "next-error": ("K", "F8"),
    "zoom": (),
    "next-pane": ("ctrl-g",),
    "log-level": ("v",),
    "waterfall": ("J",),
    "next-attempt": ("o",),
    "previous-attempt": ("i",),
    "next-command": ("ctrl-j", "Down"),
    "back": ("Esc", "b"),
    "withdraw": ("ctrl-w",),
}


def footer_of(monitor: Monitored) -> list[str]:
    return monitor.lines[-1].strip().split("   ")


def own(monitor: Monitored, keys: dict[str, tuple[str, ...]]) -> None:
    """Use other keys, as a changed config file does."""
    from dataclasses import replace

    monitor.app._use_keys(replace(monitor.app.session.settings, keys=keys))


def test_own_keys_work_in_every_pane_and_dialog(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        own(monitor, KEYS)
        await monitor.press("n", wait_s=1)
        assert "K next error" in footer_of(monitor)
        assert not any(each.endswith(("zoom", "z back")) for each in footer_of(monitor))
        await monitor.press("tab")
        assert monitor.screen.pane.title == "runs", "Tab has no other meaning"
        await monitor.press("ctrl+g", "ctrl+g", wait_s=1)
        assert monitor.screen.pane.title == "attempts"
        await monitor.press("4", "J", wait_s=1)
        assert monitor.screen.pane.title == "waterfall", "it is made now"
        await monitor.press("J", wait_s=1)
        assert monitor.screen.pane.title == "tree"
        await monitor.press("j")
        assert "j is not a key here" in monitor.text

    run_story(story, tmp_path, small_fleet(6))


def test_letters_stay_text_where_something_is_typed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        own(monitor, KEYS | {"pause": ("K",), "next-error": ("x",)})
        await monitor.press("slash", *"Knob", "ctrl+w", *"nb")
        assert monitor.lines[-1].strip().startswith("/ nb")
        await monitor.press("escape", "colon", *"nb")
        screen = monitor.app.screen
        assert isinstance(screen, CommandLineScreen)
        assert screen.query_one(CommandField).value == "nb"
        await monitor.press("backspace", "backspace")
        before = monitor.text
        await monitor.press("ctrl+j")
        assert monitor.text != before

    run_story(story, tmp_path, small_fleet(6))


def test_letters_of_rows_stay_those_of_their_menu(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        own(monitor, {"down": ("n", "p"), "up": ("e",), "pause": (), "unfold-all": ()})
        await monitor.press("p", "Y", wait_s=2)
        menu = monitor.app.screen
        assert isinstance(menu, CopyMenu)
        await monitor.press("n")
        assert monitor.lines[monitor.line_of("payload")].count("▌") == 1, "n is no letter of a row"
        await monitor.press("up")
        assert monitor.lines[monitor.line_of("payload")].count("▌") == 0, "e may be the letter of an error"
        await monitor.press("p")
        assert monitor.app.screen is monitor.screen, "the payload is copied"

    run_story(story, tmp_path, small_fleet(6))


def test_help_shows_all_keys_and_hides_unbound_ones(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        own(monitor, KEYS)
        keys = help_keys(monitor.screen, [entry.load() for entry in monitor.screen.workspace.unmade], may_write=True)
        assert keys["next-error"].keys == ("K", "F8")
        assert keys["log-level"].keys == ("v",)
        assert "zoom" not in keys
        own(monitor, {})
        keys = help_keys(monitor.screen, may_write=True)
        assert (keys["next-error"].keys, keys["zoom"].keys) == (("x",), ("z",))

    run_story(story, tmp_path, small_fleet(3))


def test_pair_in_the_footer_has_both_own_keys(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        own(monitor, KEYS)
        await monitor.press("n", "5", wait_s=1)
        await monitor.press("slash", *"e", "enter", wait_s=1)
        assert "m N hits" in footer_of(monitor)

    fleet = small_fleet(6)
    LogServer(fleet).say(-59.0, "retrying")
    run_story(story, tmp_path, fleet)


CONFIG = """
[keys]
next-error = ["K", "F8"]
zoom = "unbind"
cancel = "c"
commands = [":", "ctrl-k"]
"""


def test_program_shows_own_keys_and_what_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    tmp_path.chmod(0o700)
    with serving(until_closed) as port:
        command = [sys.executable, "-m", "tui", "--config", str(path)]
        with Terminal(
            command, env=environment(f"http://127.0.0.1:{port}", HOME=str(tmp_path)), size=(200, 50)
        ) as terminal:
            terminal.wait_for("? keys", "K a failed one")
            terminal.send("?")
            terminal.wait_for("K X F8", "next, previous error", ": ctrl-k")
            assert "this pane alone" not in terminal.text
            terminal.send("\x1b")
            terminal.send("\x0bmessages\r")
            terminal.wait_for("~/config.toml: keys.cancel: what writes takes only a capital such as C, got c; C stays.")
            terminal.send("\x1b")
            path.write_text('[keys]\nhelp = "h"\nfold = "Left"\nholders = "d"\n')
            terminal.wait_for("h keys", "x a failed one")
            terminal.send("\x11")
            assert terminal.end() == 0, terminal.text
