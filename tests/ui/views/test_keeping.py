"""Saved views: `S`, `'` and its letter, the page `:views`, and their names and letters."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from textual.screen import Screen

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.domain.filters import RunFilters
from tui.features.errors.screen import ErrorsScreen
from tui.features.runs.screen import address_of, apply_address
from tui.features.views.view import (
    LetterMenu,
    SavedView,
    SaveView,
    ViewQuestion,
    ViewsScreen,
    lettered,
    named,
    with_view,
)
from tui.settings.schema import ViewEntry
from tui.store.addresses import parse_address

HOSTILE = "[bold]\x1b]0;x\x07\u202eab"
ENTRIES = (ViewEntry("charge failures", "errors?since=7d", "e"), ViewEntry(HOSTILE, "runs?q=%1b[31m&sort=tok", "h"))


def shown(monitor: Monitored) -> type[Screen[Any]]:
    return type(monitor.app.screen)


def saved(monitor: Monitored) -> dict[str, tuple[str, str]]:
    path = Path(monitor.session.settings.state_dir) / "views.json"
    return {each["name"]: (each["address"], each["letter"]) for each in json.loads(path.read_text())["views"]}


@on_monitor(small_fleet, size=(80, 24))
async def test_view_is_saved_opened_replaced_renamed_and_deleted(monitor: Monitored) -> None:
    apply_address(monitor.app, parse_address("runs?task=task-*&sort=took"))
    await monitor.press("S", *"slow", "tab", *"zs", wait_s=0.5)  # the last letter stays
    assert shown(monitor) is SaveView
    assert "opens  runs task:task-* sort:took" in monitor.text
    assert "' and s will open it." in monitor.text
    await monitor.press("enter", wait_s=0.5)
    assert "saved “slow”: ' s opens it" in monitor.lines[-1]
    assert saved(monitor) == {"slow": ("runs?task=task-*&sort=took", "s")}

    apply_address(monitor.app, parse_address("runs?"))
    await monitor.press("S", "enter", wait_s=0.5)
    assert "A view needs a name." in monitor.text
    await monitor.press(*"all", "tab", "s", "enter", wait_s=0.5)
    assert "Take the letter s from “slow”?" in monitor.text
    await monitor.press("escape")
    assert shown(monitor) is SaveView
    await monitor.press("enter", "y", wait_s=0.5)
    assert shown(monitor) is ViewQuestion, "typed before the question could be seen"
    await monitor.answer(2)
    await monitor.press("y", wait_s=0.5)
    assert saved(monitor) == {"slow": ("runs?task=task-*&sort=took", ""), "all": ("runs?", "s")}

    await monitor.press("apostrophe", "q", wait_s=0.5)
    assert "No view has the letter q." in monitor.text
    await monitor.press("down", "enter", wait_s=0.5)
    assert str(address_of(monitor.app.screen)) == "runs?task=task-*&sort=took"
    await monitor.press("apostrophe", "s", wait_s=0.5)
    assert str(address_of(monitor.app.screen)) == "runs?"

    await monitor.press("S", *"all", wait_s=0.5)
    await monitor.press("enter", wait_s=0.5)
    assert "Its letter s" in monitor.text
    await monitor.press("escape", "escape", wait_s=0.5)

    await monitor.press("colon", *"views", "enter", wait_s=0.5)
    assert shown(monitor) is ViewsScreen
    assert "2 views" in monitor.lines[1]
    await monitor.press("R", "2", "tab", "backspace", "enter", wait_s=0.5)
    assert saved(monitor) == {"slow": ("runs?task=task-*&sort=took", ""), "all2": ("runs?", "")}
    await monitor.press("D", "enter", wait_s=0.5)
    assert len(saved(monitor)) == 2
    await monitor.press("D", wait_s=0.5)
    await monitor.answer(2)
    await monitor.press("y", wait_s=0.5)
    assert list(saved(monitor)) == ["slow"]
    await monitor.press("enter", wait_s=0.5)
    assert str(address_of(monitor.app.screen)) == "runs?task=task-*&sort=took"


@on_monitor(small_fleet, views=ENTRIES, size=(80, 24))
async def test_views_of_the_config_file_open_and_cannot_be_changed(monitor: Monitored) -> None:
    await monitor.press("apostrophe", wait_s=0.5)
    assert shown(monitor) is LetterMenu
    assert "[bold]␛]0;x␇" in monitor.text
    await monitor.press("e", wait_s=1)
    assert shown(monitor) is ErrorsScreen
    assert "last 7d" in monitor.lines[1]
    await monitor.press("S", *"mine", "tab", "e", "enter", wait_s=0.5)
    assert "e opens “charge failures” of the config file" in monitor.text
    await monitor.press("escape", "colon", *"views", "enter", wait_s=0.5)
    assert monitor.text.count("from the config file") == 2
    assert 'no order "tok", nearest: took' in monitor.text
    await monitor.press("G", "D", wait_s=0.5)
    assert "“charge failures” can be deleted only in the config file" in monitor.lines[-1]
    await monitor.press("g", "enter", wait_s=1)
    assert 'shown in part: no order "tok"' in monitor.lines[-1]
    assert str(address_of(monitor.app.screen)) == "runs?q=%1B%5B31m"
    await monitor.press("apostrophe", "e", wait_s=0.5)
    assert "view “charge failures”" in monitor.lines[-1]
    assert "shown in part" not in monitor.lines[-1]


def files_with(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_text(errors="replace")]


def test_key_in_a_view_reaches_no_file_and_no_clipboard(tmp_path: Path) -> None:
    key = "tr_prod_aKeyOfAnother0123456789"

    async def story(monitor: Monitored) -> None:
        apply_address(monitor.app, parse_address("runs?q=charge"))
        await monitor.press("S", *key, wait_s=0.5)
        await monitor.press("enter", wait_s=0.5)
        assert shown(monitor) is SaveView
        assert "This name is not saved: it has a key or token." in monitor.text
        await monitor.press("escape")
        await monitor.press("slash", "ctrl+u", *f"tag:{key}", "enter", wait_s=0.5)
        await monitor.press("S", wait_s=0.5)
        assert "this view cannot be saved: it has a key or token" in monitor.lines[-1]
        await monitor.press("Y", "a", wait_s=0.5)
        assert "cannot copy address: it has a key or token" in monitor.text
        await monitor.press("s")
        assert "cannot copy shell command: it has a key or token" in monitor.text
        await monitor.press("escape")
        await monitor.press("colon", *f"runs tag:{key}", "enter", wait_s=0.5)
        monitor.app.subscription.choose(replace(monitor.app.subscription.chosen, filters=RunFilters(tags=(key,))))
        await monitor.press("colon", *"messages", "enter", wait_s=0.5)
        assert "The filters are not saved: it has a key or token." in " ".join(monitor.text.split())
        assert files_with("0123456789", tmp_path) == []
        assert files_with("messages", tmp_path) != []

    run_story(story, tmp_path, small_fleet(), size=(80, 24))


NAMES = st.sampled_from(["a", "A", "b", "Straße", "STRASSE"])
VIEWS = st.builds(SavedView, NAMES, st.just("runs?"), st.sampled_from(["", "x", "y", "X"]))


@given(st.lists(VIEWS, max_size=8), st.none() | NAMES)
def test_names_and_letters_stay_unique(changes: list[SavedView], instead_of: str | None) -> None:
    views: tuple[SavedView, ...] = ()
    for view in changes:
        views = with_view(views, view, instead_of or "")
        assert named(views, view.name) == view
        assert not view.letter or lettered(views, view.letter) == view
    names = [view.name.casefold() for view in views]
    letters = [view.letter for view in views if view.letter]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
