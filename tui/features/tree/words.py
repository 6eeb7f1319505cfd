"""The tree of runs: its shape, its folds, its lines and its notes."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar, assert_never

from tui.domain.run import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, BatchId, Run, RunId, RunStatus, State, TaskId
from tui.domain.trace import Walked
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.detail.words import origin_words
from tui.features.runs.columns import short_id, time_in_queue
from tui.features.runs.words import waiting_words
from tui.kit.words import could_not_read
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import GoToRun, Now, Row, ToggleFold, tries_again
from tui.text.status import STATUS_STYLES, StatusStyle, style_of, style_of_status
from tui.text.styled import ELLIPSIS, Line, Piece, Token, cut, first_line, fit, joined, line_width, wrap
from tui.text.table import GAP, REST, Cell, Spot, placed

GUIDE_STEP: Final = 3  # The cells of one level.


def guide_tail(guides: str, room: int, mark: str = ELLIPSIS, *, step: int = GUIDE_STEP) -> str:
    """Return the last levels of the guides, each `step` cells, after `mark` if levels were cut; at least one level.

    The mark takes the cells of whole levels, so that names stay below each other.
    """
    if len(guides) <= room:
        return guides
    mark = mark.ljust(-(-len(mark) // step) * step)
    levels = max((room - len(mark)) // step, 1)
    return mark + guides[-levels * step :]


def node_took(node: TreeNode, run: Run | None, until: datetime) -> timedelta | None:
    """Return how long the run of a node took, or has run until now. `run` is its newest known state.

    For a run whose detail was not read, the times come from a query or a trace.
    """
    if run is not None and run.state is not None:
        return run.took(until)
    if node.times is None:
        return None
    return node.times.took(until, is_final=node.status is None or node.status.canonical.is_final)


# Counts of the runs below a run, by family of status.


class StatusFamily(Enum):
    """The effect of a status on the roll-up of the runs above it."""

    FAILED = "failed"
    ACTIVE = "active"
    QUEUED = "queued"
    COMPLETED = "completed"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @property
    def is_quiet(self) -> bool:
        """Whether the run ended without a failure."""
        return self is StatusFamily.COMPLETED or self is StatusFamily.ENDED


STATUS_FAMILIES: Final[Mapping[RunStatus, StatusFamily]] = {
    **dict.fromkeys(RunStatus, StatusFamily.ENDED),
    **dict.fromkeys(FAILED, StatusFamily.FAILED),
    **dict.fromkeys(QUEUED_FAMILY, StatusFamily.QUEUED),
    **dict.fromkeys({*EXECUTING_FAMILY, RunStatus.WAITING_TO_RESUME}, StatusFamily.ACTIVE),
    RunStatus.COMPLETED_SUCCESSFULLY: StatusFamily.COMPLETED,
}


RollUp = Counter[StatusFamily]
"""The number of runs below."""


# Computes the shape of a tree: runs with their newest status, roll-ups, batches, and groups of similar siblings.
#
# `shape_of` is linear in the number of runs and never recursive.


EntryKey = Hashable
"""Identifies an entry in every later shape of the same tree."""

MIN_GROUP: Final = 3
"""This many similar siblings share a row."""

MIN_LARGE: Final = 31
"""A tree with this many runs starts with its quiet branches folded."""


@dataclass(frozen=True, slots=True)
class TreeRun:
    """A run of the tree with its newest known state. `run` is None if only the node is known."""

    node: TreeNode
    run: Run | None
    style: StatusStyle

    @property
    def is_final(self) -> bool:
        """Whether the run has ended for certain."""
        if self.run is not None and self.run.state is not None:
            return self.run.is_final
        return self.node.status is not None and self.node.status.canonical.is_final

    @property
    def times(self) -> State | RunTimes | None:
        """When the run started and ended, as far as it is known."""
        return self.node.times if self.run is None or self.run.state is None else self.run.state


@dataclass(frozen=True, slots=True)
class BatchGroup:
    """The siblings that one call triggered. `is_whole` means that no other run of the batch can be missing."""

    size: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SiblingGroup:
    """Siblings with the same task and status that all ended without a failure, or are all queued."""

    size: int
    word: str
    task: TaskId | None


@dataclass(slots=True, eq=False)
class TreeEntry(Walked):
    """A run or a group, which may have a row.

    `family` is that of the run's status; a group has none. `below` counts all runs under it. `is_quiet` means that
    neither this entry nor anything below it failed, is live, or has to stay visible.
    """

    key: EntryKey
    item: TreeRun | BatchGroup | SiblingGroup
    family: StatusFamily = StatusFamily.UNKNOWN
    below: RollUp = field(default_factory=RollUp)
    is_quiet: bool = True
    children: Sequence["TreeEntry"] = ()
    parent: "TreeEntry | None" = field(default=None, repr=False)

    @property
    def run_id(self) -> RunId | None:
        """The id of the run; None for a group."""
        return self.item.node.id if isinstance(self.item, TreeRun) else None

    @property
    def run(self) -> Run | None:
        """The newest known state of the run; None for a group."""
        return self.item.run if isinstance(self.item, TreeRun) else None

    @property
    def batch_id(self) -> BatchId | None:
        """The batch of the run; None if it has none, or is not known."""
        return None if self.run is None else self.run.fixed.batch_id

    @property
    def is_failed(self) -> bool:
        """Whether the entry is a run that failed."""
        return self.family is StatusFamily.FAILED

    def set_children(self, children: Sequence["TreeEntry"]) -> None:
        """Put entries below this one."""
        self.children = children
        for child in children:
            child.parent = self

    @property
    def are_children_quiet(self) -> bool:
        """Whether everything below the entry is quiet."""
        return all(child.is_quiet for child in self.children)

    def ancestors(self) -> Iterator["TreeEntry"]:
        """Yield the entries above, the nearest first."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent


