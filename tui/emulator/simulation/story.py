"""A story: what happens at chosen moments of a world, beside its random events.

`stories` tells them. A world creates the runs of its story, deploys its versions, and knows which runs it touches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.new_run import OldRun
from tui.emulator.simulation.runs import Run

QUIET_MS = 900_000


@dataclass(frozen=True, slots=True)
class ScriptedDeploy:
    """A version that is deployed at a time, in epoch milliseconds.

    `bugs` maps a task to the error that each `bug_every`-th run of it throws. Random deployments stop `QUIET_MS` before
    the first one, and go on after one without bugs.
    """

    at_ms: int
    bugs: Mapping[str, Failure] = field(default_factory=dict)
    bug_every: int = 2


@dataclass(frozen=True, slots=True)
class Silence:
    """A schedule that starts no run from a due time on, in epoch milliseconds, although it is active.

    `spread_ms` is how long after each due time the server announces its run.
    """

    task_id: str
    from_ms: int
    spread_ms: int


def _touches_none(_: Run) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in a world. `event_ms` is the moment that the story is about, None where nothing happens.

    `past` are runs that are triggered only if they are older than the history; they come on top of it. `runs` are
    triggered in any case. `touches` says whether a run carries the story's name as its label.
    """

    name: str
    event_ms: int | None = None
    past: Sequence[OldRun] = ()
    runs: Sequence[OldRun] = ()
    deploys: Sequence[ScriptedDeploy] = ()
    silence: Silence | None = None
    touches: Callable[[Run], bool] = _touches_none


NO_STORY = Story("")
