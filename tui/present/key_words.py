"""The keys that sentences name: `r tries again`. They are the user's own where there are some.

What the keys are is known to the app, and said deep inside of sentences. So they stand in a context, like a language:
each app has its own, and a command without an app has those of the program.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

_OWN: Final[ContextVar[Mapping[str, tuple[str, ...]]]] = ContextVar("own keys", default={})  # noqa: B039  never changed


def use_own_keys(labels: Mapping[str, tuple[str, ...]]) -> None:
    """Use the labels of the user's own keys by the ids of bindings, in this context. The mapping may change later."""
    _OWN.set(labels)


def keys_of(binding: str, *default: str) -> tuple[str, ...]:
    """Return the labels of the keys of a binding; `default` if the user has not changed them."""
    return _OWN.get().get(binding, default)


def key_of(binding: str, default: str) -> str:
    """Return the label of the first key of a binding; empty if the user has taken its keys away."""
    return next(iter(keys_of(binding, default)), "")


def with_key(binding: str, default: str, sentence: str) -> str:
    """Return a sentence with a key in the place of `{}`; nothing if the binding has no key."""
    key = key_of(binding, default)
    return sentence.format(key) if key else ""


def tries_again(what: str = "tries again") -> str:
    """Return ` r tries again.`, to follow a sentence."""
    return with_key("refresh", "r", f" {{}} {what}.")


def selecting_keys() -> str:
    """Return the keys that select a run in the list: `j or ↓`."""
    return " or ".join(keys_of("down", "j", "↓")[:2]) or "Enter"
