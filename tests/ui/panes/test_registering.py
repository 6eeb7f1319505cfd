"""A pane costs one module and an entry in the list of panes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.api.errors import Unreachable
from tui.domain.run import RunId
from tui.features import PANES
from tui.kit.layout import PaneEntry, Placement, Slot
from tui.kit.page import PageRow
from tui.kit.page_screen import HelpScreen
from tui.kit.pane import PagePane
from tui.kit.selection import Fetched, Need
from tui.sync.session import Session
from tui.text.styled import Piece

fetched: list[RunId] = []


async def fetch_greeting(_: Session, run_id: RunId, __: str | None) -> Fetched[str]:
    fetched.append(run_id)
    if len(fetched) == 1:
        raise Unreachable("GET /greeting: timed out", may_have_arrived=False)
    return Fetched(f"hello {run_id}")


GREETING: Need[str] = Need(name="the greeting", fetch=fetch_greeting)


class GreetingPane(PagePane):
    needs = (GREETING,)

    def rows(self, width: int) -> Sequence[PageRow]:  # noqa: ARG002  one short row
        state = self.selection.state_of(GREETING)
        return [PageRow((Piece(state.value or state.failure or "loading"),))]


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_registered_pane_shows_what_its_need_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(
        "tui.features.PANES", (*PANES, PaneEntry("greeting", Placement(Slot.THIRD), lambda: GreetingPane))
    )
    fetched.clear()

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=2)
        assert fetched == [], "a hidden pane costs no request"
        await monitor.press("6", wait_s=2)
        assert "6:greeting" in monitor.text
        assert "timed out" in monitor.text
        assert any("the greeting of" in message.text for message in monitor.app.messages)
        await monitor.press("r", wait_s=2)
        assert f"hello {monitor.screen.selection.run_id}" in monitor.text
        await monitor.press("question_mark", wait_s=1)
        screen = monitor.app.screen
        assert isinstance(screen, HelpScreen)
        keys = ["".join(piece.text for piece in row.line) for row in screen.page.rows]
        assert any("1 2 3 4 5 6 " in line for line in keys)
        await monitor.press("escape", "1", "colon", *"greeting", "enter", wait_s=1)
        assert monitor.screen.pane.title == "greeting"

    run_story(story, tmp_path, small_fleet(6), size=size)
