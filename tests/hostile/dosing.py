"""The rewriters that the proxy uses for poison: from cases to the bytes of answers.

The `what` of a case is `kind|path|poison`. The kinds ERRORS and HEADERS hold for every route: a case chooses one.
"""

import json
from collections.abc import Collection, Sequence
from random import Random

from tests.hostile.answers import ERRORS, HEADERS, Field, recorded_errors, recorded_fields
from tests.hostile.cases import SEPARATOR, Case
from tests.hostile.poisons import POISONS, Family, Poison
from tests.hostile.proxy import Answer, Asked
from tests.hostile.rewriting import Dose, poisoned, poisoned_headers

ANY_COLUMN = "results[].*"
"""A column of a query's rows, whatever the program asked for: no recording has them all."""

QUERY = "POST /api/v1/query"
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


def fields_of(kind: str) -> list[Field]:
    """The fields of a kind that can be poisoned."""
    found = list(recorded_fields().get(kind, {}).values())
    if kind == QUERY:
        found.append(Field(ANY_COLUMN, {"string", "number"}, is_time=True))
    return found


def draw(mode: str, surface: str, kinds: Collection[str], random: Random, *, texts: int, others: int) -> list[Case]:
    """Cases for every field of the kinds that a surface asks for: so many texts, so many others, a key for objects."""
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
    """The kind of answer that a case is about, and its dose."""
    kind, rest = case.what.split(SEPARATOR, 1)
    path, name = rest.rsplit(SEPARATOR, 1)
    return kind, Dose(path, POISONS[name], case.marker, case.number)


def route_of(case: Case, kinds: Collection[str]) -> str:
    """The kind of answer that a case changes: errors and headers choose one of those that the surface asks for."""
    kind, _ = dose_of(case)
    routes = sorted(kinds)
    return routes[case.number % len(routes)] if kind in {ERRORS, HEADERS} else kind


class Dosing:
    """A rewriter that puts the doses of some cases into the answers. `reached` are the cases whose dose was placed.

    `kinds` are those among which a case about errors or headers chooses its route.
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

    def __call__(self, asked: Asked, answer: Answer) -> Answer:
        """The answer with what is meant for it."""
        kind = asked.kind
        if errors := self._errors.get(kind):
            answer = self._error(errors)
        elif (found := self._by_kind.get(kind)) and answer.status < 400:
            answer.body = self._place(answer.body, found)
        if headers := self._headers.get(kind):
            answer.headers = poisoned_headers(answer.headers, [dose for _, dose in headers])
            self.reached.update(case for case, _ in headers)
        return answer

    def _error(self, found: list[tuple[Case, Dose]]) -> Answer:
        recorded = recorded_errors()
        error = recorded[found[0][0].number % len(recorded)]
        return Answer(error["status"], [JSON_TYPE], self._place(json.dumps(error["body"]).encode(), found))

    def _place(self, body: bytes, found: list[tuple[Case, Dose]]) -> bytes:
        body, placed = poisoned(body, [dose for _, dose in found])
        self.reached.update(case for case, dose in found if dose in placed)
        return body
