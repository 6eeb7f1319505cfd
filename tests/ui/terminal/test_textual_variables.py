"""Invalid variables of Textual are reported before Textual is imported."""

import re
from pathlib import Path

import pytest
import textual

from tui.kit.terminal.early import invalid_variable_message

READ_BY_TEXTUAL = {
    name
    for source in Path(textual.__file__).parent.rglob("*.py")
    for name in re.findall(r'environ\w*(?:\.get)?[(\[]\s*"((?:TEXTUAL\w*|ESCDELAY))"', source.read_text())
}
NEVER_WRONG = {"TEXTUAL_SCREENSHOT_FILENAME", "TEXTUAL_ALLOW_SIGNALS"}
"""Any text is a valid file name; this program's driver does not read the other."""

GOOD = {
    "TEXTUAL_ANIMATIONS": "NONE",
    "TEXTUAL_COLOR_SYSTEM": "256",
    "TEXTUAL_DEBUG": "1",
    "TEXTUAL_DEVTOOLS_PORT": "8081",
    "TEXTUAL_DIM_FACTOR": "50",
    "TEXTUAL_DRIVER": "my.drivers:Driver",
    "TEXTUAL_FILTERS": "dim",
    "TEXTUAL_FPS": "30",
    "TEXTUAL_LOG": "textual.log",
    "TEXTUAL_PRESS": "",
    "TEXTUAL_SCREENSHOT": "-1",
    "TEXTUAL_SCREENSHOT_LOCATION": "/",
    "TEXTUAL_SMOOTH_SCROLL": "0",
    "TEXTUAL_THEME": "nord,dracula",
    "ESCDELAY": "25",
}


def test_valid_values_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invalid_variable_message(GOOD) is None
    assert invalid_variable_message({}) is None


def test_every_variable_of_textual_is_checked() -> None:
    assert len(READ_BY_TEXTUAL) > 15
    for name in READ_BY_TEXTUAL - NEVER_WRONG:
        line = invalid_variable_message({name: "/junk/no such\nthing"})
        assert line is not None, name
        assert line.startswith(f"{name}=")


@pytest.mark.parametrize("name", ["TEXTUAL_FPS", "TEXTUAL_SCREENSHOT", "ESCDELAY", "TEXTUAL_DIM_FACTOR"])
@pytest.mark.parametrize("value", ["9" * 400, "9" * 5000, "-5", "1_0", "٣", "", "1e3"])
def test_invalid_numbers_are_rejected(name: str, value: str) -> None:
    line = invalid_variable_message({name: value})
    assert line is not None
    assert len(line) < 200


def test_textual_press_is_rejected() -> None:
    assert invalid_variable_message({"TEXTUAL_PRESS": "C,y"}) is not None
