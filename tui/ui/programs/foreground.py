"""A program that has the terminal for itself, as a shell runs one: in a process group of its own.

So ctrl-c and ctrl-z reach that program alone, and what it sends to its own group does not reach the monitor.
"""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from tui.ui.terminal import modes

END_TIMEOUT_S: Final = 1.0
"""A program that has not ended this long after SIGHUP is killed."""

_SHELL: Final = "/bin/sh"
_STOP_AND_RUN: Final = 'kill -STOP $$; exec "$@"'
"""Stops until the program's group has the terminal: what is typed at its first output must reach it."""

_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


def path_of(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the path of a program. Raises `OSError` with its name if it cannot be found or run."""
    name = arguments[0] if arguments else "a program"
    if arguments and (path := shutil.which(name, path=environ.get("PATH"))):
        return path
    if os.sep in name and os.path.exists(name):  # noqa: PTH110  false for a name that is no path
        raise PermissionError(f"{name} is not a program that may be run")
    raise FileNotFoundError(f"{name} was not found")


class ForegroundProgram:
    """One run of a program. `wait` ends with it.

    `on_stopped` is called in the thread of the event loop when the program was stopped, as by ctrl-z.
    """

    def __init__(
        self,
        path: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        terminal: int,
        on_stopped: Callable[[], None],
    ) -> None:
        """`path` is that of the first argument, `terminal` the descriptor of the terminal that the program gets."""
        self._terminal = terminal
        self._on_stopped = on_stopped
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._has_ended = threading.Event()
        self._process_id = os.posix_spawn(
            _SHELL,
            [_SHELL, "-c", _STOP_AND_RUN, _SHELL, path, *arguments[1:]],
            dict(environ),
            setpgroup=0,
            setsigmask=[],
            setsigdef=_IGNORED_BY_PYTHON,
        )
        self._has_begun = False
        threading.Thread(target=self._watch, name="foreground-program", daemon=True).start()

    async def wait(self) -> int:
        """Return the exit code. It is negative if a signal has ended the program, as of `subprocess`."""
        return await asyncio.shield(self._ended)

    def continue_in_foreground(self) -> None:
        """Give the terminal to the program, which was stopped, and continue it."""
        modes.give_terminal(self._terminal, self._process_id)
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """Ask the program to stop. `on_stopped` is called if it does."""
        self._send(signal.SIGTSTP)

    def end(self) -> None:
        """End the program, in bounded time, and take the terminal back."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self._has_ended.is_set():
                break
            self._send(number)
            self._send(signal.SIGCONT)
            self._has_ended.wait(END_TIMEOUT_S)
        self.take_terminal()

    def take_terminal(self) -> None:
        """Take the terminal back for the group of this process."""
        modes.give_terminal(self._terminal, os.getpgrp())

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process_id, number)

    def _watch(self) -> None:
        """Wait for the program in a thread: asyncio does not report that a process was stopped."""
        while True:
            _, status = os.waitpid(self._process_id, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._call(self._on_stop, os.WSTOPSIG(status))
        self._has_ended.set()
        self._call(self._set_ended, os.waitstatus_to_exitcode(status))

    def _on_stop(self, number: int) -> None:
        if self._has_begun and number not in {signal.SIGTTIN, signal.SIGTTOU}:
            self.take_terminal()
            self._on_stopped()
        else:
            self._has_begun = True
            self.continue_in_foreground()

    def _set_ended(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)

    def _call(self, call: Callable[[int], None], number: int) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, number)