@dataclass(frozen=True, slots=True)
class TreeShape:
    """The whole tree.

    `by_run` finds the entry of a run. `first_failed` is the run that failed first; None if fewer than two runs failed,
    or if the end of one is not known.
    """

    root: TreeEntry
    by_run: dict[RunId, TreeEntry]
    first_failed: TreeEntry | None
    is_live: bool

    @property
    def size(self) -> int:
        """The number of runs."""
        return len(self.by_run)


def shape_of(tree: RunTree, newest: Callable[[RunId], Run | None], kept: Collection[RunId] = ()) -> TreeShape:
    """Compute the shape of a tree. `newest` returns the newest state of a run from the store.

    The current run and the runs in `kept` stay visible: they never join a group of siblings, and their branch is never
    quiet.
    """
    in_view = {tree.current, *kept}
    nodes = list(tree.root.walk())
    by_run = {node.id: _entry(node, newest) for node in nodes}
    # Children before their parents, so that a parent can sum up their roll-ups.
    for node in reversed(nodes):
        entry = by_run[node.id]
        entry.is_quiet = entry.family.is_quiet and node.id not in in_view
        if node.children:
            children = [by_run[child.id] for child in node.children]
            entry.below = _sum_of(children)
            entry.is_quiet = entry.is_quiet and all(child.is_quiet for child in children)
            entry.set_children(_with_batches(entry, children, in_view))
    is_live = any(not each.family.is_quiet and not each.is_failed for each in by_run.values())
    return TreeShape(by_run[tree.root.id], by_run, _first_failed(by_run.values()), is_live)


def _entry(node: TreeNode, newest: Callable[[RunId], Run | None]) -> TreeEntry:
    if (run := newest(node.id)) is None or (run.state is None and node.run is not None):
        run = node.run
    status = None if node.status is None else node.status.canonical
    style = style_of_status(node.status)
    if run is not None and run.state is not None:
        status, style = run.status, style_of(run)
    return TreeEntry(
        node.id, TreeRun(node, run, style), StatusFamily.UNKNOWN if status is None else STATUS_FAMILIES[status]
    )


def _sum_of(entries: Sequence[TreeEntry]) -> RollUp:
    """Sum up entries and everything below them. A group adds nothing beyond its members."""
    below = RollUp(entry.family for entry in entries if entry.run_id is not None)
    for entry in entries:
        below.update(entry.below)
    return below


