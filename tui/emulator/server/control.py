"""The control routes: `/emulator/faults` sets faults, `/emulator/world` returns the true state of every run, and
`/emulator/storm` lets many runs fail.

They need no key, no fault affects them, and they count against no rate limit.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from tui.emulator.rest.rows import iso_time
from tui.emulator.server.emulator import Emulator
from tui.emulator.server.faults import BadFault
from tui.emulator.server.responses import JSON, as_json
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json

DEFAULT_RUNS = 1000
MAX_LIMIT_DIGITS = 9

STORM_RUNS = 900
STORM_S = 60
MAX_STORM_RUNS = 20_000
MAX_STORM_S = 3600


class Control:
    """Answers the control routes."""

    def __init__(self, emulator: Emulator, routes: Collection[str]) -> None:
        self._emulator = emulator
        self._routes = routes

    async def faults(self, request: Request) -> Response:
        """GET lists the active faults, POST `{"faults": […]}` replaces them, DELETE removes all of them."""
        faults = self._emulator.faults
        self._emulator.sockets.exempt = request.client
        try:
            if request.method == "POST":
                body = json.loads(await request.body())
                specs = body.get("faults") if isinstance(body, dict) else body
                if not isinstance(specs, list):
                    raise BadFault('the body must be {"faults": [...]}')  # noqa: TRY301  one handler for all errors
                faults.set(specs, self._routes)
            elif request.method == "DELETE":
                faults.set([], self._routes)
        except BadFault as error:
            return _response({"error": str(error)}, 400)
        except (ValueError, RecursionError):
            return _response({"error": "the body is not JSON"}, 400)
        return _response({"faults": faults.specs, "routes": sorted(self._routes)})

    async def world(self, request: Request) -> Response:
        """The true state: the newest `?limit=1000` runs (or `all`) of `?environment=dev`, and counts by status and by
        label.
        """
        slug = request.query_params.get("environment", self._emulator.environments[0].slug)
        limit = request.query_params.get("limit", str(DEFAULT_RUNS))
        is_number = limit.isdecimal() and len(limit) <= MAX_LIMIT_DIGITS
        if not self._emulator.is_known(slug) or not (limit == "all" or is_number):
            slugs = "|".join(environment.slug for environment in self._emulator.environments)
            return _response({"error": f"expected environment={slugs} and limit=<number>|all"}, 400)
        world = await self._emulator.world(slug)
        ledger = world.ledger
        newest = reversed(ledger.by_number.values())
        shown = newest if limit == "all" else islice(newest, int(limit))
        return _response(
            {
                "environment": slug,
                "now": iso_time(world.now_ms),
                "count": len(ledger),
                "statuses": _counted(run.status.rest for run in ledger),
                "labels": _counted(label for run in ledger if (label := world.label(run))),
                "runs": [truth(run, world.label(run)) for run in shown],
            }
        )

    async def storm(self, request: Request) -> Response:
        """POST `{"runs": 900, "seconds": 60, "environment": "dev"}`, all optional: that many runs fail with one cause.

        They are triggered evenly over the time.
        """
        try:
            body = json.loads(await request.body() or "{}")
        except (ValueError, RecursionError):
            body = None
        body = body if isinstance(body, dict) else {"runs": None}
        slug = body.get("environment", self._emulator.environments[0].slug)
        runs, seconds = body.get("runs", STORM_RUNS), body.get("seconds", STORM_S)
        is_valid = isinstance(slug, str) and self._emulator.is_known(slug)
        if not is_valid or not _is_within(runs, 1, MAX_STORM_RUNS) or not _is_within(seconds, 0, MAX_STORM_S):
            text = f"expected runs from 1 to {MAX_STORM_RUNS}, seconds from 0 to {MAX_STORM_S}, and an environment"
            return _response({"error": text}, 400)
        new = self._emulator.company.storm
        if new is None:
            return _response({"error": "these tasks have no storm"}, 404)
        world = await self._emulator.world(slug)
        world.storm(int(runs), int(seconds * 1000), new)
        return _response({"environment": slug, "runs": int(runs), "seconds": seconds})

    async def unknown(self, _: Request) -> Response:
        """Any other path below `/emulator`."""
        paths = "GET, POST or DELETE /emulator/faults, GET /emulator/world, or POST /emulator/storm"
        return _response({"error": f"unknown path; use {paths}"}, 404)


def truth(run: Run, label: str | None) -> Json:
    """The true state of a run, even where lists do not know it yet."""
    return {
        "id": run.id,
        "taskIdentifier": run.task_id,
        "status": run.status.rest,
        "label": label,
        "cause": run.cause,
        "version": run.version or None,
        "createdAt": iso_time(run.shown_created_ms),
        "updatedAt": iso_time(run.updated_ms),
        "finishedAt": iso_time(run.finished_ms) if run.finished_ms else None,
        "attemptCount": len(run.attempts),
        "depth": run.depth,
        "parent": run.parent.id if run.parent else None,
        "root": run.root.id if run.root else None,
        "tags": list(run.tags),
    }


def _is_within(value: Json, low: int, high: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _response(body: Json, status: int = 200) -> Response:
    return Response(as_json(body), status, media_type=JSON)
