"""A JSON value as a list of rows that fold: iterating, stepping and searching.

A value may be megabytes long or nested a thousand levels deep. Everything here is a loop or a generator, and goes only
as far as the caller iterates. A long text folds into its lines. `json.rows` draws the rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple, overload

from tui.domain.run import ABSENT, Absent, Json
from tui.lazy_dataclass import dataclass
from tui.present.json.line import Label, TextLine, inline, key_of
from tui.present.json.text import scalar
from tui.present.styled import line_width

Path = tuple[int, ...]
"""The place of a value: its index within each container, from the root on. Paths sort in the order of the rows."""

ALL: Final = 1 << 30
MARK_CELLS: Final = 2
CHUNK_ROWS: Final = 4
SEARCH_SLICE: Final = 4_000
"""A search yields after this many values, which takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class JsonFolds:
    """Which places are unfolded.

    Containers above the depth `open_to` are open and texts are folded, except the places in `exceptions`. `found` holds
    the places that a search unfolds while it lasts.
    """

    open_to: int = 1
    exceptions: frozenset[Path] = frozenset()
    found: frozenset[Path] = frozenset()

    def is_open(self, path: Path, *, is_text: bool = False) -> bool:
        """Return whether the place is unfolded."""
        by_depth = len(path) < self.open_to and not is_text
        return path in self.found or by_depth != (path in self.exceptions)

    def with_fold(self, path: Path, *, is_text: bool = False, is_open: bool) -> "JsonFolds":
        """Return a copy with one place unfolded or folded."""
        found = self.found if is_open else self.found - {path}
        folds = replace(self, found=found)
        return (
            folds
            if folds.is_open(path, is_text=is_text) is is_open
            else replace(folds, exceptions=folds.exceptions ^ {path})
        )


class VisibleRow(NamedTuple):
    """One visible row: a value with its path, and whether it can be unfolded and is."""

    path: Path
    label: Label
    value: Json
    is_foldable: bool
    is_open: bool

    @property
    def is_text(self) -> bool:
        """Whether the value is a text, which unfolds into lines."""
        return isinstance(self.value, str)


