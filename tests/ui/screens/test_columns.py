"""The columns that the user chooses, and the values that they show."""

from datetime import datetime, timedelta
from pathlib import Path

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.run import ABSENT, Body, Precision, Run, RunId, Stamp, State, parse_status
from tui.features.columns.data import value_in_body
from tui.features.columns.words import CellValue, ColumnPath, Unshown
from tui.settings.schema import ColumnEntry, OwnColumns
from tui.store.changes import EPOCH

STATUS, TASK = ColumnEntry("status"), ColumnEntry("task")
BAR = ColumnEntry("metadata.progress", type="bar", width=34)
TITLES = 2
FIRST = 3


def titles(monitor: Monitored) -> list[str]:
    return monitor.lines[TITLES].split()


def reads(monitor: Monitored) -> int:
    """How many runs were read one by one."""
    return sum(path.startswith("/api/v3/runs/") for _, path, _ in monitor.api.fleet.requests)


def completed_fleet(count: int) -> Fleet:
    return fleet_of(
        FleetRun(number, -number * 10.0, -number * 10.0 + 1, -number * 10.0 + 4) for number in range(1, count)
    )


def test_chosen_columns_are_kept_for_the_next_start(tmp_path: Path) -> None:
    async def choose(monitor: Monitored) -> None:
        usual = titles(monitor)
        assert usual[:3] == ["status", "task", "run"]
        await monitor.press("c")
        assert "Columns  default" in monitor.text
        assert not monitor.lines[-1].strip(), "the keys of the list do nothing here"
        await monitor.press("j", "J", "k", "K")
        assert titles(monitor)[:3] == ["run", "status", "task"], "the list behind shows it"
        await monitor.press("escape")
        assert titles(monitor) == usual
        await monitor.press("c", "j", "space", "j", "K", "a")
        # A text field: every letter is text.
        await monitor.press(*"payload.n number")
        await monitor.press("enter", "greater_than_sign", "enter", wait_s=2)
        assert titles(monitor)[:4] == ["status", "run", "n", "took"]
        assert monitor.lines[FIRST].split()[3] == "1"

    async def see(monitor: Monitored) -> None:
        assert titles(monitor)[:4] == ["status", "run", "n", "took"]
        await monitor.press("c")
        assert "Columns  changed by you" in monitor.text
        assert "10 cells  as number" in monitor.text
        await monitor.press("r", "enter")
        assert titles(monitor)[:3] == ["status", "task", "run"]

    run_story(choose, tmp_path, completed_fleet(10))
    run_story(see, tmp_path, completed_fleet(10))


def test_values_are_read_for_visible_rows_alone(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.until(lambda: monitor.screen.run_list.rows.has_rows, "runs")
        rows = len(monitor.screen.run_list.rows.visible_runs)
        assert all(line.split()[3] == "·" for line in monitor.lines[FIRST : FIRST + rows])
        await monitor.later(10)
        numbers = [line.split()[3] for line in monitor.lines[FIRST : FIRST + rows]]
        assert numbers == [str(number) for number in range(1, rows + 1)]
        assert reads(monitor) == rows
        await monitor.later(10)
        assert reads(monitor) == rows, "each is read once"
        await monitor.press("G", wait_s=0.2)
        await monitor.press("exclamation_mark", wait_s=10)
        assert reads(monitor) <= rows + 1, "the list is covered; the detail may read the run under the cursor"
        await monitor.press("escape", wait_s=10)
        assert rows < reads(monitor) <= 2 * rows

    columns = OwnColumns((STATUS, TASK, ColumnEntry("payload.n", width=6), ColumnEntry("age")))
    run_story(story, tmp_path, completed_fleet(50), size=(120, 24), columns=columns, wait_s=0)


def test_metadata_of_the_list_costs_no_request(tmp_path: Path) -> None:
    fleet = small_fleet(10)
    live = fleet.add(FleetRun(900, -1, 0))
    fleet.truth(live).metadata = {"progress": 0.5}

    async def story(monitor: Monitored) -> None:
        assert f"{'━' * 14}{'─' * 15}  50%" in monitor.lines[FIRST]
        assert "·" not in monitor.lines[FIRST + 1]
        await monitor.later(10)
        assert reads(monitor) == 0
        await monitor.resize(62, 24)
        assert titles(monitor) == ["status", "task", "age"]
        await monitor.press("c")
        assert "1 column does not fit" in monitor.text
        await monitor.press("j", "j")
        assert "does not fit" in monitor.lines[monitor.line_of("metadata.progress")]

    columns = OwnColumns((STATUS, TASK, BAR, ColumnEntry("age"), ColumnEntry("no-such-column")))
    run_story(story, tmp_path, fleet, columns=columns, wait_s=1)


SECOND = timedelta(seconds=1)
END = EPOCH + SECOND
RUN = Run(RunId("run_1"), state=State(END, Precision.LIST, parse_status("COMPLETED", ended=True), finished_at=END))


def value(path: ColumnPath, body: Body, at: datetime = END) -> CellValue:
    return value_in_body(RUN, Stamp(at, Precision.DETAIL, at), body, path)


def test_output_read_before_the_end_is_not_known() -> None:
    output, payload = ColumnPath("output", ("id",)), ColumnPath("payload")
    early = Body(payload=7)
    assert value(output, early, EPOCH) is Unshown.NOT_READ
    assert value(payload, early, EPOCH) == 7
    assert value(output, early) is Unshown.MISSING
    assert value(output, Body(output={"id": 3})) == 3
    assert value(output, Body(output_url="https://store.example/x")) is Unshown.APART
    assert value(payload, Body(payload=ABSENT, payload_url="https://store.example/x")) is Unshown.APART
    assert value(payload, Body(payload=None)) is None