def _with_batches(parent: TreeEntry, children: Sequence[TreeEntry], in_view: Collection[RunId]) -> Sequence[TreeEntry]:
    """Return the children with each batch at the place of its first run, and similar siblings grouped at the end."""
    is_whole = all(child.run is not None and child.run.created_at is not None for child in children)
    batches: dict[BatchId | None, list[TreeEntry]] = {}
    for child in children:
        batches.setdefault(child.batch_id, []).append(child)
    shown: list[TreeEntry] = []
    for child in children:
        batch_id, members = child.batch_id, batches[child.batch_id]
        # If there are no other runs, a row for the batch is useless.
        if batch_id is None or not 1 < len(members) < len(children):
            shown.append(child)
        elif child is members[0]:
            key = ("batch", parent.key, batch_id)
            inner = _with_groups(key, members, in_view)
            shown.append(_group(key, BatchGroup(len(members), is_whole), members, inner))
    return _with_groups(parent.key, shown, in_view)


_Similarity = tuple[bool, str, TaskId | None]
"""Whether a run ended, its status word, and its task."""


def _with_groups(above: EntryKey, entries: Sequence[TreeEntry], in_view: Collection[RunId]) -> Sequence[TreeEntry]:
    """Return the entries with similar ones grouped after the others, one group for each kind."""
    kinds = [_similarity(entry, in_view) for entry in entries]
    sizes = Counter(kinds)
    shown: list[TreeEntry] = []
    many: dict[_Similarity, list[TreeEntry]] = {}
    for entry, kind in zip(entries, kinds, strict=True):
        (shown if kind is None or sizes[kind] < MIN_GROUP else many.setdefault(kind, [])).append(entry)
    for (_, word, task), alike in sorted(many.items(), key=lambda pair: pair[0][0]):
        shown.append(_group(("alike", above, word, task), SiblingGroup(len(alike), word, task), alike, alike))
    return shown


def _similarity(entry: TreeEntry, in_view: Collection[RunId]) -> _Similarity | None:
    """Return the properties that make entries similar, or None if this entry must stay on its own."""
    tree_run = entry.item
    if not isinstance(tree_run, TreeRun) or tree_run.node.id in in_view or not entry.are_children_quiet:
        return None
    if entry.family.is_quiet or entry.family is StatusFamily.QUEUED:
        return entry.family.is_quiet, tree_run.style.word.casefold(), tree_run.node.task
    return None


def _group(
    key: EntryKey, item: BatchGroup | SiblingGroup, members: Sequence[TreeEntry], children: Sequence[TreeEntry]
) -> TreeEntry:
    group = TreeEntry(key, item, StatusFamily.UNKNOWN, _sum_of(members), all(member.is_quiet for member in members))
    group.set_children(children)
    return group


def _first_failed(entries: Iterable[TreeEntry]) -> TreeEntry | None:
    failed = [(entry.item.times, entry) for entry in entries if isinstance(entry.item, TreeRun) and entry.is_failed]
    timed = [(times.finished_at, entry) for times, entry in failed if times is not None and times.finished_at]
    return min(timed, key=lambda pair: pair[0])[1] if 1 < len(failed) == len(timed) else None


# The visible rows of a tree.


STEP: Final = 2
"""The cells of one level."""

MAX_LEVELS: Final = 40
"""The deepest level that is drawn. Deeper chains stay readable, and drawing them stays linear."""


Entry = TypeVar("Entry")


class Branch(NamedTuple, Generic[Entry]):
    """One visible row: an entry, the guides that lead to it, and its depth. `is_open` is None if the entry has no
    children. The waterfall has such rows too: an entry there is the index of a span.
    """

    entry: Entry
    guides: str
    depth: int
    is_open: bool | None


TreeBranch = Branch[TreeEntry]


def branches_below(
    root: Entry,
    children_of: Callable[[Entry], Sequence[Entry]],
    is_open: Callable[[Entry], bool],
    step: int = STEP,
) -> list[Branch[Entry]]:
    """Return the visible rows in order, with guides of `step` cells. Linear in their number, and never recursive."""
    rows: list[Branch[Entry]] = []
    pending = [(root, "", "", 0)]
    while pending:
        entry, above, own, depth = pending.pop()
        children = children_of(entry)
        rows.append(Branch(entry, above + own, depth, is_open(entry) if children else None))
        if rows[-1].is_open:
            inner = above if not own else above + ("│" if own[0] == "├" else " ").ljust(step)
            inner = guide_tail(inner, step * MAX_LEVELS, step=step)
            pending.extend(
                (child, inner, ("├─" if index else "└─").ljust(step), depth + 1)
                for index, child in enumerate(reversed(children))
            )
    return rows


