"""Which queue, machine and error group a row gets from the filters of its request."""

from pathlib import Path

from tests.support.domain.patches import patch_of
from tests.support.fleet import HELD, Fleet, FleetRun, fleet_of
from tests.support.session import polling
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.emulator.simulation.runs import NewRun
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.sync.lists import with_filtered_fields


async def test_runs_listed_by_one_queue_get_that_queue(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -number * 10.0) for number in range(1, 4)))
    filters = RunFilters(queues=(HELD,))

    async with polling(fleet, tmp_path, filters=filters) as (session, later):
        await later(2)
        shown = with_server_filters(filters, EVERYTHING)
        assert len(session.store) == 3
        assert all(shown.matches(run) for run in session.store.runs())


async def test_bare_queue_name_also_lists_the_queue_of_that_task(tmp_path: Path) -> None:
    filters = RunFilters(queues=("mail",))

    fleet = Fleet(VirtualClock())
    async with polling(fleet, tmp_path, filters=filters) as (session, later):
        for task, queue in (("mail", "task/mail"), ("send", "mail"), ("mail", "other")):
            fleet.world.lifecycle.create(NewRun(task_id=task, queue=queue))
        await later(5)
        found = {(run.fixed.task, run.fixed.queue) for run in session.store.runs()}
        assert found == {("mail", "task/mail"), ("send", "mail")}
        assert all(with_server_filters(filters, EVERYTHING).matches(run) for run in session.store.runs())


async def test_runs_listed_by_an_error_are_those_of_the_server(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    ends = [("mail", "no host"), ("mail", "no host"), ("mail", "no route"), ("sync", "no host"), ("mail", "no host")]
    fleet.add_all(
        FleetRun(number, -90.0 + 10 * number, -89.0, 10.0 if number == 4 else -80.0, "FAILED", task=task, message=text)
        for number, (task, text) in enumerate(ends)
    )
    fingerprint = sure(fleet.truth(fleet.runs[0]).failure)
    filters = RunFilters(tasks=(TaskId("mail"),), errors=(f"error_{fingerprint.fingerprint}",))

    async with polling(fleet, tmp_path, filters=filters) as (session, later):
        shown = with_server_filters(filters, EVERYTHING)

        def found() -> set[int]:
            return {int(run.id.removeprefix("run_")) for run in session.store.runs() if shown.matches(run)}

        await later(5)
        assert found() == {0, 1}
        await later(10)
        assert found() == {0, 1, 4}, "it has failed meanwhile"


def test_rows_of_a_server_without_the_filter_get_no_error() -> None:
    failed = patch_of("run_a", "FAILED")
    filters = RunFilters(errors=("error_1",))
    for patches, group in (((failed,), "1"), ((failed, patch_of("run_b", "COMPLETED")), None)):
        assert {patch.fixed and patch.fixed.error_group for patch in with_filtered_fields(filters, patches)} == {group}
