"""The bulk actions, as a stranger would add them: this file, and its name in `tui/features/lists/__init__.py`."""

from datetime import datetime
from typing import Final

from tui.api.lists import ListRead, RowRead
from tui.api.models import AnyText, Count, Id, JsonObject, Text, Time
from tui.domain.text import Raw
from tui.kit.lists import Clip, ListView
from tui.kit.rows import ListOrder, latest_first
from tui.lazy_dataclass import dataclass
from tui.text.blocks import ListRuns, Said
from tui.text.styled import Piece, Token
from tui.text.table import Column, Table, Wish, shows, value_cell


@dataclass(frozen=True, slots=True)
class BulkAction:
    """A cancel or replay of many runs."""

    id: str
    type: str
    status: str
    created_at: datetime
    name: Raw | None = None
    total: int | None = None
    success: int | None = None
    failure: int | None = None
    completed_at: datetime | None = None


_ROW: Final = JsonObject(
    BulkAction,
    id=Id,
    type=AnyText,
    status=AnyText,
    created_at=("createdAt", Time),
    name=Text("name", min_chars=1),
    total=("counts/total", Count),
    success=("counts/success", Count),
    failure=("counts/failure", Count),
    completed_at=("completedAt", Time),
)
_COLUMNS: Final = (
    Column("name", "name", shows("name"), least=10, wish=Wish(10, 40), cut_to=10, meaning="its name"),
    Column("type", "type", shows("type"), 7, meaning="cancel or replay"),
    Column("status", "status", shows("status"), 10, meaning="how far it is"),
    Column("total", "runs", shows("total"), 6, "right", meaning="how many runs it is about"),
    Column("failure", "failed", shows("failure"), 6, "right", from_width=70, drop_rank=1, meaning="how many failed"),
    Column("age", "age", shows("created_at"), 5, "right", is_ticking=True, meaning="when it began"),
)
VIEW: Final[ListView[BulkAction]] = ListView(
    name="bulk",
    noun="bulk action",
    plural="bulk actions",
    sentence="The bulk actions: cancels and replays of many runs.",
    table=Table(_COLUMNS, lambda row: Piece("⋯" if row.status == "PENDING" else " ", Token.BLUE), strong="name"),
    key=lambda row: row.id,
    title=lambda row: row.name or row.id,
    orders=(
        ListOrder("newest", "newest first", "The newest first.", lambda row: (latest_first(row.created_at),)),
        ListOrder("size", "largest first", "Those of the most runs first.", lambda row: (-(row.total or 0),)),
    ),
    fields={
        "name": lambda row: row.name or "",
        "id": lambda row: row.id,
        "type": lambda row: row.type,
        "status": lambda row: row.status,
    },
    read=ListRead("/api/v1/bulk-actions", _ROW),
    detail=RowRead("/api/v1/bulk-actions/{id}", _ROW),
    facts=lambda row, more, now: [
        Said("status", value_cell((more or row).status, now)),
        Said("runs", value_cell(row.total, now)),
        Said("done", value_cell((more or row).success, now)),
        Said("ended", value_cell(row.completed_at, now)),
    ],
    opens=lambda row, _: ListRuns(f"id:{row.id}"),
    copies=lambda row: (Clip("i", "id of the bulk action", row.id),),
)
