"""The deployments of an environment, as its API lists them.

A development environment has none: its versions are those of a worker on somebody's machine.
"""

from collections import deque
from dataclasses import dataclass

from tui.emulator.simulation.names import base36, digest

MAX_DEPLOYMENTS = 1_000
"""The oldest deployment goes above this number."""

_ID_LENGTH = 21
_CODE_LENGTH = 8
_BUILD_MS = (25_000, 70_000)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version, which runs use from `deployed_ms` on."""

    number: int
    id: str
    short_code: str
    version: str
    created_ms: int
    deployed_ms: int


class Deployments:
    """The newest deployments of an environment, the oldest first."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0
        self._all: deque[Deployment] = deque(maxlen=MAX_DEPLOYMENTS)

    def add(self, version: str, deployed_ms: int) -> None:
        """Record that a version was deployed, unless it is already. "" means that the deployed one was removed."""
        if not version:
            self._all.clear()
            return
        if self._all and self._all[-1].version == version:
            return
        self._count += 1
        chance = digest(self._seed, "deployment", self._count, size=16)
        build_ms = _BUILD_MS[0] + chance % (_BUILD_MS[1] - _BUILD_MS[0])
        key, code = base36(chance, _ID_LENGTH), base36(chance >> 64, _CODE_LENGTH)
        self._all.append(
            Deployment(self._count, f"deployment_{key}", code, version, deployed_ms - build_ms, deployed_ms)
        )

    def newest_first(self) -> list[Deployment]:
        return list(reversed(self._all))

    def find(self, key: str) -> Deployment | None:
        return next((each for each in self._all if each.id == key), None)
