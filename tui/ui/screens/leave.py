"""The dialog before the program ends while actions wait to be sent: quit or stay."""

from collections.abc import Callable, Mapping

from textual import events
from textual.app import ComposeResult

from tui.present.dialogs.leave import WIDTH, LeaveKeys, leave_lines
from tui.ui.data.live_model import LiveModel
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.look.ticking import Ticker
from tui.ui.screens.guarded import GuardedDialog
from tui.ui.widgets.dialog import Dialog


class LeaveScreen(GuardedDialog):
    """Asks whether to quit. `unsent` returns the number of runs that wait to be sent, by title of the action.

    `ctrl-q` and `ctrl-c` quit without another question: see `TriggerApp.action_leave`.
    """

    def __init__(
        self,
        live: LiveModel,
        unsent: Callable[[], Mapping[str, int]],
        type_ahead: TypeAhead,
        *,
        id: str,  # noqa: A002  Textual's name
    ) -> None:
        super().__init__(type_ahead, id=id)
        self._unsent = unsent
        self._dialog = Dialog()
        self._ticker = Ticker(self, live.session.clock, self.draw)
        self._visibility: FrameVisibility | None = FrameVisibility.UNKNOWN if type_ahead.is_silent else None

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self.draw()
        self._ticker.begin()

    def on_unmount(self) -> None:
        self._ticker.stop()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif self._visibility is not FrameVisibility.SEEN or not self.may_be_answered:
            return
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y":
            self.dismiss(result=True)

    def on_visibility(self, visibility: FrameVisibility) -> None:
        self._visibility = visibility
        self.draw()

    def forget_visibility(self) -> None:
        self._visibility = None

    def draw(self) -> None:
        width, _ = self._dialog.room(WIDTH)
        visibility = self._visibility
        keys = LeaveKeys(
            visibility is FrameVisibility.SEEN,
            is_slow=visibility is FrameVisibility.WAITING,
            is_silent=visibility is FrameVisibility.UNKNOWN,
        )
        self._dialog.show(leave_lines(self._unsent(), keys, width), width)
