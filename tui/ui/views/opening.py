"""`apply_address` brings the program to a view, and `address_of` names the one that is shown.

Whatever leads to a view goes through here: an address at the start, the command line, a saved view, the way back.
Nothing that an address sets is saved for the next start. A view that is opened by the user's own keys is not affected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from textual.screen import Screen

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.present.dialogs.filters import Typed, absolute_period_words, read_typed
from tui.present.styled import Token
from tui.store.addresses.addressed_views import ERRORS, QUEUES, RUN, RUNS, SERVER_LISTS, WALL, period_problem
from tui.store.addresses.view_address import ViewAddress
from tui.store.filter import is_field
from tui.store.filter_words import split_words
from tui.store.orders import CREATED, ORDERS
from tui.store.server_filter import ServerFilter
from tui.ui.base import AppBase
from tui.ui.data.findings.live_board import CELL_SIZES
from tui.ui.model.errors.ranking import GroupQuery
from tui.ui.model.errors.spans import DAY, GROUP_ORDERS, NEW_FIRST, SPANS
from tui.ui.model.list_views import ListQuery
from tui.ui.model.queues.orders import QUEUE_ORDERS, WORST, QueueQuery
from tui.ui.panes import DETAIL
from tui.ui.panes.errors.group_list import GroupListPane
from tui.ui.panes.queues.queue_list import QueueListPane
from tui.ui.screens.errors.screen import ErrorsScreen
from tui.ui.screens.main import MainScreen
from tui.ui.screens.queues.screen import QueuesScreen

_ORDERS: Final = {order.id: order for order in ORDERS}
_GROUP_ORDERS: Final = {order.id: order for order in GROUP_ORDERS}
_QUEUE_ORDERS: Final = {order.id: order for order in QUEUE_ORDERS}
VIEWS: Final = (MainScreen, ErrorsScreen, QueuesScreen)
"""The screens that have an address."""

_SPANS: Final = {span.name: span for span in SPANS}
_WALL_SPANS: Final = dict(zip(CELL_SIZES, ("", "5h", "20h"), strict=True))


def apply_address(app: AppBase, address: ViewAddress) -> str | None:
    """Show a view in place of the present one. Close all dialogs first.

    Returns a sentence without a stop about a period that does not fit, which the view's own replaces.
    """
    main = next(screen for screen in app.screen_stack if isinstance(screen, MainScreen))
    problem = period_problem(address.since, app.session.local_now())
    if problem is not None:
        address = replace(address, since="")
    match address.view:
        case "run" if address.run is not None:
            _show_run(main, address.run, address.pane or DETAIL)
        case "errors":
            _show_errors(main, address)
        case "queues":
            _show_queues(main, address)
        case "wall":
            _show_wall(main, address)
        case _:
            _show_runs(main, address)
    return problem


def address_of(screen: Screen[Any]) -> ViewAddress:
    """Return the address of the view that a screen shows, or of the view below a dialog or a page.

    A filter with a word that is not understood has an address that no one can open: `parse_address` says why.
    """
    main = next(each for each in screen.app.screen_stack if isinstance(each, MainScreen))
    if main.wall.screen is not None and not isinstance(screen, VIEWS):
        return ViewAddress(WALL, since=_WALL_SPANS[main.wall.screen.live_board.cell])
    shown = screen if isinstance(screen, VIEWS) else next(each for each in views_of(screen))
    match shown:
        case ErrorsScreen():
            return _address_of_errors(shown)
        case QueuesScreen():
            return _address_of_queues(shown)
        case _:
            return _address_of_runs(shown)


def views_of(screen: Screen[Any]) -> Iterator[MainScreen | ErrorsScreen | QueuesScreen]:
    """Yield the views of the stack of screens, the one in front first."""
    return (each for each in reversed(screen.app.screen_stack) if isinstance(each, VIEWS))


def _address_of_runs(shown: MainScreen) -> ViewAddress:
    run_id = None if shown.pane is shown.run_list else shown.pane.target or shown.selection.run_id
    if run_id is not None:
        pane = shown.pane.title
        return ViewAddress(RUN, run=run_id, pane="" if pane == DETAIL else pane)
    return _address_of_list(shown)


def _show_runs(main: MainScreen, address: ViewAddress) -> None:
    chosen = _server_filter(main, address)
    order = _ORDERS.get(address.sort, CREATED)
    show_query(main, ListQuery(chosen.period, address.filter, chosen.filters, order), None)


def show_query(main: MainScreen, query: ListQuery, cursor: RunId | None) -> None:
    """Show the list with these filters, in place of what is shown."""
    app = main.app_base
    main.leave_other_views()
    app.subscription.visit(ServerFilter(query.filters, query.period), query.order.id)
    token = Token.TEXT if app.subscription.is_filtered else Token.MUTED
    main.run_list.show_query(query, cursor, token=token)
    main.show_list(None)
    if cursor is None:
        main.run_list.table.action_top()


def _show_run(main: MainScreen, run_id: RunId, pane: str) -> None:
    main.leave_other_views()
    if pane == DETAIL:
        main.workspace.go_to(pane)
    else:
        main.call_later(partial(main.workspace.show_form, pane))
    main.history.go(run_id)


def _show_queues(main: MainScreen, address: ViewAddress) -> None:
    main.wall.leave()
    main.errors.leave()
    query = QueueQuery(_QUEUE_ORDERS.get(address.sort, WORST), _plain_words(address.filter))
    main.queues.queues.show_query(query)
    if (screen := main.queues.screen) is None:
        main.queues.open()
    else:
        screen.workspace.go_to(QueueListPane.title)
        screen.list_pane.table.highlight(query.text)


def _show_wall(main: MainScreen, address: ViewAddress) -> None:
    cell = next((cell for cell, name in _WALL_SPANS.items() if name == address.since), CELL_SIZES[0])
    if main.wall.screen is None:
        main.wall.open(cell=cell)
    else:
        main.wall.screen.live_board.show(cell)


def _show_errors(main: MainScreen, address: ViewAddress) -> None:
    main.wall.leave()
    app = main.app_base
    main.queues.leave()
    if address.server != app.subscription.chosen.filters:
        app.subscription.visit(_server_filter(main, replace(address, since="")), main.run_list.views.query.order.id)
        chosen = app.subscription.chosen
        listed = replace(main.run_list.views.query, filters=chosen.filters, period=chosen.period)
        main.run_list.show_query(listed, main.run_list.target)
    query = GroupQuery(_GROUP_ORDERS.get(address.sort, NEW_FIRST), _plain_words(address.filter))
    main.errors.groups.show(_SPANS.get(address.since, DAY), query)
    if (screen := main.errors.screen) is None:
        main.errors.open()
    else:
        screen.groups.open(app.subscription.chosen.filters)
        screen.workspace.go_to(GroupListPane.title)
    assert main.errors.screen is not None
    main.errors.screen.list_pane.table.highlight(query.text)


def _server_filter(main: MainScreen, address: ViewAddress) -> ServerFilter:
    settings, now = main.live.session.settings, main.live.session.local_now()
    period = read_typed(Typed(period=address.since), settings.history, now)
    assert period is not None, "apply_address has checked the period"
    window = period.filters
    filters = replace(address.server, created_from=window.created_from, created_to=window.created_to)
    return ServerFilter(filters, period.period)


def _address_of_list(main: MainScreen) -> ViewAddress:
    query, settings = main.run_list.views.query, main.live.session.settings
    since = absolute_period_words(query.filters, query.period)
    is_usual = query.filters.created_from is None and query.period == settings.history
    return ViewAddress(
        RUNS,
        _closed(query.text),
        "" if is_usual else since,
        "" if query.order is CREATED else query.order.id,
        server=_lists_of(query.filters),
    )


def _address_of_errors(screen: ErrorsScreen) -> ViewAddress:
    order, text = screen.groups.query
    span = screen.groups.wanted_span
    return ViewAddress(
        ERRORS,
        _as_words(text),
        "" if span is DAY else span.name,
        "" if order is NEW_FIRST else order.id,
        server=_lists_of(screen.app_base.subscription.chosen.filters),
    )


def _address_of_queues(screen: QueuesScreen) -> ViewAddress:
    order, text = screen.queues.list.query
    return ViewAddress(QUEUES, _as_words(text), sort="" if order is WORST else order.id)


def _lists_of(filters: RunFilters) -> RunFilters:
    lists: Mapping[str, Any] = {name: getattr(filters, name) for name in SERVER_LISTS.values()}
    return RunFilters(**lists)


def _closed(text: str) -> str:
    return f'{text}"'.strip() if text.count('"') % 2 else text.strip()


def _as_words(text: str) -> str:
    """Return a text that is searched word by word as a filter in which no word is a field."""
    words = (word.replace('"', "") for word in text.split())
    return " ".join(f'"{word}"' if any(map(is_field, split_words(word))) else word for word in words if word)


def _plain_words(text: str) -> str:
    return text.replace('"', "")
