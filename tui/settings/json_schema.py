"""The JSON Schema of the config file, made from the Structs. Editors use it to complete and check the file."""

from typing import Any, Final

import msgspec

from tui.settings.schema import FileSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    made = msgspec.json.schema(FileSettings)
    return {"$schema": DIALECT, "title": "trigger-tui config.toml", **_in_toml(made)}


def _in_toml(schema: Any) -> Any:
    """Return a part of the schema without null, which TOML has not, and with a paragraph on each line."""
    match schema:
        case {"anyOf": [only, {"type": "null"}], **more}:
            return _in_toml({key: value for key, value in more.items() if key != "default"} | only)
        case {"description": str(text), **more}:
            return {"description": paragraphs(text)} | _in_toml(more)
        case dict():
            return {key: _in_toml(value) for key, value in schema.items()}
        case list():
            return [_in_toml(each) for each in schema]
        case _:
            return schema


def paragraphs(text: str) -> str:
    """Return a docstring with an empty line between its paragraphs and no other line break."""
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n") if each.strip())
