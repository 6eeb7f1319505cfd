"""Saves lines of a log to a new file, which only its owner may read."""

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tui.domain.ids import RunId
from tui.domain.traces.log_line import RunLog
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.outgoing.opened import log_text
from tui.session import Session

FOLDER: Final = "logs"
MAX_NAMES: Final = 100
"""Files of one run and one second."""

PART_LINES: Final = 200
"""Lines that become text at once, which takes some milliseconds."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX_ID_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class SavedLines:
    """What became of saving lines: the path of the file, or why there is none."""

    count: int
    path: Path | None = None
    failure: str = ""

    @property
    def sentence(self) -> str:
        """The result with the whole path."""
        return self._words(str(self.path)) + "."

    def notice(self, environ: Mapping[str, str]) -> str:
        """Return the result for the footer, with `~` for the user's home."""
        home = environ.get("HOME", "")
        is_at_home = self.path is not None and home and self.path.is_relative_to(home)
        return self._words(f"~/{self.path.relative_to(home)}" if is_at_home and self.path else str(self.path))

    def _words(self, path: str) -> str:
        if self.path is None:
            return f"The lines could not be saved: {self.failure}"
        return f"{formatting.plural(self.count, 'line')} saved to {path}"


async def save_shown(
    session: Session, run_id: RunId, log: RunLog, shown: Sequence[int], started_at: datetime | None
) -> SavedLines:
    """Save lines of a log in the state folder of a session. The event loop keeps running, a thread writes."""
    parts: list[str] = []
    for start in range(0, len(shown), PART_LINES):
        parts.append(log_text((log[index] for index in shown[start : start + PART_LINES]), started_at))
        await asyncio.sleep(0)
    try:
        path = await asyncio.to_thread(save_text, Path(session.settings.state_dir), run_id, parts, session.now())
    except OSError as error:
        return SavedLines(len(shown), failure=error.strerror or str(error))
    return SavedLines(len(shown), path)


def save_text(state_dir: Path, run_id: RunId, parts: Iterable[str], now: datetime) -> Path:
    """Write text to a new file in the folder `logs`, and return its path. Raises `OSError`."""
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
            file.writelines(parts)
        return path
    raise FileExistsError(f"{MAX_NAMES} files of this run are there already")


def _paths(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{name}.log"
    yield from (folder / f"{name}-{number}.log" for number in range(2, MAX_NAMES + 1))
