"""The menu of what can be copied: the parts of a run, and what leads back to it or to the view."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.dialogs.copying import Clip, MenuWords, clips_of, menu_lines, ticket_clips
from tui.ui.base import app_of
from tui.ui.data.live_model import LiveModel
from tui.ui.input.clipboard import Clipboard
from tui.ui.input.keys import bind
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import Dialog
from tui.wire.errors import ApiError

WIDTH: Final = 84


class PartMenu(PaintedDialog[None]):
    """Offers the parts of one run, and what else the caller offers.

    Parts that were not fetched yet are fetched while the menu is open. Without a run there are only the other rows.
    """

    AUTO_FOCUS = ""
    row_letters: ClassVar[frozenset[str]] = frozenset("ipoemtwadscASCgf")
    """The letters of all rows that such a menu may have: no key of the user's own takes them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Close the menu.", id="back"),
        bind("q", "close", "back", "Close the menu."),
        bind("j,down", "move(1)", "down", "Move one line down.", id="down"),
        bind("k,up", "move(-1)", "up", "Move one line up.", id="up"),
    ]

    def __init__(self, live: LiveModel, run_id: RunId | None, words: MenuWords, others: Sequence[Clip] = ()) -> None:
        super().__init__()
        self._others = list(others)
        self.words = words
        self.live = live
        self.run_id = run_id
        self._dialog = Dialog()
        self._note = ""
        self._is_reading = False
        self._wanted: str | None = None
        """The letter of a row that is not read yet."""
        self._cursor = 0
        self._run: Run | None = None
        self._clips: list[Clip] = []

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        if self.run_id is not None:
            self.live.session.store.pin([self.run_id])  # otherwise a large payload of another run replaces its parts
        run = None if self.run_id is None else self.live.get(self.run_id)
        if self.run_id is not None and (run is None or run.body is None or run.attempts is None):
            self._note, self._is_reading = "reading the rest…", True
            self.live.session.spawn(self._fetch(self.run_id), f"read {self.run_id} to copy")
        self._draw()
        self.begin()

    def on_unmount(self) -> None:
        if self.run_id is not None:
            self.live.session.store.unpin([self.run_id])

    def begin(self) -> None:
        """Start the menu's own work. Called once, when it is mounted and drawn."""

    def on_resize(self) -> None:
        self._draw()

    def on_key(self, event: events.Key) -> None:
        if app_of(self).pastes.is_pasted:
            return
        clip = self._clip(event.character)
        if clip is not None:
            event.stop()
            self.choose(clip)
        elif self._is_reading:
            self._wanted = event.character

    def _clip(self, key: str | None) -> Clip | None:
        return next((clip for clip in self._clips if clip.key == key), None)

    def action_move(self, lines: int) -> None:
        self._cursor = max(0, min(self._cursor + lines, len(self._clips) - 1))
        self._draw()

    def action_choose(self) -> None:
        if self._clips and not app_of(self).pastes.is_pasted:
            self.choose(self._clips[self._cursor])

    def action_close(self) -> None:
        self.dismiss()

    def choose(self, clip: Clip) -> None:
        """Do with a row what the menu is for."""
        raise NotImplementedError

    def note(self, text: str) -> None:
        """Show a text in place of the hint."""
        self._note = text
        self._draw()

    async def _fetch(self, run_id: RunId) -> None:
        failure: str | None
        try:
            _, failure = await self.live.session.fetch_run_with_attempts(run_id)
        except ApiError as error:
            failure = f"the rest could not be read: {error}"
        self.app.call_later(self._show_rest, failure or "")

    def _show_rest(self, note: str) -> None:
        if self.is_attached:
            self._note, self._is_reading, self._run = note, False, None
            self._draw()
            if (clip := self._clip(self._wanted)) is not None:
                self.choose(clip)

    def _draw(self) -> None:
        run = None if self.run_id is None else self.live.get(self.run_id) or Run(self.run_id)
        if run is not self._run or not self._clips:
            current = self._clips[self._cursor].key if self._clips else ""
            self._run, self._clips = run, [*self.parts_of(run), *self._others]
            self._cursor = next((number for number, clip in enumerate(self._clips) if clip.key == current), 0)
        width, height = self._dialog.room(WIDTH)
        words = self.words if not self._note else replace(self.words, note=self._note)
        self._dialog.show(menu_lines(self._clips, self._cursor, width, words, max_lines=height), width)

    def parts_of(self, run: Run | None) -> list[Clip]:
        """Return the rows of the run itself."""
        if run is None:
            return []
        if self._is_reading:
            return clips_of(run)
        session = self.live.session
        settings, environment = session.settings, session.store.environment
        known = None if environment is None else environment.at_dashboard(settings.dashboard_url)
        return [*clips_of(run), *ticket_clips(run, known, session.secrets.redact, settings.zone)]


class CopyMenu(PartMenu):
    """Copies what the user chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("Y", "close", "back", "Copy nothing.", id="copy-menu"),
        bind("enter", "choose", "copy", "Copy the part under the cursor.", id="copy-chosen"),
    ]

    def __init__(
        self, live: LiveModel, run_id: RunId | None, clipboard: Clipboard, others: Sequence[Clip] = ()
    ) -> None:
        super().__init__(live, run_id, MenuWords(), others)
        self._clipboard = clipboard

    def choose(self, clip: Clip) -> None:
        if clip.text is None:
            self.note(f"cannot copy {clip.name}: {clip.note}")
        else:
            self.dismiss()
            self._clipboard.send(clip.name, clip.text)
