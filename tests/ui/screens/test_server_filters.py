"""The dialog of the server's filters by its keys."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from textual.app import App
from textual.events import Event, Key, Paste
from textual.pilot import Pilot

import tui.program
from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features.runs.filters import ServerFiltersScreen
from tui.kit.colors import ColorMode
from tui.kit.look import Painter, theme_of
from tui.store.server_filter import KnownValues, ServerFilter

DAY = timedelta(hours=24)
NOTHING = RunFilters()
KNOWN = KnownValues(
    ("charge-card", "send-digest", "send-email"), ("billing",), (), ("emails", "task/send-email"), is_all=True
)
FAILED = ("FAILED", "CRASHED", "TIMED_OUT", "SYSTEM_FAILURE", "INTERRUPTED")
CHARACTERS = {"comma": ",", "space": " "}


class Host(App[None]):
    """What a dialog needs of the program: colours, a painter, and to be told of new places."""

    CSS_PATH: ClassVar[list[str | Path]] = [Path(tui.program.__file__).parent / "app.tcss"]  # type: ignore[assignment]

    def __init__(self, before: RunFilters, color_mode: ColorMode, *, is_ascii: bool) -> None:
        super().__init__(ansi_color=None)
        self.painter = Painter(color_mode, is_ascii=is_ascii)
        self.before = before
        self.ends: list[ServerFilter | None] = []
        theme = theme_of(color_mode, {})
        self.register_theme(theme)
        self.theme = theme.name

    def record_layout(self) -> None:
        pass

    async def on_event(self, event: Event) -> None:
        """Wait until the focused widget has handled a key before the next one is read, as the program does."""
        is_key = isinstance(event, Key) and not event.is_forwarded
        await super().on_event(event)
        done = asyncio.Event()
        if is_key and (self.focused or self.screen).call_later(done.set):
            async with asyncio.timeout(100):
                await done.wait()

    async def on_mount(self) -> None:
        await self.open()

    async def open(self) -> None:
        screen = ServerFiltersScreen(ServerFilter(self.before, DAY), known=KNOWN, default_period=DAY, run_limit=5000)
        await self.push_screen(screen, self.ends.append)


class Dialog:
    """The open dialog."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.ends = app.ends

    async def press(self, *keys: str) -> None:
        """All at once, as who knows the way types: no key waits for what the one before it did."""
        for key in keys:
            self.app.post_message(Key(key, CHARACTERS.get(key, key if len(key) == 1 else None)))
        done = asyncio.Event()
        self.app.call_later(done.set)
        await done.wait()
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Story = Callable[[Dialog], Awaitable[None]]


def run_story(
    story: Story,
    before: RunFilters = NOTHING,
    *,
    size: tuple[int, int] = (80, 24),
    color_mode: ColorMode = ColorMode.DARK,
    is_ascii: bool = False,
) -> None:
    async def scenario() -> None:
        app = Host(before, color_mode, is_ascii=is_ascii)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await story(Dialog(app, pilot))

    asyncio.run(scenario())


def pressed(keys: Sequence[str], before: RunFilters = NOTHING) -> ServerFilter | None:
    """What the dialog ends with after these keys."""
    found: list[ServerFilter | None] = []

    async def story(dialog: Dialog) -> None:
        await dialog.press(*keys)
        found.extend(dialog.ends)

    run_story(story, before)
    assert len(found) == 1, found
    return found[0]


def test_failures_are_two_keys_away() -> None:
    assert pressed(["space", "enter"]) == ServerFilter(RunFilters(statuses=FAILED), DAY)


def test_single_statuses_of_several_columns() -> None:
    keys = ["down", "space", "j", "space", "k", "space", "l", "space", "left", "h", "down", "space", "enter"]
    assert pressed(keys) == ServerFilter(RunFilters(statuses=("QUEUED", "CRASHED", "COMPLETED")), DAY)


def test_every_field_works_by_keyboard() -> None:
    keys = ["tab", "s", "tab", "comma", "c", "h", "right", "tab", *"billing", "down", *"1.9,1.10"]
    keys += ["down", *"em", "tab", "tab", "right", "enter"]
    assert pressed(keys) == ServerFilter(
        RunFilters(
            tasks=(TaskId("send-digest"), TaskId("charge-card")),
            tags=("billing",),
            versions=("1.9", "1.10"),
            queues=("emails",),
        ),
        timedelta(days=7),
    )


