"""The demo tasks: only the hostile ones attack a terminal."""

import re
from collections.abc import Iterator

from tui.emulator.demo_tasks import COMPANY, HOSTILE_COMPANY
from tui.emulator.environment import PRODUCTION
from tui.emulator.simulation.script import Failure
from tui.emulator.world import World

START_MS = 1_795_528_000_000
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters by which a text attacks a terminal or its reader."""


def test_only_the_hostile_company_writes_control_characters() -> None:
    for company, history, has_some in ((COMPANY, 3_000, False), (HOSTILE_COMPANY, 200, True)):
        runs = World(company, start_ms=START_MS, environment=PRODUCTION, seed=1, rate_per_s=20, history=history).ledger
        some = {(run.task_id, run.status, number % 20): run for number, run in enumerate(runs)}.values()
        written = ([run.payload(), run.output, run.tags, run.failure] for run in some)
        assert any(CONTROLS.search(text) for text in texts_in([*written])) == has_some


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts in a value, however deep."""
    match value:
        case str():
            yield value
        case Failure():
            yield value.message
        case dict():
            yield from texts_in([*value, *value.values()])
        case list() | tuple():
            for each in value:
                yield from texts_in(each)
        case _:
            pass
