"""Remembers over a restart for which findings the user was called, so that none of them calls twice.

There is one small file for each environment of each API. It holds digests and times: no name of a task, queue or run.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

from tui.domain.findings.finding import Finding
from tui.store.findings.alerts.new_findings import RINGS_AGAIN_AFTER
from tui.ui.state_files import read_own, replace_file

VERSION: Final = 1
MAX_CALLS: Final = 500
"""The newest calls are kept. Each has some 50 bytes."""

MAX_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 2.0


class CalledFindings:
    """Reads and writes the file of one environment. `owner` names the environment: equal names share a file."""

    def __init__(self, state_dir: PurePath, *, owner: str) -> None:
        digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()
        self.path = Path(state_dir) / f"alerts-{digest[:16]}.json"
        self.is_loaded = False
        self._calls: dict[str, datetime] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read the file once. A file that cannot be read counts as empty: a call too many is better than none."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._calls |= await asyncio.to_thread(self._read)
        except (OSError, TimeoutError):
            pass
        self.is_loaded = True

    def has(self, finding: Finding, at: datetime) -> bool:
        """Return whether the user was called for a finding less than ten minutes before a moment."""
        called_at = self._calls.get(_digest(finding))
        return called_at is not None and abs(at - called_at) < RINGS_AGAIN_AFTER

    def add(self, findings: Iterable[Finding], at: datetime) -> None:
        """Add calls. `save` has to follow."""
        self._calls |= {_digest(each): at.astimezone(UTC) for each in findings}

    async def save(self) -> None:
        """Write the calls. What another monitor has added meanwhile is kept. Raises `OSError`."""
        async with self._lock, asyncio.timeout(TIMEOUT_S):
            await asyncio.to_thread(self._write, dict(self._calls))

    def _read(self) -> dict[str, datetime]:
        """Raises `OSError`. A file that this version did not write counts as empty."""
        content = read_own(self.path, MAX_BYTES)
        try:
            saved = {} if content is None else json.loads(content)
            if saved.get("version") != VERSION:
                return {}
            return {str(digest): datetime.fromisoformat(at).astimezone(UTC) for digest, at in saved["calls"].items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return {}

    def _write(self, calls: Mapping[str, datetime]) -> None:
        try:
            known = self._read()
        except OSError:
            known = {}
        newest = sorted((known | dict(calls)).items(), key=lambda item: item[1])[-MAX_CALLS:]
        saved = {"version": VERSION, "calls": {digest: at.isoformat() for digest, at in newest}}
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path, json.dumps(saved).encode())


def _digest(finding: Finding) -> str:
    """Return a text that is the same at every start for findings that count as the same one."""
    return hashlib.sha256(repr(finding.identity).encode(errors="surrogatepass")).hexdigest()[:16]
