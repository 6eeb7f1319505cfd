"""The shape of JSON: keys and types at every level, learned from recorded samples.

With one sample the shape is exact. With several, a key that one of them lacks is optional.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self


def kind(value: Any) -> str:
    """The JSON type. The recordings print 46 and 46.0 alike, so there is one type of number."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


@dataclass
class Shape:
    """Keys and types. `always` are the keys of every sample; `items` is the shape of all array elements."""

    kinds: set[str] = field(default_factory=set)
    keys: dict[str, "Shape"] = field(default_factory=dict)
    always: set[str] | None = None
    items: "Shape | None" = None

    @classmethod
    def of(cls, values: Iterable[Any]) -> Self:
        """Learn from these samples."""
        shape = cls()
        for value in values:
            shape.learn(value)
        return shape

    def learn(self, value: Any) -> None:
        """Learn from one more sample."""
        self.kinds.add(kind(value))
        if isinstance(value, dict):
            self.always = set(value) if self.always is None else self.always & set(value)
            for key, each in value.items():
                self.keys.setdefault(key, Shape()).learn(each)
        elif isinstance(value, list):
            self.items = self.items or Shape()
            for each in value:
                self.items.learn(each)

    def differences(self, value: Any, path: str = "$") -> Iterator[str]:
        """The differences of a value from the shape, each with its path."""
        if self.kinds and kind(value) not in self.kinds:
            yield f"{path}: {kind(value)} instead of {' or '.join(sorted(self.kinds))}"
        elif isinstance(value, dict):
            for key in sorted((self.always or set()) - set(value)):
                yield f"{path}.{key}: missing"
            for key in sorted(set(value) - set(self.keys)):
                yield f"{path}.{key}: not recorded"
            for key in sorted(set(value) & set(self.keys)):
                yield from self.keys[key].differences(value[key], f"{path}.{key}")
        elif isinstance(value, list) and self.items is not None and self.items.kinds:
            for each in value:
                yield from self.items.differences(each, f"{path}[]")
