"""The names of keys in the config file."""

from textual.keys import _character_to_key


def parse_key(text: str) -> str:
    """Return Textual's name of a key."""
    name = text.casefold().replace("ctrl-", "ctrl+")
    return _character_to_key(text) if len(text) == 1 else name
