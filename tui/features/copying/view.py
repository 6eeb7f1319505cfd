"""The menu of what can be copied, and what opens in the pager or the editor."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.screen import Screen

from tui.api import client
from tui.api.connection import HttpRequest
from tui.api.errors import ApiError
from tui.api.lists import EVENTS, RUN, TRACE, RowRead
from tui.domain.filters import period_text
from tui.domain.run import ABSENT, Absent, Json, Run, RunId
from tui.features.copying import words
from tui.features.detail.value import Reader, fetch_value, read_outside, read_value
from tui.features.detail.words import full_error, value_of
from tui.features.logs.view import LogsPane
from tui.features.runs.data import RunSubscription
from tui.kit.app import app_of, call_soon
from tui.kit.keys import bind
from tui.kit.lists import Clip
from tui.kit.live_model import LiveModel
from tui.kit.page_screen import link_of
from tui.kit.painted import Clipboard, ListDialog, PaintedScreen
from tui.kit.pane import PagePane
from tui.kit.screen import BaseScreen
from tui.settings.settings import Settings
from tui.store.addresses import ViewAddress
from tui.text.blocks import FetchValue
from tui.text.json import ValuePath
from tui.text.redaction import HOLDS_KEY
from tui.text.styled import Line, Piece, Token, cut

# The menu of what can be copied: the parts of a run, and what leads back to it or to the view.


_MARGIN: Final = 3


class PartMenu(ListDialog[None, Clip]):
    """Offers the parts of one run, and what else the caller offers.

    Parts that were not fetched yet are fetched while the menu is open. Without a run the menu has only the rows of the
    view.
    """

    cells = 84
    row_letters: ClassVar[frozenset[str]] = frozenset("ipoemtwadscASCgf")
    """Every letter that a row may have, also the rows of other views. The user's own keys must not use them in a menu.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Close the menu.", id="back"),
        bind("q", "close", "back", "Close the menu."),
        bind("j,down", "move(1)", "down", "Move one line down.", id="down"),
        bind("k,up", "move(-1)", "up", "Move one line up.", id="up"),
    ]

    heading = "Copy"
    hint: ClassVar[str]

    def __init__(self, live: LiveModel, run_id: RunId | None, others: Sequence[Clip] = ()) -> None:
        super().__init__()
        self._others = others
        self.live = live
        self.run_id = run_id
        self._is_reading = False
        self._wanted: str | None = None
        """The letter of a row that is not read yet."""
        self._run: Run | None = None

    def on_mount(self) -> None:
        if self.run_id is not None:
            self.live.session.store.pin([self.run_id])  # else the store drops its large parts when others come
            run = self.live.get(self.run_id)
            if run is None or run.body is None or run.attempts is None:
                self.note, self._is_reading = "reading the whole run…", True
                self.live.session.spawn(self._fetch(self.run_id), f"read {self.run_id} to copy")
        self.begin()

    def begin(self) -> None:
        """Start the menu's own work. Called once, when it is mounted."""

    def on_unmount(self) -> None:
        if self.run_id is not None:
            self.live.session.store.unpin([self.run_id])

    def on_key(self, event: events.Key) -> None:
        if self.app_base.pastes.is_pasted:
            return
        clip = self._clip(event.character)
        if clip is not None:
            event.stop()
            self.choose(clip)
        elif self._is_reading:
            self._wanted = event.character

    def _clip(self, key: str | None) -> Clip | None:
        return next((clip for clip in self.items if clip.key == key), None)

    async def _fetch(self, run_id: RunId) -> None:
        try:
            _, failure = await self.live.session.fetcher.fetch_run_with_attempts(run_id)
        except ApiError as error:
            failure = f"the run could not be read: {error}"
        self.app.call_later(self._show_rest, failure or "")

    def _show_rest(self, note: str) -> None:
        if self.is_attached:
            self._is_reading, self._run = False, None
            self.say_instead(note)
            if (clip := self._clip(self._wanted)) is not None:
                self.choose(clip)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        run = None if self.run_id is None else self.live.get(self.run_id) or Run(self.run_id)
        if run is not self._run or not self.items:
            current = self.items[self.cursor].key if self.items else ""
            self._run, self.items = run, [*self.parts_of(run), *self._others]
            self.cursor = next((number for number, clip in enumerate(self.items) if clip.key == current), 0)
        names = max([12, *(len(clip.name) + 2 for clip in self.items)])
        rows = [
            cut(words.clip_line(clip, names, is_here=number == self.cursor), width - _MARGIN)
            for number, clip in enumerate(self.items)
        ]
        title: Line = (Piece(f"   {self.heading}", Token.BRIGHT, is_bold=True),)
        note = cut((Piece(f"   {self.note or self.hint}", Token.MUTED),), width)
        lines: list[Line] = []
        for group, clips in groupby(zip(self.items, rows, strict=True), key=lambda each: each[0].group):
            lines += [(), (Piece(f"   {group}", Token.FAINT),)] if lines else []
            lines += [row for _, row in clips]
        menu: list[Line] = [(), title, (), *lines, (), note, ()]
        return menu if len(menu) <= height else [title, *rows, note]  # in few lines it does without its headings

    def parts_of(self, run: Run | None) -> list[Clip]:
        """Return the rows of the run itself."""
        if run is None:
            return []
        if self._is_reading:
            return words.clips_of(run)
        session = self.live.session
        settings, environment = session.settings, session.store.environment
        known = None if environment is None else environment.at_dashboard(settings.dashboard.url or None)
        ticket = words.Ticket(run, known, session.secrets.redact, settings.zone)
        return [*words.clips_of(run), *words.ticket_clips(ticket)]


