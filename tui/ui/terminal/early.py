"""The terminal before the driver: shows one frame while Textual is imported."""

import os
import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, Final, Self

from tui.terminal.encoder import SYNC_BEGINS, SYNC_ENDS
from tui.ui.terminal.modes import (
    MODES_OFF,
    MODES_ON,
    SCREEN_OFF,
    SCREEN_ON,
    SIGNAL_EXIT_BASE,
    attributes_of,
    enter_raw_mode,
    restore_attributes,
    screen_output,
    size_of,
)
from tui.ui.terminal.output import TerminalWriter

WRITE_TIMEOUT_S: Final = 0.1
"""Stop waiting for the terminal after this. A frame that it has not accepted is sent again by the driver."""

_ENDED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HELD: Final = (signal.SIGTSTP,)


class EarlyTerminal:
    """Shows a frame until the driver takes the terminal over. Otherwise the end of the block restores it.

    Until then keys wait in the kernel: the driver reads them later.
    """

    def __init__(self, input_descriptor: int, output_descriptor: int, attributes: list[Any] | None = None) -> None:
        """`attributes` are those to restore at the end; None: those of now."""
        self._input, self._output = input_descriptor, output_descriptor
        self.size = size_of(output_descriptor)
        self.screen = screen_output(*self.size)
        self.is_shown = False
        self._attributes = attributes or attributes_of(input_descriptor)
        self._handlers: dict[signal.Signals, Any] = {}
        self._must_restore = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def show(self, rows: Sequence[str]) -> None:
        """Show the rows of a frame, each as text with its colours."""
        # The signals of the keyboard are off in raw mode: ctrl-c is read as a key later.
        self._must_restore = True
        self._handlers = {each: signal.signal(each, self._end) for each in _ENDED_BY}
        self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._on_continued)
        # A stop would leave this frame to the shell: the signal waits for the driver, which restores the terminal.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
        enter_raw_mode(self._input)
        self.screen.passed(MODES_ON)
        drawn = "".join(f"\x1b[{y};1H{row}" for y, row in enumerate(rows, 1))
        frame = self.screen.write(f"{SYNC_BEGINS}{drawn}{SYNC_ENDS}")
        self.is_shown = self._write(f"{SCREEN_ON}{MODES_ON}{frame}")

    def take_over(self) -> list[Any] | None:
        """Return the attributes that the terminal had before the frame. From now on the caller restores it."""
        self._must_restore = False
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
        return self._attributes

    def _write(self, text: str) -> bool:
        """Write text, and return whether the terminal has accepted all of it."""
        writer = TerminalWriter(self._output, on_gone=lambda: None, on_caught_up=lambda _: None)
        try:
            return writer.write(text) and writer.finish(WRITE_TIMEOUT_S)
        finally:
            writer.close()

    def _restore(self) -> None:
        if self._must_restore:
            self._must_restore = False
            self._write(f"{MODES_OFF}{SCREEN_OFF}")
            restore_attributes(self._input, self._attributes)

    def _on_continued(self, _: int, __: FrameType | None) -> None:
        # SIGSTOP cannot be held. A shell has written on the screen meanwhile.
        self.is_shown = False

    def _end(self, number: int, _: FrameType | None) -> None:
        """End the process. An exception would be lost in some of the modules that are being imported."""
        self._restore()
        os._exit(SIGNAL_EXIT_BASE + number)
