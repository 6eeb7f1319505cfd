"""Groups poisons into shots: those of one session, none of which hides another."""

from collections.abc import Collection, Iterable, Sequence

from tests.hostile.cases import SEPARATOR, Case
from tests.hostile.dosing import route_of
from tests.hostile.poisons import BYTES, POISONS, Family
from tests.hostile.response_fields import ERRORS

MAX_SHOT = 12
"""Poisons of one session: few enough to find the failing one quickly."""

BREAKING = frozenset(BYTES) | {"nothing", "half", "too-deep", "4301-digits", "400-digits", "many-nulls", "many-keys"}
"""Poisons that may make a whole response unreadable, which hides the others in it."""


ENTRANCES = frozenset({"GET /api/v1/runs", "GET /api/v1/whoami"})
"""Routes without which a program sends no other requests."""


def shots(whats: Iterable[str], mode: str, kinds: Collection[str]) -> list[list[str]]:
    """Group the poisons, so that none of a group hides another."""
    groups: list[list[str]] = []
    for what in whats:
        fitting = (group for group in groups[-8:] if len(group) < MAX_SHOT and _is_apart(what, group, mode, kinds))
        group = next(fitting, None)
        if group is None:
            groups.append([what])
        else:
            group.append(what)
    return groups


def chosen_shots(
    whats: Iterable[str], mode: str, kinds: Collection[str], *, texts: int, structures: int
) -> list[list[str]]:
    """Return the largest groups: `texts` of text poisons, `structures` of structural ones."""
    groups = sorted(shots(whats, mode, kinds), key=len, reverse=True)
    of_texts = [group for group in groups if not is_structural(group[0])]
    others = [group for group in groups if is_structural(group[0])]
    return of_texts[:texts] + others[:structures]


def is_structural(what: str) -> bool:
    """Whether a poison changes more than the characters of a value, so that the whole response may be refused."""
    kind, rest = what.split(SEPARATOR, 1)
    poison = POISONS[rest.rsplit(SEPARATOR, 1)[1]]
    return kind == ERRORS or poison.name in BREAKING or poison.family not in {Family.TEXT, Family.KEY}


def _is_apart(what: str, group: Sequence[str], mode: str, kinds: Collection[str]) -> bool:
    # A refused response hides its texts, and all requests that depend on it.
    if is_structural(what) != is_structural(group[0]):
        return False
    kind, path, name = _parts(what, mode, kinds)
    for other in group:
        other_kind, other_path, other_name = _parts(other, mode, kinds)
        if kind != other_kind:
            if is_structural(what) and {kind, other_kind} & ENTRANCES:
                return False
            continue
        if {name, other_name} & BREAKING or ERRORS in {path, other_path}:
            return False
        if path.startswith(other_path) or other_path.startswith(path):
            return False
    return True


def _parts(what: str, mode: str, kinds: Collection[str]) -> tuple[str, str, str]:
    """Return the route, the path and the poison. An error replaces the whole response of its route."""
    kind, rest = what.split(SEPARATOR, 1)
    path, name = rest.rsplit(SEPARATOR, 1)
    route = route_of(Case(mode, "", what), kinds)
    return route, ERRORS if kind == ERRORS else path, name
