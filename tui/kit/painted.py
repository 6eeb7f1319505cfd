"""`PaintedScreen`, the base of all screens, which repaints only changed lines; dialogs, and those that ask."""

import asyncio
import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.kit import layout
from tui.kit.app import AppBase, app_of, call_soon, is_covered
from tui.kit.colors import Background
from tui.kit.commands import visible_top
from tui.kit.driver import TerminalDriver
from tui.kit.lines import Dialog, DialogBorder, Lines
from tui.kit.speed import LineCompositor, forget_lines
from tui.kit.terminal.link import LAYOUT_S
from tui.kit.terminal.output import FrameSender, for_screen, for_tmux
from tui.kit.type_ahead import FrameVisibility
from tui.lazy_dataclass import dataclass
from tui.sync.clock import NO_TIMER, Timer, until_second_s
from tui.text import formatting
from tui.text.blocks import INDENT, with_key
from tui.text.styled import Line, Piece, Token, line_width, wrap

# Sends text to the clipboard of the user's terminal, which may be on another machine.
#
# It uses the escape sequence OSC 52, also through tmux and GNU screen. Terminals never confirm it, so the notice says
# "sent", not "copied". The text is never logged.


MAX_BYTES: Final = 100_000
"""Some terminals silently drop a longer text: the buffers of xterm, tmux and GNU screen are about this large."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """Return the escape sequences that put a text on the terminal's clipboard.

    Inside tmux there are two: one for tmux itself (`set-clipboard on`) and one that tmux forwards to the terminal
    (`allow-passthrough on`). The program cannot find out which option is on. GNU screen only forwards sequences, in
    pieces of limited size.
    """
    # "replace": UTF-8 cannot encode a lone surrogate.
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return plain + for_tmux(plain)
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        wrapped = for_screen(plain)
        # Without STY (over SSH) TERM=screen may also mean tmux. tmux drops the wrapped form, GNU screen the plain one.
        return wrapped if environ.get("STY") else plain + wrapped
    return plain


@dataclass(frozen=True, slots=True)
class Clipboard:
    """Sends texts to the clipboard. `write` writes to the terminal, `show_notice` shows the result in the footer."""

    environ: Mapping[str, str]
    write: Callable[[str], None]
    show_notice: Callable[[Line], object]

    def send(self, name: str, text: str) -> None:
        """Send a text, unless it is larger than `MAX_BYTES`. The notice calls it `name`."""
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            limits = f"{formatting.size(size)}; terminals take up to {formatting.size(MAX_BYTES)}"
            self.show_notice((Piece(f"{name} is too large to copy: {limits}"),))
            return
        self.write(osc52(text, self.environ))
        self.show_notice((Piece(f"{name} copied", Token.MUTED),))


# `PaintedScreen`, the base of all screens, and the dialogs without a question.


ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")


class PaintedScreen(Screen[ResultT]):
    """A screen that composes itself line by line. In a terminal that is too small, it shows only a notice.

    `has_text_field`: user-defined keys that are text do nothing here.
    """

    has_text_field: ClassVar[bool] = False
    tick_after_s: ClassVar[float] = 0.0
    """How long after each second of the clock it ticks."""
    shows_run_below: ClassVar[bool] = False
    """Whether this is a page about the run of the screen below, so that that screen goes on reading the run."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compositor = LineCompositor(self._size_notice)
        self.is_resting = False
        """Whether another screen hides this one, so that nothing is read for it."""
        self._next_tick: Timer = NO_TIMER

    def on_mount(self) -> None:
        self._tick_later()

    def _tick_later(self) -> None:
        # By the session's clock, so that tests need not wait.
        clock = self.app_base.session.clock
        wait_s = until_second_s(clock) + self.tick_after_s
        self._next_tick = clock.call_later(wait_s, self._on_second)

    def _on_second(self) -> None:
        call_soon(self, self._paint_tick)

    def _paint_tick(self) -> None:
        self.tick()
        self.paint_now()
        self._tick_later()

    def tick(self) -> None:
        """Update everything that depends on the time. Called every second."""

    @property
    def app_base(self) -> AppBase:
        """The app with its own type."""
        return app_of(self)

    def _size_notice(self, size: Size) -> Sequence[Strip]:
        """Return the lines that say that the terminal is too small; none if it is not."""
        if not layout.is_too_small(*size):
            return ()
        need = f"{layout.MIN_WIDTH}x{layout.MIN_HEIGHT}"
        quits = with_key("quit", "ctrl-q", "\n{} quits.")
        rows = wrap(f"Terminal too small: {size.width}x{size.height}, needs {need}.{quits}", size.width)
        rows += [""] * size.height
        return [app_of(self).painter.strip((Piece(row),), size.width) for row in rows[: size.height]]

    # A screen decides by its state which of its bindings are useful now, and how the footer names them. All its keys
    # stay bound: pressing one that is not useful now shows the reason.

    def keeps_keys(self) -> bool:
        """Return whether this state is so short that the footer should not change for it."""
        return False

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:  # noqa: ARG002  for subclasses
        """Return whether the action would do something now, instead of only showing why it cannot."""
        return True

    def word_for(self, action: str, usual: str) -> str:  # noqa: ARG002  for subclasses
        """Return the name of the action in the current state; `usual` is its usual name."""
        return usual

    def belongs_in_footer(self, action: str) -> bool:  # noqa: ARG002  for subclasses
        """Return whether the footer shows the action in the current state."""
        return True

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002  for subclasses
        """Return why the action does nothing for the whole session; empty if it may. Its key is shown all the same."""
        return ""

    @on(events.ScreenSuspend)
    @on(events.ScreenResume)
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
        return Clipboard(self.app_base.environ, self.app_base.write, self.notice)

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
        self._next_tick.cancel()
        forget_lines()

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
        """Place and paint all widgets, even if their changes have not been reported to the screen yet.

        Widgets report them in tasks of their own, for which Textual's `call_after_refresh` does not wait.
        """
        for widget in self.walk_children(Widget):
            widget._check_refresh()  # noqa: SLF001  it has no public name
        self._layout_required = True
        self.place_now()
        self.paint_now()