class CopyMenu(PartMenu):
    """Copies what the user chooses."""

    hint = "Enter or the letter copies"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("Y", "close", "back", "Copy nothing.", id="copy-menu"),
        bind("enter", "choose", "copy", "Copy the part under the cursor.", id="copy-chosen"),
    ]

    def __init__(self, live: LiveModel, run_id: RunId | None, clipboard: Clipboard, others: Sequence[Clip]) -> None:
        super().__init__(live, run_id, others)
        self._clipboard = clipboard

    def choose(self, item: Clip) -> None:
        if item.text is None:
            self.say_instead(f"cannot copy {item.name}: {item.note}")
        else:
            self.dismiss()
            self._clipboard.send(item.name, item.text)


# What the copy menu offers of a view beside the parts of a run: address, link, shell command, request.
#
# It is made when the menu opens. A row that cannot be had is there too, with the reason.


PAGE_RUNS: Final = "100"
"""The runs of one page of the list, the most that the server sends."""

HAS_CONTROLS: Final = "it has control characters"
THROUGH_RELAY: Final = "it is not possible through a relay"


def clips_of_view(screen: Screen[Any], run_id: RunId | None) -> list[Clip]:
    """Return the rows that the view adds. `run_id`: the run whose parts the menu offers, too."""
    app = app_of(screen)
    session, address = app.session, app.doors.address_of(screen)
    rows: list[Clip] = []
    if run_id is not None:
        of_run = ViewAddress("run", run=run_id, pane=address.pane if address.run == run_id else "")
        request: HttpRequest | None = None
        with suppress(ApiError):
            request = client.http_request_of(_ANSWERS.get(of_run.pane, RUN).request(run_id))
        rows = _rows_of(of_run, request, session.settings, "asc", "links to this run")
        rows.insert(1, Clip("d", "dashboard link", *link_of(session, run_id), rows[0].group, is_shown=True))
    if address.run is None:
        front = next(each for each in reversed(app.screen_stack) if isinstance(each, BaseScreen))
        group = "links to this list" if address.view == "runs" else f"links to these {address.view}"
        # If rows about a run are there too, those have the small letters.
        keys, request = "asc" if run_id is None else "ASC", _request_of(front)
        # A filter may hold a key that was pasted into it. Other programs save what is on the clipboard.
        rows += (
            replace(row, text=None, note=HOLDS_KEY) if row.text is not None and session.secrets.finds(row.text) else row
            for row in _rows_of(address, request, session.settings, keys, group, front.listed_runs)
        )
    return rows


_ANSWERS: Final[Mapping[str, RowRead[Any]]] = {"logs": EVENTS, "tree": TRACE, "waterfall": TRACE}
"""The panes whose request must ask for something else than the run's detail."""


def _request_of(front: BaseScreen) -> HttpRequest:
    """Return the request of the first page of a view, as the monitor sends it."""
    if (request := front.first_request) is not None:
        return HttpRequest(request.path, dict(request.params))
    chosen = app_of(front).part(RunSubscription).chosen
    filters = chosen.filters
    if not filters.has_window:
        filters = replace(filters, period=period_text(chosen.period))
    return HttpRequest("/api/v1/runs", {**client.filter_params(filters), "page[size]": PAGE_RUNS})


def _rows_of(
    address: ViewAddress, request: HttpRequest | None, settings: Settings, keys: str, group: str, shown: int = 0
) -> list[Clip]:
    """Return what leads back to a view: its address, a shell command, a request. `shown` counts its rows."""
    command, curl = words.command_for(address, settings, shown=shown), None
    if request is not None:
        headers = {"x-trigger-api-version": client.API_VERSION}
        curl = words.curl_for(request.path, request.params or {}, settings, headers=headers)
    no_curl = THROUGH_RELAY if settings.relay_url is not None else HAS_CONTROLS
    texts = (("address", str(address), ""), ("shell command", command, HAS_CONTROLS), ("curl", curl, no_curl))
    return [
        Clip(key, name, text, reason if text is None else "", group, is_shown=True)
        for key, (name, text, reason) in zip(keys, texts, strict=True)
    ]


