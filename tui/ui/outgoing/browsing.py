"""`o`: opens a run in the dashboard, by a browser where there is one, otherwise as a link to click or to copy."""

from typing import Any, Final

from textual.screen import Screen

from tui.domain.ids import RunId
from tui.present.styled import Line, Piece, Token
from tui.settings import without_secrets
from tui.ui.base import AppBase, app_of, call_soon
from tui.ui.input.clipboard import Clipboard
from tui.ui.outgoing.clips import link_of
from tui.ui.programs.browser import Browser, browsers_for, is_web_address, outcome_words, start

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
        from tui.ui.outgoing.link_dialog import LinkDialog  # noqa: PLC0415  loaded when first used

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
