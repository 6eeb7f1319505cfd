"""Paths to values in a run: `metadata.progress`, `payload.customer.id`, `output.items[0].sku`.

A key with a dot or another sign is quoted, as in JSON: `payload."order.id"`. `[-1]` is the last item of a list.
"""

import json
import re
from typing import Final

from tui.domain.run import ABSENT, Absent, Json
from tui.lazy_dataclass import dataclass

METADATA: Final = "metadata"
PAYLOAD: Final = "payload"
OUTPUT: Final = "output"
ROOTS: Final = (METADATA, PAYLOAD, OUTPUT)

MAX_STEPS: Final = 50
MAX_PATH_CHARS: Final = 200

_ROOT: Final = re.compile("|".join(ROOTS))
_QUOTED: Final = r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\.)*"'
_CONTROLS: Final = re.compile("[\x7f-\x9f]")
_STEP: Final = re.compile(
    rf'\.(?P<name>[^.\[\]"\x00-\x20\x7f-\x9f]+)|\.(?P<quoted>{_QUOTED})|\[(?:(?P<index>-?[0-9]{{1,9}})|(?P<key>{_QUOTED}))\]'
)
_PLAIN: Final = re.compile(r'[^.\[\]"\x00-\x20\x7f-\x9f]+')
_INDEX: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A path. `root` is one of ROOTS, a step the key of an object or the index of a list."""

    root: str
    steps: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return self.root + "".join(map(_step_text, self.steps))

    @property
    def title(self) -> str:
        """The path without its root, as a column is called: `customer.id`."""
        return str(self).removeprefix(self.root).removeprefix(".") or self.root

    @property
    def last_name(self) -> str:
        """The last key of the path."""
        return next((step for step in reversed(self.steps) if isinstance(step, str)), self.root)

    def find(self, value: Json) -> Json | Absent:
        """Return the value at this path below the root's value; `ABSENT` if there is none."""
        for step in self.steps:
            if isinstance(value, dict):
                value = value.get(str(step), ABSENT)
            elif isinstance(value, list):
                index = _index(step)
                value = value[index] if index is not None and -len(value) <= index < len(value) else ABSENT
            else:
                return ABSENT
        return value


def parse_path(text: str) -> ColumnPath | None:
    """Read a path; None if the text is none."""
    path, end = leading_path(text)
    return path if end == len(text) <= MAX_PATH_CHARS else None


def leading_path(text: str) -> tuple[ColumnPath | None, int]:
    """Return the path with which a text begins, and where it ends. None: the text begins with none."""
    root = _ROOT.match(text)
    if root is None:
        return None, 0
    steps: list[str | int] = []
    end = root.end()
    while len(steps) < MAX_STEPS and (found := _STEP.match(text, end)) is not None:
        step = _read_step(found)
        if step is None:
            break
        steps.append(step)
        end = found.end()
    return ColumnPath(root[0], tuple(steps)), end


def _read_step(found: re.Match[str]) -> str | int | None:
    if (name := found["name"]) is not None:
        return name
    if (index := found["index"]) is not None:
        return int(index)
    try:
        key = json.loads(found["quoted"] or found["key"])
    except ValueError:  # an escape that JSON does not know
        return None
    return key if isinstance(key, str) else None


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{key_text(step)}"


def key_text(key: str) -> str:
    """Return a key as it stands in a path, in quotes if it needs them."""
    return key if _PLAIN.fullmatch(key) else _quoted(key)


def _quoted(key: str) -> str:
    """Return a key as JSON, with control characters as escapes."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(key, ensure_ascii=False))


def _index(step: str | int) -> int | None:
    if isinstance(step, int):
        return step
    return int(step) if _INDEX.fullmatch(step) else None
