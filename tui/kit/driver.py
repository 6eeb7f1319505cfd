"""Textual's driver for the terminal: how it is set up, suspended, continued and restored.

It replaces Textual's Linux driver. The reading thread of that driver ends on some input, and its writes block the event
loop. `kit.terminal.input` decodes, `kit.terminal.output` sends frames, `kit.terminal.early` writes.
"""

import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from textual import constants, events
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from tui.kit.terminal import early as modes
from tui.kit.terminal.early import EarlyTerminal, TerminalWriter
from tui.kit.terminal.input import (
    InputDecoder,
    KeyBacklog,
    LinkSpeedChanged,
    TerminalAnswer,
    TerminalReader,
    TerminalTakenBack,
)
from tui.kit.terminal.output import FrameSender, Query, first_queries

if TYPE_CHECKING:
    from tui.kit.programs import ForegroundProgram


HANGUP_EXIT_CODE: Final = modes.SIGNAL_EXIT_BASE + signal.SIGHUP
"""The exit code after the terminal was closed."""

RESTORE_TIMEOUT_S: Final = 1.0
"""A terminal that accepts nothing for this long at the end is blocked."""

RETRY_RESTORE_TIMEOUT_S: Final = 0.5
"""The timeout of the second attempt, after the unwritten output was discarded."""

STOP_AGAIN_S: Final = 0.1
"""If continued in the background, the program stops again after this long.

The delay lets a signal come first that the shell sends together with SIGCONT, as `kill %1` does.
"""

MAX_MODIFIERS: Final = 15
"""The most that the modifiers of a key add to its parameter, which is 1 without any."""


