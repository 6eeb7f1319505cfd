"""The local log of every action: who was asked to stop or start what, when, and what became of it.

What lives here: appending JSON lines to one file that only its owner may read. Never a key, never a payload.
"""

import json
import os
from datetime import datetime
from pathlib import Path

from tui.domain.action import ActionStatus

FILE_NAME = "actions.jsonl"


class ActionLog:
    """Appends to `<state_dir>/actions.jsonl`; a log that cannot be written is said once and stops nobody."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self.trouble: str | None = None

    def write(self, status: ActionStatus, *, environment: str | None, api_url: str) -> None:
        """Append one phase of an action. Blocking: call it in a thread."""
        line = json.dumps(_entry(status, environment, api_url)) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # One write of one line to a file opened for appending: two sessions never mix their lines.
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, line.encode("ascii"))
            finally:
                os.close(handle)
        except OSError as error:
            self.trouble = f"the action log {self._path} cannot be written: {error.strerror}"


def _entry(status: ActionStatus, environment: str | None, api_url: str) -> dict[str, str]:
    entry = {
        "at": _iso(status.at),
        "api": api_url,
        "env": environment or "unknown",
        "action": status.action,
        "run": status.run_id,
        "phase": status.phase.value,
    }
    if status.message:
        entry["message"] = status.message
    if status.new_run_id is not None:
        entry["newRun"] = status.new_run_id
    return entry


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
