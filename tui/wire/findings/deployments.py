"""Decodes the list of deployments.

Source: tests/wire/recordings/README.md §7 (recordings 820-824).
"""

from datetime import datetime
from typing import Annotated, Any, Final, Required, TypedDict

from tui.domain.findings.facts import MAX_DEPLOYMENTS, Deployment
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.wire.limits import MAX_PAGE_ROWS, Limits
from tui.wire.models import decode
from tui.wire.schemas import OmittedOnError, none_on_error, of_length
from tui.wire.times import read_time

DEPLOYED: Final = "DEPLOYED"

_Text = OmittedOnError[str]
_GIT_NAMES: Final = ("commitAuthorName", "ghUsername")
_GIT_COMMITS: Final = ("commitSha", "commitMessage")
"""Keys of `git`, from the source of the server: in every recording it is null."""


class DeploymentRow(TypedDict, total=False):
    """A deployment. Dates are still texts."""

    version: Required[Annotated[str, of_length(1)]]
    status: Required[str]
    deployedAt: _Text
    git: OmittedOnError[dict[str, Any]]


class DeploymentRows(TypedDict, total=False):
    """The response of `GET /api/v1/deployments`; an unreadable row is None."""

    data: Required[list[Annotated[DeploymentRow | None, none_on_error]]]


@dataclass(frozen=True, slots=True)
class DeploymentsPage:
    """The newest deployments, newest first. `unreadable` counts dropped rows."""

    deployments: tuple[Deployment, ...]
    unreadable: int = 0


def decode_deployments(body: bytes, limits: Limits) -> DeploymentsPage:
    """Decode the response of `GET /api/v1/deployments`, without those that are not deployed. Raises `ServerFault`."""
    page = decode(DeploymentRows, body, "the list of deployments", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "deployments on a page")
    found = [
        _read_deployment(row, at, limits)
        for row in rows
        if row is not None and row["status"] == DEPLOYED and (at := read_time(row.get("deployedAt"))) is not None
    ]
    newest = sorted(found, key=lambda each: each.deployed_at, reverse=True)
    return DeploymentsPage(tuple(newest[:MAX_DEPLOYMENTS]), rows.count(None))


def _read_deployment(row: DeploymentRow, deployed_at: datetime, limits: Limits) -> Deployment:
    git = row.get("git", {})
    return Deployment(
        Raw(limits.text(row["version"], "version")),
        deployed_at,
        _first_text(git, _GIT_NAMES, limits),
        _first_text(git, _GIT_COMMITS, limits),
    )


def _first_text(git: dict[str, Json], names: tuple[str, ...], limits: Limits) -> Raw | None:
    texts = (value for name in names if isinstance(value := git.get(name), str) and value)
    text = next(texts, None)
    return None if text is None else Raw(limits.text(text, "text of a commit"))
