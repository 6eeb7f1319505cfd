"""Rows that fold, as state and as a pane, and the pane `tree`: the runs around the selected one."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from typing import ClassVar, Final, Generic

from textual.binding import BindingType

from tui.domain.run import Run, RunId
from tui.domain.tree import RunTree
from tui.features.tree import words
from tui.features.tree.words import Branch, Entry, SiblingGroup, TreeBranch, TreeEntry, TreeRun, TreeShape
from tui.kit.keys import Help, bind
from tui.kit.lines import GUTTER, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import LazyRows, Page, PageRow
from tui.kit.pane import OpenRun, PagePane
from tui.kit.selection import TREE
from tui.store.changes import Changes
from tui.text import formatting
from tui.text.blocks import GoToRun, ReadStage, Row, ToggleFold
from tui.text.styled import Line, Piece, Token, wrap

# Rows that fold into a tree, and the state of the tree pane without its widget.


MAX_REVEALED: Final = 200
"""The maximum number of entries that a search reveals: a single letter would match thousands."""


class FoldingView(Generic[Entry]):
    """Rows that fold into a tree: the runs of the tree, the spans of the waterfall. One below a folded one has none.

    What a search found is open. Else counts what the user folded or unfolded, then whether all is open or closed, then
    how an entry begins.
    """

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Forget all folds."""
        self._turned: Mapping[Hashable, bool] = {}
        """Whether the entries that the user turned are open, by their keys."""
        self._all_open: bool | None = None
        self._found: frozenset[Hashable] = frozenset()
        """The keys of the entries that are open because a search found something below them."""
        self._shown: Sequence[Branch[Entry]] | None = None

    def key_of(self, entry: Entry) -> Hashable:
        """Return the key of the row of an entry."""
        raise NotImplementedError

    def ancestors_of(self, entry: Entry) -> Iterator[Entry]:
        """Yield the entries above another one, the nearest first."""
        raise NotImplementedError

    def children_of(self, entry: Entry) -> Sequence[Entry]:
        """Return the entries whose rows stand below another one's."""
        raise NotImplementedError

    def begins_open(self, entry: Entry) -> bool:  # noqa: ARG002  for subclasses
        """Return whether an entry is open before the user folds or unfolds it."""
        return True

    def is_failed(self, entry: Entry) -> bool:
        """Return whether the key for the next error stops at an entry."""
        raise NotImplementedError

    def words_of(self, entry: Entry) -> str:
        """Return the text in which a search looks."""
        raise NotImplementedError

    @property
    def order(self) -> Sequence[Entry]:
        """All entries, folded ones too, in the order of rows."""
        raise NotImplementedError

    @property
    def shown(self) -> Sequence[Branch[Entry]]:
        """The visible rows."""
        if self._shown is None:
            order = self.order
            self._shown = words.branches_below(order[0], self.children_of, self.is_open) if order else ()
        return self._shown

    def is_open(self, entry: Entry) -> bool:
        """Return whether the rows below an entry are visible."""
        key = self.key_of(entry)
        if (is_open := key in self._found or self._turned.get(key)) is not None:
            return is_open
        if self._all_open is None:
            return self.begins_open(entry)
        return self._all_open or next(self.ancestors_of(entry), None) is None

    def turn(self, entries: Iterable[Entry], *, is_open: bool) -> None:
        """Unfold or fold entries."""
        turned = {self.key_of(entry): is_open for entry in entries}
        self._turned, self._found, self._shown = {**self._turned, **turned}, self._found - turned.keys(), None

    def set_all_open(self, *, is_open: bool) -> None:
        """Unfold everything, or fold everything but the root."""
        self._turned, self._all_open, self._found, self._shown = {}, is_open, frozenset(), None

    def reveal(self, entries: Iterable[Entry]) -> None:
        """Unfold everything above some entries."""
        closed = [above for each in entries for above in self.ancestors_of(each) if not self.is_open(above)]
        self.turn(closed, is_open=True)

    def search(self, text: str, cursor_entry: Entry | None) -> None:
        """Reveal the entries that contain a text.

        An empty text ends the search: the earlier folds return, except around the entry under the cursor.
        """
        self._shown, needle = None, text.casefold()
        found = (each for each in self.order if needle and needle in self.words_of(each).casefold())
        above = (each for entry in islice(found, MAX_REVEALED) for each in self.ancestors_of(entry))
        self._found = frozenset(map(self.key_of, above))
        if not needle and cursor_entry is not None:
            self.reveal([cursor_entry])

    def next_of(self, entry: Entry | None, step: int, is_wanted: Callable[[Entry], bool]) -> Entry | None:
        """Return the next (1) or previous (-1) wanted entry, wrapping around; None if there is no other."""
        order = self.order
        keys = [self.key_of(each) for each in order]
        at = keys.index(self.key_of(entry)) if entry is not None and self.key_of(entry) in keys else -1
        ahead = [*order[at + 1 :], *order[: max(at, 0)]]
        return next(filter(is_wanted, ahead if step > 0 else reversed(ahead)), None)


