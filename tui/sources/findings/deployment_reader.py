"""Reads the deployments, early when a run has a version that none of them names."""

from collections.abc import Callable

from tui.domain.findings.facts import DeploymentsRead, WallFacts
from tui.domain.text import Raw
from tui.sources.findings.allowance import Rank
from tui.sources.findings.requests import FactRequests
from tui.wire.findings.reader import FactReader

NewestVersion = Callable[[], Raw | None]
"""Returns the version of the newest run that has one."""


class DeploymentReader:
    """Reads deployments for one session."""

    def __init__(
        self,
        requests: FactRequests,
        reader: FactReader,
        known: Callable[[], WallFacts],
        newest_version: NewestVersion,
    ) -> None:
        self._requests = requests
        self._reader = reader
        self._known = known
        self._newest_version = newest_version
        self._asked_for: Raw | None = None

    async def read(self, rank: Rank = Rank.DEPLOYMENTS) -> DeploymentsRead:
        """Read the newest deployments. Raises `ApiError`."""
        now = self._requests.now()
        page = await self._requests.send("deployments", rank, self._reader.read_deployments)
        return DeploymentsRead(now, page.deployments)

    def takes_unnamed(self) -> bool:
        """Return whether a version runs that no read deployment names: true once for each version.

        Versions of a development environment are not deployed: its list is empty.
        """
        version, read = self._newest_version(), self._known().deployments
        if version is None or read is None or not read.deployments or version == self._asked_for:
            return False
        self._asked_for = version
        return all(each.version != version for each in read.deployments)
