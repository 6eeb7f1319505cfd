"""A JSON value as rows that fold: which of them are visible, the next and the last one, and where a text is in it.

What lives here: walking. Everything is a loop or a generator and goes only as far as it is asked, since a value may be
of megabytes or nested a thousand times. A long text folds too: into its lines. How a row looks is `json_rows`'.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple, overload

from tui.domain.run import ABSENT, Absent, Json
from tui.present.json.line import Label, TextLine, inline, key_of
from tui.present.json.text import scalar
from tui.present.styled import line_width

Path = tuple[int, ...]
"""Where a value is: the index within each container from the root on. In order they are the order of the rows."""

ALL: Final = 1 << 30
MARK_CELLS: Final = 2
CHUNK_ROWS: Final = 4
LOOKED_AT: Final = 4_000
"""How many values a search looks at between two words of it: a few milliseconds."""


@dataclass(frozen=True, slots=True)
class JsonFolds:
    """What is unfolded: containers less deep than `open_to`, the other way round for `exceptions` (a text is folded
    unless it is one); and `found`, what a search unfolds for as long as it lasts.
    """

    open_to: int = 1
    exceptions: frozenset[Path] = frozenset()
    found: frozenset[Path] = frozenset()

    def is_open(self, path: Path, *, is_text: bool = False) -> bool:
        """Whether what can be folded there is not."""
        by_depth = len(path) < self.open_to and not is_text
        return path in self.found or by_depth != (path in self.exceptions)

    def turned(self, path: Path, *, is_text: bool = False, is_open: bool) -> "JsonFolds":
        """The same with one place open or folded."""
        found = self.found if is_open else self.found - {path}
        folds = replace(self, found=found)
        return (
            folds
            if folds.is_open(path, is_text=is_text) is is_open
            else replace(folds, exceptions=folds.exceptions ^ {path})
        )


class VisibleRow(NamedTuple):
    """One visible row: a value with its place, and whether it can be unfolded and is."""

    path: Path
    label: Label
    value: Json
    is_foldable: bool
    is_open: bool

    @property
    def is_text(self) -> bool:
        """Whether it is a text, which unfolds into lines."""
        return isinstance(self.value, str)


def indent_of(depth: int, room: int) -> int:
    """The cells in front of a row: so deep that no room is left nobody can see how deep it is."""
    return min(2 * max(depth - 1, 0), room // 4 * 2)


def room_of(path: Path, label: Label, room: int) -> int:
    """The cells that are left for a value behind its mark and its key."""
    if not path:
        return room
    inner = room - indent_of(len(path), room) - MARK_CELLS
    return max(inner - line_width(key_of(label, inner // 2)), 1)


class FoldedJson:
    """A value, what of it is unfolded, and the cells it has; what fits into its row is never folded."""

    def __init__(self, value: Json, folds: JsonFolds, room: int, *, is_wrapped: bool = False) -> None:
        self.value = value
        self.folds = folds
        self.room = room
        self.is_wrapped = is_wrapped
        self._lists: dict[int, Sequence[tuple[Label, Json]]] = {}

    def walk(self, start: Path = ()) -> Iterator[VisibleRow]:
        """The visible rows from one of them on."""
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
        """The row at a place."""
        return self._step(path, *self._lineage(path)[-1])

    def above(self, path: Path) -> Path | None:
        """The visible row before one, or None at the top."""
        if not path:
            return None
        *parent, index = path
        return self._last_below((*parent, index - 1)) if index else tuple(parent)

    def last(self) -> Path:
        """The last visible row."""
        return self._last_below(())

    def nearest(self, path: Path) -> Path:
        """The place, or where it is folded away or gone the closest one around it that is visible."""
        at: Path = ()
        label, value = None, self.value
        for index in path:
            step = self._step(at, label, value)
            children = self._children(value, len(at) + 1) if step.is_open else ()
            if not children:
                return at
            index = min(index, len(children) - 1)  # noqa: PLW2901  lines of a text are others at another width
            at = (*at, index)
            label, value = children[index]
        return at

    def find(self, needle: str) -> Iterator[Path | None]:
        """The places whose key or text says `needle`, which is in folded case, folded ones too, in order.

        Between them comes a None after every `LOOKED_AT` values, so that who asks can let others have a turn.
        """
        looked_at = 0
        path: list[int] = []
        opened: list[Iterator[tuple[int, tuple[Label, Json]]]] = [enumerate([(None, self.value)])]
        while opened:
            for index, (label, item) in opened[-1]:
                looked_at += 1
                if looked_at % LOOKED_AT == 0:
                    yield None
                if _says(label, item, needle):
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
        """Where exactly: the lines of a text that folds, else the value."""
        is_found = False
        # A text that is no longer than a row has one line: to find that out properly costs more than to look for it.
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
        """The values from the root to a place, without looking whether they are folded."""
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
            return _Indexed(value)
        known = self._lists.get(id(value))
        if known is None:
            known = list(value.items()) if isinstance(value, dict) else self._lines_of(value, depth)
            self._lists[id(value)] = known
        return known

    def _lines_of(self, text: str, depth: int) -> list[tuple[Label, Json]]:
        lines = text.split("\n")
        if not self.is_wrapped:
            return [(None, TextLine(line)) for line in lines]
        # A whole number of rows, so that nobody sees where one ends; half of the cells for what is two cells wide.
        size = max(self.room - indent_of(depth, self.room), 2) // 2 * 2 * CHUNK_ROWS
        return [
            (None, TextLine(line[start : start + size])) for line in lines for start in range(0, len(line) or 1, size)
        ]


@dataclass(slots=True)
class _Level:
    """A container on the way down, and which of its children is next."""

    path: Path
    children: Sequence[tuple[Label, Json]]
    next: int = 0


class _Indexed(Sequence[tuple[Label, Json]]):
    """A list whose items know their index, without a copy of it."""

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


def _says(label: Label, value: Json, needle: str) -> bool:
    if isinstance(label, str) and needle in label.casefold():
        return True
    if isinstance(value, dict | list):
        return False
    return needle in (value if isinstance(value, str) else scalar(value)).casefold()


def value_at(value: Json, path: Path) -> Json | Absent:
    """What is at a place, a text for any of its lines; `ABSENT` where there is nothing."""
    for index in path:
        if isinstance(value, str):
            break
        if not isinstance(value, dict | list) or index >= len(value):
            return ABSENT
        value = next(islice(value.values(), index, None)) if isinstance(value, dict) else value[index]
    return value


def around(paths: Iterable[Path]) -> frozenset[Path]:
    """What has to be open for these places to be seen: all that holds them."""
    return frozenset(path[:depth] for path in paths for depth in range(len(path)))


def unfolded_for(folded: FoldedJson, needle: str, *, turns: int, most: int) -> tuple[frozenset[Path], bool]:
    """What has to be open for a text to be seen wherever it is, and whether that is all of it.

    Looks at `turns` times `LOOKED_AT` values, and for at most `most` places.
    """
    found: list[Path] = []
    for place in folded.find(needle):
        if place is not None:
            found.append(place)
        else:
            turns -= 1
        if turns <= 0 or len(found) >= most:
            return around(found), False
    return around(found), True