def open_copy_menu(screen: Screen[Any], run_id: RunId | None, texts: Sequence[Clip]) -> None:
    """Let the user choose what to copy: `texts`, the parts of a run, and what leads to the run or to the view."""
    assert isinstance(screen, PaintedScreen)
    others = [*texts, *clips_of_view(screen, run_id)]
    screen.app.push_screen(CopyMenu(app_of(screen).live, run_id, screen.clipboard, others))


# `O` and `ctrl-o`: a value, an error or a log in the pager or the editor.
#
# What is clear from the cursor is opened at once; otherwise a menu asks.


_LABELS: Final = {"p": "payload", "o": "output", "m": "metadata", "e": "error"}
"""What the letters of the menu open. They are those of the copy menu."""

STORED_APART: Final = "large value: it is read first"


def read_from(screen: Screen[Any], run_id: RunId, program: str, pane: object) -> None:
    """Open what the cursor of a pane is at, or ask which part of a run. `program` is `pager` or `editor`."""
    app, reader = app_of(screen), Reader(program)
    live = app.live
    if isinstance(pane, LogsPane) and pane.view.shown and pane.selection.run_id == run_id:
        log, shown, started_at = pane.view.log or (), tuple(pane.view.shown), pane.view.started_at
        name = words.file_name(run_id, "log", "log")
        work = read_outside(app, reader, name, lambda: words.log_text((log[index] for index in shown), started_at))
        app.session.spawn(work, f"read the log of {run_id}")
        return
    label, run = _label_at(pane), live.get(run_id)
    value = ABSENT if run is None or label is None else _value_of(run, label)[0]
    if label is None or value is ABSENT:
        app.push_screen(ReadMenu(live, run_id, reader, label))
    else:
        read_value(screen, run_id, label, value, reader)


class ReadMenu(PartMenu):
    """Asks which part of a run to open. A part that is stored separately is fetched first.

    With a `label`, that part is opened as soon as it is known.
    """

    hint = "Enter or the letter opens"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "choose", "open", "Open the part under the cursor.", id="read-chosen")
    ]

    def __init__(self, live: LiveModel, run_id: RunId, reader: Reader, label: str | None = None) -> None:
        super().__init__(live, run_id)
        self.heading = f"Open in the {reader.value}"
        self._reader = reader
        self._label = label
        self._fetching: asyncio.Task[None] | None = None
        self._fetching_s = 0

    def begin(self) -> None:
        if self._label is not None:
            self._open(self._label)

    def on_unmount(self) -> None:
        # Textual calls the handler of `PartMenu` too.
        if self._fetching is not None:
            self._fetching.cancel()

    def parts_of(self, run: Run | None) -> list[Clip]:
        parts = [] if run is None else [clip for clip in words.clips_of(run) if clip.key in _LABELS]
        return [replace(clip, text="", note=STORED_APART) if clip.text is None else clip for clip in parts]

    def choose(self, item: Clip) -> None:
        self._open(_LABELS[item.key])

    def _open(self, label: str) -> None:
        run = self.live.get(RunId(str(self.run_id)))
        if run is None or self._fetching is not None:
            return
        value, url = _value_of(run, label)
        if value is not ABSENT:
            self.dismiss()
            read_value(self, run.id, label, value, self._reader)
        elif url is not None:
            self.say_instead(f"reading the {label}…")
            self._fetching = self.live.session.spawn(self._fetch_value(run, label), f"fetch the {label} of {run.id}")
            self.set_interval(1, partial(self._show_progress, label))

    def _show_progress(self, label: str) -> None:
        self._fetching_s += 1
        if self._fetching is not None:
            self.say_instead(f"reading the {label}… {self._fetching_s} s, Esc stops")

    async def _fetch_value(self, run: Run, label: str) -> None:
        value, reason = await fetch_value(self.live.session, run, label)
        call_soon(self, partial(self._on_value, run.id, label, value, reason))

    def _on_value(self, run_id: RunId, label: str, value: Json | Absent, reason: str) -> None:
        if not self.is_attached:
            return
        self._fetching = None
        if value is ABSENT:
            self.say_instead(f"cannot read the {label}: {reason}")
        else:
            self.dismiss()
            read_value(self, run_id, label, value, self._reader)


def _value_of(run: Run, label: str) -> tuple[Json | Absent, str | None]:
    """Return a part of a run, and the URL of one that the server stores apart."""
    if label == "error":
        error = full_error(run)
        return (ABSENT if error is None else words.error_text(error)), None
    return value_of(run, label)


def _label_at(pane: object) -> str | None:
    """Return the part of the run that the cursor of a page is in."""
    row = pane.page.row if isinstance(pane, PagePane) else None
    if row is None:
        return None
    label = row.key.label if isinstance(row.key, ValuePath) else None
    if isinstance(row.action, FetchValue):
        label = row.action.label
    return label if label in _LABELS.values() else None
