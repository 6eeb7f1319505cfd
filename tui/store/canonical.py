"""A canonical text for every value. `store.merge` compares the texts to choose between two values of the same age."""

from dataclasses import fields, is_dataclass


def canonical(value: object) -> str:
    """Return the canonical text of a value. Two values have the same text if, and only if, they are equal.

    The order of the keys of an object does not matter, and 1, 1.0 and True are equal, as in Python. The value may be
    decoded JSON, a dataclass of the domain, or a tuple of these. Not recursive, because JSON may be nested deeply.
    """
    parts: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            parts.append(f"{{{len(item)}")
            for key in sorted(item):
                pending += (item[key], key)
        elif isinstance(item, list | tuple):
            parts.append(f"[{len(item)}")
            pending += item
        elif isinstance(item, int):
            parts.append(hex(item))  # repr refuses more than 4,300 digits
        elif isinstance(item, float) and item.is_integer():
            parts.append(hex(int(item)))
        elif is_dataclass(item):
            parts.append(type(item).__name__)
            pending += (getattr(item, field.name) for field in fields(item))
        else:
            parts.append(repr(item))
    return "\n".join(parts)


def is_same(mine: object, theirs: object) -> bool:
    """Return whether two values are equal, even if they are nested too deeply for `==`."""
    try:
        return bool(mine == theirs)
    except RecursionError:
        return canonical(mine) == canonical(theirs)
