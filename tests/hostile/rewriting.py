"""Puts poison into a response. A field that is missing is created."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.poisons import Poison
from tests.hostile.response_fields import json_type

Place = tuple[Any, Any]
"""An object with a key, or a list with an index."""

MAX_PLACES = 5_000
"""Places of one field in one response, at most."""

MAX_ADDED_BYTES = 200_000
"""Bytes that poisoning every place of a field may add to a response."""

MAX_HEADER_BYTES = 200_000
"""The longest header: three times the limit of h11."""


@dataclass(frozen=True, slots=True)
class Dose:
    """One poison for one field. `number` selects one of the field's places in a response."""

    path: str
    poison: Poison
    marker: str
    number: int

    @property
    def size(self) -> int:
        """The length of the fragment in bytes."""
        return 0 if self.poison.write is None else len(self.poison.write(self.marker, b"", ""))


@dataclass(slots=True)
class _Fragments:
    """The fragments that replace placeholders after the rest was written as JSON."""

    by_name: dict[str, bytes] = field(default_factory=dict)

    def put(self, fragment: bytes) -> str:
        name = f"@hostile-{len(self.by_name)}@"
        self.by_name[name] = fragment
        return name

    def fill(self, body: bytes) -> bytes:
        if not self.by_name:
            return body
        return re.sub(rb'"(@hostile-\d+@)"', lambda found: self.by_name[found[1].decode()], body)


def poisoned(body: bytes, doses: list[Dose]) -> tuple[bytes, list[Dose]]:
    """Return the body with the doses, and the doses that found a place. A body that is not JSON stays unchanged."""
    try:
        value = json.loads(body)
    except ValueError:
        return body, []
    fragments, placed = _Fragments(), []
    for dose in doses:
        places = _places(value, dose.path)
        if not places:
            continue
        # A third of the cases poisons every place if the response stays small, so that all rows of a list are hostile.
        is_everywhere = dose.number % 3 == 0 and len(places) * dose.size < MAX_ADDED_BYTES
        for holder, key in places if is_everywhere else [places[dose.number % len(places)]]:
            _put(holder, key, dose, fragments)
        placed.append(dose)
    return fragments.fill(json.dumps(value).encode()), placed


def _put(holder: Any, key: Any, dose: Dose, fragments: _Fragments) -> None:
    if dose.poison.write is None:
        if isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder.clear()
        return
    old = holder.get(key) if isinstance(holder, dict) else holder[key]
    # The old value may contain placeholders of earlier doses.
    old_json = fragments.fill(json.dumps(old).encode())
    name = key if isinstance(holder, dict) else ""
    holder[key] = fragments.put(dose.poison.write(dose.marker, old_json, name))


def _places(value: Any, path: str) -> list[Place]:
    """Return every place of a field. Missing objects on the way are created."""
    steps = re.findall(r"\[\]|[^.\[\]]+", path)
    places: list[Place] = [([value], 0)]
    for number, step in enumerate(steps):
        following = steps[number + 1] if number + 1 < len(steps) else ""
        places = [place for each in places for place in _step(each, step, following)][:MAX_PLACES]
    return places


def _step(place: Place, step: str, following: str) -> list[Place]:
    holder, key = place
    value = holder[key] if isinstance(holder, list) else holder.get(key)
    if step == "[]":
        if not isinstance(value, list):
            return []
        if not value:
            value.append({} if following not in {"", "[]"} else "")
        found: list[Place] = [(value, index) for index in range(len(value))]
        if key == "children":
            found += [deeper for each in value for deeper in _below(each)]
        return found
    if value is None and isinstance(holder, dict):
        value = holder[key] = {}
    if not isinstance(value, dict):
        return []
    if step == "*":
        if not value:
            value["key"] = ""
        return leaves(value)
    if following == "[]" and json_type(value.get(step)) == "null":
        value[step] = []
    return [(value, step)]


def leaves(value: Any) -> list[Place]:
    """Return the places of all values that contain no other values."""
    found: list[Place] = []
    pending = [value]
    while pending and len(found) < MAX_PLACES:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            if isinstance(holder[key], dict | list) and holder[key]:
                pending.append(holder[key])
            else:
                found.append((holder, key))
    return found


def _below(node: Any) -> list[Place]:
    """Return the places of nested children, which have the same path. Not recursive, since traces can be deep."""
    found: list[Place] = []
    pending = [node]
    while pending and len(found) < MAX_PLACES:
        above = pending.pop()
        children = above.get("children") if isinstance(above, dict) else None
        if isinstance(children, list):
            found.extend((children, index) for index in range(len(children)))
            pending.extend(children)
    return found


def poisoned_headers(headers: list[tuple[bytes, bytes]], doses: list[Dose]) -> list[tuple[bytes, bytes]]:
    """Return the headers with the doses as values. Missing headers are added."""
    changed = list(headers)
    for dose in doses:
        name = dose.path.encode()
        old = next((value for each, value in headers if each.lower() == name), b"")
        changed = [(each, value) for each, value in changed if each.lower() != name]
        if dose.poison.write is not None:
            changed.append((name, _header_value(dose, old)))
    return changed


def _header_value(dose: Dose, old: bytes) -> bytes:
    """Return the raw bytes of a value, without line breaks."""
    assert dose.poison.write is not None
    fragment = dose.poison.write(dose.marker, json.dumps(old.decode("latin-1")).encode(), "")
    try:
        value = json.loads(fragment)
        raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else fragment
    except (ValueError, RecursionError):
        raw = fragment
    return re.sub(rb"[\r\n]", b"\t", raw[:MAX_HEADER_BYTES])
