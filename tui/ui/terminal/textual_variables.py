"""Checks the environment variables that Textual reads, before Textual is imported.

Textual reads them on import and does not validate them. An invalid value crashes it, hangs it, or is silently ignored.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

MAX_FRAMES_PER_S: Final = 240
MAX_DELAY: Final = 60_000
"""In the unit of the variable, milliseconds or seconds. A longer delay is a mistake."""

_SHOWN_CHARACTERS: Final = 40


def invalid_variable_message(environ: Mapping[str, str]) -> str | None:
    """Return a message about the first variable with an invalid value, or None."""
    for name, (expected, is_valid) in _VARIABLES.items():
        value = environ.get(name)
        if value is not None and not is_valid(value):
            shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
            return f"{name}={shown} is invalid: Textual, which draws the screen, needs {expected}; unset it"
    return None


Rule = tuple[str, Callable[[str], bool]]


def _one_of(*values: str) -> Rule:
    return f"one of {', '.join(values)}", lambda value: value in values


def _some_of(*values: str) -> Rule:
    expected = f"empty or made of {', '.join(values)}"
    return expected, lambda value: all(each.strip().lower() in ("", *values) for each in value.split(","))


def _number(minimum: int, maximum: int) -> Rule:
    def is_valid(value: str) -> bool:
        # `int` alone would raise on thousands of digits, and accept `1_000` and the digits of all scripts.
        return re.fullmatch(r"-?[0-9]{1,6}", value) is not None and minimum <= int(value) <= maximum

    return f"a number from {minimum} to {maximum}", is_valid


def _is_theme(value: str) -> bool:
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415  loads Textual, so the other checks come first

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
    # Textual would press these keys itself. They could cancel runs.
    "TEXTUAL_PRESS": ("empty", lambda value: value == ""),
    "TEXTUAL_SCREENSHOT": _number(-1, MAX_DELAY),
    "TEXTUAL_SCREENSHOT_LOCATION": ("a folder", os.path.isdir),
    "TEXTUAL_SHOW_RETURN": _SWITCH,
    "TEXTUAL_SLOW_THRESHOLD": _number(100, MAX_DELAY),
    "TEXTUAL_SMOOTH_SCROLL": _SWITCH,
    "TEXTUAL_SPEEDUPS": _SWITCH,
    "ESCDELAY": _number(0, MAX_DELAY),
    # This check is last because it loads Textual.
    "TEXTUAL_THEME": ("a theme of Textual", _is_theme),
}
