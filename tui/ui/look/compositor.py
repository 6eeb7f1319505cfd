"""`LineCompositor` composes the screen from the lines that are repainted, and asks the widgets for no other line.

Textual's compositor asks every widget near a change for all its lines, cuts them where any widget begins or ends, and
drops most of them: 4 ms for each key at 120x40, which this one does in 0.4 ms. Textual has no public way to replace its
compositor, nor a public name for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from textual._compositor import Compositor, CompositorMap, CompositorUpdate, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget


class PaintedPiece(NamedTuple):
    """A part of one line of the screen, painted by one widget."""

    x: int
    y: int
    strip: Strip


class PiecesUpdate(CompositorUpdate):
    """What `LineCompositor` repaints."""

    def __init__(self, pieces: list[PaintedPiece]) -> None:
        self.pieces = pieces

    def render_segments(self, console: Console) -> str:
        """Return the text that draws the pieces."""
        return "".join(f"\x1b[{piece.y + 1};{piece.x + 1}H{piece.strip.render(console)}" for piece in self.pieces)


class LineCompositor(Compositor):
    """Repaints parts of lines. A whole screen, such as that below a dialog, is left to Textual.

    `notice` returns the lines of a screen of that size which are shown instead of the widgets; none if these are shown.
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

    # The return type is a base of Textual's `ChopsUpdate`, which describes a whole screen; the app only renders it.
    def render_partial_update(self) -> PiecesUpdate | None:  # type: ignore[override]
        """Return what draws all regions that have changed; None if there are none, or if a notice hides them.

        A notice is painted with a whole screen only: it does not change before the size does.
        """
        screen = self.size.region
        regions = [region for each in self._dirty_regions if (region := each.intersection(screen))]
        self._dirty_regions.clear()
        if not regions or self._notice(self.size):
            return None
        return PiecesUpdate([piece for span in self._regions_to_spans(regions) for piece in self._pieces(*span)])

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
                    yield PaintedPiece(first, y, strip.crop(0, last - first))
                uncovered += [(at, end) for at, end in ((start, first), (last, stop)) if at < end]
            if not uncovered:
                return
