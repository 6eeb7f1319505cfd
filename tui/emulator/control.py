"""The routes that no Trigger.dev has: faults to turn on, and the truth about the world to compare with.

What lives here: `/emulator/faults` and `/emulator/world`. They ask for no key and know no fault, and nothing of what
they tell is counted by a rate limit.
"""

import json
from collections import Counter
from collections.abc import Collection
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tui.emulator.emulator import Emulator
from tui.emulator.faults import BadFault
from tui.emulator.rows import iso_time
from tui.emulator.runs import Run
from tui.emulator.script import Json

TOLD_RUNS = 1000


class Control:
    """What steers the emulator."""

    def __init__(self, emulator: Emulator, routes: Collection[str]) -> None:
        self._emulator = emulator
        self._routes = routes

    async def faults(self, request: Request) -> Response:
        """GET tells the faults that are on, POST `{"faults": […]}` replaces them, DELETE turns all of them off."""
        faults = self._emulator.faults
        try:
            if request.method == "POST":
                body = json.loads(await request.body())
                specs = body.get("faults") if isinstance(body, dict) else body
                if not isinstance(specs, list):
                    raise BadFault('the body is {"faults": [...]}')  # noqa: TRY301  one surface for all of them
                faults.set(specs, self._routes)
            elif request.method == "DELETE":
                faults.set([], self._routes)
        except (BadFault, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"faults": faults.specs, "routes": sorted(self._routes)})

    async def world(self, request: Request) -> Response:
        """The truth: `?environment=dev`, the newest `?limit=1000` runs (or `all`), counts by status and by label."""
        slug = request.query_params.get("environment", self._emulator.environments[0].slug)
        limit = request.query_params.get("limit", str(TOLD_RUNS))
        if not self._emulator.is_known(slug) or not (limit == "all" or limit.isdigit()):
            return JSONResponse({"error": "environment=dev|prod, limit=<number>|all"}, 400)
        world = await self._emulator.world(slug)
        runs = reversed(world.ledger.by_number.values())
        labels = Counter(run.label.value for run in world.ledger if run.label)
        return JSONResponse(
            {
                "environment": slug,
                "now": iso_time(world.now_ms),
                "count": len(world.ledger),
                "statuses": dict(sorted(Counter(run.status.rest for run in world.ledger).items())),
                "labels": dict(sorted(labels.items())),
                "runs": [truth(run) for run in (runs if limit == "all" else islice(runs, int(limit)))],
            }
        )


def truth(run: Run) -> Json:
    """What is true of a run now, whatever lists know."""
    return {
        "id": run.id,
        "taskIdentifier": run.task_id,
        "status": run.status.rest,
        "label": run.label.value if run.label else None,
        "version": run.version or None,
        "createdAt": iso_time(run.created_ms),
        "updatedAt": iso_time(run.updated_ms),
        "finishedAt": iso_time(run.finished_ms) if run.finished_ms else None,
        "attemptCount": len(run.attempts),
        "depth": run.depth,
        "parent": run.parent.id if run.parent else None,
        "root": run.root.id if run.root else None,
        "tags": list(run.tags),
    }
