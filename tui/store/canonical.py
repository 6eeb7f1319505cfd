"""One text per value, so that of two values for one moment the same one wins in whatever order they come.

What lives here: the text and the comparison. When they are needed is `store.merge`'s to say.
"""

from dataclasses import fields, is_dataclass


def canonical(value: object) -> str:
    """A text that two values share exactly if they are equal: `{"a": 1, "b": 2}` whatever the order of its keys, and
    1, 1.0 and True are one, as in Python.

    Takes decoded JSON, the domain's dataclasses, and tuples of both. Never recursive: JSON may be nested as deep as
    its decoder allowed.
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
    """Whether two values are equal, however deep."""
    try:
        return bool(mine == theirs)
    except RecursionError:
        return canonical(mine) == canonical(theirs)
