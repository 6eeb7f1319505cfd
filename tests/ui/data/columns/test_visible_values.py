"""Values out of payloads and outputs that were read before or after the end of a run."""

from datetime import datetime, timedelta

from tui.domain.run import ABSENT, Body, Precision, Run, RunId, Stamp, State, parse_status
from tui.features.columns.data import value_in_body
from tui.features.columns.words import CellValue, ColumnPath, Unshown
from tui.store.changes import EPOCH

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