# In this order: Textual takes the styles of the first base alone.
class PaintedDialog(ModalScreen[ResultT], PaintedScreen[ResultT]):
    """A `PaintedScreen` over another screen, which stays visible."""


class LineDialog(PaintedDialog[ResultT]):
    """A dialog of lines, of at most `cells` cells. A subclass makes the lines."""

    AUTO_FOCUS = ""
    cells: ClassVar[int]

    def __init__(self, box: Dialog | None = None) -> None:
        super().__init__()
        self.box = box or Dialog()

    def compose(self) -> ComposeResult:
        yield self.box

    def on_mount(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines for a width in cells and, where they can be fewer, a number of rows."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the dialog. Only lines that differ are painted."""
        width, height = self.box.room(self.cells)
        self.box.show(self.lines(width, height), width)

    def action_close(self) -> None:
        self.dismiss(None)


class ListDialog(LineDialog[ResultT], Generic[ResultT, ItemT]):
    """A dialog with a cursor on one of several rows. A subclass draws the rows, and chooses one.

    `items` are shown by the rows, `note` replaces the line about the keys, `top` is the first visible row.
    """

    def __init__(self, items: Sequence[ItemT] = ()) -> None:
        super().__init__()
        self.items = items
        self.note = ""
        self.cursor = self.top = 0

    def choose(self, item: ItemT) -> None:
        """Do with a row what the dialog is for."""
        raise NotImplementedError

    def action_move(self, lines: int) -> None:
        self.cursor = max(0, min(self.cursor + lines, len(self.items) - 1))
        self.draw()

    def action_choose(self) -> None:
        if self.items and not self.app_base.pastes.is_pasted:
            self.choose(self.items[self.cursor])

    def say_instead(self, text: str) -> None:
        """Show a note."""
        self.note = text
        self.draw()

    def shown_items(self, rows: int) -> Iterator[tuple[int, ItemT]]:
        """Return the items that fit the rows, with their numbers. The cursor is one of them."""
        self.top = visible_top(self.cursor, self.top, len(self.items), rows)
        return islice(enumerate(self.items), self.top, self.top + rows)


FORM_CSS: Final = Path(__file__).parent / "form.tcss"


class FormDialog(PaintedDialog[ResultT]):
    """A dialog with a title, fields, and lines about what is typed. A subclass makes and draws them."""

    CSS_PATH = FORM_CSS
    has_text_field: ClassVar[bool] = True

    def __init__(self, background: Background = Background.BAND) -> None:
        """`background` is that of the title."""
        super().__init__()
        self.title_lines = Lines(background, classes="title")
        self.remarks = Lines(Background.DIALOG, classes="remarks")

    def compose(self) -> ComposeResult:
        with Vertical(classes="form ruled" if self.needs_rules else "form"):
            yield DialogBorder(classes="left")
            yield DialogBorder(classes="right")
            yield self.title_lines
            yield from self.parts()

    def parts(self) -> ComposeResult:
        """Make the widgets below the title."""
        raise NotImplementedError

    def draw(self, width: int) -> None:
        """Draw the lines of a dialog of a width in cells."""
        raise NotImplementedError

    @property
    def needs_rules(self) -> bool:
        """Whether rules mark the edges, since the dialog has no background of its own."""
        return self.app_base.painter.needs_rules

    def show(self) -> None:
        """Draw the dialog if it has its place."""
        if self.is_attached and (width := self.title_lines.size.width):
            self.draw(width)

    def show_remarks(self, lines: Sequence[Line]) -> None:
        """Show the lines at the end, below which is the edge of the dialog."""
        width = self.title_lines.size.width
        lines = [*lines, (Piece("─" * width, Token.LINE),) if self.needs_rules else ()]
        self.remarks.styles.height = len(lines)
        self.remarks.show(lines)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def action_leave(self) -> None:
        self.dismiss(None)


# Shows what a key did in one frame, also where it opens a screen or moves panes or the focus.
#
# Textual then places the widgets, sends each its size, and paints by a timer: the terminal would get two or three
# frames within 50 ms, the first of them half empty.


BUSY_TURNS: Final = 200
"""Turns of the event loop after which a widget is taken to wait for something else than other widgets."""

POLL_S: Final = 0.002
"""How often such a widget is looked at."""


class KeyPainter:
    """Paints after each key. It knows the screen and the focus that are shown, and whether panes were moved since."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._has_new_layout = False
        self._shown: tuple[object, ...] = ()

    def begin(self) -> None:
        """Record that the first screen is painted: nothing has to wait for it any longer."""
        self._shown, self._has_new_layout = self._place, False
        if self._frames is not None:
            self._frames.record_settled()

    def record_layout(self) -> None:
        """Record that widgets are about to get other places."""
        self._has_new_layout = True
        if self._frames is not None:
            self._frames.record_layout()
            if self._shown:
                # This runs after the current key. If that key moved the widgets, they are painted already by then.
                call_soon(self._app, self._paint_later)

    @property
    def is_elsewhere(self) -> bool:
        """Whether another screen, another focus or other places are still to be shown."""
        return self._has_new_layout or self._shown != self._place

    async def paint(self) -> None:
        """Show at once what a key did, or, after another screen, place or focus, once all of it is painted."""
        if self.is_elsewhere and self._frames is not None:
            self._frames.record_layout()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAYOUT_S):
                    await settle(self._app.screen_stack)
            self._has_new_layout, self._shown = False, self._place
            self._frames.record_settled()
        elif isinstance(self._app.screen, PaintedScreen):
            self._app.screen.paint_now()

    async def _paint_later(self) -> None:
        if self.is_elsewhere:
            await self.paint()

    @property
    def _place(self) -> tuple[object, ...]:
        return (self._app.screen, self._app.focused)

    @property
    def _frames(self) -> FrameSender | None:
        driver = self._app._driver  # noqa: SLF001  it has no public name
        return driver.frames if isinstance(driver, TerminalDriver) else None


async def settle(stack: Sequence[Screen[Any]]) -> None:
    """Wait until no widget of the screens has a message to process or has to be placed, and paint the top screen.

    A screen that is opened may also wait for what it shows first.
    """
    top = stack[-1]
    for turn in count():
        if not isinstance(top, PaintedScreen) or not top.is_current:
            return
        if any(widget.message_queue_size for screen in stack for widget in screen.walk_children(with_self=True)):
            await asyncio.sleep(0 if turn < BUSY_TURNS else POLL_S)
        elif top.is_preparing:
            await asyncio.sleep(POLL_S)
        elif not top.place_now():
            top.paint_now()
            return


# A question that `y` answers, such as the one before a command of one's own. Any other answer changes nothing.


_GAP: Final = 2

MAX_TYPED: Final = 40

BURST_GAP_S: Final = 0.1
"""A key this soon after an ignored one was typed or pasted together with it, and is ignored too."""


@dataclass
class DialogAnswer:
    """What a dialog knows about the terminal that shows it, and about the user's answer.

    * `is_silent`: the terminal never reports that it shows the dialog
    * `visibility`: whether the terminal shows the dialog as it is now; None before the terminal was asked
    * `accepts_keys`: until this is set, only Esc has an effect
    * `was_early`: a key was pressed before keys had an effect
    * `typed`: the content of the field
    * `input_error`: why `typed` is not enough
    """

    is_silent: bool = False
    visibility: FrameVisibility | None = None
    accepts_keys: bool = False
    was_early: bool = False
    typed: str = ""
    input_error: str = ""


class YesNoDialog(LineDialog[bool]):
    """Returns whether the user agreed after the terminal had shown the question. Subclasses write the lines.

    It asks the terminal after its frame, and is drawn each second. `keep` is the button that changes nothing,
    `agreement` what `y` does. If the terminal never reports that it has shown the dialog, the user types `word`
    instead.
    """

    word: str
    keep: str
    agreement: str

    def __init__(self, *, has_band: bool = False) -> None:
        super().__init__(Dialog(has_band=has_band))
        self._stop_waiting: Callable[[], None] = lambda: None
        self._will_ask = False
        self.answer = DialogAnswer(app_of(self).type_ahead.is_silent)
        self._ignored_at_s = -math.inf

    def on_unmount(self) -> None:
        self._stop_waiting()

    def tick(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        # This is also called when the dialog gets its first size.
        self.ask_again()

    def on_screen_suspend(self) -> None:
        # The next answer of the terminal would be about an earlier frame.
        self._stop_waiting()
        self._will_ask = False  # Textual drops the callback if the other screen is closed first
        self.answer.visibility, self.answer.accepts_keys = None, False

    on_screen_resume = on_resize
    on_terminal_taken_back = on_resize
    """After a return from the shell, keys are ignored until the terminal has shown the dialog again."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of which one has to be typed; empty if `y` is enough."""
        return (self.word,) if self.answer.is_silent and self.word else ()

    @property
    def may_agree(self) -> bool:
        """Whether the question can be agreed to as it is now."""
        return True

    def answers(self, limit: int) -> Line:
        """Return the button on the left, and on the right how to agree, as far as that is possible yet."""
        right = y_line(self.answer.visibility, self.agreement)
        if self.answer.input_error:
            right = (Piece(self.answer.input_error, Token.AMBER),)
        elif self.answer.is_silent:
            field = Piece(f"{f' {self.answer.typed[-len(self.word) :]}▏':<{len(self.word) + 3}}", Token.FIELD)
            right = (Piece("type "), Piece(self.word, Token.BRIGHT, is_bold=True), Piece(" and Enter "), field)
        return answer_line(self.keep, right, limit)

    def ask_again(self) -> None:
        """Draw the dialog, and let no key count until the terminal has shown it as it is now."""
        self._stop_waiting()
        self.answer.visibility, self.answer.accepts_keys = None, False
        self.draw()
        if not self._will_ask:
            self._will_ask = True
            self.call_after_refresh(self._ask_terminal)

    def _ask_terminal(self) -> None:
        """Ask the terminal whether it has shown the frame that is painted now."""
        self._will_ask = False
        # Otherwise the dialog is closed, covered, or too small to be shown; in the last two cases it asks later.
        if self.is_active and not app_of(self).is_too_small:
            self.paint_all()
            self._stop_waiting = app_of(self).type_ahead.begin(self._on_visibility)

    def _on_visibility(self, visibility: FrameVisibility) -> None:
        self.answer.visibility = visibility
        self.answer.accepts_keys = self.answer.accepts_keys or visibility is FrameVisibility.SEEN
        if visibility is FrameVisibility.UNKNOWN:
            self.answer.is_silent = True
            # The field is drawn only now, so earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)
        self.draw()

    def _accept_typing(self) -> None:
        # Otherwise the question has changed meanwhile, and the terminal is asked again.
        self.answer.accepts_keys = self.answer.visibility is FrameVisibility.UNKNOWN and bool(self.word)
        self.draw()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif not self.answer.accepts_keys:
            self._ignored_at_s = self._now_s
            # Do not draw now: the dialog is drawn again when the terminal has shown it, and says this then.
            self.answer.was_early = True
        elif self.texts:
            self._type(event)
        elif not app_of(self).pastes.may_answer:  # other keys came with it: an answer comes alone
            self.answer.was_early = True
            self.draw()
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y" and self.may_agree:
            self.dismiss(result=True)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self.texts and self.answer.accepts_keys:
            self.answer.input_error = f"Do not paste it: type {' or '.join(self.texts)}."
            self.draw()

    def _type(self, event: events.Key) -> None:
        typed, choices, self.answer.input_error = self.answer.typed, " or ".join(self.texts), ""
        is_right = typed in self.texts
        # Only terminals that do not answer need this: an answer separates earlier keys from later ones.
        is_in_burst = self.answer.is_silent and self._now_s - self._ignored_at_s < BURST_GAP_S
        if is_in_burst or (app_of(self).pastes.is_pasted and (event.key != "enter" or is_right)):
            self._ignored_at_s = self._now_s
            return
        if event.key == "enter" and is_right:
            self.dismiss(result=True)
            return
        if event.key == "enter":
            self.answer.input_error = (
                f"That is not {choices}; nothing was done." if typed else f"Type {choices} first, or Esc."
            )
        elif event.key in {"backspace", "ctrl+h"}:
            self.answer.typed = typed[:-1]
        elif event.key in {"ctrl+u", "ctrl+w"}:
            self.answer.typed = ""
        elif event.character is not None and event.is_printable and len(typed) < MAX_TYPED:
            self.answer.typed = typed + event.character
        self.answer.was_early = False
        self.draw()

    @property
    def _now_s(self) -> float:
        return app_of(self).session.clock.monotonic_s()


def y_line(visibility: FrameVisibility | None, words: str = "") -> Line:
    """Return the key `y`, lit once it has an effect, or why it has none yet."""
    if visibility is FrameVisibility.WAITING:
        return (Piece("waiting for the terminal", Token.AMBER),)
    may_answer = visibility is FrameVisibility.SEEN
    y = Piece("y", Token.BRIGHT if may_answer else Token.FAINT, is_bold=may_answer)
    return (y, Piece(f"  {words}", Token.TEXT)) if words else (y,)


def answer_line(keep: str, right: Line, limit: int) -> Line:
    """Return the button that changes nothing on the left, and how to agree on the right."""
    left: Line = (Piece(f" {keep} ", Token.BUTTON), Piece("  "), Piece("Esc", Token.TEXT, is_bold=True))
    return (*left, Piece(" " * max(_GAP, limit - line_width(left) - line_width(right))), *right)


def question_lines(question: str, sentences: Sequence[str], answers: Line, limit: int) -> list[Line]:
    """Return a question of lines of `limit` cells, with the sentences about its answer and the keys that answer."""
    lines: list[Line] = [
        (),
        *((Piece(row, Token.BRIGHT, is_bold=True),) for row in wrap(question, limit)),
        *((Piece(row, Token.MUTED),) for sentence in sentences for row in wrap(sentence, limit)),
        (),
        answers,
        (),
    ]
    return [(Piece(" " * INDENT), *line) for line in lines]


# The question before the program ends while actions wait to be sent: quit or stay.


def leave_lines(waiting: Mapping[str, int], visibility: FrameVisibility | None, width: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells. `waiting` counts runs by the title of the action."""
    limit = width - 2 * INDENT
    actions = " and ".join(f"{title} of {formatting.plural(count, 'run')}" for title, count in waiting.items())
    verb = "is" if len(waiting) == 1 else "are"
    text = f"{actions} {verb} not sent yet. Quitting now drops that." if waiting else "No action is left to send."
    ctrl_c: Line = (Piece("ctrl-c", Token.TEXT, is_bold=True), Piece("  quit", Token.TEXT))
    right: Line = (*y_line(visibility), Piece(" or ", Token.FAINT), *ctrl_c)
    answers = answer_line("Stay", ctrl_c if visibility is FrameVisibility.UNKNOWN else right, limit)
    if line_width(answers) > limit:
        answers = answer_line("Stay", ctrl_c, limit)
    return question_lines("Quit?", (text,), answers, limit)


class LeaveScreen(YesNoDialog):
    """Asks whether to quit. `unsent` returns the number of runs that wait to be sent, by title of the action.

    `ctrl-q` and `ctrl-c` quit without another question, even if the terminal never reports that it shows this one: see
    `TriggerApp.action_leave`.
    """

    word = ""
    cells = 60

    def __init__(self, unsent: Callable[[], Mapping[str, int]]) -> None:
        super().__init__()
        self._unsent = unsent

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  it is low
        visibility = FrameVisibility.UNKNOWN if self.answer.is_silent else self.answer.visibility
        return leave_lines(self._unsent(), visibility, width)