def guides_of(branch: Branch[Entry], room: int) -> Line:
    """Return the guides and the mark before a name, the guides in at most `room` cells. A cut guide shows its depth."""
    mark = {None: "─ " if branch.depth else "  ", True: "▾ ", False: "▸ "}[branch.is_open]
    guides = guide_tail(branch.guides, max(room - len(mark), STEP), f"{branch.depth}{ELLIPSIS}", step=STEP)
    return (Piece(guides, Token.GUIDE), Piece(mark, Token.GUIDE if branch.is_open is None else Token.MUTED))


# The columns of the tree pane and the line of each row.


ALONE: Final = "no parent or child runs"

EDGE: Final = 1
_TIME: Final = 7
_COUNTED: Final = (StatusFamily.FAILED, StatusFamily.ACTIVE, StatusFamily.QUEUED, StatusFamily.COMPLETED)
_COUNTS: Final = (4, 4, 5, 5)
_FAILED_ONLY: Final = 5
_MIN_TASK: Final = 14  # With the glyph.
_MAX_NAME: Final = 104  # In a wider column the reader loses the row on the way to the numbers.
_MIN_REMARK: Final = 6
_ROOMY: Final = 91  # Wider rows also have room for the origin of a run, which matters less than its tags.

_WIDE: Final = (
    Spot("name", grow=_MAX_NAME, gap=GAP),
    Spot("counts", sum(_COUNTS) + len(_COUNTS) - 1, gap=3),
    Spot("took", _TIME, align="right", gap=GAP),
    Spot("queued", _TIME, align="right", gap=GAP, from_width=107),
    Spot("id", 11, from_width=76),
)
_NARROW: Final = (
    Spot("name", grow=REST, gap=GAP),
    Spot("counts", _FAILED_ONLY, gap=3, from_width=33),
    Spot("took", _TIME, align="right", from_width=33),
)
"""In a narrow pane, only the failures of the counts are shown."""

_ALONE: Final = (
    Spot("name", grow=_MAX_NAME, gap=3),
    Spot("took", _TIME, align="right", gap=GAP, from_width=38),
    Spot("queued", _TIME, align="right", gap=GAP, from_width=96),
    Spot("id", 11, from_width=65),
)
_WIDE_FROM: Final = 61


def _placed(width: int, cells: Mapping[str, Cell], *, is_alone: bool) -> Line:
    """Return a line of at most `width` cells. A run that `is_alone` has no counts."""
    layout = _ALONE if is_alone else _WIDE if width - EDGE >= _WIDE_FROM else _NARROW
    return placed(layout, width - EDGE, cells)


def head(width: int, *, is_alone: bool = False) -> Line:
    """Return the line of titles above the rows."""

    def title(text: str) -> Line:
        return (Piece(text, Token.FAINT),)

    titles: dict[str, Cell] = {name: title(name) for name in ("took", "queued", "id")}
    titles |= {"name": title("  run"), "counts": lambda room: title("below" if room <= _FAILED_ONLY else "below it")}
    return _placed(width, titles, is_alone=is_alone)


def row(branch: TreeBranch, width: int, now: Now, *, current: RunId | None = None, is_alone: bool = False) -> Row:
    """Return the row of one branch. Enter goes to a run, and folds or unfolds a group. `current` is selected."""
    entry, item = branch.entry, branch.entry.item
    is_current = entry.key == current
    action: object = ToggleFold(entry.key)
    cells: dict[str, Cell] = {"counts": partial(_counts, entry.below)}
    name: Line
    match item:
        case TreeRun():
            action = GoToRun(item.node.id)
            style, task = item.style, item.node.task or formatting.NONE
            name = (style.mark, Piece(" "), Piece(task, style.row.task, is_bold=is_current))
            remark = ALONE if is_alone else _remark(item, branch, now, is_roomy=width >= _ROOMY)
            queued, is_waiting = _queued(item, now)
            cells["took"] = (Piece(_took(item, now), style.row.took),)
            cells["queued"] = (Piece(queued, style.row.took if is_waiting else Token.FAINT),)
            cells["id"] = short_id(item.node.id, style.row.rest)
        case BatchGroup():
            size = formatting.count(item.size) if item.is_whole else formatting.plural(item.size, "run")
            name = (Piece(f"batch of {size}" if item.is_whole else f"{size} of a batch"),)
            functions = {run.fixed.trigger_function for run in _runs_of(entry)} - {None}
            remark = f"{functions.pop()}()" if len(functions) == 1 else ""
            cells["took"] = (Piece(_batch_took(entry, item, now), Token.MUTED),)
        case SiblingGroup():
            name, remark = (Piece(f"{formatting.count(item.size)} {item.word}", Token.MUTED),), item.task or ""
        case _:
            assert_never(item)

    def named(room: int) -> Line:
        line = (*guides_of(branch, room - _MIN_TASK), *name)
        return (*line, *_remark_line(remark, room - line_width(line)))

    return Row(_placed(width, cells | {"name": named}, is_alone=is_alone), entry.key, action, is_current)


