"""The deployments: which versions were deployed. Source: tests/wire/recordings/README.md §7 (820-827, 1080, 1082)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tui.api.facts import COMMIT, DEPLOYMENTS, ListedDeployment
from tui.api.lists import PAGE_SIZE, RowRead
from tui.api.models import Items, JsonObject, Text
from tui.domain.filters import RunFilters
from tui.domain.text import Raw
from tui.kit.lists import Clip, ListView
from tui.kit.rows import ListOrder, latest_first
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import ListRuns, Now, Said
from tui.text.styled import Line, Piece, Token
from tui.text.table import Column, Table, Wish, shows, value_cell


@dataclass(frozen=True, slots=True)
class DeploymentDetail:
    """More of one deployment: its worker with its tasks, its image, and why it failed."""

    tasks: tuple[Raw, ...] | None = None
    image: Raw | None = None
    commit: Raw | None = None
    error: Raw | None = None
    reason: Raw | None = None


_TASK: Final = JsonObject(Raw, lambda slug: slug, slug=Text("task", min_chars=1))
_TOKENS: Final = {"DEPLOYED": Token.TEXT, "FAILED": Token.ROSE, "TIMED_OUT": Token.ROSE, "CANCELED": Token.MUTED}


def _facts(row: ListedDeployment, more: DeploymentDetail | None, now: Now) -> Sequence[Said]:
    more = more or DeploymentDetail()
    tasks = None if more.tasks is None else formatting.plural(len(more.tasks), "task")
    return [
        Said("status", (Piece(row.status, _TOKENS.get(row.status, Token.BLUE)),)),
        *(Said("why", value_cell(text, now, Token.ROSE)) for text in (more.error, more.reason) if text),
        Said("deployed", value_cell(row.deployed_at, now)),
        Said("runtime", value_cell(row.runtime, now)),
        Said("git", value_cell(row.git or more.commit, now), (Piece(row.author or "", Token.FAINT),)),
        Said("worker", value_cell(tasks, now), (Piece(", ".join(more.tasks or ()), Token.FAINT),)),
        Said("image", value_cell(more.image, now, Token.MUTED)),
    ]


def _status(row: ListedDeployment, _now: Now, _width: int) -> Line:
    return (Piece(row.status, _TOKENS.get(row.status, Token.BLUE)),)


def _glyph(row: ListedDeployment) -> Piece:
    sign = {"DEPLOYED": "✓", "FAILED": "✗", "TIMED_OUT": "✗"}.get(row.status, "·")
    return Piece(sign, _TOKENS.get(row.status, Token.BLUE))


_COLUMNS: Final = (
    Column("version", "version", shows("version", Token.BRIGHT), 13, meaning="the version of the code"),
    Column("status", "status", _status, 11, meaning="deployed, failed, timed out …"),
    Column("deployed", "deployed", shows("deployed_at"), 8, "right", is_ticking=True, meaning="when it was deployed"),
    Column("created", "created", shows("created_at"), 7, "right", 72, is_ticking=True, drop_rank=1, meaning="its age",
           order="newest"),
    Column("git", "git", shows("git", Token.MUTED), least=8, wish=Wish(8, 60), cut_to=12, meaning="the commit"),
    Column("runtime", "runtime", shows("runtime", Token.MUTED), 10, from_width=96, drop_rank=2, meaning="the runtime"),
)  # fmt: skip
VIEW: Final[ListView[ListedDeployment]] = ListView(
    name="deployments",
    noun="deployment",
    sentence="The deployments: the versions of the code, and whether each was deployed.",
    table=Table(_COLUMNS, _glyph, strong="version"),
    key=lambda row: row.id,
    title=lambda row: row.version,
    orders=(
        ListOrder("newest", "newest first", "Newest deployments first.", lambda row: (latest_first(row.created_at),)),
        ListOrder("status", "by status", "By status.", lambda row: (row.status,)),
    ),
    fields={
        "version": lambda row: row.version,
        "status": lambda row: row.status,
        "git": lambda row: " ".join(each for each in (row.message, row.commit, row.author) if each),
        "id": lambda row: row.id,
    },
    read=replace(DEPLOYMENTS, page_size=PAGE_SIZE, max_rows=200),
    detail=RowRead(
        "/api/v1/deployments/{id}",
        JsonObject(
            DeploymentDetail,
            tasks=("worker/tasks", Items(_TASK, 500, "tasks of a deployment")),
            image=("imageReference", Text("image")),
            commit=("commitSHA", COMMIT),
            error=("errorData/message", Text("error of a deployment")),
            reason=("canceledReason", Text("reason")),
        ),
        has_own_limit=True,
    ),
    facts=_facts,
    opens=lambda row, _: ListRuns("", filters=RunFilters(versions=(row.version,))),
    copies=lambda row: (Clip("v", "version", row.version), Clip("i", "id of the deployment", row.id)),
    none_in={"DEVELOPMENT": "A development environment has no deployments: `trigger dev` runs the code as it is."},
)
