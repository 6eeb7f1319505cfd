"""The pane `tree`: the runs around the selected one, from the root down.

The pane chooses the tree that is shown and moves the cursor. `model` folds it, `words` draws it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.features.attempts.words import NOTHING_SELECTED
from tui.features.tree import words
from tui.features.tree.model import RowContext, TreeRows, TreeView
from tui.features.tree.words import TreeEntry
from tui.kit.keys import Help, bind
from tui.kit.layout import Placement, Slot
from tui.kit.lines import GUTTER, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageRow
from tui.kit.pane import OpenRun, PagePane
from tui.kit.selection import TREE, Need
from tui.store.changes import Changes
from tui.text import formatting
from tui.text.blocks import GoToRun, ReadStage, ToggleFold
from tui.text.styled import Line, Piece, Token, wrap


class TreePane(PagePane):
    """The tree around the selected run. While another tree is fetched, the old one stays if it contains the run."""

    title: ClassVar[str] = "tree"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, has_summary=True)
    needs: ClassVar[tuple[Need[Any], ...]] = (TREE,)

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("h,left", "fold", "fold", "Fold, or go to the run above.", rank=12, need=36, pair=("fold", "unfold")),
        bind("l,right", "unfold", "unfold", "Unfold, or go to the first run below."),
        bind("less_than_sign", "level(-1)", "levels", "One level less.", id="fewer-levels", rank=14, need=48,
             pair=("fewer-levels", "more-levels"),
             help=Help("look", 110, "fewer, more levels", ("fewer-levels", "more-levels"))),
        bind("greater_than_sign", "level(1)", "more levels", "One level more.", id="more-levels"),
        bind("circumflex_accent", "root", "root", "Go to the root.", rank=16, need=54),
        bind("minus", "parent", "parent", "Go to the run above.", rank=18, need=56),
        bind("t", "form('waterfall')", "waterfall", "Show the spans of the run on a time axis.", id="waterfall",
             rank=20, need=25),
        bind("e", "all(True)", "all open", "Unfold everything.", id="unfold-all"),
        bind("E", "all(False)", "all closed", "Fold everything.", id="fold-all"),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.head = Lines(classes="head")
        self.view = TreeView(lambda run_id: live.get(run_id))  # noqa: PLW0108  a pause replaces `live.get`
        self._drawn: TreeRows | None = None
        self._is_cursor_placed = False

    def compose(self) -> ComposeResult:
        yield self.rule
        yield self.head
        yield self.page

    def rows(self, width: int) -> Sequence[PageRow]:
        tree, shape = self.view.tree, self.view.shape
        if tree is None or shape is None:
            self.head.show(())
            self._drawn = None
            return [PageRow((Piece(text, Token.MUTED),)) for text in wrap(self._without_tree(), width)]
        if not self._is_cursor_placed:
            # The page calls `rows` when it gets its size. The cursor can move only when it has these rows.
            self.call_later(self._place_cursor)
        is_alone = shape.size == 1 and not tree.missing
        columns = words.columns_for(width, is_alone=is_alone)
        self.head.show([(Piece(" " * GUTTER), *words.head(columns))])
        notes = words.notes(tree, shape, self.selection.state_of(TREE).failure, width)
        context = RowContext(columns, self.live.now, tree.current, is_alone)
        self._drawn = TreeRows(self.view.shown, notes, context, self._drawn)
        return self._drawn

    def _without_tree(self) -> str:
        if self.selection.run_id is None:
            return NOTHING_SELECTED
        if (failure := self.selection.state_of(TREE).failure) is not None:
            return words.failure_words(failure)
        return "" if self.stage_of(TREE) is ReadStage.DUE else formatting.LOADING

    def left(self) -> Line:
        if (tree := self.view.tree) is None or not tree.root.children:
            return ()
        return (Piece(f" · from the root {tree.root.task or ''}", Token.MUTED),)

    def spare(self) -> tuple[Line, ...]:
        return (self.left(),)

    def right(self) -> Line:
        if self.stage_of(TREE) is ReadStage.LATE:
            return (Piece(formatting.LOADING, Token.MUTED),)
        tree, shape = self.view.tree, self.view.shape
        if tree is None or shape is None:
            return ()
        return words.extent(tree, shape, self.selection.state_of(TREE).fetched_at, self.live.now)

    def watch_selection(self) -> None:
        tree, shown, run_id = self.selection.state_of(TREE).value, self.view.tree, self.selection.run_id
        if tree is None and shown is not None and run_id in self.view.ids:
            tree = shown if shown.current == run_id else replace(shown, current=run_id)
        if tree is not shown and self.view.show(tree):
            self._drawn = None
            self.page.start_over()
        self.rebuild()

    def start_over(self) -> None:
        """Move the cursor to the other run. The page stays, because the tree often contains both."""
        self._is_cursor_placed = False

    def update_page(self) -> None:
        """Bring the page up to date. The cursor starts on the selected run."""
        super().update_page()
        self._place_cursor()

    def concerns(self, changes: Changes) -> bool:
        """Return whether a run of the tree changed."""
        ids = self.view.ids
        return not all(ids.isdisjoint(each) for each in (changes.changed, changes.added, changes.removed))

    def on_changes(self, changes: Changes) -> None:
        if self.concerns(changes):
            self.view.on_runs_changed(self._entry)
        super().on_changes(changes)

    @property
    def target(self) -> RunId | None:
        if self.view.tree is None:
            return self.selection.run_id
        action = self.page.row.action if self.page.row else None
        return action.run_id if isinstance(action, GoToRun) else None

    def has_use_for(self, action: str) -> bool:
        if action == "form":
            return self.selection.run_id is not None
        if action in {"fold", "unfold", "level", "root", "parent", "all"}:
            return self.view.shape is not None and self.view.shape.size > 1
        if (
            action == "enter"
            and isinstance(self._row_action, GoToRun)
            and self._row_action.run_id == self.selection.run_id
        ):
            return self._entry is not None and bool(self._entry.children)
        return super().has_use_for(action)

    @property
    def _entry(self) -> TreeEntry | None:
        return self._drawn.entry_at(self.page.cursor) if self._drawn is not None else None

    def on_page_entered(self, event: Page.Entered) -> None:
        """Select the run of the row; on the selected run or a group, fold or unfold."""
        event.stop()
        entry = self._entry
        match event.action:
            case GoToRun(run_id) if run_id != self.selection.run_id:
                self.post_message(OpenRun(run_id))
            case GoToRun() | ToggleFold() if entry is not None and entry.children:
                self.view.set_open(entry, is_open=not self.view.is_open(entry))
                self._refresh_near(entry)
            case _:
                pass

    def error_step(self, step: int) -> bool:
        if (found := self.view.next_failed(self._entry, step)) is None:
            return False
        self.view.reveal([found])
        self._refresh_near(found)
        return True

    def search(self, text: str) -> Line:
        """Search in folded rows too, and reveal those that contain the text."""
        entry = self._entry
        self.view.search(text, entry)
        self._refresh_near(entry)
        return super().search(text)

    async def action_form(self, title: str) -> None:
        await self.show_form(title)

    def action_fold(self) -> None:
        if (entry := self._entry) is not None and entry.children and self.view.is_open(entry):
            self.view.set_open(entry, is_open=False)
            self._refresh_near(entry)
        else:
            self.action_parent()

    def action_unfold(self) -> None:
        if (entry := self._entry) is None or not entry.children:
            return
        if self.view.is_open(entry):
            self.page.go_to(entry.children[0].key)
        else:
            self.view.set_open(entry, is_open=True)
            self._refresh_near(entry)

    def action_parent(self) -> None:
        if (entry := self._entry) is not None and entry.parent is not None:
            self.page.go_to(entry.parent.key)

    def action_root(self) -> None:
        self.page.action_top()

    def action_all(self, is_open: bool) -> None:  # noqa: FBT001  Textual passes it by position
        entry = self._entry
        self.view.set_all_open(is_open=is_open)
        self._refresh_near(entry)

    def action_level(self, step: int) -> None:
        entry = self._entry
        self.view.step_level(step)
        self._refresh_near(entry)

    def _refresh_near(self, entry: TreeEntry | None) -> None:
        """Rebuild after folding. The cursor stays on the entry, or moves to its nearest visible ancestor."""
        self.rebuild()
        if entry is not None:
            any(self.page.go_to(each.key) for each in (entry, *entry.ancestors()))

    def _place_cursor(self) -> None:
        """Put the cursor on the selected run, once for each selection."""
        tree, shape = self.view.tree, self.view.shape
        if self._is_cursor_placed or tree is None or shape is None or not self.page.rows:
            return
        self._is_cursor_placed = True
        if (current := shape.by_run.get(tree.current)) is not None:
            self.view.reveal([current])
            self._refresh_near(current)
