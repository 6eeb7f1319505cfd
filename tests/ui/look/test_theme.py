import pytest

from tui.ui.look.theme import PALETTES, ColorMode, detect_color_mode


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


READ_ON_A_CURSOR = ("bright", "text", "muted", "accent", "rose", "amber", "blue", "green")


@pytest.mark.parametrize("color_mode", [ColorMode.DARK, ColorMode.LIGHT])
@pytest.mark.parametrize("token", [*READ_ON_A_CURSOR, "faint"])
def test_every_token_is_readable_on_its_backgrounds(color_mode: ColorMode, token: str) -> None:
    palette = PALETTES[color_mode]
    backgrounds = ["bg", "surface", "dialog"] + (["cursor", "cursor2"] if token in READ_ON_A_CURSOR else [])
    for background in backgrounds:
        ratio = contrast(palette[token], palette[background])
        assert ratio >= 4.5, (token, background, ratio)


@pytest.mark.parametrize("color_mode", [ColorMode.DARK, ColorMode.LIGHT])
@pytest.mark.parametrize(("text", "background"), [("amber", "chip"), ("bg", "amber"), ("bg", "accent")])
def test_tokens_with_their_own_background_are_readable(color_mode: ColorMode, text: str, background: str) -> None:
    palette = PALETTES[color_mode]
    assert contrast(palette[text], palette[background]) >= 4.5


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