def _remark_line(remark: str, room: int) -> Line:
    """Return the remark after a name, or nothing if only its first letters would fit."""
    line: Line = (Piece(" " * GAP), Piece(remark, Token.FAINT)) if remark else ()
    return line if line_width(line) <= room or room >= GAP + _MIN_REMARK else ()


def _remark(tree_run: TreeRun, branch: TreeBranch, now: Now, *, is_roomy: bool) -> str:
    """Return the text that distinguishes a run from its siblings: origin, wait, tags, attempt, error."""
    if (run := tree_run.run) is None:
        return ""
    state, attempt = run.state, run.attempt_count or 0
    parts: list[str] = list(_origin(run, branch)) if is_roomy else []
    if (waiting := waiting_words(run, now)) and not _is_wait_over(run, branch.entry.below):
        parts.append(waiting)
    if state is not None and state.tags:
        parts.append("  ".join(state.tags))
    if run.is_waiting_to_retry:
        parts.append(f"waits to retry after attempt {attempt}" if attempt else "waits to retry")
    elif attempt > 1:
        parts.append(f"after {attempt} attempts" if run.status.is_failed else f"attempt {attempt}")
    error = run.error_value
    if tree_run.style.is_bold and error is not None and (message := first_line(error.message)):
        parts.append(message)
    if state is not None and state.delayed_until is not None and not run.is_final and state.delayed_until > now.at:
        parts.append(f"queued in {formatting.duration(state.delayed_until - now.at, in_minutes=now.in_minutes)}")
    if run.is_gone:
        parts.append("no longer on the server")
    return " · ".join(parts)


def _is_wait_over(run: Run, below: RollUp) -> bool:
    """Return whether all awaited runs have ended since the trace was read, so that its wait no longer applies."""
    awaited = 0 if run.wait is None else len(run.wait.runs)
    ended = below[StatusFamily.FAILED] + below[StatusFamily.COMPLETED]
    return 0 < awaited <= ended and not below[StatusFamily.ACTIVE] + below[StatusFamily.QUEUED]


def _origin(run: Run, branch: TreeBranch) -> Iterator[str]:
    """Yield the origin of a run. The row of the batch or of the group already says that siblings came from one call."""
    function, origin = run.fixed.trigger_function or "", origin_words(run.fixed)
    if origin and not origin.startswith("batch"):
        yield origin
    if function and branch.entry.parent is not None and not function.endswith("AndWait"):
        yield "parent does not wait"


def _took(tree_run: TreeRun, now: Now) -> str:
    """Return the duration of a run; blank before its start."""
    times, is_final = tree_run.times, tree_run.is_final
    if times is not None and times.started_at is None and not is_final:
        return ""
    return now.duration(node_took(tree_run.node, tree_run.run, now.until), is_running=not is_final)


def _queued(tree_run: TreeRun, now: Now) -> tuple[str, bool]:
    """Return how long a run was queued, or still is."""
    if (run := tree_run.run) is None or run.state is None:
        times, is_final = tree_run.node.times, tree_run.is_final
        if times is None or times.created_at is None or (times.started_at is None and is_final):
            return "", False
        until = times.started_at or now.until
        is_waiting = times.started_at is None
        return now.duration(until - times.created_at, is_running=is_waiting), is_waiting
    if run.state.started_at is not None:
        return formatting.duration(time_in_queue(run, run.state.started_at)), False
    waited = None if run.is_final else time_in_queue(run, now.until)
    if waited is None or waited < timedelta():
        return "", not run.is_final
    return now.duration(waited), True


