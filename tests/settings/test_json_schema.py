"""The JSON Schema of the config file and its reader accept and refuse the same documents."""

from typing import Any

import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tui.settings.description import config_schema
from tui.settings.reader import read_document

SCHEMA = config_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KNOWN = {
    "timezone": st.sampled_from(["UTC", "local", "Europe/Berlin"]),
    "command": st.just(["true", "{environment}"]),
    "key": st.sampled_from(["", "X"]),
}
"""Values of keys of which no schema knows all rules."""

ODD: list[Any] = [True, 0, -1, 3.0, 1e9, "", "x", "\n", "#aabbcc\n", "G\n", "a b", "é", "\x1b[31m", [], {}]


def instances(schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:  # noqa: C901  one case for each kind of schema
    """Return a strategy of what a schema accepts."""
    if name in KNOWN:
        return KNOWN[name]
    match schema:
        case {"$ref": reference}:
            return instances(SCHEMA["$defs"][reference.rpartition("/")[2]])
        case {"anyOf": options}:
            return st.one_of([instances(each) for each in options])
        case {"enum": values}:
            return st.sampled_from(values)
        case {"type": "array"}:
            most = min(3, schema.get("maxItems", 3))
            return st.lists(instances(schema["items"]), min_size=schema.get("minItems", 0), max_size=most)
        case {"type": "object", "properties": properties}:
            fields = {key: instances(each, key) for key, each in properties.items()}
            needed = {key: fields.pop(key) for key in schema["required"]}
            return st.fixed_dictionaries(needed, optional=fields)
        case {"type": "object"}:
            keys = instances({"type": "string", **schema["propertyNames"]})
            return st.dictionaries(keys, instances(schema["additionalProperties"]), max_size=3)
        case {"type": "string"}:
            least, most = schema.get("minLength", 0), schema.get("maxLength", 1_000)
            texts = st.from_regex(schema["pattern"], fullmatch=True) if "pattern" in schema else st.text(max_size=50)
            return texts.filter(lambda text: least <= len(text) <= most)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "number" | "integer" as kind}:
            least, most = schema["minimum"], schema["maximum"]
            whole = st.integers(-int(-least // 1), int(most))
            return whole if kind == "integer" else whole | st.floats(least, most)
        case _:
            raise AssertionError(schema)


DOCUMENTS = instances({"$ref": SCHEMA["$ref"]})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a document with each of its keys or indexes."""
    if not isinstance(value, dict | list):
        return []
    keys = [key for key in value if key not in KNOWN] if isinstance(value, dict) else range(len(value))
    return [place for key in keys for place in ((value, key), *places(value[key]))]


@settings(max_examples=50)
@given(DOCUMENTS, st.sampled_from(ODD), st.data())
def test_schema_and_reader_accept_and_refuse_the_same(document: dict[str, Any], odd: Any, data: st.DataObject) -> None:
    VALIDATOR.validate(document)
    assert read_document(document).complaints == ()
    found = places(document)
    assume(found)
    container, key = data.draw(st.sampled_from(found))
    container[key] = odd
    assert VALIDATOR.is_valid(document) == (read_document(document).complaints == ())


def test_schema_is_valid_and_describes_every_table_and_key() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "null" not in repr(SCHEMA)
    assert "None" not in repr(SCHEMA)
    objects = [container[key] for container, key in places(SCHEMA) if isinstance(container[key], dict)]
    assert [each["title"] for each in objects if "properties" in each] == list(SCHEMA["$defs"])
    described = [each for table in SCHEMA["$defs"].values() for each in (table, *table["properties"].values())]
    for text in (each.get("description", "") for each in described):
        assert text.endswith(".")
        assert "\n" not in text.replace("\n\n", "")
        assert "  " not in text
