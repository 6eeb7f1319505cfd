"""The tricks for speed and memory of the monitor.

Four more must stand elsewhere: the frame before Textual (`program/first_frame.py`), the thresholds of the C library
(`program/early.py`), dataclasses that compile their methods late (`lazy_dataclass.py`), and libraries that are imported
after the first rows (`program/app.py`).
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.cells import cached_cell_len
from rich.segment import Segment
from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual._styles_cache import StylesCache
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui.kit.terminal.output import PaintedPiece

# Makes full garbage collections in pauses between keys, so that none delays a key.
#
# A full collection visits every tracked object that is not frozen: with 100,000 runs 0.3 s. So Python makes none by
# itself. Each of ours freezes what has survived, and the next one visits only what is new. The collector does not
# look at frozen objects, so garbage among them stays. So every minute (more rarely with many runs) a thaw
# unfreezes everything first. While a user types a key a second, 6,000 objects a minute are such garbage: after fifteen
# minutes, freeing it took 0.3 s and the heap had grown by 10 MB, of which none was returned. Without all this, the
# longest key at 100,000 runs takes twice as long.
#
# Nothing here asks the collector for a list of objects. The list would refer to a tuple that another thread still
# fills, and CPython ends such a tuple with a SystemError.


THRESHOLDS: Final = (500, 5, 1_000_000)
"""Young objects are collected as they come, in a fraction of a millisecond; all objects only by `collect_if_due`."""

COLLECT_INTERVAL_S: Final = 2.0
MIN_QUIET_S: Final = 5.0
"""A full collection waits until the user has pressed no key for this time."""

THAW_INTERVAL_S: Final = 60.0
THAWED_PER_S: Final = 1_000
"""A thaw of 130,000 objects, those of 5,000 runs, takes 50 ms. The next one waits a second for every 1,000."""

MAX_THAW_WAIT_S: Final = 60.0
SHORT_PAUSE_S: Final = 0.3
"""A thaw waits a minute for a pause of `MIN_QUIET_S`. After that a short pause between two keys is enough."""

MIN_YOUNG: Final = 2
"""Collections of young objects after which a pause is used for a full one: some 7,000 new objects."""

MAX_YOUNG: Final = 10
"""After this many, a full one does not wait for a pause: 35,000 new objects may be 7 MB of closed screens."""

_OLDEST: Final = 2
"""The generation that only a full collection visits."""


class PauseCollector:
    """Collects garbage in pauses. `monotonic_s` is a clock."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._pressed_s = -math.inf
        """When the last key was pressed."""
        self._thaw_due_s = 0.0
        self._thresholds: tuple[int, int, int] | None = None
        """The former settings of the collector, once it has started."""

    def start(self) -> None:
        """Start the collector. A second call does nothing."""
        if self._thresholds is None:
            self._thresholds = gc.get_threshold()
            self._thaw_due_s = self._monotonic_s()
            gc.set_threshold(*THRESHOLDS)
            gc.enable()

    def stop(self) -> None:
        """Give the collector its former settings back. Another app may run in the same process."""
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
            self._thresholds = None

    def record_key(self) -> None:
        """Keep full collections away from a user who types."""
        self._pressed_s = self._monotonic_s()

    @property
    def is_quiet(self) -> bool:
        """Whether no key was pressed for `MIN_QUIET_S`."""
        return self._monotonic_s() - self._pressed_s >= MIN_QUIET_S

    def collect_if_due(self) -> None:
        """Free garbage if enough objects are new, and freeze the survivors."""
        if self._thresholds is None:
            return
        began_s = self._monotonic_s()
        pause_s = MIN_QUIET_S if began_s < self._thaw_due_s + MAX_THAW_WAIT_S else SHORT_PAUSE_S
        must_thaw = began_s >= self._thaw_due_s and began_s - self._pressed_s >= pause_s
        if must_thaw:
            gc.unfreeze()
        elif gc.get_count()[_OLDEST] < (MIN_YOUNG if self.is_quiet else MAX_YOUNG):
            return
        gc.collect()
        gc.freeze()
        if must_thaw:
            self._thaw_due_s = began_s + max(THAW_INTERVAL_S, gc.get_freeze_count() / THAWED_PER_S)


