"""A value, an error or a log as a text for a pager or an editor. No control character is left in it but line breaks."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from tui.domain.run import Json
from tui.domain.text import Raw, clean
from tui.domain.traces.log_line import LogLine
from tui.present.json.text import compact
from tui.present.logs.printed import log_lines
from tui.present.styled import plain

_INDENT: Final = 2
_ASCII: Final = re.compile(r"[ -~\n]*\Z")


def value_text(value: Json) -> str:
    """Return a value as indented JSON. Characters that a terminal would obey or hide are escaped, so it stays JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=_INDENT, allow_nan=False)
    except (ValueError, RecursionError):  # nested too deeply, or a number that JSON has not
        text = compact(value)
    return "\n".join(line if _ASCII.match(line) else _escaped(line) for line in text.split("\n")) + "\n"


def block_text(text: Raw | str) -> str:
    """Return a text of several lines, such as a stack, with its tabs as spaces."""
    lines = text.replace("\r\n", "\n").expandtabs().split("\n")
    return "\n".join(clean(line) for line in lines).rstrip("\n") + "\n"


def log_text(lines: Iterable[LogLine], started_at: datetime | None) -> str:
    """Return the lines of a log with their times."""
    return "".join(f"{plain(text).rstrip()}\n" for line in lines for text in log_lines(line, started_at))


def _escaped(line: str) -> str:
    if line.isprintable() and clean(line) == line:
        return line
    return "".join(each if each.isprintable() and clean(each) == each else _escape(each) for each in line)


def _escape(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"
