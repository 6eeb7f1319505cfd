"""A canonical text for every value. It gives values an order, so that `store.merge` can always choose the same one."""

from dataclasses import fields, is_dataclass


def canonical(value: object) -> str:
    """Return a text that is the same for two values exactly if they are equal.

    The order of the keys of an object does not matter, and 1, 1.0 and True are equal, as in Python. The value may be
    decoded JSON, a dataclass of the domain, or a tuple of these. Not recursive: JSON may be nested deeply.
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
    """Return whether two values are equal. Deeply nested values are no problem."""
    try:
        return bool(mine == theirs)
    except RecursionError:
        return canonical(mine) == canonical(theirs)
