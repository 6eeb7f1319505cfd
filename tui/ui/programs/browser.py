"""Starts a browser beside the monitor: the user's own, or that of the platform where there is a display.

A browser gets no terminal: it reads nothing, and what it prints is discarded. One that needs a terminal is started in
the foreground instead.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import Final

from tui.lazy_dataclass import dataclass

FAILS_WITHIN_S: Final = 3.0
"""A browser that still runs after this has started."""

MAX_BROWSERS: Final = 8
"""Entries of `$BROWSER` that are tried."""

TEXT_BROWSERS: Final = frozenset({"browsh", "carbonyl", "chawan", "cha", "elinks", "links", "links2", "lynx", "w3m"})
_WEB_ADDRESS: Final = re.compile(r"https?://[!-~]{1,2000}\Z")


@dataclass(frozen=True, slots=True)
class Browser:
    """A command that opens an address."""

    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the program."""
        return PurePath(self.arguments[0]).name

    @property
    def needs_terminal(self) -> bool:
        """Whether it draws on the terminal."""
        return self.name in TEXT_BROWSERS


def is_web_address(text: str) -> bool:
    """Return whether a text is an address of the web, in ASCII and without spaces."""
    return _WEB_ADDRESS.match(text) is not None


def browsers_for(address: str, environ: Mapping[str, str], platform: str = sys.platform) -> list[Browser]:
    """Return the commands to try, in order: those of `$BROWSER`, otherwise the platform's where a display is near.

    Entries of `$BROWSER` are separated by `:`; `%s` stands for the address, which otherwise comes last. Over SSH a
    display is the other machine's.
    """
    own = [
        command
        for entry in environ.get("BROWSER", "").split(os.pathsep)[:MAX_BROWSERS]
        if (command := _own_browser(entry, address)) is not None
    ]
    if own or "SSH_CONNECTION" in environ or "SSH_TTY" in environ:
        return own
    if platform == "darwin":
        names = ["open"]
    elif "WSL_DISTRO_NAME" in environ:
        names = ["wslview"]
    else:
        names = ["xdg-open", "wslview"] if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") else []
    return [Browser((name, address)) for name in names if shutil.which(name, path=environ.get("PATH"))]


def _own_browser(entry: str, address: str) -> Browser | None:
    try:
        words = shlex.split(entry)
    except ValueError:  # a quote that does not end
        return None
    if words[-1:] == ["&"]:  # as Python's `webbrowser` and others have it: it runs beside the monitor anyway
        words.pop()
    if not words:
        return None
    if any("%s" in word for word in words[1:]):
        return Browser((words[0], *(word.replace("%s", address) for word in words[1:])))
    return Browser((*words, address))


async def start(browser: Browser, environ: Mapping[str, str]) -> str | None:
    """Start a browser that needs no terminal. Return why it failed, None if it runs or has handed the address over."""
    loop = asyncio.get_running_loop()
    try:
        process = await asyncio.to_thread(_spawn, browser.arguments, environ)
    except OSError as error:
        return f"{browser.name}: {error.strerror or error}"
    ended: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    def wait() -> None:
        # Until its end, which may be after this program: nothing else would collect it.
        code = process.wait()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, code)

    threading.Thread(target=wait, name="browser", daemon=True).start()
    try:
        async with asyncio.timeout(FAILS_WITHIN_S):
            code = await ended
    except TimeoutError:
        return None
    return None if code == 0 else f"{browser.name}: {outcome_words(code)}"


def outcome_words(code: int) -> str:
    """Return how a program ended, from its exit code."""
    return f"ended by signal {-code}" if code < 0 else f"exit {code}"


def _spawn(arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  the user's own browser, as a list of arguments
        arguments,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
