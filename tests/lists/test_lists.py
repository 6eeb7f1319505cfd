"""Each declared list: its columns, orders and fields, its screen, its command, and its way through a relay.

A fourth list, `bulk_actions.py` beside this file, has everything that the others have, by one file and its name.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.lists import bulk_actions
from tests.support.commands import in_this_process
from tests.support.fleet import Fleet, serving
from tests.support.present.samples import NOW
from tests.support.recordings import body_of
from tests.support.relay import relay_setup, screen_on
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.ui.outgoing.test_copying import taken
from tui import features
from tui.api.errors import Limits
from tui.api.lists import GetRequest, only_declared
from tui.features.columns.data import ChosenColumns
from tui.kit.list_panes import ListScreen
from tui.kit.lists import ListView
from tui.relay.server import RelayOptions
from tui.store import addresses
from tui.store.addresses import ViewAddress, parse_address, register_list
from tui.text.blocks import ListRuns, Now
from tui.text.styled import line_width
from tui.text.table import EDGES, GAP, Print

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "schedules": {"/api/v1/schedules": "2800", "/api/v1/runs": "1242"},
    "deployments": {"/api/v1/deployments": "824", "/api/v1/deployments/deployment_4k5hgqs1iu11uv4wgsf9z": "827"},
    "tokens": {"/api/v1/waitpoints/tokens": "1106"},
    "bulk": {"/api/v1/bulk-actions": "506", "/api/v1/bulk-actions/bulk_cmwuri6j1006r9f7d0yuzh2y4": "502"},
}
"""The recordings that answer the requests of a list."""

SECRET = "0" * 64
"""The secret at the end of each recorded callback address."""


@pytest.fixture(autouse=True)
def fourth_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the fourth list, as its row in `LISTS` would."""
    monkeypatch.setitem(features.LISTS, "bulk", lambda: bulk_actions.VIEW)
    monkeypatch.setitem(features.COMMANDS, "bulk", partial(features.command_of_list, "bulk"))
    monkeypatch.setitem(addresses.VIEWS, "bulk", addresses.VIEWS["tokens"])
    register_list("bulk", lambda: [order.id for order in bulk_actions.VIEW.orders], lambda: bulk_actions.VIEW.sentence)


def view_of(name: str) -> ListView[Any]:
    return features.LISTS[name]()


def rows_of(name: str) -> list[Any]:
    read = view_of(name).read
    assert read is not None
    return list(read.decode(body_of(ANSWERS[name][read.path]), Limits()).rows)


def asked_of(name: str, fleet: Fleet) -> int:
    """Return how often a list was read. The monitor itself reads the tokens that wait, by a filter."""
    read = view_of(name).read
    assert read is not None
    return sum(not any("filter" in key for key in query) for _, query in fleet.requests_to(read.path))


def answering(name: str, fleet: Fleet) -> Fleet:
    """Let a fleet answer the requests of a list from the recordings."""
    own = ANSWERS[name]

    def fault(path: str) -> Response | None:
        is_own = path in own and (path != "/api/v1/runs" or "filter[schedule]" in fleet.query)
        return Response(body_of(own[path]), media_type="application/json") if is_own else None

    fleet.fault = fault
    return fleet


NAMES = pytest.mark.parametrize("name", [*features.LISTED, "bulk"])


@NAMES
def test_declaration_says_all(name: str) -> None:
    view = view_of(name)
    ids = [column.id for column in view.table.columns]
    assert len({*ids}) == len(ids)
    assert view.table.strong in ids
    assert all(column.meaning for column in view.table.columns)
    assert len({order.id for order in view.orders}) == len(view.orders) >= 2
    assert all(order.sentence.endswith(".") for order in view.orders)
    for row in rows_of(name):
        for field, of in view.fields.items():
            if (text := of(row)) and '"' not in text:
                assert view.filter(f'{field}:"{text}"')(row)
                assert view.filter(text.split()[0])(row)
        assert not view.filter("-" + view.title(row).split()[0])(row)
        json.dumps(view.json_of(row))


@NAMES
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_rows_and_prints_fit(name: str, width: int) -> None:
    view, rows = view_of(name), rows_of(name)
    slots = view.table.slots(width)
    now = Now(NOW)
    if width >= 80:
        assert sum(slot.width for slot in slots) + GAP * (len(slots) - 1) <= width - EDGES
        assert all(line_width(view.table.row(row, slots, now)) <= width for row in rows)
    assert all(line_width(line) <= max(width, 60) for line in Print(view.table, width).page(rows, now.at))


