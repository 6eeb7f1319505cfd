"""The pane `logs`: what the code of the selected run said, in order, with the attempt that it belongs to."""

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.strip import Strip

from tui.domain.log import LogLevel, RunLog
from tui.domain.run import ABSENT, RunId
from tui.features.copying.words import log_text
from tui.features.logs import words
from tui.features.logs.model import LOG, LogAttributes, LogKey, LogRead, LogView, OpenLine, save_text
from tui.kit.app import call_soon
from tui.kit.keys import Help, bind
from tui.kit.lines import GUTTER, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import BLANK_LINE, MakeRows, Page, PageLine, PageRow
from tui.kit.pane import PagePane
from tui.kit.selection import RUN
from tui.settings.file import shown_path
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import ReadStage, ShowWhole, ToggleFold
from tui.text.json import ValuePath, value_at
from tui.text.styled import Line, Piece, Token, mark_hits, wrap

# Shows a log of any length: only the visible rows are made, and a search runs in slices.


_MATCH: Final = Token.GREY_CHIP
_CURRENT_MATCH: Final = Token.BUTTON


class LogPage(Page):
    """A page for the lines of one `LogView`. Its places are lines of the log."""

    def __init__(self, make: MakeRows, view: LogView) -> None:
        super().__init__(make)
        self.view = view

    @property
    def matches(self) -> Sequence[int]:
        return self.view.hits

    @property
    def place(self) -> int | None:
        return self._line_of(self._cursor)

    def _line_of(self, row: int) -> int | None:
        """Return the line of the log that a row belongs to; None: it is a sentence below the last line."""
        key = self._rows[row].key if self._rows else None
        return key.line if isinstance(key, LogKey) else None

    @property
    def is_read(self) -> bool:
        return self.view.log is not None

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is in the last line, or there is none."""
        return self.place is None or self.place in self.view.shown[-1:]

    def find(self, needle: str) -> Iterator[None]:
        search = self.view.search(needle)
        self.rebuild()  # opened lines unfold what matches
        return search

    def _find_rows(self, _: str) -> None:
        """Leave the search to `find`."""

    def go_to_place(self, place: int) -> None:
        if self.view.log is not None:
            self.go_to(LogKey(self.view.log, place))

    def start_over(self) -> None:
        """Drop the log. A search goes on in the next one."""
        super().start_over()
        self._running_search = None
        self.view.start_over()

    def render_line(self, y: int) -> Strip:
        painted = self._painted[y] = self._line_at(y)
        line = painted.line
        if self._needle and painted is not BLANK_LINE:
            line = self._marked(line, self._line_of(self._visible[y][0]))
        return self._strip_of(painted, line, is_away=painted.is_under_cursor)

    def _line_at(self, y: int) -> PageLine:
        painted = super()._line_at(y)
        if painted is BLANK_LINE:
            return painted
        index = self._line_of(self._visible[y][0])
        is_current = bool(self._needle) and index is not None and index == self.place
        return painted._replace(is_under_cursor=painted.is_under_cursor and index is not None, is_current=is_current)

    def _marked(self, line: Line, index: int | None) -> Line:
        """Mark the matches in a row. Of a closed line that matches where it is not visible, the end is marked."""
        token = _CURRENT_MATCH if index == self.place else _MATCH
        marked = mark_hits(line, self._needle, token)
        if marked != line or index is None or not line or self.view.is_open(index):
            return marked
        return (*line[:-1], line[-1]._replace(token=token)) if self.view.is_hit(index) else line


# `model` reads, filters and opens the lines, `words` draws them.


NOT_READ: Final = "the log is not read yet"

_LEVELS: Final = tuple(LogLevel)


class LogsPane(PagePane):
    """The log of the selected run."""

    head: Lines
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("L", "level", "level", "Choose the lowest level that is shown: all, info, warn, error.", id="log-level",
             rank=12, need=20, help=Help("look", 120, "level of a log")),
        bind("F", "follow", "follow", "Follow new lines while the run is live, or stop.", rank=14, need=33,
             help=Help("look", 130, "follow a log, or stop")),
        bind("n", "hit_step(1)", "matches", "Go to the next match of the search.", id="next-match", rank=8, need=22,
             pair=("next-match", "previous-match")),
        bind("h,left", "fold", "close", "Close the line under the cursor."),
        bind("l,right", "unfold", "open", "Open the line under the cursor."),
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=62, need=31),
        bind("y", "copy_line", "copy line", "Copy the line under the cursor.", rank=64, need=50,
             help=Help("copy", 50, "copy the line of a log")),
        bind("ctrl+s", "save_lines", "save", "Save the shown lines to a file.", rank=66, need=58,
             help=Help("copy", 60, "save the lines of a log")),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.head = Lines(classes="head")
        self._log = replace(LOG, may_change=self._may_change)
        self.needs = (self._log, RUN)
        self.follows = True
        # On the message loop of the pane: tasks of the session must not draw.
        self.attributes = LogAttributes(live.session, lambda: call_soon(self, self._show_attributes))
        self.view = LogView(self.attributes.of)
        self.page: LogPage = LogPage(self.rows, self.view)

    @property
    def reading(self) -> words.LogReading:
        """What is known about the log."""
        state = self.selection.state_of(self._log)
        stage = ReadStage.LATE if (stage := self.stage_of(self._log)) is ReadStage.DONE else stage
        log, read_at, is_complete = state.value or (None, None, False)
        return words.LogReading(log, state.failure, read_at, is_complete, self.follows, stage)

    def _may_change(self, _session: Session, _run_id: RunId, known: LogRead | None) -> bool:
        may_grow = known is None or (self.follows and not (known.is_complete or known.log.is_cut))
        return self.live.pause is None and may_grow

    @property
    def is_stale(self) -> bool:
        return super().is_stale and not self.reading.is_complete

    @property
    def is_ticking(self) -> bool:
        return self.run is not None and not self.reading.is_complete

    def left(self) -> Line:
        return words.left_words(self.run, self.view.least, self.searched, is_alone=self.is_alone)

    def right(self) -> Line:
        if self.selection.run_id is None:
            return ()
        return words.right_words(
            self.reading, len(self.view.shown), self.page.hits, self.run, self.live.now, is_alone=self.is_alone
        )

    def search_result(self) -> Line:
        return ()  # `right` has it, beside the number of lines

    def search(self, text: str) -> Line:
        super().search(text)
        return super().search_result()

    @property
    def _started_at(self) -> datetime | None:
        """When the run started; before its detail is read, when its first attempt began."""
        run, log = self.run, self.reading.log
        known = run.state.started_at if run is not None and run.state is not None else None
        return known or (None if log is None else log.started_at)

    def rows(self, width: int) -> Sequence[PageRow]:
        return self.view.rows(width, self._started_at, self._end_rows)

    @property
    def start_key(self) -> Hashable:
        """The last line: the end of a log is why one opens it."""
        log, shown = self.view.log, self.view.shown
        return LogKey(log, shown[-1]) if log is not None and shown else None

    def update_page(self) -> None:
        super().update_page()
        if not self.is_due:
            self.head.show([(Piece(" " * GUTTER), *words.head(self.view.columns))] if len(self.view.shown) else ())

    def watch_selection(self) -> None:
        if self.selection.run_id != self._shown_subject:
            # Also while the pane is hidden: the log of the last run may take megabytes.
            self._shown_subject = self.selection.run_id
            self.start_over()
        log, before = self.reading.log, self.view.log
        is_new = log is not None and log is not before
        if is_new:
            is_at_end = self.page.is_at_end and not self.view.is_open(self.page.place)
            self._is_placed = before is not None and not (self.follows and is_at_end)
            self.view.show(log)
        super().watch_selection()
        if is_new:
            self.page.search_again()
            self.refresh_bindings()  # `n` works with the first match, `x` with the first error

    def start_over(self) -> None:
        super().start_over()
        self.attributes.start_over(self.selection.run_id)
        self.follows = True

    def _end_rows(self, width: int) -> Sequence[Line]:
        if self.selection.run_id is None:
            return [(), *((Piece(text, Token.MUTED),) for text in wrap(self.reason_for_none(), width))]
        rows = words.end_rows(self.reading, self.run, len(self.view.shown), self.view.least, self.live.now, width)
        return rows if len(self.view.shown) else [(), *rows]

    def has_use_for(self, action: str) -> bool:
        log, run = self.reading.log, self.run
        has_lines = log is not None and len(log) > 0
        match action:
            case "level" | "wrap" | "fold" | "unfold":
                return has_lines
            case "follow":
                return log is not None and not log.is_cut and not self.reading.is_complete and run is not None
            case "copy_line" | "save_lines" | "search":
                return len(self.view.shown) > 0
            case "error_step":
                return LogLevel.ERROR in self.view.levels  # no level hides those
            case _:
                return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        match action:
            case "enter" if isinstance(opening := self._row_action, OpenLine):
                return "close line" if self.view.is_open(opening.index) else "open line"
            case "follow" if self.follows:
                return "stop following"
            case _:
                return super().word_for(action, usual)

    def on_page_entered(self, event: Page.Entered) -> None:
        event.stop()
        index = self.page.place
        match event.action:
            case OpenLine(line):
                self._toggle(line)
            case ToggleFold(key) if index is not None:
                self.view.toggle_fold(index, key)
            case ShowWhole(key) if index is not None:
                self._show_whole(index, key)
            case _:
                pass
        self.update_page()

    def error_step(self, step: int) -> bool:
        index = self.view.next_error(self.page.place, step)
        if self.reading.log is None:
            self.say(NOT_READ)
        elif index is None:
            self.say(f"no error line {'below' if step > 0 else 'above'}")
        else:
            self.page.go_to_place(index)
        return True

    def action_hit_step(self, step: int) -> None:
        self.hit_step(step)

    def action_level(self) -> None:
        self.view.show_from(_LEVELS[(self.view.least + 1) % len(_LEVELS)])
        self.page.search_again()
        self.update_page()
        self.say(words.level_words(self.view.least))

    def action_follow(self) -> None:
        if not self.has_use_for("follow"):
            log = self.reading.log
            is_cut = log is not None and log.is_cut
            known = "the server sends no more lines of this log" if is_cut else "the log is complete"
            self.say(NOT_READ if log is None else known)
            return
        self.follows = not self.follows
        if self.follows:
            self.page.action_bottom()
        self.update_page()
        self.refresh_bindings()

    def action_fold(self) -> None:
        self._turn(is_open=False)

    def action_unfold(self) -> None:
        self._turn(is_open=True)

    def _turn(self, *, is_open: bool) -> None:
        """Open or close the line under the cursor."""
        index = self.page.place
        if index is not None and self.view.is_open(index) is not is_open:
            self._toggle(index)
            self.update_page()

    def _toggle(self, index: int) -> None:
        if self.view.toggle(index) and self.view.log is not None:
            self.attributes.read(self.view.log[index])
        self.page.search_again()

    def action_wrap(self) -> None:
        self.view.wrap()
        self.update_page()

    def action_copy_line(self) -> None:
        log, index = self.reading.log, self.page.place
        if log is None or index is None:
            self.say(NOT_READ if log is None else "no line is shown")
        else:
            self.own_screen.clipboard.send("line", words.copied_line(log[index]))

    def action_save_lines(self) -> None:
        log, run_id = self.reading.log, self.selection.run_id
        if log is None or run_id is None or not len(self.view.shown):
            self.say(NOT_READ if log is None else "no line is shown")
        else:
            self.live.session.spawn(self._save(run_id, log, self.view.shown), f"save the log of {run_id}")

    async def _save(self, run_id: RunId, log: RunLog, shown: Sequence[int]) -> None:
        session, started_at = self.live.session, self.view.started_at
        try:
            # The lines become text in the thread, so that the event loop keeps running.
            parts = (log_text((log[index],), started_at) for index in shown)
            path = await asyncio.to_thread(save_text, Path(session.settings.state_dir), run_id, parts, session.now())
        except OSError as error:
            words = short_words = f"The lines could not be saved: {error.strerror or error}"
        else:
            saved = f"{formatting.plural(len(shown), 'line')} saved to"
            words, short_words = f"{saved} {path}", f"{saved} {shown_path(path, self.app_base.environ)}"
        self.app_base.messages.add(session.now(), f"{words}.")
        call_soon(self, partial(self.say, short_words))

    def _show_attributes(self) -> None:
        self.view.redraw_open()
        self.page.search_again()
        self.rebuild()

    def _show_whole(self, index: int, key: object) -> None:
        """Show the whole message of a line, or a whole value of its attributes, on a page of its own."""
        from tui.features.detail.value import ValueScreen  # noqa: PLC0415  the start must be fast

        run, log = self.run, self.view.log
        if run is None or log is None:
            return
        if isinstance(key, ValuePath):
            value, label = value_at(self.attributes.of(log[index]).values, key.path), key.label
        else:
            value, label = log[index].message, words.MESSAGE
        if value is not ABSENT:
            self.app.push_screen(ValueScreen(self.live, label, run, value))
