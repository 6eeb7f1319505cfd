"""`o`: opens a run in the dashboard, by a browser where there is one, otherwise as a link to click or to copy."""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from subprocess import DEVNULL
from typing import Any, ClassVar, Final

from rich.style import Style
from textual.binding import BindingType
from textual.screen import Screen
from textual.strip import Strip

from tui.domain.run import RunId
from tui.kit.app import AppBase, app_of, call_soon
from tui.kit.keys import bind
from tui.kit.lines import Dialog
from tui.kit.painted import Clipboard, LineDialog
from tui.lazy_dataclass import dataclass
from tui.settings.secret import without_secrets
from tui.sync.session import Session
from tui.text.styled import Line, Piece, Token, wrap
from tui.threads import call_detached

# Starts a browser beside the monitor: the user's own, or that of the platform where there is a display.
#
# A browser gets no terminal: it reads nothing, and what it prints is discarded. One that needs a terminal is started in
# the foreground instead.


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
    try:
        process = await asyncio.to_thread(_spawn, browser.arguments, environ)
    except OSError as error:
        return f"{browser.name}: {error.strerror or error}"
    # The thread waits until the browser ends, maybe after this program: nothing else would collect it.
    ended = asyncio.wrap_future(call_detached("browser", process.wait))
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
        arguments, env=environ, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )


WIDTH: Final = 84
_INDENT: Final = 3


def link_lines(reason: str, link: str, width: int) -> tuple[list[Line], range]:
    """Return the dialog in lines of at most `width` cells, and the lines that show the link."""
    limit, indent = width - 2 * _INDENT, Piece(" " * _INDENT)
    head: list[Line] = [
        (),
        (indent, Piece("Open in a browser", Token.BRIGHT, is_bold=True)),
        *((indent, Piece(row, Token.MUTED)) for row in wrap(reason, limit)),
        (),
    ]
    rows = [link[start : start + limit] for start in range(0, len(link), limit)]
    keys = (indent, Piece("y", Token.TEXT, is_bold=True), Piece("  copy it   ", Token.MUTED))
    lines = [
        *head,
        *((indent, Piece(row, Token.TEXT)) for row in rows),
        (),
        (*keys, Piece("Esc", Token.TEXT, is_bold=True), Piece("  back", Token.MUTED)),
        (),
    ]
    return lines, range(len(head), len(head) + len(rows))


# The dialog with a link: terminals open it by a click, the user can copy it.


class LinkedDialog(Dialog):
    """A dialog in which some lines are a link (OSC 8)."""

    def __init__(self, link: str) -> None:
        super().__init__()
        # One style for all lines: a terminal underlines them together when the pointer is over one.
        self._style = Style(link=link, underline=True)
        self.linked = range(0)
        """The lines of the link."""

    def strip_at(self, y: int) -> Strip:
        strip = super().strip_at(y)
        if self.line_at(y) not in self.linked:
            return strip
        # Only the text: a click on the spaces beside it opens nothing.
        text = strip.text
        begin, end = len(text) - len(text.lstrip(" │|")), len(text.rstrip(" │|"))
        return Strip.join([strip.crop(0, begin), strip.crop(begin, end).apply_style(self._style), strip.crop(end)])


class LinkDialog(LineDialog[None]):
    """Shows a link that no browser could open, and why."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Close the dialog.", id="back"),
        bind("q", "close", "back", "Close the dialog."),
        bind("o", "close", "back", "Close the dialog.", id="browse"),
        bind("y", "copy_link", "copy", "Copy the link."),
    ]
    cells = WIDTH

    def __init__(self, link: str, reason: str, clipboard: Clipboard) -> None:
        self._linked = LinkedDialog(link)
        super().__init__(self._linked)
        self._link = link
        self._reason = reason
        self._clipboard = clipboard

    def action_copy_link(self) -> None:
        self.dismiss(None)
        self._clipboard.send("link", self._link)

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  it is low
        lines, self._linked.linked = link_lines(self._reason, self._link, width)
        return lines


NO_DASHBOARD: Final = "not known; set dashboard.url in config.toml"


NO_PROJECT: Final = "the server has not named the project yet"


def link_of(session: Session, run_id: RunId) -> tuple[str | None, str]:
    """Return the address of a run in the dashboard, or None and the reason."""
    environment, configured = session.store.environment, session.settings.dashboard.url
    link = None if environment is None else environment.link_to(run_id, configured)
    if link is not None:
        return link, ""
    has_project = environment is not None and environment.project_ref is not None
    return None, NO_PROJECT if configured and not has_project else NO_DASHBOARD


NO_BROWSER: Final = "No browser can be started here. Most terminals open this link by a click, some with ctrl:"


def browse(screen: Screen[Any], run_id: RunId, clipboard: Clipboard) -> Line:
    """Open a run in the browser. Return what the footer says at once; it may be empty."""
    app = app_of(screen)
    link, reason = link_of(app.session, run_id)
    if link is None or not is_web_address(link):
        return (Piece(f"no link to the dashboard: {reason}", Token.MUTED),)
    app.session.spawn(_open(app, link, clipboard), f"open {run_id} in the browser")
    return ()


async def _open(app: AppBase, link: str, clipboard: Clipboard) -> None:
    """Try the browsers in their order, and show the link if all of them fail."""
    environ = without_secrets(app.environ)
    failures: list[str] = []
    for browser in browsers_for(link, environ):
        failure = await _try(app, browser, environ)
        if failure is None:
            return
        failures.append(failure)
        app.messages.add(app.session.now(), f"The browser failed: {failure}.")

    def show() -> None:

        reason = f"The browser failed: {', '.join(failures)}. Open this link:" if failures else NO_BROWSER
        app.push_screen(LinkDialog(link, reason, clipboard))

    call_soon(app, show)


async def _try(app: AppBase, browser: Browser, environ: dict[str, str]) -> str | None:
    if not browser.needs_terminal:
        return await start(browser, environ)
    try:
        code = await app.run_in_foreground(browser.arguments, environ)
    except OSError as error:
        return str(error)
    return None if code == 0 else f"{browser.name}: {outcome_words(code)}"
