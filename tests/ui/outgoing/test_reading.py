"""What the pager and the editor get: the part under the cursor, one that is stored apart, or one of the menu."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.ui.monitor import Monitored, run_story
from tests.ui.panes.test_detail import LARGE, fleet_with, go_to


def test_part_under_the_cursor_or_of_the_menu_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, str, str]] = []

    def read(arguments: Sequence[str]) -> tuple[str, str, str]:
        path = Path(arguments[-1])
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
        go_to(monitor, "Enter fetches it")
        program, name, text = await opens(monitor, "O")
        assert (program, name) == ("sh", "payload.json")
        assert json.loads(text) == LARGE
        assert text.startswith('{\n  "rows": [\n    {\n')
        program, name, text = await opens(monitor, "g", "ctrl+o", "e")
        assert (program, name) == ("env", "error.txt")
        assert text == "CardError: Card was declined\n    at run (file:///app/src/card.ts:7:9)\n"
        monkeypatch.setattr(monitor.app, "environ", {"PAGER": "'unended", "PATH": ""})
        await monitor.press("O", "e", wait_s=1)
        await monitor.until(lambda: "The pager failed: $PAGER cannot be read" in monitor.lines[-1], "the notice")
        monkeypatch.setattr(monitor.app, "environ", {"PATH": ""})
        await monitor.press("O", "e", wait_s=1)
        await monitor.until(lambda: "The pager failed: less was not found" in monitor.lines[-1], "the notice")

    run_story(story, tmp_path, fleet_with(LARGE))
