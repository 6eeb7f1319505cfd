"""Lines turned into what Textual shows: strips, themes, 256 colours, and only the lines that changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from rich.cells import cached_cell_len
from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual.color import Color as TextualColor
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.theme import Theme
from textual.widget import Widget

from tui.kit.colors import PALETTES, Background, ColorMode, LineStyler, nearest, own_palette
from tui.kit.terminal.output import PaintedPiece
from tui.text.styled import Line, Token

# The 256 colours, as a filter for what Textual paints by itself: the screen below a dialog, whose colours it mixes.


_MAX_CACHED: Final = 4_096


@lru_cache(maxsize=_MAX_CACHED)
def _in_256(style: Style) -> Style:
    return style + Style.from_color(_color(style.color), _color(style.bgcolor))


def _color(color: Color | None) -> Color | None:
    if color is None or color.type is not ColorType.TRUECOLOR or color.triplet is None:
        return color
    return Color.from_ansi(nearest(*color.triplet))


class In256Colors(LineFilter):
    """Replaces colours of 24 bits."""

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:  # noqa: ARG002  Textual's
        return [
            segment if segment.style is None else Segment(segment.text, _in_256(segment.style), segment.control)
            for segment in segments
        ]


# Turns a `Line` into a Textual `Strip`. `LineStyler` chooses the styles.


class Painter(LineStyler):
    """Paints lines in one color mode."""

    def strip(
        self, line: Line, width: int, background: Background = Background.PAGE, *, is_stale: bool = False
    ) -> Strip:
        """Paint a line, cut or padded to exactly `width` cells. `is_stale` mutes the colour of running work."""
        return Strip(self.segments(line, width, background, is_stale=is_stale), width)

    def blank(self, width: int, background: Background = Background.PAGE) -> Strip:
        """Return an empty line."""
        return Strip([Segment(" " * width, self.style(Token.TEXT, False, background, False))], width)


# The palettes as themes of Textual: their colours are variables of the stylesheets.


def theme_of(color_mode: ColorMode, own_colors: Mapping[str, str]) -> Theme:
    """Return the theme of a mode, with the user's own colours. Its name is another one for other colours."""
    palette = own_palette(color_mode, own_colors)
    name = f"trigger-{color_mode}"
    if palette is not PALETTES[color_mode]:
        name += "".join(f"-{role}{color[1:]}" for role, color in sorted(own_colors.items()))
    is_ansi = color_mode in {ColorMode.SIXTEEN, ColorMode.NONE}
    colors = {name: f"ansi_{color}" if is_ansi else color for name, color in palette.items()}
    # Textual's own stylesheets need these variables in an ANSI theme.
    of_terminal = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"} if is_ansi else {}
    return Theme(
        name=name,
        ansi=is_ansi,
        dark=color_mode is not ColorMode.LIGHT,
        primary=colors["accent"],
        accent=colors["accent"],
        warning=colors["amber"],
        error=colors["rose"],
        success=colors["green"],
        foreground=colors["text"],
        background=colors["bg"],
        surface=colors["surface"],
        panel=colors["dialog"],
        boost=colors["cursor"],
        variables={f"tui-{name}": color for name, color in colors.items()} | of_terminal,
    )


# Keeps the caches of Textual and Rich small, for a monitor that is open for days.
#
# They remember halves of texts, widths of texts and places of widgets, up to 16,384 each. Nearly none of these comes
# back: ages and ids make new texts all the time. So the caches grow for hours, by some 5 MB, and give nothing back.


MAX_ENTRIES: Final = 500
"""What a frame uses again is far less. A cache with more entries is emptied."""

CHECK_INTERVAL_S: Final = 10.0
"""While a user moves on a busy server, a cache has a thousand new entries by then, and in half a minute 4,000."""

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


def empty_large_caches() -> None:
    """Empty every cache that has grown beyond `MAX_ENTRIES`. What the next frame needs is computed again."""
    for kept in GROWING:
        if kept.cache_info().currsize > MAX_ENTRIES:
            kept.cache_clear()


# `LineCompositor` composes the screen from the lines that are repainted, and asks the widgets for no other line.
#
# Textual's compositor asks every widget near a change for all its lines, cuts them where any widget begins or ends, and
# drops most of them: 4 ms for each key at 120x40, which this one does in 0.4 ms. Textual has no public way to replace
# its compositor, nor a public name for it.


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
