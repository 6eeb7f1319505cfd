"""A batch: the recorded keys, and its runs from their creation on."""

from tests.support.emulator.small_world import a_world, ask, later, refused, shape, started
from tests.support.recordings import recording
from tui.emulator.routes import runs


def test_batch_has_the_recorded_keys() -> None:
    world = a_world()
    parent = started(world, "pipeline")
    while len(parent.children) < 4:
        later(world, 10)
    batch_id = parent.children[1].batch_id
    early = ask(runs.batch, world, id=batch_id).body
    assert (early["status"], early["runCount"]) == ("PENDING", 3)
    later(world, 5000)
    answer = ask(runs.batch, world, id=batch_id).body
    assert shape(answer) == shape(recording("610")["response"]["body"])
    assert answer["runs"] == [child.id for child in parent.children[1:]]
    assert (answer["status"], answer["successfulRunCount"], answer["failedRunCount"]) == ("COMPLETED", 3, 0)
    assert ask(runs.batch_results, world, id=batch_id).body == {"id": batch_id, "items": []}
    unknown = refused(runs.batch, world, id="batch_doesnotexist")
    assert (unknown.status, unknown.body) == (404, recording("613")["response"]["body"])
    assert unknown.headers["x-should-retry"] == "true"
    assert refused(runs.batch, world, id="").status == 404


def test_batch_v2_has_errors() -> None:
    world = a_world()
    parent = started(world, "pipeline", 5000)
    batch_id = parent.children[1].batch_id
    first_version = ask(runs.batch, world, id=batch_id).body
    answer = ask(runs.batch_with_errors, world, id=batch_id).body
    assert answer.pop("processing") == {"completedAt": first_version["createdAt"], "errors": []}
    assert {**answer, "successfulRunCount": 3, "failedRunCount": 0} == first_version
