"""The pane `detail`: everything that is known about the selected run.

The pane folds, searches and fetches values. `page` makes the rows.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Final

from textual.binding import BindingType

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.features.detail import words as page
from tui.features.detail.words import VALUES, DetailRead, DetailView, Relatives, failure_lines
from tui.features.runs.words import NOT_A_RUN_SENTENCE
from tui.kit.keys import bind
from tui.kit.lines import EDGE, GUTTER
from tui.kit.live_model import LiveModel
from tui.kit.page import Page
from tui.kit.pane import OpenRun, PagePane
from tui.kit.selection import QUEUE, RUN
from tui.store.changes import Changes, Topic
from tui.text import formatting
from tui.text.blocks import LABEL, FetchValue, GoToRun, ListRuns, ReadStage, Row, ShowWhole, ToggleFold
from tui.text.json import ALL, FoldedJson, JsonFolds, JsonPath, ValuePath, ValueRows, unfolded_for
from tui.text.styled import Line, Piece, Token, wrap

_MAX_SEARCH_SLICES: Final = 5
"""How much of a value is searched while the user types: about 20,000 places. Beyond that the prompt says "in part"."""

_MAX_MATCHES: Final = 1_000


class DetailPane(PagePane):
    """The page about the selected run."""

    needs = (RUN, QUEUE)

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("h,left", "fold", "fold", "Fold the value that the cursor is in."),
        bind("l,right", "unfold", "unfold", "Unfold the value under the cursor."),
        bind("e", "fold_all(False)", "unfold all", "Unfold every value.", id="unfold-all", rank=30, need=36,
             pair=("unfold-all", "fold-all")),
        bind("E", "fold_all(True)", "fold all", "Fold every value.", id="fold-all"),
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35, need=38),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self._shown = DetailView()
        self._values = ValueRows()
        self._is_partly_searched = False

    def rows(self, width: int) -> Sequence[Row]:
        width -= EDGE
        selection, run, now = self.selection, self.run, self.live.now
        if selection.run_id is None:
            hint = NOT_A_RUN_SENTENCE if selection.is_list_end else page.nothing_selected()
            return [Row(()), *(Row((Piece(text, Token.MUTED),)) for text in wrap(hint, width))]

        read = DetailRead(
            self.stage_of(RUN),
            selection.state_of(RUN).failure,
            self.live.overlay(selection.run_id),
            selection.state_of(QUEUE).value,
            self.live.replayed(selection.run_id),
        )
        if run is None:
            loading = [] if read.stage is ReadStage.DUE else [(Piece(formatting.LOADING, Token.MUTED),)]
            return [Row(()), *(Row(line) for line in failure_lines(None, read.failure, width) or loading)]
        around = Relatives.of(run, self.live.session.store, self.live.get)
        return page.detail_rows(run, around, read, self._shown, now, width, self._values)

    def stand_beside(self, panes: Collection[str]) -> None:
        is_error_beside = "attempts" in panes
        if is_error_beside is not self._shown.is_error_beside:
            self._shown = replace(self._shown, is_error_beside=is_error_beside)
            self.rebuild()

    def has_use_for(self, action: str) -> bool:
        if action == "fold_all":
            return any(isinstance(row.action, ToggleFold) and isinstance(row.key, ValuePath) for row in self.page.rows)
        return super().has_use_for(action)

    @property
    def is_stale(self) -> bool:
        run = self.run
        return super().is_stale and not (run is not None and run.is_final and run.body is not None)

    def right(self) -> Line:
        run = self.run
        if self.selection.run_id is None:
            return ()
        if self.stage_of(RUN) is ReadStage.LATE:
            return (Piece("reading…", Token.MUTED),)
        if run is None or (read_at := _read_at(run)) is None:
            return ()
        word = "gone" if run.is_gone else "final" if run.is_final else f"read {self.live.now.ago(read_at)}"
        return (Piece(word, Token.MUTED),)

    def start_over(self) -> None:
        super().start_over()
        self._shown = DetailView(is_wrapped=self._shown.is_wrapped, is_error_beside=self._shown.is_error_beside)
        self._values = ValueRows()
        if self._searched:
            self._unfold_for(self._searched)

    @property
    def start_key(self) -> Hashable:
        """The status, below the empty first row."""
        return page.FIRST_KEY

    def concerns(self, changes: Changes) -> bool:
        """Return whether the run, a relative of it, or any action changed."""
        if Topic.ACTIONS in changes.topics or super().concerns(changes):
            return True
        if (run := self.run) is None:
            return False
        ids = changes.changed | changes.added
        is_above = not ids.isdisjoint({run.fixed.parent_id, run.fixed.root_id})
        changed = map(self.live.session.store.get, ids)
        return is_above or any(each is not None and each.fixed.parent_id == run.id for each in changed)

    def search(self, text: str) -> Line:
        """Search in folded values too: those that contain the text are unfolded."""
        self._unfold_for(text)
        self.rebuild()
        remark = super().search(text)
        if self._is_partly_searched:
            return (*remark, Piece("  large values were searched only in part", Token.FAINT))
        return remark

    def _unfold_for(self, text: str) -> None:

        run, needle = self.run, text.casefold()
        folds: dict[str, JsonFolds] = {}
        self._is_partly_searched = False
        for label in VALUES:
            own = self._folds(label)
            value, _ = (ABSENT, None) if run is None else page.value_of(run, label)
            found: frozenset[JsonPath] = frozenset()
            if needle and value is not ABSENT:
                room = max(self.page.size.width - GUTTER - EDGE - LABEL, LABEL)
                folded = FoldedJson(value, own, room, is_wrapped=self._shown.is_wrapped)
                found, is_all = unfolded_for(folded, needle, max_slices=_MAX_SEARCH_SLICES, max_matches=_MAX_MATCHES)
                self._is_partly_searched |= not is_all
            folds[label] = replace(own, found=found)
        self._shown = replace(self._shown, folds=folds, is_searched=bool(needle))

    def on_page_entered(self, event: Page.Entered) -> None:
        event.stop()
        run = self.run
        match event.action:
            case GoToRun(opened) | (ListRuns() as opened):
                self.post_message(OpenRun(opened))
            case ToggleFold(key):
                self._toggle(key)
            case ShowWhole(ValuePath() as place) if run is not None:
                if (value := page.whole_of(run, place)) is not ABSENT:
                    self._show_whole(place.label, run, value)
            case FetchValue(label) if run is not None:
                self._fetch(run, label)
            case _:
                pass

    def action_fold(self) -> None:
        if (row := self.page.row) is None:
            return
        if isinstance(row.action, ToggleFold) and self._is_open(row.action.key):
            self._toggle(row.action.key)
        elif isinstance(row.key, ValuePath) and row.key.path:
            self.page.go_to(ValuePath(row.key.label, row.key.path[:-1]))

    def action_unfold(self) -> None:
        row = self.page.row
        if row is not None and isinstance(row.action, ToggleFold) and not self._is_open(row.action.key):
            self._toggle(row.action.key)

    def action_fold_all(self, closes: bool) -> None:  # noqa: FBT001  Textual passes it by position

        self._show(replace(self._shown, folds={label: JsonFolds(0 if closes else ALL) for label in VALUES}))

    def action_wrap(self) -> None:
        self._show(replace(self._shown, is_wrapped=not self._shown.is_wrapped))

    def _folds(self, label: str) -> JsonFolds:
        return self._shown.folds.get(label, JsonFolds())

    def _is_open(self, key: Hashable) -> bool:
        return self._folds(key.label).is_open(key.path) if isinstance(key, ValuePath) else key in self._shown.unfolded

    def _toggle(self, key: Hashable) -> None:
        if isinstance(key, ValuePath):
            folds = self._folds(key.label)
            toggled = folds.with_fold(key.path, is_open=not folds.is_open(key.path))
            self._show(replace(self._shown, folds={**self._shown.folds, key.label: toggled}))
        else:
            self._show(replace(self._shown, unfolded=self._shown.unfolded ^ {key}))

    def _show(self, shown: DetailView) -> None:
        self._shown = shown
        self.rebuild()

    def _fetch(self, run: Run, label: str) -> None:
        self._show_progress(label, page.FETCHING)
        self.live.session.spawn(self._fetch_value(run, label), f"fetch the {label} of {run.id}")

    async def _fetch_value(self, run: Run, label: str) -> None:
        from tui.features.detail.value import fetch_value  # noqa: PLC0415  loaded with the first value

        value, reason = await fetch_value(self.live.session, run, label)
        self.call_later(self._on_value, run, label, value, reason)

    def _on_value(self, run: Run, label: str, value: Json | Absent, reason: str) -> None:
        if self.selection.run_id != run.id:
            return
        self._show_progress(label, reason)
        # Opening a page while the user is in another pane or a dialog would take the keys that they type there.
        if value is not ABSENT and self.screen.is_current and self.screen.focused is self.body:
            self._show_whole(label, run, value)

    def _show_whole(self, label: str, run: Run, value: Json) -> None:
        from tui.features.detail.value import ValueScreen  # noqa: PLC0415  loaded when it is opened: the start must be fast

        self.app.push_screen(ValueScreen(self.live, label, run, value))

    def _show_progress(self, label: str, text: str) -> None:
        self._show(replace(self._shown, fetching={**self._shown.fetching, label: text}))


def _read_at(run: Run) -> datetime | None:
    """Return when the page was last confirmed: reading the state suffices if nothing has changed since the detail."""
    if run.body is None:
        return run.read_at
    stamp = run.body[0]
    is_newest = run.state is not None and run.state.updated_at <= stamp.updated_at
    return run.read_at if is_newest else stamp.read_at
