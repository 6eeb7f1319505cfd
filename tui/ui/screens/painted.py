"""`PaintedScreen`, the base of all screens: it repaints only lines that have changed."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from textual import events, on
from textual._styles_cache import StylesCache
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.present.key_words import with_key
from tui.present.styled import Line, Piece, Token, wrap
from tui.ui.base import app_of, is_covered
from tui.ui.input.clipboard import Clipboard
from tui.ui.look.compositor import LineCompositor
from tui.ui.model import layout

ResultT = TypeVar("ResultT")


class PaintedScreen(Screen[ResultT]):
    """A screen that composes itself line by line. In a terminal that is too small, it shows only a notice.

    `has_text_field`: keys of the user's own that are text do nothing here.
    """

    has_text_field: ClassVar[bool] = False
    shows_run_below: ClassVar[bool] = False
    """Whether it is a page about the run of the screen below, which goes on reading it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compositor = LineCompositor(self._size_notice)
        self.is_resting = False
        """Whether another screen hides this one, so that nothing is read for it."""

    def _size_notice(self, size: Size) -> Sequence[Strip]:
        """Return the lines that say that the terminal is too small; none if it is not."""
        if not layout.is_too_small(*size):
            return ()
        need = f"{layout.MIN_WIDTH}x{layout.MIN_HEIGHT}"
        quits = with_key("quit", "ctrl-q", "\n{} quits.")
        rows = wrap(f"Terminal too small: {size.width}x{size.height}, needs {need}.{quits}", size.width)
        rows += [""] * size.height
        return [app_of(self).painter.strip((Piece(row),), size.width) for row in rows[: size.height]]

    def follow_cover(self) -> None:
        """Rest while another screen hides this one. Call it each tick too: Textual notifies only the top screen."""
        above = self.app.screen
        is_read = isinstance(above, PaintedScreen) and above.shows_run_below
        if (is_resting := is_covered(self) and not is_read) is not self.is_resting:
            self.is_resting = is_resting
            if is_resting:
                self.rest()
            else:
                self.resume()

    def rest(self) -> None:
        """Read and compute nothing for this screen."""

    def resume(self) -> None:
        """Go on where `rest` stopped."""

    def on_screen_suspend(self) -> None:
        self.follow_cover()

    @on(events.ScreenResume)
    def _follow_cover(self) -> None:
        self.follow_cover()

    @property
    def is_preparing(self) -> bool:
        """Whether a screen that was just opened soon has more to show, so that its first frame waits for it."""
        return False

    def notice(self, line: Line) -> None:
        """Show a notice for a few seconds, if the screen has a place for one."""

    def say(self, text: str) -> None:
        """Show a text as a notice."""
        self.notice((Piece(text, Token.MUTED),))

    @property
    def clipboard(self) -> Clipboard:
        """The clipboard of the terminal. A notice says what was sent to it."""
        app = app_of(self)
        return Clipboard(app.environ, app.write, self.notice)

    @on(events.Resize)
    def record_resize(self) -> None:
        """Wait with the next frame until all widgets have their new places."""
        app_of(self).record_layout()

    def _screen_resized(self, size: Size) -> None:
        """Place the widgets for another size.

        Textual places and paints them for the same size too: three times more at the start. There is no public name.
        """
        if size != self._compositor.size:
            super()._screen_resized(size)

    def _compositor_refresh(self) -> None:
        """Paint, unless another screen or its notice hides this one: Textual would repaint that screen instead.

        There is no public name for it. A screen that is shown again is painted whole.
        """
        if is_covered(self) or (layout.is_too_small(*self.app.size) and not self.is_active):
            self._compositor._dirty_regions.clear()  # noqa: SLF001
            self._dirty_widgets.clear()
        else:
            super()._compositor_refresh()

    def on_unmount(self) -> None:
        """Free the painted lines of the screen's widgets.

        Textual caches two colours of each widget under a key that holds all its lines, also after it was removed. It
        keeps 1,024 of them, some 50 KB for each dialog. There is no public name for that cache.
        """
        StylesCache.get_inner_outer.cache_clear()

    def place_now(self) -> bool:
        """Place and paint the widgets if Textual's timer would do so up to 16 ms later. Return whether it would."""
        if not (self._layout_required or self._scroll_required) or self.app._batch_count:  # noqa: SLF001
            return False
        self._on_timer_update()
        return True

    def paint_now(self) -> None:
        """Paint what has changed, instead of with the next tick of Textual's timer, up to 16 ms later.

        Does nothing while Textual has to place widgets again first. None of these names is public, nor is there a
        public way to paint.
        """
        if self.is_current and not (self._layout_required or self._scroll_required or self.app._batch_count):  # noqa: SLF001
            if self._repaint_required:
                self._dirty_widgets.add(self)
                self._repaint_required = False
            painted = {*self._compositor.visible_widgets}
            for widget in painted:
                widget._repaint_required = False  # noqa: SLF001  else it would ask for a paint by the timer too
            self._compositor.update_widgets(painted)
            if self._compositor._dirty_regions:  # noqa: SLF001
                self._compositor_refresh()

    def paint_all(self) -> None:
        """Place and paint all widgets, even those whose changes the screen has not heard of yet.

        Widgets tell it in tasks of their own, for which Textual's `call_after_refresh` does not wait.
        """
        for widget in self.walk_children(Widget):
            widget._check_refresh()  # noqa: SLF001  it has no public name
        self._layout_required = True
        self.place_now()
        self.paint_now()


# In this order: Textual takes the styles of the first base alone.
class PaintedDialog(ModalScreen[ResultT], PaintedScreen[ResultT]):
    """The same for a dialog, which leaves the screen below it visible."""