def _batch_took(entry: TreeEntry, batch: BatchGroup, now: Now) -> str:
    """Return the time from the first start in the batch to its last end, or until now."""
    states = [run.state for run in _runs_of(entry) if run.state is not None]
    starts = [state.started_at for state in states if state.started_at is not None]
    ends = [state.finished_at for state in states if state.finished_at is not None]
    if not starts or len(states) < batch.size:
        return formatting.NONE
    is_final = len(ends) == len(states)
    until: datetime = max(ends) if is_final else now.until
    return now.duration(until - min(starts), is_running=not is_final)


def _runs_of(entry: TreeEntry) -> list[Run]:
    """Return the runs of a batch, including those inside a group of siblings."""
    groups = (child.children if isinstance(child.item, SiblingGroup) else (child,) for child in entry.children)
    return [member.run for members in groups for member in members if member.run is not None]


def _counts(below: RollUp, room: int) -> Line:
    """Return `✗4 E6 Q13 ✓192`, each count in its column. A zero is blank."""
    failed, active, queued, completed = (below[family] for family in _COUNTED)
    cells: tuple[tuple[int, Line], ...] = (
        (failed, (Piece(f"✗{_short(failed)}", Token.ROSE, is_bold=True),)),
        (active, (Piece(f"E{_short(active)}", Token.BLUE),)),
        (queued, (Piece(f"Q{_short(queued)}", Token.MUTED),)),
        (completed, (STATUS_STYLES["Completed"].mark, Piece(_short(completed), Token.MUTED))),
    )
    widths = _COUNTS if room > _FAILED_ONLY else (_FAILED_ONLY,)
    shown = zip(cells, widths, strict=False)
    return joined((fit(cell if count else (), width, "right") for (count, cell), width in shown), " ")


def _short(count: int) -> str:
    return f"{count}" if count < 1000 else f"{count // 1000}k"


# The sentences below a tree, and the words in the pane's rule that say how much of it was read.


_AGE_SHOWN_FROM: Final = timedelta(seconds=10)
"""If a live tree is older than this, it may have runs that were not loaded, so its age is shown."""


def notes(tree: RunTree, shape: TreeShape, failure: str | None, width: int) -> list[Row]:
    """Return the rows below the tree: the first failure, what is missing, and why the last read failed."""
    rows: list[Row] = []
    if (first := shape.first_failed) is not None and isinstance(first.item, TreeRun):
        node, root = first.item.node, shape.root
        failed = root.below[StatusFamily.FAILED] + root.is_failed
        mark = Piece(f"✗{formatting.count(failed)}", Token.ROSE, is_bold=True)
        name = (Piece(node.task or formatting.NONE, Token.MUTED), Piece("  "), *short_id(node.id, Token.FAINT))
        line = (mark, Piece("  first to fail: ", Token.FAINT), *name)
        rows += [Row(()), Row(cut(line, width), "first failed", GoToRun(node.id))]
    sentences = []
    if tree.unread_count:
        sentences.append(f"Still reading: {'; '.join(tree.missing)}.")
    elif tree.missing:
        sentences.append(f"Not all of the tree was read: {'; '.join(tree.missing)}.{tries_again('reads it again')}")
    if failure:
        sentences.append(could_not_read("The tree", failure))
    for sentence in sentences:
        rows += [Row(()), *(Row((Piece(text, Token.MUTED),)) for text in wrap(sentence, max(width - EDGE, 1)))]
    return rows


def extent(tree: RunTree, shape: TreeShape, read_at: datetime | None, now: Now) -> Line:
    """Return how much of the tree was read: `216 runs · complete`, with the age of the read while a run is live.

    While it is read on: `43 of 216 runs read`.
    """
    if tree.unread_count:
        read = formatting.count(shape.size - tree.unread_count)
        return (Piece(f"{read} of {formatting.plural(shape.size, 'run')} read", Token.TEXT),)
    if tree.missing:
        known = Piece(f"at least {formatting.plural(shape.size, 'run')}", Token.TEXT)
        return (known, Piece(" · not complete", Token.MUTED))
    loaded = " · complete"
    if shape.is_live and read_at is not None and now.at - read_at >= _AGE_SHOWN_FROM:
        loaded += f", read {now.ago(read_at)}"
    return (Piece(formatting.plural(shape.size, "run"), Token.TEXT), Piece(loaded, Token.MUTED))