def indent_of(depth: int, room: int) -> int:
    """Return the cells before a row. Deep rows stop moving to the right once half of the width is used."""
    return min(2 * max(depth - 1, 0), room // 4 * 2)


def room_of(path: Path, label: Label, room: int) -> int:
    """Return the cells that are left for a value behind its mark and its key."""
    if not path:
        return room
    inner = room - indent_of(len(path), room) - MARK_CELLS
    return max(inner - line_width(key_of(label, inner // 2)), 1)


class FoldedJson:
    """A value, its folds, and its width. A value that fits into its row never folds."""

    def __init__(self, value: Json, folds: JsonFolds, room: int, *, is_wrapped: bool = False) -> None:
        self.value = value
        self.folds = folds
        self.room = room
        self.is_wrapped = is_wrapped
        self._lists: dict[int, Sequence[tuple[Label, Json]]] = {}

    def walk(self, start: Path = ()) -> Iterator[VisibleRow]:
        """Yield the visible rows, starting with one of them."""
        lineage = self._lineage(start)
        first = self._step(start, *lineage[-1])
        yield first
        opened = [
            _Level(start[:depth], self._children(value, depth + 1), start[depth] + 1)
            for depth, (_, value) in enumerate(lineage[:-1])
        ]
        if first.is_open:
            opened.append(_Level(start, self._children(first.value, len(start) + 1)))
        while opened:
            level = opened[-1]
            if level.next >= len(level.children):
                opened.pop()
                continue
            step = self._step((*level.path, level.next), *level.children[level.next])
            level.next += 1
            yield step
            if step.is_open:
                opened.append(_Level(step.path, self._children(step.value, len(step.path) + 1)))

    def step(self, path: Path) -> VisibleRow:
        """Return the row at a path."""
        return self._step(path, *self._lineage(path)[-1])

    def above(self, path: Path) -> Path | None:
        """Return the visible row before one, or None at the top."""
        if not path:
            return None
        *parent, index = path
        return self._last_below((*parent, index - 1)) if index else tuple(parent)

    def last(self) -> Path:
        """Return the last visible row."""
        return self._last_below(())

    def nearest(self, path: Path) -> Path:
        """Return the path, or the closest visible path around it if it is folded away or no longer exists."""
        at: Path = ()
        label, value = None, self.value
        for index in path:
            step = self._step(at, label, value)
            children = self._children(value, len(at) + 1) if step.is_open else ()
            if not children:
                return at
            index = min(index, len(children) - 1)  # noqa: PLW2901  at another width a text has other lines
            at = (*at, index)
            label, value = children[index]
        return at

    def find(self, needle: str) -> Iterator[Path | None]:
        """Yield the paths whose key or text contains `needle` (in folded case), in order, folded ones too.

        Yields None after every `SEARCH_SLICE` values, so that the caller can let other tasks run.
        """
        looked_at = 0
        path: list[int] = []
        opened: list[Iterator[tuple[int, tuple[Label, Json]]]] = [enumerate([(None, self.value)])]
        while opened:
            for index, (label, item) in opened[-1]:
                looked_at += 1
                if looked_at % SEARCH_SLICE == 0:
                    yield None
                if _matches(label, item, needle):
                    yield from self._places((*path, index)[1:], label, item, needle)
                if isinstance(item, dict | list) and item:
                    path.append(index)
                    opened.append(enumerate(_plain_items(item)))
                    break
            else:
                opened.pop()
                if path:
                    path.pop()

    def _places(self, path: Path, label: Label, value: Json, needle: str) -> Iterator[Path]:
        """Yield the matching lines of a text that folds, else the path of the value."""
        is_found = False
        # A text that is not longer than a row has one line. Testing for a fold costs more than searching the text.
        may_fold = isinstance(value, str) and (len(value) > self.room or "\n" in value)
        if may_fold and self._is_foldable(path, label, value):
            for index, (_, line) in enumerate(self._children(value, len(path) + 1)):
                if needle in line.casefold():
                    is_found = True
                    yield (*path, index)
        if not is_found:
            yield path

    def _last_below(self, path: Path) -> Path:
        step = self.step(path)
        while step.is_open:
            children = self._children(step.value, len(step.path) + 1)
            if not children:
                break
            index = len(children) - 1
            step = self._step((*step.path, index), *children[index])
        return step.path

    def _lineage(self, path: Path) -> list[tuple[Label, Json]]:
        """Return the values from the root to a path, whether they are folded or not."""
        found: list[tuple[Label, Json]] = [(None, self.value)]
        for depth, index in enumerate(path, 1):
            found.append(self._children(found[-1][1], depth)[index])
        return found

    def _step(self, path: Path, label: Label, value: Json) -> VisibleRow:
        is_foldable = self._is_foldable(path, label, value)
        is_text = isinstance(value, str)
        return VisibleRow(path, label, value, is_foldable, is_foldable and self.folds.is_open(path, is_text=is_text))

    def _is_foldable(self, path: Path, label: Label, value: Json) -> bool:
        if isinstance(value, TextLine) or not isinstance(value, dict | list | str) or not value:
            return False
        if isinstance(value, str) and "\n" in value:
            return True
        return not inline(value, room_of(path, label, self.room))[1]

    def _children(self, value: Json, depth: int) -> Sequence[tuple[Label, Json]]:
        if isinstance(value, list):
            return _IndexedItems(value)
        known = self._lists.get(id(value))
        if known is None:
            known = list(value.items()) if isinstance(value, dict) else self._lines_of(value, depth)
            self._lists[id(value)] = known
        return known

    def _lines_of(self, text: str, depth: int) -> list[tuple[Label, Json]]:
        lines = text.split("\n")
        if not self.is_wrapped:
            return [(None, TextLine(line)) for line in lines]
        # A whole number of rows, so that no chunk ends inside a row. A character may be two cells wide.
        size = max(self.room - indent_of(depth, self.room), 2) // 2 * 2 * CHUNK_ROWS
        return [
            (None, TextLine(line[start : start + size])) for line in lines for start in range(0, len(line) or 1, size)
        ]


@dataclass(slots=True)
class _Level:
    """An open container on the way down, and the index of its next child."""

    path: Path
    children: Sequence[tuple[Label, Json]]
    next: int = 0


class _IndexedItems(Sequence[tuple[Label, Json]]):
    """A list with the index of each item as its label, without a copy of the list."""

    def __init__(self, items: list[Json]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> tuple[Label, Json]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Label, Json]]: ...

    def __getitem__(self, index: int | slice) -> tuple[Label, Json] | Sequence[tuple[Label, Json]]:
        if isinstance(index, slice):
            return [(place, self._items[place]) for place in range(*index.indices(len(self._items)))]
        return index, self._items[index]


def _plain_items(container: dict[str, Json] | list[Json]) -> Iterator[tuple[Label, Json]]:
    return iter(container.items()) if isinstance(container, dict) else ((None, item) for item in container)


def _matches(label: Label, value: Json, needle: str) -> bool:
    if isinstance(label, str) and needle in label.casefold():
        return True
    if isinstance(value, dict | list):
        return False
    return needle in (value if isinstance(value, str) else scalar(value)).casefold()


def value_at(value: Json, path: Path) -> Json | Absent:
    """Return the value at a path, and the whole text for any of its lines; `ABSENT` if there is none."""
    for index in path:
        if isinstance(value, str):
            break
        if not isinstance(value, dict | list) or index >= len(value):
            return ABSENT
        value = next(islice(value.values(), index, None)) if isinstance(value, dict) else value[index]
    return value


def containers_of(paths: Iterable[Path]) -> frozenset[Path]:
    """Return all containers around these paths. They have to be open for the paths to be visible."""
    return frozenset(path[:depth] for path in paths for depth in range(len(path)))


def unfolded_for(folded: FoldedJson, needle: str, *, max_slices: int, max_matches: int) -> tuple[frozenset[Path], bool]:
    """Return the places to unfold for all matches to be visible, and whether the search was complete.

    The search looks at `max_slices` times `SEARCH_SLICE` values, and stops after `max_matches` matches.
    """
    slices_left = max_slices
    found: list[Path] = []
    for place in folded.find(needle):
        if place is not None:
            found.append(place)
        else:
            slices_left -= 1
        if slices_left <= 0 or len(found) >= max_matches:
            return containers_of(found), False
    return containers_of(found), True
