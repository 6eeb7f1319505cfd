"""The rewriter that puts the poisons of cases into the responses of the proxy.

The `what` of a case is `kind|path|poison`. The kinds ERRORS and HEADERS apply to every route; a case selects one.
"""

import json
from collections.abc import Collection, Sequence
from random import Random

from tests.hostile.cases import SEPARATOR, Case
from tests.hostile.poisons import POISONS, Family, Poison
from tests.hostile.proxy import Request, Response
from tests.hostile.response_fields import ERRORS, HEADERS, Field, recorded_errors, recorded_fields
from tests.hostile.rewriting import Dose, poisoned, poisoned_headers

ANY_COLUMN = "results[].*"
"""Any column of a query's rows, since no recording has all of them."""

QUERY = "POST /api/v1/query"
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


def fields_of(kind: str) -> list[Field]:
    """Return the fields of a kind that can be poisoned."""
    found = list(recorded_fields().get(kind, {}).values())
    if kind == QUERY:
        found.append(Field(ANY_COLUMN, {"string", "number"}, is_time=True))
    return found


def draw(mode: str, surface: str, kinds: Collection[str], random: Random, *, texts: int, others: int) -> list[Case]:
    """Return cases for every field of some kinds: `texts` text poisons, `others` other ones, and a key for objects."""
    found = []
    for kind in (*sorted(kinds), ERRORS, HEADERS):
        for field in fields_of(kind):
            fitting = [poison for poison in POISONS.values() if poison.fits(field)]
            chosen = [
                *_some(fitting, random, texts, {Family.TEXT}),
                *_some(fitting, random, others, set(Family) - {Family.TEXT, Family.KEY}),
                *_some(fitting, random, 1, {Family.KEY}),
            ]
            found += [Case(mode, surface, SEPARATOR.join((kind, field.path, poison.name))) for poison in chosen]
    return found


def _some(poisons: Sequence[Poison], random: Random, count: int, families: Collection[Family]) -> list[Poison]:
    of = [poison for poison in poisons if poison.family in families]
    return random.sample(of, min(count, len(of)))


def dose_of(case: Case) -> tuple[str, Dose]:
    """Return the kind of response of a case, and its dose."""
    kind, rest = case.what.split(SEPARATOR, 1)
    path, name = rest.rsplit(SEPARATOR, 1)
    return kind, Dose(path, POISONS[name], case.marker, case.number)


def route_of(case: Case, kinds: Collection[str]) -> str:
    """Return the kind that a case changes. For errors and headers it is one of `kinds`."""
    kind, _ = dose_of(case)
    routes = sorted(kinds)
    return routes[case.number % len(routes)] if kind in {ERRORS, HEADERS} else kind


class Dosing:
    """Puts the doses of some cases into responses. `reached` has the cases whose dose found a place.

    A case about errors or headers selects its route among `kinds`.
    """

    def __init__(self, cases: Sequence[Case], kinds: Collection[str]) -> None:
        self.reached: set[Case] = set()
        self._by_kind: dict[str, list[tuple[Case, Dose]]] = {}
        self._errors: dict[str, list[tuple[Case, Dose]]] = {}
        self._headers: dict[str, list[tuple[Case, Dose]]] = {}
        for case in cases:
            kind, dose = dose_of(case)
            into = {ERRORS: self._errors, HEADERS: self._headers}.get(kind, self._by_kind)
            into.setdefault(route_of(case, kinds), []).append((case, dose))

    def __call__(self, request: Request, response: Response) -> Response:
        """Return the response with its doses."""
        kind = request.kind
        if errors := self._errors.get(kind):
            response = self._error(errors)
        elif (found := self._by_kind.get(kind)) and response.status < 400:
            response.body = self._place(response.body, found)
        if headers := self._headers.get(kind):
            response.headers = poisoned_headers(response.headers, [dose for _, dose in headers])
            self.reached.update(case for case, _ in headers)
        return response

    def _error(self, found: list[tuple[Case, Dose]]) -> Response:
        recorded = recorded_errors()
        error = recorded[found[0][0].number % len(recorded)]
        return Response(error["status"], [JSON_TYPE], self._place(json.dumps(error["body"]).encode(), found))

    def _place(self, body: bytes, found: list[tuple[Case, Dose]]) -> bytes:
        body, placed = poisoned(body, [dose for _, dose in found])
        self.reached.update(case for case, dose in found if dose in placed)
        return body
