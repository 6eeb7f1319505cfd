"""Keys that users of other programs try, and the notice about a key that does nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.features.command_line.view import CommandLineScreen, commands_of
from tui.kit.commands import matching
from tui.kit.keys import pressed_key_label
from tui.kit.page_screen import HelpScreen, help_keys

UNBOUND = " is not a key here · ? keys"


def test_enter_selects_the_first_run_then_opens_it(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("slash", *"zzz", "enter", "enter")
        assert not rows.cursor
        assert monitor.screen.pane.title == "runs"
        await monitor.press("escape", "enter")
        assert rows.cursor == rows.visible_runs[0]
        assert monitor.screen.pane.title == "runs"
        await monitor.press("enter")
        assert monitor.screen.pane.title == "detail"

    run_story(story, tmp_path, small_fleet(6))


def test_help_opens_and_closes_with_one_key(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for key in ("f1", "question_mark"):
            await monitor.press(key)
            assert "keys · runs" in monitor.text
            await monitor.press(key)
            assert monitor.app.screen is monitor.screen
        await monitor.press("colon", *"messages", "enter", "f1")
        assert "keys · messages" in monitor.text

    run_story(story, tmp_path, small_fleet(6))


def test_refresh_has_the_usual_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        refreshes: list[int] = []
        monkeypatch.setattr(monitor.app.subscription, "refresh", lambda: refreshes.append(1))
        await monitor.press("r", "f5", "ctrl+r")
        assert len(refreshes) == 3

    run_story(story, tmp_path, small_fleet(6))


def test_ctrl_f_and_ctrl_b_move_by_pages(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("j", "pagedown")
        page_down = rows.cursor
        await monitor.press("g", "j", "ctrl+f")
        assert rows.cursor == page_down
        await monitor.press("ctrl+b")
        assert rows.cursor == rows.view.at(0)

    run_story(story, tmp_path, small_fleet())


def test_commands_have_aliases_of_other_programs(tmp_path: Path) -> None:
    names = {"quit": ["q", "quit", ":q", "exit"], "q!": ["q!", "quit!", ":q!"], "keys": ["help", "h", ":help", "H"]}

    async def story(monitor: Monitored) -> None:
        commands = commands_of(monitor.screen, own=())
        for name, aliases in names.items():
            assert [matching(commands, alias)[0].name for alias in aliases] == [name] * len(aliases)
        await monitor.press("colon", *"help", "enter")
        assert isinstance(monitor.app.screen, HelpScreen)
        assert "keys · runs" in monitor.text
        for part in ("ctrl", "asking", "exi"):
            await monitor.press("escape", "colon", *part, "enter")
            assert monitor.app.return_code is None
        await monitor.press("escape", "colon", "q", "enter")
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, small_fleet(3))


def test_command_has_the_key_of_its_view_before_that_of_a_pane(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert "5:queues" in monitor.text
        (key,) = (each.key for each in commands_of(monitor.screen, own=()) if each.name == "queues")
        assert key == "Q"

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_command_line_moves_to_its_ends(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        def chosen() -> str:
            assert isinstance(monitor.app.screen, CommandLineScreen)
            choice = monitor.app.screen.model.chosen
            return "" if choice is None else choice.text

        await monitor.press("colon", "G")
        last = chosen()
        await monitor.press("home")
        first = chosen()
        assert first != last
        for key, name in (("end", last), ("home", first), ("G", last), ("up", chosen()), ("end", last)):
            await monitor.press(key)
            assert key == "up" or chosen() == name
        await monitor.press("s", "G")
        dialog = monitor.app.screen
        assert isinstance(dialog, CommandLineScreen)
        assert dialog.model.typed == "sG"

    run_story(story, tmp_path, small_fleet(3))


def test_command_line_binds_no_printable_key() -> None:
    keys = [key for binding in CommandLineScreen.BINDINGS for key in binding.key.split(",")]  # type: ignore[union-attr]
    assert all(len(key) > 1 for key in keys)


def test_unbound_key_says_so_once(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("d")
        assert monitor.lines[-1].endswith(f"d{UNBOUND}")
        await monitor.press("d", wait_s=5)
        assert UNBOUND not in monitor.lines[-1]
        await monitor.press("d")
        assert UNBOUND not in monitor.lines[-1], "it is pressed on"
        await monitor.press("j", "d")
        assert monitor.lines[-1].endswith(f"d{UNBOUND}")
        await monitor.press("f9")
        assert monitor.lines[-1].endswith(f"F9{UNBOUND}")
        await monitor.press("2", "d")
        assert monitor.lines[-1].endswith(f"d{UNBOUND}")
        assert monitor.lines[-1].count("? keys") == 1
        await monitor.later(5)
        assert monitor.lines[-1].endswith("? keys")

    run_story(story, tmp_path, small_fleet(6))


def test_unbound_key_is_noticed_on_pages_only(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", "d", "f9")
        assert UNBOUND not in monitor.text
        await monitor.press("escape", "j", "R", "f9", "escape", "colon", "d", "f9", "escape")
        assert UNBOUND not in monitor.text
        await monitor.press("colon", *"messages", "enter", "d")
        assert f"d{UNBOUND}" in monitor.lines[-1]

    run_story(story, tmp_path, small_fleet(6))


@pytest.mark.parametrize(
    ("pressed", "name"),
    [
        (("d", "d"), "d"),
        (("é", "é"), "é"),
        (("left_parenthesis", "("), "("),
        (("F", "F"), "F"),
        (("f9", None), "F9"),
        (("ctrl+x", "\x18"), "ctrl-x"),
        (("ctrl+backslash", "\x1c"), "ctrl-\\"),
        (("alt+d", "d"), "alt-d"),
        (("shift+f3", None), "shift-F3"),
        (("ctrl+shift+left", None), "ctrl-shift-←"),
        (("insert", None), "Insert"),
        (("backspace", "\x7f"), "Backspace"),
        (("\ufffd", "\ufffd"), None),
        (("replacement_character", "\ufffd"), None),
        (("\ue000", "\ue000"), None),
        (("\u202e", "\u202e"), None),
        (("<ignore>", None), None),
        (("<scroll-up>", None), None),
        (("ctrl+\ufffd", None), None),
        (("junk+d", None), None),
        (("", None), None),
    ],
)
def test_pressed_key_has_a_readable_name(pressed: tuple[str, str | None], name: Sequence[str] | None) -> None:
    assert pressed_key_label(*pressed) == name


def test_every_key_of_the_screen_has_a_label(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        keys = help_keys(monitor.screen, may_write=True)
        assert [name for key in keys.values() for name in key.keys if "_" in name] == []

    run_story(story, tmp_path, small_fleet(3))