def test_a_period_is_typed() -> None:
    async def story(dialog: Dialog) -> None:
        await dialog.press("shift+tab", "shift+tab", "ctrl+u")
        await dialog.press(*"90m", "enter")
        assert dialog.ends == [ServerFilter(RunFilters(), timedelta(minutes=90))]

    run_story(story)


def test_closing_the_dialog_changes_nothing() -> None:
    assert pressed(["space", "tab", "x", "escape"]) is None


def test_dialog_starts_with_the_filters_and_clears_them() -> None:
    before = RunFilters(statuses=("FAILED",), tasks=(TaskId("charge-card"),), tags=("a", "b"))

    async def story(dialog: Dialog) -> None:
        await dialog.press("enter")
        await dialog.app.open()
        await dialog.press("shift+tab", "enter", "enter")
        assert dialog.ends == [ServerFilter(before, DAY), ServerFilter(RunFilters(), DAY)]

    run_story(story, before)


def test_dialog_stays_open_for_a_wrong_period() -> None:
    async def story(dialog: Dialog) -> None:
        await dialog.press("shift+tab", "up", "x", "up", "enter")
        assert dialog.ends == []
        assert "“24hx” is not a period: 7d, 2:50-3:20, yesterday 2:50-3:20." in dialog.text
        assert "▌ period" in dialog.text
        await dialog.press("backspace")
        await dialog.press("enter")
        assert dialog.ends == [ServerFilter(RunFilters(), DAY)]

    run_story(story)


def test_dialog_explains_the_filters_while_typing() -> None:
    async def story(dialog: Dialog) -> None:
        assert "shows  every run, last 24h" in dialog.text
        await dialog.press("space", "tab", *"send-")
        assert "shows  failed, send-, last 24h" in dialog.text
        line = next(line for line in dialog.lines if "Tab completes" in line)
        assert line.split()[:2] == ["send-digest", "send-email"]
        await dialog.press(*"fax")
        assert "No run here has the task “send-fax” yet." in dialog.text

    run_story(story)


def test_no_control_can_be_pasted() -> None:
    async def story(dialog: Dialog) -> None:
        await dialog.press("tab", "a")
        focused = dialog.app.screen.focused
        assert focused is not None
        for text in ("\x1b", "\x9b\n", "\x07", "b"):
            focused.post_message(Paste(text))
        await dialog.pilot.pause()
        await dialog.press("enter")
        assert dialog.ends == [ServerFilter(RunFilters(tasks=(TaskId("ab"),)), DAY)]

    run_story(story)


def test_dialog_fits_every_size() -> None:
    async def story(dialog: Dialog) -> None:
        await dialog.press("tab", "x", "down")
        for width, height in ((60, 15), (200, 60), (80, 20), (80, 24)):
            await dialog.pilot.resize_terminal(width, height)
            await dialog.pilot.pause()
            for word in ("server filters", "Interrupted", "Expired", "task       x", "▌ tag", "30d", "Apply", "Esc"):
                assert word in dialog.text, (word, width, height)
            assert max(map(len, dialog.lines)) <= width

    run_story(story)


@pytest.mark.parametrize("color_mode", [ColorMode.SIXTEEN, ColorMode.NONE])
def test_dialog_has_rules_without_colours(color_mode: ColorMode) -> None:
    async def story(dialog: Dialog) -> None:
        assert "-- server filters ---" in dialog.text
        assert sum("-" * 60 in line for line in dialog.lines) == 1
        assert dialog.text.isascii()

    run_story(story, color_mode=color_mode, is_ascii=True)


def test_click_toggles_a_status() -> None:
    async def story(dialog: Dialog) -> None:
        await dialog.pilot.click("#statuses", offset=(25, 2))
        assert "shows  Crashed, last 24h" in dialog.text
        await dialog.pilot.click("#clear", offset=(4, 0))
        assert "shows  every run, last 24h" in dialog.text
        assert dialog.ends == []

    run_story(story)
