"""`apply_address` brings the program to a view, and `address_of` names the one that is shown.

Whatever leads to a view goes through here: an address at the start, the command line, a saved view, the way back.
Nothing that an address sets is saved for the next start. A view that is opened by the user's own keys is not affected.
"""

from dataclasses import replace
from typing import Any

from textual.screen import Screen

from tui.features.runs.screen import MainScreen
from tui.kit.app import AppBase
from tui.store.addresses import ViewAddress, period_problem


def apply_address(app: AppBase, address: ViewAddress) -> str | None:
    """Show a view in place of the present one. Close all dialogs first.

    Returns a sentence without a stop about a period that does not fit, which the view's own replaces.
    """
    problem = period_problem(address.since, app.session.local_now())
    if problem is not None:
        address = replace(address, since="")
    main = _main_of(app)
    if main.has_view(address.view):
        main.view_named(address.view).show(address)
    else:
        main.show_address(address)
    return problem


def address_of(screen: Screen[Any]) -> ViewAddress:
    """Return the address of the view that a screen shows, or of the view below a dialog or a page.

    A filter with a word that is not understood has an address that no one can open: `parse_address` says why.
    """
    stack = screen.app.screen_stack
    main = _main_of(screen.app)
    # A view that is about to be pushed is not in the stack yet.
    below = reversed(stack[: stack.index(screen)] if screen in stack else stack)
    for each in (screen, *below):
        for view in main.views:
            if view.screen is each:
                return view.address()
    return main.address()


def _main_of(app: Any) -> MainScreen:
    return next(each for each in app.screen_stack if isinstance(each, MainScreen))