@NAMES
def test_no_secret_leaves_the_relay_or_the_rows(name: str) -> None:
    view = view_of(name)
    assert view.read is not None
    body = only_declared(view.read, body_of(ANSWERS[name][view.read.path]))
    assert SECRET not in body.decode()
    assert "callback" not in body.decode()
    assert list(view.read.decode(body, Limits()).rows) == rows_of(name)
    said = [str(view.json_of(row)) + view.title(row) + str(view.copies(row)) for row in rows_of(name)]
    assert "callback" not in "".join(said)
    if view.detail is not None:
        answer = body_of(next(number for path, number in ANSWERS[name].items() if path != view.read.path))
        kept = only_declared(view.detail, answer)
        assert b"buildToken" not in kept
        assert view.detail.decode(kept, Limits()) == view.detail.decode(answer, Limits())


@NAMES
def test_screen_has_what_every_list_has(name: str, tmp_path: Path) -> None:
    view, rows = view_of(name), rows_of(name)
    written: list[str] = []

    async def story(monitor: Monitored) -> None:
        app = monitor.app
        await monitor.press("colon", *name, "enter", wait_s=3)
        screen = app.screen
        assert isinstance(screen, ListScreen)
        assert f"1:{name} · {view.orders[0].words}" in monitor.lines[1]
        assert f"{len(rows)} {view.noun}" in monitor.lines[1]
        first = screen.rows.list.current
        assert view.title(first)[:12] in monitor.text
        for size in ((200, 60), (80, 24)):
            await monitor.resize(*size)
            assert f"{len(rows)} {view.noun}" in monitor.lines[1]
            assert view.title(first)[:12] in monitor.text
        await monitor.press("s", wait_s=1)
        assert f"· {view.orders[1].words}" in monitor.lines[1]
        assert app.doors.address_of(screen) == ViewAddress(name, sort=view.orders[1].id)
        assert parse_address(str(app.doors.address_of(screen))) == app.doors.address_of(screen)
        await monitor.press("slash", *"zzz", "enter", wait_s=1)
        assert f"No {view.noun} contains these words" in monitor.text
        await monitor.press("escape", "space", wait_s=1)
        assert "1 marked" in monitor.lines[1]
        app.write = written.append  # type: ignore[assignment, method-assign]
        await monitor.press("y", wait_s=1)
        assert taken(written[-1]) in {view.copies(row)[0].text for row in rows}
        await monitor.press("escape", "c", wait_s=1)
        assert "Columns  default" in monitor.text
        await monitor.press("j", "space", "enter", wait_s=1)
        assert app.part(ChosenColumns).shown(name) is not None
        await monitor.press("question_mark", wait_s=1)
        assert "choose what to copy" in monitor.text
        await monitor.press("escape", "escape", wait_s=1)
        assert app.screen is monitor.screen

    run_story(story, tmp_path, answering(name, small_fleet(3)))


def test_enter_lists_the_runs_of_a_schedule_and_leads_back(tmp_path: Path) -> None:
    fleet = answering("schedules", small_fleet(3))

    async def story(monitor: Monitored) -> None:
        await monitor.press("colon", *"schedules", "enter", wait_s=3)
        assert "last run" in monitor.text
        await monitor.press("enter", wait_s=3)
        assert monitor.app.screen is monitor.screen
        asked = [query for _, query in fleet.requests_to("/api/v1/runs") if "page[size]" in query]
        assert asked[-1]["filter[schedule]"] == rows_of("schedules")[0].id
        assert "schedule sched_" in monitor.lines[1]
        await monitor.press("escape", wait_s=1)
        assert isinstance(monitor.app.screen, ListScreen)

    run_story(story, tmp_path, fleet, size=(160, 40))


