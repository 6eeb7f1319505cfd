"""Checks the environment variables that Textual reads, before it is loaded.

Textual reads them on import, without a check: a wrong value crashes it, hangs it, or is ignored without a word.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

MAX_FRAMES_PER_S: Final = 240
MAX_DELAY: Final = 60_000
"""Milliseconds or seconds: a longer wait is a mistake."""

_SHOWN_CHARACTERS: Final = 40


def wrong_variable(environ: Mapping[str, str]) -> str | None:
    """Return one line that names the first variable with a wrong value, or None."""
    for name, (expected, is_right) in _VARIABLES.items():
        value = environ.get(name)
        if value is not None and not is_right(value):
            shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
            return f"{name}={shown} is not {expected}: Textual, which draws the monitor, reads it; unset it"
    return None


Rule = tuple[str, Callable[[str], bool]]


def _one_of(*values: str) -> Rule:
    return f"one of {', '.join(values)}", lambda value: value in values


def _some_of(*values: str) -> Rule:
    expected = f"empty or made of {', '.join(values)}"
    return expected, lambda value: all(each.strip().lower() in ("", *values) for each in value.split(","))


def _number(least: int, most: int) -> Rule:
    def is_right(value: str) -> bool:
        # Not `int` alone: it refuses thousands of digits, and takes `1_000` and digits of all scripts.
        return re.fullmatch(r"-?[0-9]{1,6}", value) is not None and least <= int(value) <= most

    return f"a number from {least} to {most}", is_right


def _is_theme(value: str) -> bool:
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415  loads Textual, which has to wait for the other checks

    return all(name.strip() in BUILTIN_THEMES for name in value.split(","))


def _can_append(value: str) -> bool:
    path = Path(value)
    return value == "" or (not path.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK))


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_SWITCH: Final = _one_of("0", "1")
_VARIABLES: Final[Mapping[str, Rule]] = {
    "TEXTUAL": _some_of("debug", "devtools", "headless"),
    "TEXTUAL_ANIMATIONS": ("one of none, basic, full", _matches(r"(?i:none|basic|full)")),
    "TEXTUAL_COLOR_SYSTEM": _one_of("auto", "standard", "256", "truecolor"),
    "TEXTUAL_DEBUG": _SWITCH,
    "TEXTUAL_DEVTOOLS_HOST": ("a host", _matches(r"[A-Za-z0-9.:_-]+")),
    "TEXTUAL_DEVTOOLS_PORT": _number(0, 65_535),
    "TEXTUAL_DIM_FACTOR": _number(0, 100),
    "TEXTUAL_DISABLE_KITTY_KEY": _SWITCH,
    "TEXTUAL_DRIVER": ("a module and a class", _matches(r"[\w.]+:\w+")),
    "TEXTUAL_FILTERS": _some_of("dim"),
    "TEXTUAL_FPS": _number(1, MAX_FRAMES_PER_S),
    "TEXTUAL_LOG": ("a file that can be written", _can_append),
    # Keys that nobody pressed could cancel runs.
    "TEXTUAL_PRESS": ("empty", lambda value: value == ""),
    "TEXTUAL_SCREENSHOT": _number(-1, MAX_DELAY),
    "TEXTUAL_SCREENSHOT_LOCATION": ("a folder", os.path.isdir),
    "TEXTUAL_SHOW_RETURN": _SWITCH,
    "TEXTUAL_SLOW_THRESHOLD": _number(100, MAX_DELAY),
    "TEXTUAL_SMOOTH_SCROLL": _SWITCH,
    "TEXTUAL_SPEEDUPS": _SWITCH,
    "ESCDELAY": _number(0, MAX_DELAY),
    # The last one: the check loads Textual.
    "TEXTUAL_THEME": ("a theme of Textual", _is_theme),
}
