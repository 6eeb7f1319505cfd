"""Keys: between panes, of other programs, in the footer, and the notice about one that does nothing."""

from collections.abc import Sequence

import pytest

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor
from tui.kit.keys import pressed_key_label
from tui.kit.page_screen import help_keys

UNBOUND = " is not a key here · ? keys"


@on_monitor(small_fleet)
async def test_keys_of_other_programs_work(monitor: Monitored, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, refreshes = monitor.screen.run_list.rows, list[int]()
    await monitor.press("slash", *"zzz", "enter", "enter")
    assert not rows.cursor
    await monitor.press("escape", "escape", "enter")
    assert (rows.cursor, monitor.screen.pane.title) == (rows.visible_runs[0], "runs")
    await monitor.press("enter")
    assert monitor.screen.pane.title == "detail"
    await monitor.press("1", "pagedown")
    page_down = rows.cursor
    await monitor.press("g", "j", "ctrl+f")
    assert rows.cursor == page_down
    await monitor.press("ctrl+b")
    assert rows.cursor == rows.view.at(0)
    monkeypatch.setattr(monitor.app.subscription, "refresh", lambda: refreshes.append(1))
    await monitor.press("r", "f5", "ctrl+r")
    assert len(refreshes) == 3
    await monitor.press("f1")
    assert "keys · runs" in monitor.text
    await monitor.press("question_mark")
    assert monitor.app.screen is monitor.screen
    await monitor.press("colon", *"messages", "enter", "f1")
    assert "keys · messages" in monitor.text
    assert [
        name for key in help_keys(monitor.screen, may_write=True).values() for name in key.keys if "_" in name
    ] == []


@on_monitor(lambda: small_fleet(6))
async def test_unbound_key_says_so_once(monitor: Monitored) -> None:
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
    # Where something is typed or asked, no key says so.
    await monitor.press("1", "slash", "d", "f9")
    assert UNBOUND not in monitor.text
    await monitor.press("escape", "j", "R", "f9", "escape", "colon", "d", "f9", "escape")
    assert UNBOUND not in monitor.text


@pytest.mark.parametrize(
    ("pressed", "name"),
    [
        (("d", "d"), "d"),
        (("f9", None), "F9"),
        (("ctrl+backslash", "\x1c"), "ctrl-\\"),
        (("ctrl+shift+left", None), "ctrl-shift-←"),
        (("\ufffd", "\ufffd"), None),
        (("\u202e", "\u202e"), None),
        (("junk+d", None), None),
        (("", None), None),
    ],
)
def test_pressed_key_has_a_readable_name(pressed: tuple[str, str | None], name: Sequence[str] | None) -> None:
    assert pressed_key_label(*pressed) == name


def keys_of(monitor: Monitored) -> list[str]:
    """The footer, key by key."""
    return monitor.lines[-1].strip().split("   ")


@on_monitor(lambda: small_fleet(6))
async def test_footer_has_the_keys_that_do_something_now(monitor: Monitored) -> None:
    assert keys_of(monitor)[0] == "/ filter"
    assert not {"Enter open", "space mark", "y copy id", "R replay"} & set(keys_of(monitor))
    assert monitor.text.count("j or ↓ selects a run, x a failed one.") == 1
    await monitor.press("j", "n", wait_s=1)
    assert monitor.screen.run_list.rows.cursor == monitor.screen.run_list.rows.window[0]
    assert keys_of(monitor)[:3] == ["Enter open", "R replay", "space mark"]
    await monitor.press("2", wait_s=1)
    assert "/ search" in keys_of(monitor)
    assert not any(key.startswith("Enter") for key in keys_of(monitor))
    await monitor.press("3", wait_s=1)
    assert keys_of(monitor)[0] == "Enter open"
    await monitor.press("4", wait_s=1)
    assert not {"h l fold", "^ root", "Enter open"} & set(keys_of(monitor)), "a run alone has nothing to fold"
    await monitor.press("1", "slash")
    assert monitor.lines[-1].startswith(" / any text, or status:failed ")
    await monitor.press(*"status:completed", "enter", "x")
    assert "no other failed run is shown" in monitor.lines[-1]
    await monitor.press("escape", "slash", *"zzz", "enter", wait_s=5)
    assert keys_of(monitor)[:3] == ["Enter search", "/ filter", "f server filters"]
    await monitor.press("escape", wait_s=1)
    assert "x failed run" in keys_of(monitor)


@on_monitor(lambda: small_fleet(6), size=(80, 24))
async def test_zoom_ends_by_its_key_and_needs_room_to_gain(monitor: Monitored) -> None:
    await monitor.press("j", wait_s=1)
    needed = ["Enter open", "R replay", "/ filter", "x failed run", "z zoom", ": commands", "? keys"]
    assert keys_of(monitor) == needed, "at 80 columns"
    await monitor.press("g")
    await monitor.press("j", "z", wait_s=1)
    assert "z back" in keys_of(monitor)
    assert monitor.lines[-2] == "", "the strip gave its place to the list"
    await monitor.press("z", "enter", wait_s=1)
    assert "z zoom" not in keys_of(monitor)
    await monitor.press("z", "escape", wait_s=1)
    assert monitor.screen.pane is monitor.screen.run_list
    assert not monitor.screen.workspace.is_zoomed
