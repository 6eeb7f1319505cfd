"""Reading the server's groups of errors: pages, refusals and failures, and how often they are requested."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.failures import ERRORS, HOUR, ShownFailures, failing_fleet
from tests.support.fleet import Fleet, serving
from tests.support.recordings import recording
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import Later, pass_time, started
from tests.support.sure import sure
from tui.api.errors import NotFound
from tui.domain.filters import RunFilters
from tui.domain.run import ErrorGroupId

ROWS: list[dict[str, Any]] = recording("1030")["response"]["body"]["data"]
# The id comes from the error alone, so that another task may have a group with the same id.
ROWS.insert(4, ROWS[0] | {"taskIdentifier": "other-task"})
SIZE = 5


def page(fleet: Fleet) -> Response:
    """A page of the recorded groups. The cursor is the number of the first row."""
    start = int(fleet.query.get("page[after]", "0"))
    following = {"next": str(start + SIZE)} if start + SIZE < len(ROWS) else {}
    return JSONResponse({"data": ROWS[start : start + SIZE], "pagination": following})


def in_groups(fleet: Fleet, answer: Callable[[], Response]) -> None:
    fleet.fault = lambda path: answer() if path.startswith(ERRORS) else None


@asynccontextmanager
async def reading_groups(tmp_path: Path, answer: Any = None) -> AsyncIterator[tuple[Fleet, ShownFailures, Later]]:
    """An errors view that is shown from the start."""
    fleet = failing_fleet(2)
    in_groups(fleet, answer or (lambda: page(fleet)))
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            shown = ShownFailures(session)
            shown.reading.start(HOUR, RunFilters())
            later = partial(pass_time, session, api)
            await later(3)
            yield fleet, shown, later


async def test_all_pages_are_read_every_minute_while_shown(tmp_path: Path) -> None:
    async with reading_groups(tmp_path) as (fleet, shown, later):
        groups = shown.reading.groups.result
        assert [group.id for group in sure(groups.groups)] == [row["id"] for row in ROWS]
        assert (groups.refusal, groups.failure) == ("", "")
        assert [query.get("page[after]") for _, query in fleet.requests_to(ERRORS)] == [None, "5", "10"]
        assert {query["filter[period]"] for _, query in fleet.requests_to(ERRORS)} == {"1h"}
        await later(59)
        assert len(fleet.requests_to(ERRORS)) == 3 * 2
        shown.reading.stop()
        await later(70)
        assert len(fleet.requests_to(ERRORS)) == 3 * 2


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: server_error(403, "Unauthorized"), "the key may not read the server's error groups (403)"),
        (lambda: server_error(401, "Invalid API key"), "the key may not read the server's error groups (401)"),
        (lambda: server_error(404, "Not found"), "the server has no error groups (404)"),
        (lambda: Response("<html>no such page</html>", 404, media_type="text/html"), "no error groups (404)"),
    ],
    ids=["403", "401", "404", "404 page"],
)
async def test_refused_groups_are_requested_once_a_session(
    tmp_path: Path, answer: Callable[[], Response], sentence: str
) -> None:
    async with reading_groups(tmp_path, answer) as (fleet, shown, later):
        await later(70)
        shown.reading.stop()
        shown.reading.start(HOUR, RunFilters())
        await later(70)
        assert len(fleet.requests_to(ERRORS)) == 1
        assert sentence in shown.reading.groups.result.refusal
        assert shown.reading.groups.result.groups is None


@pytest.mark.parametrize(
    "answer",
    [
        lambda: server_error(500),
        TruncatedResponse,
        lambda: JSONResponse([1, 2]),
        lambda: JSONResponse({"error": "slow down"}, 429),
        lambda: server_error(400, "Query Error"),
    ],
    ids=["500", "cut", "invalid", "429", "400"],
)
async def test_failed_read_keeps_the_groups_and_is_tried_again(tmp_path: Path, answer: Callable[[], Response]) -> None:
    async with reading_groups(tmp_path) as (fleet, shown, later):
        before = shown.reading.groups.result
        in_groups(fleet, answer)
        await later(120)
        assert shown.reading.groups.result.failure
        assert shown.reading.groups.result.groups == before.groups
        in_groups(fleet, lambda: page(fleet))
        await later(90)
        assert (shown.reading.groups.result.failure, shown.reading.groups.result.groups) == ("", before.groups)


async def test_groups_are_not_read_at_each_opening(tmp_path: Path) -> None:
    async with reading_groups(tmp_path) as (fleet, shown, later):
        for _ in range(8):
            shown.reading.start(HOUR, RunFilters())
            await later(0.2)
            shown.reading.stop()
        assert len(fleet.requests_to(ERRORS)) == 3
        shown.reading.start(HOUR, RunFilters())
        await later(6)
        assert len(fleet.requests_to(ERRORS)) == 3 * 2
        shown.reading.start(2 * HOUR, RunFilters())
        await later(1)
        assert len(fleet.requests_to(ERRORS)) == 3 * 3


async def test_endless_pages_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.failures.MAX_PAGES", 3)
    numbers = iter(range(1_000))

    def answer() -> Response:
        number = next(numbers)
        row = ROWS[0] | {"id": f"error_{number}"}
        return JSONResponse({"data": [row], "pagination": {"next": str(number)}})

    async with reading_groups(tmp_path, answer) as (fleet, shown, _):
        groups = shown.reading.groups.result
        assert len(sure(groups.groups)) == 3
        assert len(fleet.requests_to(ERRORS)) == 3


async def test_detail_of_a_group_is_read_on_request(tmp_path: Path) -> None:
    detail = recording("1020")["response"]["body"]
    known = ErrorGroupId(detail["id"])

    async with reading_groups(tmp_path, lambda: JSONResponse(detail)) as (_, shown, __):
        group = await shown.reading.groups.read_detail(known)
        assert list(group.versions) == detail["affectedVersions"]
        with pytest.raises(NotFound):
            await shown.reading.groups.read_detail(ErrorGroupId(".."))
