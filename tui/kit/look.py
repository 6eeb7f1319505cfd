"""Lines turned into what Textual shows: strips, themes, 256 colours."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.filter import LineFilter
from textual.strip import Strip
from textual.theme import Theme

from tui.kit.colors import PALETTES, Background, ColorMode, LineStyler, nearest, own_palette
from tui.text.styled import Line, Token

# Our own lines are in the 256 colours already. This filter is for colours that Textual computes, such as those of the
# dimmed screen below a dialog.


_MAX_CACHED: Final = 4_096


@lru_cache(maxsize=_MAX_CACHED)
def _style_in_256(style: Style) -> Style:
    return style + Style.from_color(_color(style.color), _color(style.bgcolor))


def _color(color: Color | None) -> Color | None:
    if color is None or color.type is not ColorType.TRUECOLOR or color.triplet is None:
        return color
    return Color.from_ansi(nearest(*color.triplet))


class In256Colors(LineFilter):
    """Replaces colours of 24 bits."""

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:  # noqa: ARG002  Textual's
        return [
            segment if segment.style is None else Segment(segment.text, _style_in_256(segment.style), segment.control)
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
    """Return the theme of a mode, with the user's own colours. Its name contains them, so that Textual sees a new theme
    when they change.
    """
    palette = own_palette(color_mode, own_colors)
    name = f"trigger-{color_mode}"
    if palette is not PALETTES[color_mode]:
        name += "".join(f"-{role}{color[1:]}" for role, color in sorted(own_colors.items()))
    is_ansi = color_mode in {ColorMode.SIXTEEN, ColorMode.NONE}
    colors = {role: f"ansi_{color}" if is_ansi else color for role, color in palette.items()}
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
        variables={f"tui-{role}": color for role, color in colors.items()} | of_terminal,
    )
