"""Saves lines of a log to a new file, which only its owner may read."""

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tui.domain.ids import RunId
from tui.domain.text import clean
from tui.domain.traces.log_line import LogLine
from tui.present.logs.printed import log_lines
from tui.present.styled import plain

FOLDER: Final = "logs"
MAX_NAMES: Final = 100
"""Files of one run and one second."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX_ID_CHARS: Final = 80


def save_lines(
    state_dir: Path, run_id: RunId, lines: Iterable[LogLine], started_at: datetime | None, now: datetime
) -> Path:
    """Write the lines to a new file in the folder `logs`, and return its path. Raises `OSError`."""
    folder = state_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _UNSAFE.sub("_", run_id)[:_MAX_ID_CHARS] + f"-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for path in _paths(folder, name):
        try:
            # O_EXCL: a file that is there, or a link, is never written to.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  a descriptor
            for line in lines:
                file.writelines(f"{clean(plain(text)).rstrip()}\n" for text in log_lines(line, started_at))
        return path
    raise FileExistsError(f"{MAX_NAMES} files of this run are there already")


def _paths(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{name}.log"
    yield from (folder / f"{name}-{number}.log" for number in range(2, MAX_NAMES + 1))
