"""The palettes as themes of Textual: their colours are variables of the stylesheets."""

from collections.abc import Mapping

from textual.theme import Theme

from tui.ui.look.own_palette import own_palette
from tui.ui.look.palettes import PALETTES, ColorMode


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