class BranchRows(LazyRows, Generic[Entry]):
    """The rows of a view as `draw` makes them, then some that stand below them. Only the visible ones are drawn."""

    def __init__(
        self, view: FoldingView[Entry], draw: Callable[[Branch[Entry]], PageRow], below: Sequence[Row] = ()
    ) -> None:
        self.branches = view.shown
        super().__init__(len(self.branches), below)
        self._key_of = view.key_of
        self._draw = draw

    def make(self, index: int) -> PageRow:
        return self._draw(self.branches[index])

    def entry_at(self, index: int) -> Entry | None:
        """Return the entry of a row; None for one that stands below them."""
        return self.branches[index].entry if index < len(self.branches) else None

    @cached_property
    def _indexes(self) -> dict[Hashable, int]:
        return {self._key_of(branch.entry): index for index, branch in enumerate(self.branches)}

    def index_of(self, key: Hashable) -> int | None:
        return self._indexes.get(key)


# The state of the tree pane without its widget: the shape of the tree, its folds, and the visible rows.
#
# The shape and the rows are computed when they are needed, and kept until something changes that they depend on.


class TreeView(FoldingView[TreeEntry]):
    """Holds one tree at a time. `newest` returns a run from the store."""

    def __init__(self, newest: Callable[[RunId], Run | None]) -> None:
        super().__init__()
        self._newest = newest
        self.tree: RunTree | None = None
        """The tree as it was fetched."""
        self.ids: frozenset[RunId] = frozenset()
        """The runs of the tree."""
        self._shape: TreeShape | None = None

    def start_over(self) -> None:
        super().start_over()
        self._kept_visible: tuple[RunId, ...] = ()
        self._kept_open = set[Hashable]()
        """Entries that were open although the user did not open them. They stay open when they become quiet, so that no
        row disappears while the user reads it.
        """

    @property
    def shape(self) -> TreeShape | None:
        """The entries of the tree, made from the newest state of every run."""
        if self._shape is None and self.tree is not None:
            self._shape, self._shown = words.shape_of(self.tree, self._newest, self._kept_visible), None
        return self._shape

    @property
    def shown(self) -> Sequence[TreeBranch]:
        shape = self.shape
        if shape is not None and self._shown is None:
            self._kept_open |= (
                {each.entry.key for each in super().shown if each.is_open} - self._turned.keys() - self._found
            )
        return super().shown

    @property
    def order(self) -> Sequence[TreeEntry]:
        return [] if self.shape is None else list(self.shape.root.walk())

    def show(self, tree: RunTree | None) -> bool:
        """Show a tree. Return whether it has another root: then the folds start over."""
        before, self.tree = self.tree, tree
        self._shape = self._shown = None
        self.ids = frozenset(node.id for node in tree.root.walk()) if tree is not None else frozenset()
        is_other = tree is None or before is None or tree.root.id != before.root.id
        if is_other:
            self.start_over()
        return is_other

    def on_runs_changed(self, entry: TreeEntry | None) -> None:
        """Compute the shape again. `entry`, which is under the cursor, must not disappear into a group."""
        is_grouped = entry is not None and entry.parent is not None and isinstance(entry.parent.item, SiblingGroup)
        self._kept_visible = () if entry is None or entry.run_id is None or is_grouped else (entry.run_id,)
        self._shape = None

    def key_of(self, entry: TreeEntry) -> Hashable:
        return entry.key

    def ancestors_of(self, entry: TreeEntry) -> Iterator[TreeEntry]:
        return entry.ancestors()

    def children_of(self, entry: TreeEntry) -> Sequence[TreeEntry]:
        return entry.children

    def is_failed(self, entry: TreeEntry) -> bool:
        return entry.is_failed

    def words_of(self, entry: TreeEntry) -> str:
        if entry.run_id is None or not isinstance(entry.item, TreeRun):
            return ""
        tags = entry.run.state.tags if entry.run is not None and entry.run.state is not None else ()
        return " ".join((entry.item.node.task or "", entry.run_id, *tags))

    def begins_open(self, entry: TreeEntry) -> bool:
        """Return False for groups, and for the quiet branches of a large tree."""
        if isinstance(entry.item, SiblingGroup):
            return False
        is_large = self.shape is not None and self.shape.size >= words.MIN_LARGE
        return not is_large or entry.key in self._kept_open or not entry.are_children_quiet

    def step_level(self, step: int) -> None:
        """Unfold the highest folded level (1), or fold the lowest open one (-1)."""
        is_open = step > 0
        turned = [branch for branch in self.shown if branch.is_open is not is_open and branch.is_open is not None]
        depth = (min if is_open else max)((branch.depth for branch in turned), default=0)
        self.turn((each.entry for each in turned if each.depth == depth), is_open=is_open)


