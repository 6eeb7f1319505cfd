"""What the keys and commands of saved views do: save what is shown, open one by its letter, list all."""

from functools import partial
from typing import Any

from textual.screen import Screen

from tui.present.redaction import HOLDS_KEY
from tui.present.styled import Piece, Token
from tui.store.addresses.saved_views import SavedView, with_view
from tui.store.addresses.view_address import AddressError, parse_address, read_address
from tui.ui.base import AppBase, app_of
from tui.ui.screens.painted import PaintedScreen
from tui.ui.screens.views.letters import LetterMenu
from tui.ui.screens.views.save_view import SaveView
from tui.ui.screens.views.views import ViewsScreen
from tui.ui.views.view_file import known_views_of


def ask_to_save(screen: Screen[Any]) -> None:
    """Ask for a name and a letter, and save what the screen shows."""
    app = app_of(screen)
    address = app.address_of(screen)
    try:
        parse_address(str(address))
    except AddressError as error:
        _notice(screen, f"this view cannot be saved: {error}")
        return
    if app.session.secrets.finds(str(address)):
        _notice(screen, f"this view cannot be saved: {HOLDS_KEY}")
        return

    def save(view: SavedView | None) -> None:
        if view is not None:
            app.session.spawn(_save(screen, view), "save a view")

    screen.app.push_screen(SaveView(known_views_of(app), str(address), address.words), save)


def ask_for_letter(app: AppBase) -> None:
    """Open the menu of letters, and the view that is chosen there."""

    def open_view(view: SavedView | None) -> None:
        if view is not None:
            open_saved(app, view)

    app.push_screen(LetterMenu(known_views_of(app)), open_view)


def show_views(screen: Screen[Any]) -> None:
    """Show the page of all views."""
    app = app_of(screen)
    app.push_screen(ViewsScreen(app.live, known_views_of(app), partial(open_saved, app)))


def open_saved(app: AppBase, view: SavedView) -> None:
    """Open a saved view, and say which, or what of it does not fit."""
    read = read_address(view.address)
    problems = list(read.problems)
    said = f"view “{view.name}”"  # a notice about the view before would seem to be about this one
    if read.address is not None and (problem := app.show_address(read.address)) is not None:
        problems.append(problem)
    if problems:
        how = "cannot be shown" if read.address is None else "shown in part"
        text = "; ".join(problems)
        app.messages.add(app.session.now(), f"The view “{view.name}” {'is ' if read.address else ''}{how}: {text}.")
        said = f"{how}: {text}"
    _notice(app.screen, said)


async def _save(screen: Screen[Any], view: SavedView) -> None:
    app = app_of(screen)
    problem = await known_views_of(app).change(lambda own: with_view(own, view))
    if problem is not None:
        app.messages.add(app.session.now(), problem)
    opens = f"' {view.letter} opens it" if view.letter else ":views opens it"
    app.call_later(_notice, screen, problem or f"saved “{view.name}”: {opens}")


def _notice(screen: Screen[Any], text: str) -> None:
    if isinstance(screen, PaintedScreen) and screen.is_attached:
        screen.notice((Piece(text, Token.BRIGHT),))
