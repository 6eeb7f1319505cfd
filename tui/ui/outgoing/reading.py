"""`O` and `ctrl-o`: a value, an error or a log in the pager or the editor.

What is clear from the cursor is opened at once; otherwise a menu asks.
"""

import asyncio
import re
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final

from textual.binding import BindingType
from textual.screen import Screen

from tui.domain.ids import RunId
from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.actions.row_actions import FetchValue
from tui.present.detail.error import full_error
from tui.present.detail.values import value_of
from tui.present.dialogs.copying import Clip, MenuWords, clips_of, error_text
from tui.present.json.rows import ValuePath
from tui.present.outgoing.opened import block_text, log_text, value_text
from tui.ui.base import app_of, call_soon
from tui.ui.data.body_fetch import fetch_value
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.panes.base import PagePane
from tui.ui.panes.logs import LogsPane
from tui.ui.programs.readers import Reader, read_outside
from tui.ui.screens.copy_menu import PartMenu

_LABELS: Final = {"p": "payload", "o": "output", "m": "metadata", "e": "error"}
"""What the letters of the menu open. They are those of the copy menu."""

_BLOCKS: Final = frozenset({"error", "message", "stack"})
STORED_APART: Final = "stored apart; it is fetched first"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX_ID_CHARS: Final = 80


def read_from(screen: Screen[Any], run_id: RunId, program: str, pane: object = None) -> None:
    """Open what the cursor of a pane is at, or ask which part of a run. `program` is `pager` or `editor`."""
    live, reader = app_of(screen).live, Reader(program)
    if isinstance(pane, LogsPane) and pane.view.shown_count and pane.selection.run_id == run_id:
        _read_log(screen, pane, run_id, reader)
        return
    label, run = _label_at(pane), live.get(run_id)
    value = ABSENT if run is None or label is None else _value_of(run, label)[0]
    if label is None or value is ABSENT:
        screen.app.push_screen(ReadMenu(live, run_id, reader, label))
    else:
        read_value(screen, run_id, label, value, reader)


def read_value(screen: Screen[Any], run_id: RunId, label: str, value: Json, reader: Reader) -> None:
    """Open one value: an error or a message as it was written, anything else as JSON."""
    is_block = label in _BLOCKS and isinstance(value, str)
    make = partial(block_text, str(value)) if is_block else partial(value_text, value)
    name = _file_name(run_id, label, "txt" if is_block else "json")
    app = app_of(screen)
    app.session.spawn(read_outside(app, reader, name, make), f"read the {label} of {run_id}")


def _read_log(screen: Screen[Any], pane: LogsPane, run_id: RunId, reader: Reader) -> None:
    log, shown, started_at = pane.view.log, tuple(pane.view.shown), pane.view.started_at
    if log is None:
        return

    def make() -> str:
        return log_text((log[index] for index in shown), started_at)

    app = app_of(screen)
    app.session.spawn(read_outside(app, reader, _file_name(run_id, "log", "log"), make), f"read the log of {run_id}")


class ReadMenu(PartMenu):
    """Asks which part of a run to open. A part that is stored apart is fetched first.

    With a `label`, that part is opened as soon as it is known.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "choose", "open", "Open the part under the cursor.", id="read-chosen"),
    ]

    def __init__(self, live: LiveModel, run_id: RunId, reader: Reader, label: str | None = None) -> None:
        super().__init__(live, run_id, MenuWords(f"Open in the {reader.value}", "Enter or the letter opens"))
        self._reader = reader
        self._label = label
        self._fetching: asyncio.Task[None] | None = None
        self._fetching_s = 0

    def begin(self) -> None:
        if self._label is not None:
            self._open(self._label)

    def on_unmount(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()

    def parts_of(self, run: Run | None) -> list[Clip]:
        if run is None:
            return []
        parts = [clip for clip in clips_of(run) if clip.key in _LABELS]
        return [replace(clip, text="", note=STORED_APART) if clip.text is None else clip for clip in parts]

    def choose(self, clip: Clip) -> None:
        self._open(_LABELS[clip.key])

    def _open(self, label: str) -> None:
        run = self.live.get(RunId(str(self.run_id)))
        if run is None or self._fetching is not None:
            return
        value, is_apart = _value_of(run, label)
        if value is not ABSENT:
            self.dismiss()
            read_value(self, run.id, label, value, self._reader)
        elif is_apart:
            self.note(f"fetching the {label}…")
            self._fetching = self.live.session.spawn(self._fetch_value(run, label), f"fetch the {label} of {run.id}")
            self.set_interval(1, partial(self._show_progress, label))

    def _show_progress(self, label: str) -> None:
        self._fetching_s += 1
        if self._fetching is not None:
            self.note(f"fetching the {label}… {self._fetching_s} s, Esc stops")

    async def _fetch_value(self, run: Run, label: str) -> None:
        value, reason = await fetch_value(self.live.session, run, label)
        call_soon(self, partial(self._on_value, run.id, label, value, reason))

    def _on_value(self, run_id: RunId, label: str, value: Json | Absent, reason: str) -> None:
        if not self.is_attached:
            return
        self._fetching = None
        if value is ABSENT:
            self.note(f"cannot fetch the {label}: {reason}")
        else:
            self.dismiss()
            read_value(self, run_id, label, value, self._reader)


def _value_of(run: Run, label: str) -> tuple[Json | Absent, bool]:
    """Return a part of a run, and whether it has to be fetched from another place."""
    if label == "error":
        error = full_error(run)
        return (ABSENT if error is None else error_text(error)), False
    value, url = value_of(run, label)
    return (ABSENT, True) if url is not None and value is ABSENT else (value, False)


def _label_at(pane: object) -> str | None:
    """Return the part of the run that the cursor of a page is in."""
    row = pane.page.row if isinstance(pane, PagePane) else None
    if row is None:
        return None
    label = row.key.label if isinstance(row.key, ValuePath) else None
    if isinstance(row.action, FetchValue):
        label = row.action.label
    return label if label in _LABELS.values() else None


def _file_name(run_id: RunId, label: str, suffix: str) -> str:
    return f"{_UNSAFE.sub('_', run_id)[:_MAX_ID_CHARS]}-{_UNSAFE.sub('_', label)}.{suffix}"
