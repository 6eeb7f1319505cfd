"""A dialog whose keys count only once the terminal has shown it: keys that were typed before must not confirm."""

from collections.abc import Callable

from tui.ui.base import app_of
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.screens.painted import PaintedDialog


class GuardedDialog(PaintedDialog[bool]):
    """Asks the terminal behind its frame. Subclasses draw it when they are mounted, and get the result."""

    AUTO_FOCUS = ""

    def __init__(self, type_ahead: TypeAhead, *, id: str | None = None) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._type_ahead = type_ahead
        self._stop_waiting: Callable[[], None] = lambda: None
        self._will_ask = False

    def on_unmount(self) -> None:
        self._stop_waiting()

    def on_resize(self) -> None:
        # Also once it has its first size.
        self.ask_again()

    def on_screen_suspend(self) -> None:
        # The next answer of the terminal is about an earlier frame.
        self._stop_waiting()
        self._will_ask = False  # Textual drops the callback if the other screen is closed first
        self.forget_visibility()

    def on_screen_resume(self) -> None:
        self.ask_again()

    def on_terminal_taken_back(self) -> None:
        """Let no key count that was typed into the shell, until the terminal has shown the dialog again."""
        self.ask_again()

    @property
    def is_pasted(self) -> bool:
        """Whether the key that is handled now may be a part of a paste."""
        return app_of(self).pastes.is_pasted

    @property
    def may_be_answered(self) -> bool:
        """Whether the key that is handled now came alone, as an answer does."""
        return app_of(self).pastes.may_answer

    def ask_again(self) -> None:
        """Draw the dialog, and let no key count until the terminal has shown it as it is now."""
        self._stop_waiting()
        self.forget_visibility()
        self.draw()
        if not self._will_ask:
            self._will_ask = True
            self.call_after_refresh(self._ask_terminal)

    def _ask_terminal(self) -> None:
        """Ask the terminal whether it has shown the frame that is painted now."""
        self._will_ask = False
        # Else it is closed, or asks when it is not covered any longer, or when the terminal is large enough to show it.
        if self.is_active and not app_of(self).is_too_small:
            self.paint_all()
            self._stop_waiting = self._type_ahead.begin(self.on_visibility)

    def on_visibility(self, visibility: FrameVisibility) -> None:
        """Record whether the terminal has shown the dialog."""
        raise NotImplementedError

    def forget_visibility(self) -> None:
        """Let no key count: another screen covers the dialog."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the dialog."""
        raise NotImplementedError