# The pane `tree`: the runs around the selected one, from the root down.
#
# The pane chooses the tree that is shown and moves the cursor. `TreeView` folds it, `words` draws it.


class FoldingPane(PagePane, Generic[Entry]):
    """A pane whose rows fold into a tree: the tree itself, and the waterfall as its other form."""

    head: Lines
    view: FoldingView[Entry] | None
    """The rows and their folds; None while nothing is shown."""

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.head = Lines(classes="head")
        self.drawn: BranchRows[Entry] | None = None
        """The rows that are shown now."""

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        return None if self.drawn is None else self.drawn.entry_at(self.page.cursor)

    def without_rows(self, width: int) -> list[PageRow]:
        """Return a sentence about why there are no rows."""
        self.drawn = None
        self.head.show(())
        return [PageRow((Piece(text, Token.MUTED),)) for text in wrap(self.reason_for_none(), width)]

    def on_page_entered(self, event: Page.Entered) -> None:
        """Go to the run of the row; on the selected run or a group, fold or unfold."""
        event.stop()
        view, entry = self.view, self.entry
        match event.action:
            case GoToRun(run_id) if run_id != self.selection.run_id:
                self.post_message(OpenRun(run_id))
            case GoToRun() | ToggleFold() if view is not None and entry is not None and view.children_of(entry):
                self._turn(view, entry, is_open=not view.is_open(entry))
            case _:
                pass

    def error_step(self, step: int) -> bool:
        view = self.view
        return view is not None and self.go_to_entry(view.next_of(self.entry, step, view.is_failed))

    def go_to_entry(self, entry: Entry | None) -> bool:
        """Unfold everything above an entry, and put the cursor on it. Return whether there is one."""
        if self.view is None or entry is None:
            return False
        self.view.reveal([entry])
        self.refresh_near(entry)
        return True

    def has_use_for(self, action: str) -> bool:
        if action in {"fold", "unfold", "level", "root", "parent", "all", "path_step"}:
            return self.view is not None and any(each.is_open is not None for each in self.view.shown[:1])
        return super().has_use_for(action)

    def search(self, text: str) -> Line:
        """Search in folded rows too, and reveal those that contain the text."""
        if self.view is not None:
            entry = self.entry
            self.view.search(text, entry)
            self.refresh_near(entry)
        return super().search(text)

    async def action_form(self, title: str) -> None:
        await self.show_form(title)

    def action_fold(self) -> None:
        view, entry = self.view, self.entry
        if view is not None and entry is not None and view.children_of(entry) and view.is_open(entry):
            self._turn(view, entry, is_open=False)
        else:
            self.action_parent()

    def action_unfold(self) -> None:
        view, entry = self.view, self.entry
        if view is None or entry is None or not (children := view.children_of(entry)):
            return
        if view.is_open(entry):
            self.page.go_to(view.key_of(children[0]))
        else:
            self._turn(view, entry, is_open=True)

    def action_parent(self) -> None:
        view, entry = self.view, self.entry
        if view is not None and entry is not None and (above := next(view.ancestors_of(entry), None)) is not None:
            self.page.go_to(view.key_of(above))

    def action_root(self) -> None:
        self.page.action_top()

    def action_all(self, is_open: bool) -> None:  # noqa: FBT001  Textual passes it by position
        entry = self.entry
        if self.view is not None:
            self.view.set_all_open(is_open=is_open)
            self.refresh_near(entry)

    def _turn(self, view: FoldingView[Entry], entry: Entry, *, is_open: bool) -> None:
        view.turn([entry], is_open=is_open)
        self.refresh_near(entry)

    def refresh_near(self, entry: Entry | None) -> None:
        """Rebuild after folding. The cursor stays on the entry, or moves to its nearest visible ancestor."""
        self.rebuild()
        if (view := self.view) is not None and entry is not None:
            any(self.page.go_to(view.key_of(each)) for each in (entry, *view.ancestors_of(entry)))


