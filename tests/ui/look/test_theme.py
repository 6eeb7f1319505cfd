import pytest
from rich.color import Color

from tui.kit.colors import PALETTES, PALETTES_256, ColorMode, Palette, contrast_remarks, detect_color_mode
from tui.settings.schema import Colors, FileSettings
from tui.settings.settings import ConfigFile


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def as_hex(palette: Palette) -> Palette:
    return {name: Color.parse(color).get_truecolor().hex for name, color in palette.items()}


MEASURED = [
    as_hex(palettes[mode]) for palettes in (PALETTES, PALETTES_256) for mode in (ColorMode.DARK, ColorMode.LIGHT)
]
READ_ON_A_CURSOR = ("bright", "text", "muted", "accent", "rose", "amber", "blue", "green")


@pytest.mark.parametrize("palette", MEASURED)
@pytest.mark.parametrize("token", [*READ_ON_A_CURSOR, "faint"])
def test_every_token_is_readable_on_its_backgrounds(palette: Palette, token: str) -> None:
    backgrounds = ["bg", "surface", "dialog"] + (["cursor", "cursor2"] if token in READ_ON_A_CURSOR else [])
    for background in backgrounds:
        ratio = contrast(palette[token], palette[background])
        assert ratio >= 4.5, (token, background, ratio)


@pytest.mark.parametrize("palette", MEASURED)
@pytest.mark.parametrize(
    ("text", "background"),
    [
        ("bg", "amber"),
        ("bg", "accent"),
        *((text, "chip") for text in ("amber", "bright", "text", "muted")),
        *((text, "failbg") for text in ("rose", "bright", "text", "muted")),
    ],
)
def test_tokens_with_their_own_background_are_readable(palette: Palette, text: str, background: str) -> None:
    assert contrast(palette[text], palette[background]) >= 4.5


@pytest.mark.parametrize("color_mode", [ColorMode.DARK, ColorMode.LIGHT])
def test_256_colours_keep_meanings_apart(color_mode: ColorMode) -> None:
    palette = PALETTES_256[color_mode]
    assert palette.keys() == PALETTES[color_mode].keys()
    inks = ("bright", "text", "muted", "faint", "guide", "accent", "rose", "amber", "blue", "green")
    assert len({palette[name] for name in inks}) == len(inks)
    assert len({palette[name] for name in ("bg", "surface", "cursor")}) == 3
    assert {palette["chip"], palette["dialog"]}.isdisjoint({palette["bg"]})


@pytest.mark.parametrize(
    ("environ", "wanted", "color_mode"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "auto", ColorMode.DARK),
        ({"TERM": "xterm-256color"}, "auto", ColorMode.DARK),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "auto", ColorMode.LIGHT),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "auto", ColorMode.DARK),
        ({"TERM": "screen"}, "auto", ColorMode.SIXTEEN),
        ({"TERM": "linux"}, "light", ColorMode.LIGHT),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "dark", ColorMode.NONE),
    ],
)
def test_terminal_gets_the_colours_that_it_supports(
    environ: dict[str, str], wanted: str, color_mode: ColorMode
) -> None:
    assert detect_color_mode(environ, wanted) is color_mode


@pytest.mark.parametrize(
    ("own", "remarks"),
    [
        ({"rose": "#301010"}, ["colors.rose: expected a contrast of 4.5:1 with surface, got 1."]),
        ({"cursor": "#ccd2dc"}, ["colors.cursor: expected a contrast of 4.5:1 with text, got 1."]),
        ({"chip": "#eeb55c"}, ["colors.chip: expected a contrast of 4.5:1 with amber, got 1."]),
        ({"bg": "#ffffff"}, ["colors.bg: expected a contrast of 4.5:1 with bright, got 1."]),
        ({"bg": "#ffffff", "bright": "#fefefe"}, ["colors.bright: ", "colors.bg: "]),
        ({"green": "#7bd88f", "line": "#0f1115"}, []),
    ],
)
def test_own_colour_that_is_hard_to_read_is_one_remark(own: dict[str, str], remarks: list[str]) -> None:
    file = ConfigFile(values=FileSettings(colors=Colors(**own)))
    found = [str(remark) for remark in contrast_remarks(file, ColorMode.DARK, "FILE")]
    assert len(found) == len(remarks)
    assert all(one.startswith(f"FILE: {start}") for one, start in zip(found, remarks, strict=True)), found
    assert list(contrast_remarks(file, ColorMode.SIXTEEN, "FILE")) == []
