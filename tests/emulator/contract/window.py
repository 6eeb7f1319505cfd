"""The recordings about how far back lists and queries reach: which runs of 0 to 40 days they return."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from tests.emulator.contract.scene import COMPANY, START_MS
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Script, Work
from tui.emulator.world import World

DAY_MS = 86_400_000
NEVER_MS = 10**12
TAG = "rec2-old"
AGES_DAYS = (40, 20, 8, 0)


def aged_world() -> World:
    """A live and a finished run of each age, as in the recordings; of today only a live one."""
    world = World(COMPANY, start_ms=START_MS - 41 * DAY_MS, environment=DEVELOPMENT)
    for days in AGES_DAYS:
        world.advance(START_MS - days * DAY_MS - 30_000)
        for kind, lasts_ms in (("done", 2_000), ("live", NEVER_MS))[0 if days else 1 :]:
            script = Script((Work(lasts_ms),))
            tags = (TAG, f"{TAG}-{days}d-{kind}")
            world.trigger(NewRun(task_id="hello-world", tags=tags, script=script, starts_ms=world.now_ms + 1_000))
    world.advance(START_MS)
    return world


def moved(value: str, recorded: dict[str, Any]) -> str:
    """Move a time in a recorded request to the same distance from the world's time."""
    now = parsedate_to_datetime(recorded["headers"]["date"])
    moment = (
        datetime.fromtimestamp(int(value) / 1000, UTC)
        if value.isdigit()
        else datetime.fromisoformat(value).astimezone(UTC)
    )
    at = datetime.fromtimestamp(START_MS / 1000, UTC) + (moment - now)
    return str(int(at.timestamp() * 1000)) if value.isdigit() else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def ages(body: dict[str, Any], now: datetime) -> Iterator[tuple[int, str]]:
    """The age in days and the status of each run in a response."""
    for row in body["data"] if "data" in body else body["results"]:
        if "tags" in row and TAG not in row["tags"]:
            continue
        at = datetime.fromisoformat(row.get("createdAt") or row["triggered_at"])
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        yield round((now - at) / timedelta(days=1)), str(row.get("status")).upper()