@contextmanager
def no_collections() -> Iterator[None]:
    """Pause the garbage collector. A collection that becomes due meanwhile runs afterwards, after the frame.

    Even a collection of young objects takes as long as handling a key.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# Keeps the caches of Textual and Rich small, for a monitor that is open for days.
#
# They remember halves of texts, widths of texts and places of widgets, up to 16,384 each. Nearly none of these comes
# back: ages and ids make new texts all the time. So the caches grow for hours, by some 5 MB, and give nothing back.


MAX_ENTRIES: Final = 500
"""What a frame uses again is far less. A cache with more entries is emptied."""

CHECK_INTERVAL_S: Final = 10.0
"""How often caches are emptied. On a busy server one gets a thousand entries in this time, and 4,000 in 30 s."""

GROWING: Final[Sequence[Any]] = (
    # There is no public name for the first one, which takes most of the memory.
    Segment._split_cells,  # noqa: SLF001
    cached_cell_len,
    Region.__contains__,
    Region.grow,
    Region.shrink,
    Region.intersection,
    Region.union,
)
"""The caches whose keys are texts and places."""


def give_memory_back() -> None:
    """Empty every cache that has grown beyond `MAX_ENTRIES`, and return the free pages of the heap, if it is glibc's.

    What the next frame needs of the caches is computed again. Answers of the server and dialogs that have come and gone
    leave holes in the heap. With `return_large_blocks` of `program/early.py` it saves 9 MB of 110 after 15 minutes at
    20 runs/s, and takes a tenth of a millisecond to two.
    """
    for kept in GROWING:
        if kept.cache_info().currsize > MAX_ENTRIES:
            kept.cache_clear()
    try:
        import ctypes  # noqa: PLC0415  not needed before

        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, AttributeError, OSError, TypeError):
        return
    malloc_trim(0)


def forget_lines() -> None:
    """Free the painted lines of a screen that is removed, some 50 KB for each dialog.

    Textual caches two colours of each widget under a key that holds all its lines, and keeps 1,024 of them. There is
    no public name for that cache.
    """
    StylesCache.get_inner_outer.cache_clear()


# `LineCompositor` composes the screen from the lines that are repainted, and asks the widgets for no other line.
#
# Textual's compositor asks every widget near a change for all its lines, cuts them where any widget begins or ends, and
# drops most of them: 4 ms for each key at 120x40, which this one does in 0.4 ms. Textual has no public way to replace
# its compositor, nor a public name for it.


class LineCompositor(Compositor):
    """Repaints parts of lines. A whole screen, such as that below a dialog, is left to Textual.

    `notice(size)` returns the lines to show instead of the widgets (the terminal is too small), or nothing.
    The widgets keep their places and the focus meanwhile.
    """

    def __init__(self, notice: Callable[[Size], Sequence[Strip]]) -> None:
        super().__init__()
        self._notice = notice
        self._placed: CompositorMap = {}
        """The places of the widgets that were sent their sizes."""

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Place the widgets, and return also those that were placed in the meantime without being sent their size.

        Textual updates its map when it looks a widget up, and then takes a pane that was mounted since the last layout
        for one that is shown already: without a size the pane would stay empty.
        """
        self._full_map = self._placed
        result = super().reflow(parent, size)
        self._placed = self._full_map
        return result

    # Not Textual's `ChopsUpdate`, which describes a whole screen: only the app's `_display` gets it.
    def render_partial_update(self) -> list[PaintedPiece] | None:  # type: ignore[override]
        """Return all parts that have changed; None if there are none, or if a notice hides them.

        A notice is painted with a whole screen only: it does not change before the size does.
        """
        screen = self.size.region
        regions = [region for each in self._dirty_regions if (region := each.intersection(screen))]
        self._dirty_regions.clear()
        if not regions or self._notice(self.size):
            return None
        return [piece for span in self._regions_to_spans(regions) for piece in self._pieces(*span)]

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        """Return the strips of each line by their columns, for a whole screen. Textual has no public name for it."""
        if notice := self._notice(self.size):
            return [{0: strip} for strip in notice]
        return super()._render_chops(crop, is_rendered_line)

    def _pieces(self, y: int, left: int, right: int) -> Iterator[PaintedPiece]:
        """Paint a part of a line. The widgets come from the front to the back, and cover those behind them."""
        uncovered = [(left, right)]
        for widget, visible, region in self.layers_visible[y]:
            hidden, uncovered = uncovered, []
            for start, stop in hidden:
                first, last = max(start, visible.x), min(stop, visible.right)
                if first >= last:
                    uncovered.append((start, stop))
                    continue
                for strip in widget.render_lines(Region(first - region.x, y - region.y, last - first, 1)):
                    # A widget that does not know its new size yet may return more cells than were asked for.
                    yield PaintedPiece(y, first, strip.crop(0, last - first))
                uncovered += [(at, end) for at, end in ((start, first), (last, stop)) if at < end]
            if not uncovered:
                return