class TreePane(FoldingPane[TreeEntry]):
    """The tree around the selected run. While another tree is fetched, the old one stays if it contains the run."""

    needs = (TREE,)
    view: TreeView

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("h,left", "fold", "fold", "Fold, or go to the parent run.", rank=12, need=36, pair=("fold", "unfold")),
        bind("l,right", "unfold", "unfold", "Unfold, or go to the first child run."),
        bind("less_than_sign", "level(-1)", "levels", "Show one level less.", id="fewer-levels", rank=14, need=48,
             pair=("fewer-levels", "more-levels"),
             help=Help("look", 110, "fewer, more levels", ("fewer-levels", "more-levels"))),
        bind("greater_than_sign", "level(1)", "more levels", "Show one level more.", id="more-levels"),
        bind("circumflex_accent", "root", "root", "Go to the root.", rank=16, need=54),
        bind("minus", "parent", "parent", "Go to the parent run.", rank=18, need=56),
        bind("t", "form('waterfall')", "waterfall", "Show the spans of the run on a time axis.", id="waterfall",
             rank=20, need=25),
        bind("e", "all(True)", "all open", "Unfold everything.", id="unfold-all"),
        bind("E", "all(False)", "all closed", "Fold everything.", id="fold-all"),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.view = TreeView(lambda run_id: live.get(run_id))  # noqa: PLW0108  a pause replaces `live.get`

    def rows(self, width: int) -> Sequence[PageRow]:
        tree, shape = self.view.tree, self.view.shape
        if tree is None or shape is None:
            return self.without_rows(width)
        is_alone = shape.size == 1 and not tree.missing
        self.head.show([(Piece(" " * GUTTER), *words.head(width, is_alone=is_alone))])
        notes = words.notes(tree, shape, self.selection.state_of(TREE).failure, width)
        draw = partial(words.row, width=width, now=self.live.now, current=tree.current, is_alone=is_alone)
        self.drawn = BranchRows(self.view, draw, notes)
        return self.drawn

    def left(self) -> Line:
        if (tree := self.view.tree) is None or not tree.root.children:
            return ()
        return (Piece(f" · from the root {tree.root.task or ''}", Token.MUTED),)

    def right(self) -> Line:
        tree, shape = self.view.tree, self.view.shape
        if self.stage_of(TREE) is ReadStage.LATE and not (tree is not None and tree.unread_count):
            return (Piece(formatting.LOADING, Token.MUTED),)
        if tree is None or shape is None:
            return ()
        return words.extent(tree, shape, self.selection.state_of(TREE).fetched_at, self.live.now)

    def watch_selection(self) -> None:
        tree, shown, run_id = self.selection.state_of(TREE).value, self.view.tree, self.selection.run_id
        if tree is None and shown is not None and run_id in self.view.ids:
            tree = shown if shown.current == run_id else replace(shown, current=run_id)
        if tree is not shown and self.view.show(tree):
            self.drawn = None
            self.page.start_over()
        self.rebuild()

    def start_over(self) -> None:
        """Move the cursor to the other run. The page stays, because the tree often contains both."""
        self._is_placed = False

    @property
    def start_key(self) -> Hashable:
        """The selected run."""
        return None if self.view.tree is None else self.view.tree.current

    def update_page(self) -> None:
        tree, shape = self.view.tree, self.view.shape
        if not self._is_placed and tree is not None and shape is not None and tree.current in shape.by_run:
            self.view.reveal([shape.by_run[tree.current]])
        super().update_page()

    def concerns(self, changes: Changes) -> bool:
        """Return whether a run of the tree changed."""
        ids = self.view.ids
        return not all(ids.isdisjoint(each) for each in (changes.changed, changes.added, changes.removed))

    def on_changes(self, changes: Changes) -> None:
        if self.concerns(changes):
            self.view.on_runs_changed(self.entry)
        super().on_changes(changes)

    @property
    def target(self) -> RunId | None:
        if self.view.tree is None:
            return self.selection.run_id
        return self._row_action.run_id if isinstance(self._row_action, GoToRun) else None

    def has_use_for(self, action: str) -> bool:
        if action == "form":
            return self.selection.run_id is not None
        run_id = self.selection.run_id
        if action == "enter" and run_id is not None and self._row_action == GoToRun(run_id):
            return self.entry is not None and bool(self.entry.children)
        return super().has_use_for(action)

    def action_level(self, step: int) -> None:
        entry = self.entry
        self.view.step_level(step)
        self.refresh_near(entry)
