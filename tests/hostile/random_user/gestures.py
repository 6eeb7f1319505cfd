"""What a random user does at a terminal: gestures as values, drawn by weight from a seed.

The keys are those of the live bindings: a new one is drawn too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Self

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS  # Textual publishes no table of keys
from textual.keys import REPLACED_KEYS, key_to_character

from tui.features import key_table

SUSPEND = "ctrl+z"
QUITTING = frozenset({"quit", "close"})
"""Ids of bindings that may end the program. Most of them are drawn again, so that it lives for some time."""

KEPT_QUITS = 0.15
BINDINGS = tuple(key_table().rows.values())
WRITING_KEYS = tuple(dict.fromkeys(key for row in BINDINGS if row.writes for key in row.keys))
SHARE_OF_TEXT_KEYS = 0.06
MAX_WAIT_S = 1.5
SIZES = ((80, 24), (120, 40), (200, 60), (20, 5), (60, 15), (100, 34), (160, 30), (132, 20), (1, 1))

_MODIFIERS = {"shift": 1, "alt": 2, "ctrl": 4, "super": 8}
"""What each adds to the parameter of a key in the keyboard protocol."""

FILTERS = ("status:failed", "task:sync-*", "-tag:x", "took:>1s", "age:<5m", "error:no", "zq", "is:", "€漢", "id:run_")
ARGUMENTS = ("", " since:2h", " task:sync-*", " zq", " 3", " status:failed sort:took", " metadata.step bar", " run_zq")
PASTES = ("run_zq", "status:failed\ntask:x\n", "y\n", "漢字 and more " * 40, "q" * 300)

_COMMANDS = tuple(dict.fromkeys(word for row in BINDINGS if row.id not in QUITTING for word in (row.id, row.word)))
_VIEWS = ("runs", "errors", "queues", "wall", "run", "views", "open", "pause", "q!", "set", "theme", "columns")


@dataclass(frozen=True, slots=True)
class Gesture:
    """One thing that a user does. `kind` names a method of `RandomUser`."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}={self.argument}" if self.argument else self.kind

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a gesture."""
        kind, _, argument = text.partition("=")
        return cls(kind, argument)


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    weight: int
    draw: Callable[[Random], str]


def _any_key(random: Random) -> str:
    """Return a key of any binding, or of a text field. Each binding is as likely as another."""
    if random.random() < SHARE_OF_TEXT_KEYS:
        return random.choice(key_table().text_keys)
    while True:
        row = random.choice(BINDINGS)
        if row.id not in QUITTING or random.random() < KEPT_QUITS:
            return random.choice(row.keys)


def _filter(random: Random) -> str:
    words = " ".join(random.sample(FILTERS, random.randint(1, 3)))
    return f"/{words}" + random.choice(("\r", "\r", "\x1b", ""))


def _command(random: Random) -> str:
    name = random.choice(random.choice((_COMMANDS, _VIEWS)))
    return f":{name}{random.choice(ARGUMENTS)}" + random.choice(("\r", "\r", "\r", "\x1b", "\t", ""))


def _size(random: Random) -> str:
    columns, rows = random.choice(SIZES)
    return f"{columns}x{rows}"


def _place(random: Random) -> str:
    return f"{random.random():.2f},{random.random():.2f}"


_KINDS = (
    _Kind("key", 60, _any_key),
    _Kind("key", 14, lambda random: random.choice(("j", "k", "down", "up", "enter", "tab", "G", "g", "pagedown"))),
    _Kind("key", 7, lambda _: "escape"),
    _Kind("key", 5, lambda random: random.choice(WRITING_KEYS)),
    _Kind("text", 5, _filter),
    _Kind("text", 6, _command),
    _Kind("wait", 16, lambda random: f"{random.uniform(0.02, MAX_WAIT_S) ** 2:.2f}"),
    _Kind("resize", 3, _size),
    _Kind("click", 4, _place),
    _Kind("wheel", 2, lambda random: random.choice(("up", "down"))),
    _Kind("drag", 1, _place),
    _Kind("paste", 2, lambda random: str(random.randrange(len(PASTES)))),
    _Kind("suspend", 1, lambda _: ""),
    _Kind("focus", 2, lambda random: random.choice(("in", "out"))),
    _Kind("answers", 2, lambda random: random.choice(("held", "late", "lost"))),
    _Kind("speed", 2, lambda random: random.choice(("slow", "far", "fast"))),
    _Kind("check", 2, lambda _: ""),
)
"""The kinds of gestures with their weights. `answers`: the terminal holds its answers, gives them, or drops them."""


def drawn(seed: int, count: int) -> list[Gesture]:
    """Return the gestures of a seed. More of them begin with the same ones."""
    random = Random(seed)
    weights = [kind.weight for kind in _KINDS]
    gestures = []
    for _ in range(count):
        (kind,) = random.choices(_KINDS, weights)
        gesture = Gesture(kind.name, kind.draw(random))
        gestures.append(Gesture("suspend") if gesture == Gesture("key", SUSPEND) else gesture)
    return gestures


def bytes_of(key: str) -> bytes:
    """Return what a terminal sends for a key. Raises KeyError."""
    if key in _SEQUENCES:
        return _SEQUENCES[key].encode()
    character = key_to_character(REPLACED_KEYS.get(key, key))
    if character is not None:
        return character.encode()
    *modifiers, base = key.split("+")
    code = bytes_of(base)[0]
    return b"\x1b[%d;%du" % (code, 1 + sum(_MODIFIERS[each] for each in modifiers))


def _sequences() -> dict[str, str]:
    found: dict[str, str] = {}
    for sequence, keys in ANSI_SEQUENCES_KEYS.items():
        if isinstance(keys, tuple) and len(keys) == 1 and not re.match(r"\x1b\[\[", sequence):
            found.setdefault(keys[0].value, sequence)
    return {**found, "backspace": "\x7f", "escape": "\x1b"}


_SEQUENCES = _sequences()
