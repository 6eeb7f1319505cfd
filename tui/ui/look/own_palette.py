"""The user's own colours over those of a palette, and whether text in them can be read.

The first frame uses this module before Textual is imported.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from rich.color import Color, ColorSystem

from tui.settings import Complaint, ConfigFile
from tui.ui.look.palettes import PALETTES, PALETTES_256, ColorMode, Palette

MIN_CONTRAST: Final = 4.5
"""The least contrast of text of WCAG 2.1, success criterion 1.4.3."""

_TEXTS: Final = ("bright", "text", "muted", "accent", "rose", "amber", "blue", "green")
_PAIRS: Final = (
    *product((*_TEXTS, "faint"), ("bg", "surface", "dialog")),
    *product(_TEXTS, ("cursor", "cursor2")),
    *product(("amber", "bright", "text", "muted"), ("chip",)),
    *product(("rose", "bright", "text", "muted"), ("failbg",)),
)
"""Which colours are text on which background. What is faint is muted in the row of the cursor."""

_CHANGEABLE: Final = frozenset({ColorMode.DARK, ColorMode.LIGHT})


def own_palette(mode: ColorMode, own: Mapping[str, str], *, has_true_color: bool = True) -> Palette:
    """Return the colours of a mode with the own ones in it. The terminal's sixteen and no colours stay as they are."""
    palette = (PALETTES if has_true_color else PALETTES_256)[mode]
    if not own or mode not in _CHANGEABLE:
        return palette
    return {**palette, **{role: color if has_true_color else _in_256(color) for role, color in own.items()}}


def contrast_remarks(file: ConfigFile, mode: ColorMode, shown: str) -> Iterator[Complaint]:
    """Yield a remark on each own colour with which text is hard to read. `shown` is the file's name."""
    if file.values is None or mode not in _CHANGEABLE:
        return
    colors = file.values.colors
    own = {role: color for role in PALETTES[mode] if (color := getattr(colors, role)) is not None}
    palette = own_palette(mode, own)
    worst: dict[str, tuple[float, str]] = {}
    for text, ground in _PAIRS:
        role, other = (text, ground) if text in own else (ground, text)
        if role in own:
            ratio = contrast(palette[text], palette[ground])
            worst[role] = min(worst.get(role, (ratio, other)), (ratio, other))
    for role, (ratio, other) in worst.items():
        if ratio < MIN_CONTRAST:
            told = f"expected a contrast of {MIN_CONTRAST}:1 with {other}, got {ratio:.1f}:1; it is used all the same"
            yield Complaint(shown, f"colors.{role}", told, is_remark=True)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two hex colours, from 1 to 21, as WCAG 2.1 defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _in_256(color: str) -> str:
    return f"color({Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).number})"