def test_nothing_is_asked_while_nobody_looks(tmp_path: Path) -> None:
    name = "schedules"
    fleet = answering(name, small_fleet(3))

    async def story(monitor: Monitored) -> None:
        await monitor.later(35)
        assert asked_of(name, fleet) == 0
        await monitor.press("colon", *name, "enter", wait_s=35)
        assert asked_of(name, fleet) == 2
        await monitor.press("escape", wait_s=35)
        assert asked_of(name, fleet) == 2

    run_story(story, tmp_path, fleet, size=(80, 24))


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("tokens", 403, "This key may not read the {}: "),
        ("bulk", 404, "This server has no list of {} (404). r tries again."),
    ],
)
def test_refused_list_says_why_and_is_not_asked_again(name: str, status: int, words: str, tmp_path: Path) -> None:
    fleet, read = small_fleet(3), view_of(name).read
    assert read is not None
    refused = JSONResponse({"error": "no"}, status_code=status)
    fleet.fault = lambda path: refused if path == read.path else None

    async def story(monitor: Monitored) -> None:
        await monitor.later(35)
        assert isinstance(monitor.app.screen, ListScreen), "the monitor starts at the address of a list"
        assert words.format(view_of(name).rows_name) in monitor.text
        assert asked_of(name, fleet) == 1

    run_story(story, tmp_path, fleet, size=(80, 24), address=parse_address(f"{name}?"))


def test_filter_is_not_blamed_for_an_empty_list(tmp_path: Path) -> None:
    fleet = small_fleet(3)
    nothing = JSONResponse({"data": [], "pagination": {}})
    fleet.fault = lambda path: nothing if path == "/api/v1/waitpoints/tokens" else None

    async def story(monitor: Monitored) -> None:
        await monitor.press("colon", *"tokens", "enter", wait_s=3)
        await monitor.press("slash", *"zzz", "enter", wait_s=1)
        assert "contains these words" not in monitor.text
        assert "token" in monitor.text

    run_story(story, tmp_path, fleet)


def test_enter_does_not_say_that_no_run_belongs_to_an_unread_row(tmp_path: Path) -> None:
    fleet = answering("bulk", small_fleet(3))

    async def story(monitor: Monitored) -> None:
        view = replace(bulk_actions.VIEW, opens=lambda _, more: ListRuns(f"id:{more.id}") if more else None)
        features.LISTS["bulk"] = lambda: view
        await monitor.press("colon", *"bulk", "enter", wait_s=1)
        fleet.fault = lambda path: (
            JSONResponse({}, status_code=503) if path.startswith("/api/v1/bulk-actions/") else None
        )
        await monitor.press("j", "j", "enter")
        assert "the runs of this bulk action" in monitor.text

    run_story(story, tmp_path, fleet)


@NAMES
def test_command_prints_rows_and_objects(name: str) -> None:
    rows = rows_of(name)
    with serving(answering(name, small_fleet(3))) as api:
        table = in_this_process(name, url=api.url)
        assert (table.code, len(table.out.splitlines())) == (0, 1 + len(rows))
        objects = in_this_process(name, "--json", url=api.url).objects
        assert {each["id"] for each in objects} == {row.id for row in rows}
        api.fleet.fault = lambda _: JSONResponse({"data": [], "pagination": {}})
        empty = in_this_process(name, url=api.url)
        assert (empty.code, empty.out) == (0, "")
        assert "no" in empty.err


@NAMES
def test_screen_of_a_relay_reads_the_list_and_nothing_else(name: str, tmp_path: Path) -> None:
    view = view_of(name)
    read = view.read
    assert read is not None

    async def scenario() -> None:
        fleet = answering(name, small_fleet(3))
        options = RelayOptions(lists=(read,))
        async with relay_setup(fleet, tmp_path, options=options) as setup, screen_on(setup) as screen:
            await setup.run_until(lambda: len(screen.store) == 3)
            work = asyncio.create_task(screen.fetcher.read_list(read, None))
            await setup.run_until(work.done)
            assert work.result()[:2] == (rows_of(name), False)
            stranger = asyncio.create_task(screen.fetcher.api.fetch_response(GetRequest("/api/v1/whoami")))
            await setup.run_until(stranger.done)
            assert stranger.result().status == 404
            assert not fleet.requests_to("/api/v1/whoami?x")

    asyncio.run(scenario())


def test_pages_are_read_by_their_cursors() -> None:
    fleet = small_fleet(3)

    def fault(path: str) -> Response | None:
        number = "506" if "page[after]" in fleet.query else "2840"
        return Response(body_of(number), media_type="application/json") if path == "/api/v1/bulk-actions" else None

    fleet.fault = fault
    with serving(fleet) as api:
        assert len(in_this_process("bulk", "--json", url=api.url).objects) == 5
    assert [("page[after]" in query) for _, query in fleet.requests_to("/api/v1/bulk-actions")] == [False, True]
