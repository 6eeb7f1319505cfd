"""Bounds the keys that wait for the app, so that a flood of them ends."""

from typing import Final

MAX_WAITING_KEYS: Final = 2_000
"""The app works off some 500 keys a second. Nobody types so far ahead: more are a file or a paste gone wrong."""

_WAY_OUT_KEYS: Final = frozenset({"question_mark", "ctrl+q", "ctrl+c", "escape"})


class KeyBacklog:
    """Counts the keys that the app has not worked off. One thread calls `admit`, and one `done`."""

    def __init__(self) -> None:
        self._read = 0
        self._done = 0

    def admit(self, key: str) -> bool:
        """Whether the app gets this key; beyond the bound it gets only those that lead out."""
        waiting = self._read - self._done
        is_admitted = waiting < MAX_WAITING_KEYS or (key in _WAY_OUT_KEYS and waiting < 2 * MAX_WAITING_KEYS)
        self._read += is_admitted
        return is_admitted

    def done(self) -> None:
        """Count a key that the app has worked off."""
        self._done += 1
