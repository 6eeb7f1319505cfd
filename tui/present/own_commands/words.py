"""The sentences about commands of one's own, and their output as it stands in the messages.

Output and arguments are outside text. `Piece` and `wrap` clean what these functions return.
"""

import re
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tui.domain.text import Raw
from tui.present import formatting

MAX_LINES: Final = 40
"""Lines of one output in the messages: half of them of its start, half of its end."""

MAX_LINE_CHARS: Final = 400
_INDENT: Final = "  "
_PLAIN: Final = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)

# Colours and cursor movements, from programs that do not check for a terminal. All else that controls a terminal is
# shown as a symbol.
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9])")


def shell_words(arguments: Sequence[str]) -> Raw:
    """Return a command as a shell would need it typed: each argument that needs quotes is in quotes."""
    return Raw(shlex.join(arguments))


def template_words(arguments: Sequence[str]) -> Raw:
    """Return a command as the config file has it: what needs quotes only for its braces has none."""
    return Raw(" ".join(each if _PLAIN.fullmatch(each) else shlex.quote(each) for each in arguments))


def ended_words(exit_code: int, took: timedelta) -> str:
    """Return how a program has ended: `ended with 0 after 1.2s`."""
    how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with {exit_code}"
    return f"{how} after {formatting.duration(took)}"


def output_text(start: str, end: str, left_out: int) -> str:
    """Return an output in at most `MAX_LINES` indented lines, and what was left out between them."""
    if left_out:
        first, last = _lines(start), _lines(end)
        between = f"… {formatting.size(left_out)} left out …"
    else:
        first, last, between = _lines(start + end), [], ""
    half = MAX_LINES // 2
    if not last and len(first) > MAX_LINES:
        between = f"… {formatting.plural(len(first) - 2 * half, 'line')} left out …"
        first, last = first[:half], first[-half:]
    lines = [*first[:half], between, *last[-half:]] if between else first
    return "\n".join(f"{_INDENT}{line}" for line in lines)


def _lines(text: str) -> list[str]:
    """Return lines as a terminal would leave them: without colours, and after the last carriage return of each."""
    plain = _SEQUENCE.sub("", text).replace("\r\n", "\n").rstrip("\n")
    if not plain:
        return []
    return [_cut(line.rstrip("\r").rpartition("\r")[2].expandtabs(8).rstrip()) for line in plain.split("\n")]


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARS else f"{line[: MAX_LINE_CHARS - 1]}…"