class TerminalDriver(Driver):
    """Draws on stdout and reads stdin, which are the same terminal. stderr is not used.

    Call the public methods in the thread of the event loop.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdin__ is not None
        assert sys.__stdout__ is not None
        self._input, self._output = sys.__stdin__.fileno(), sys.__stdout__.fileno()
        self._size = self._size or modes.size_of(self._output)
        # Only our app has an early terminal. Textual passes the driver nothing else of ours.
        self._early: EarlyTerminal | None = getattr(self._app, "early_terminal", None)
        self._is_held = self._early is not None
        self.backlog = KeyBacklog()
        self.frames = FrameSender(
            modes.screen_output(*self._size) if self._early is None else self._early.screen,
            self._loop,
            on_link_speed=lambda is_slow: self.send_message(LinkSpeedChanged(is_slow=is_slow)),
        )
        self.frames.queries.resize(*self._size)
        # There is no public name for what Rich has found the terminal to have.
        self.frames.screen.colors = self._app.console._color_system  # noqa: SLF001
        self._attributes: list[Any] | None = None
        self._is_active = self._was_continued = self._is_restored = False
        self._handlers: dict[int, Any] = {}
        self._writer: TerminalWriter | None = None
        self._reader: TerminalReader | None = None
        self._program: ForegroundProgram | None = None
        """The program that has the terminal now."""
        self._owed = ""
        """The bell or notice that is sent once that program has ended."""

    def process_message(self, message: Message) -> None:
        """Pass a decoded message to the app, except for answers that only the driver asked for, and excess keys."""
        match message:
            case TerminalAnswer(query=query, text=text):  # in the reading thread
                if self.frames.record_answer(query) and query is Query.VERSION:
                    self._call_in_loop(self.frames.on_version, text)
                return
            case events.CursorPosition(x, y) if _is_f3(message) or not self.frames.record_answer(Query.CURSOR, (y, x)):
                return
            case events.InputEvent() | events.Paste() if not self._is_active:
                return  # typed while the terminal is restored
            case events.Key() if not self.backlog.admit(message.key):
                return
            case events.InputEvent() | events.Paste():
                self.frames.record_key()
            case _:
                pass
        super().process_message(message)

    def send_message(self, message: Message) -> None:
        """Pass a message to the app, from any thread. Textual's own method creates a task for each."""
        self._app.post_message(message)

    def write(self, data: str) -> None:
        """Send a text that draws nothing, after what was drawn. Does nothing while the program is suspended."""
        self.frames.pass_on(data)

    def call_user(self, data: str) -> None:
        """Send a bell or a notice as `write` does. If another program has the terminal, send the last one after it."""
        if self._is_active:
            self.write(data)
        else:
            self._owed = data

    def release(self) -> None:
        """Take the place of the first frame: send what was drawn meanwhile, and read the keys that were typed.

        Until then, Textual draws widgets that have no content yet, and would lose the keys.
        """
        if self._is_held:
            self._is_held = False
            if self._is_active:  # otherwise the program is suspended, and begins when it continues
                self._begin()

    def repaint(self) -> None:
        """Set up the terminal again and repaint everything, after another program may have changed it."""
        if self._is_active:
            modes.enter_raw_mode(self._input)
            self.frames.repaint(self._setup_over_anything())
            self._paint_all()

    def suspend(self) -> None:
        """Restore the terminal and stop the process until a shell continues it in the foreground."""
        if self._program is not None:
            # That program would go on reading. When it has stopped, this one does.
            self._program.stop()
            return
        self.stop_application_mode()
        self._stop_process()

    async def run_in_foreground(self, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
        """Restore the terminal, give it to a program until that ends, and set it up again.

        Return the exit code, which is negative if a signal has ended the program. Raises `OSError` if it cannot start,
        or if the terminal is not ours now.
        """
        from tui.kit.programs import ForegroundProgram, path_of  # noqa: PLC0415  the start must be fast

        path = path_of(arguments, environ)
        if not self._is_active:
            raise BlockingIOError("another program has the terminal")
        self.stop_application_mode()
        try:
            self._program = ForegroundProgram(path, arguments, environ, self._input, self._stop_process)
            return await self._program.wait()
        finally:
            self._end_program()
            if self._app.return_code is None:
                self.start_application_mode(after_program=True)
                self._paint_all()

    def _end_program(self) -> None:
        """Take the terminal back, with the attributes that it had before the program."""
        if self._program is not None:
            self._program.end()
            self._program = None
            modes.restore_attributes(self._input, self._attributes)

    def start_application_mode(self, *, after_program: bool = False) -> None:
        """Set up the terminal. `after_program` undoes what another program may have left."""
        if not self._handlers:
            self._handle(signal.SIGWINCH, self._report_size)
            self._handle(signal.SIGTSTP, self.suspend)
            # Not by `_handle`: `_stop_process` needs the result as soon as the process continues.
            self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._on_continued)
        if self._writer is None:
            self._writer = TerminalWriter(
                self._output,
                on_gone=self._on_hang_up,
                on_caught_up=partial(self._call_in_loop, self.frames.on_caught_up),
            )
        early, self._early = self._early, None
        self._attributes = modes.attributes_of(self._input) if early is None else early.take_over()
        modes.enter_raw_mode(self._input)
        shown_size = early.size if early is not None and early.is_shown else None
        if after_program:
            setup = self._setup_over_anything()
            self.send_message(TerminalTakenBack())  # before any key is read
        else:
            screen_on = f"{modes.SCREEN_ON}{modes.MODES_ON}" if shown_size is None else ""
            setup = f"{screen_on}{self._keys_and_mouse_on()}"
        self.frames.start(self._writer, setup, is_shown=shown_size is not None)
        self._is_active, self._is_restored = True, False
        owed, self._owed = self._owed, ""
        if shown_size != modes.size_of(self._output):
            self.frames.resize(*modes.size_of(self._output))
        if not self._is_held:
            self._begin()
        if owed:
            self.write(owed)
        self._send_size()

    def _begin(self) -> None:
        """Send frames, and read what comes from the terminal."""
        self.frames.begin(first_queries(os.environ), last_row=modes.size_of(self._output)[1] - 1)
        self._reader = TerminalReader(
            self._input,
            InputDecoder(has_mouse=self._mouse, is_awaiting=self.frames.queries.is_awaiting),
            on_message=self.process_message,
            on_gone=self._on_hang_up,
            on_failure=self._fail,
        )

    def disable_input(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def stop_application_mode(self) -> None:
        """Restore the terminal, in bounded time even if it is blocked. Nothing is drawn afterwards."""
        if self._program is not None and self._writer is not None:
            # The program ends while another one has the terminal, and may have been killed.
            self._end_program()
            self._writer.replace(f"{modes.LEFT_BEHIND_OFF}{modes.SCREEN_OFF}")
            self._writer.finish(RESTORE_TIMEOUT_S)
        if not self._is_active or self._writer is None:
            return
        self._is_active = False
        restored = f"{modes.MODES_OFF}{self._kitty(modes.KITTY_OFF)}{modes.SCREEN_OFF}{self.frames.stop()}"
        self._writer.replace(restored)
        self._is_restored = self._writer.finish(RESTORE_TIMEOUT_S)
        if not self._is_restored:
            # Discard output that the terminal has not shown, to make room for restoring the modes.
            with suppress(termios.error):
                termios.tcflush(self._output, termios.TCOFLUSH)
                termios.tcflow(self._output, termios.TCOON)
            self._is_restored = self._writer.finish(RETRY_RESTORE_TIMEOUT_S)
        else:
            self.frames.queries.wait()
        self.disable_input()
        modes.restore_attributes(self._input, self._attributes)

    def close(self) -> None:
        """Stop the threads. If the terminal is blocked, discard later output to it, which would block too."""
        self.stop_application_mode()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            if not self._is_restored:
                modes.redirect_to_devnull(self._output)

    def _setup_over_anything(self) -> str:
        """Return the text that sets up the terminal, independent of the state in which another program left it."""
        screen_on = f"{modes.LEFT_BEHIND_OFF}{modes.SCREEN_ON}{self._kitty(modes.KITTY_ALL_OFF)}"
        return f"{screen_on}{modes.CLEAR}{modes.MODES_ON}{self._keys_and_mouse_on()}"

    def _keys_and_mouse_on(self) -> str:
        return f"{self._kitty(modes.KITTY_ON)}{modes.MOUSE_ON if self._mouse else ''}"

    def _kitty(self, sequence: str) -> str:
        return "" if constants.DISABLE_KITTY_KEY else sequence

    def _handle(self, number: signal.Signals, handle: Callable[[], None]) -> None:
        def handler(_: int, __: FrameType | None) -> None:
            # A signal handler may interrupt code that holds a lock.
            self._loop.call_soon_threadsafe(handle)

        self._handlers[number] = signal.signal(number, handler)

    def _report_size(self) -> None:
        """Send the terminal's new size to the app."""
        if self._is_active:
            size = modes.size_of(self._output)
            self.frames.resize(*size)
            self._send_size()
            stack = self._app.screen_stack
            if modes.has_undrawn_part(self._output):
                self.repaint()  # it may show what a smaller screen had there
            elif stack and stack[-1].outer_size == size:
                # The size has changed and changed back: Textual would paint little or nothing.
                self._paint_all()

    def _send_size(self) -> None:
        size = Size(*modes.size_of(self._output))
        self.send_message(events.Resize(size, size))

    def _stop_process(self) -> None:
        self._was_continued = False
        # Stop a wrapper such as `time` or `sh -c` too, or the shell would go on waiting for it.
        handler = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.killpg(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._loop.call_soon(self._resume)

    def _on_continued(self, _: int, __: FrameType | None) -> None:
        # SIGSTOP cannot be caught, so that the terminal was not restored before it.
        self._was_continued = True
        self._loop.call_soon_threadsafe(self._repaint_taken_back)

    def _repaint_taken_back(self) -> None:
        if self._is_active:
            self.send_message(TerminalTakenBack())
            self.repaint()

    def _resume(self, *, is_retry: bool = False) -> None:
        """Set up the terminal again, unless the program is ending or in the background."""
        if self._app.return_code is not None or self._is_active:
            return
        # Without job control the process was never stopped, so that it is not in the background.
        if not self._was_continued or modes.is_foreground(self._input):
            if self._program is not None:
                self._program.continue_in_foreground()
                return
            # Any program may have run in the shell meanwhile.
            self.start_application_mode(after_program=True)
            self._paint_all()
        elif is_retry:
            self._stop_process()
        else:
            self._loop.call_later(STOP_AGAIN_S, lambda: self._resume(is_retry=True))

    def _paint_all(self) -> None:
        # Callers run outside the app's context.
        self._app.call_later(self._app.refresh)

    def _on_hang_up(self) -> None:
        """End the app because the terminal was closed. Called in one of the threads."""
        self.frames.queries.clear()
        modes.redirect_to_devnull(self._output)
        self._call_in_loop(lambda: self._app.exit(return_code=HANGUP_EXIT_CODE))

    def _fail(self, error: BaseException) -> None:
        """End the app with an error because the reading thread has raised."""
        self.frames.queries.clear()
        bug = RuntimeError("the thread that reads the terminal has failed")
        bug.__cause__ = error
        # Textual has no public way to end an app by an error of another thread.
        self._call_in_loop(self._app._handle_exception, bug)  # noqa: SLF001

    def _call_in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call a method in the thread of the event loop, from another one."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, *arguments)


def _is_f3(report: events.CursorPosition) -> bool:
    """Return whether these bytes may be F3 with shift or other modifiers. The cursor is never asked for in that row."""
    return report.y == 0 and 1 <= report.x <= MAX_MODIFIERS
