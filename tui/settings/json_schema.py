"""The JSON Schema of the config file, made from the Structs. Editors use it to complete and check the file."""

from typing import Any, Final

import msgspec

from tui.settings.schema import FileSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    return {"$schema": DIALECT, "title": "trigger-tui config.toml", **msgspec.json.schema(FileSettings)}
