"""Paths to values in runs."""

import re
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import ABSENT, Json
from tui.features.columns.words import MAX_PATH_CHARS, ROOTS, ColumnPath, parse_path
from tui.settings.schema import COLUMN_PATTERN

keys = st.text(st.characters(categories=("L", "N", "P", "S", "Z", "Cc")), max_size=6)
steps = st.lists(keys | st.integers(-9, 999), max_size=6).map(tuple)
paths = st.builds(ColumnPath, st.sampled_from(ROOTS), steps).filter(lambda path: len(str(path)) <= MAX_PATH_CHARS)


@given(paths)
def test_path_is_read_as_it_is_written(path: ColumnPath) -> None:
    assert parse_path(str(path)) == path


SAMPLES: Final[tuple[tuple[str, tuple[str | int, ...]], ...]] = (
    ("metadata.progress", ("progress",)),
    ("payload.customer.id", ("customer", "id")),
    ("output.items[0].sku", ("items", 0, "sku")),
    ("output[-1]", (-1,)),
    ("output", ()),
    ('payload."order.id".x', ("order.id", "x")),
    ('payload["a b"]', ("a b",)),
    (r'payload."a\"b"', ('a"b',)),
    ("payload.größe", ("größe",)),
)


def test_path_names_keys_and_indexes() -> None:
    found = [(text, path and path.steps) for text, _ in SAMPLES for path in [parse_path(text)]]
    assert found == list(SAMPLES)


BAD = ("", "task", "meta.x", "metadata.", "metadata..x", ".x", "payload.a b", "output[x]", "output[0", 'payload."a',
       "payload.a\n", "payloads.x", "payload.x]", "payload.\x1b", f"payload.{'x' * MAX_PATH_CHARS}",
       r'payload."\q"')  # fmt: skip


def test_text_that_is_no_path_is_refused() -> None:
    assert [text for text in BAD if parse_path(text) is not None] == []


@given(paths.map(str) | st.sampled_from(BAD) | st.text('mo.[]"\\ a0-', max_size=12).map("payload{}".format))
def test_config_file_accepts_every_path(text: str) -> None:
    if parse_path(text) is not None:
        assert re.search(COLUMN_PATTERN, text)


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(documents, st.data())
def test_every_value_of_a_document_is_found(document: Json, data: st.DataObject) -> None:
    value, taken = document, list[str | int]()
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        taken.append(step)
        value = value[step]
    assert ColumnPath("payload", tuple(taken)).find(document) is value


@given(documents, steps)
def test_missing_value_is_absent(document: Json, path: tuple[str | int, ...]) -> None:
    found = ColumnPath("output", (*path, "no such key \n")).find(document)
    assert found is ABSENT


def test_index_may_be_a_plain_step() -> None:
    path = parse_path("output.items.1.sku")
    assert path is not None
    assert path.find({"items": [{}, {"sku": "x"}]}) == "x"
    assert path.find({"items": {"1": {"sku": "y"}}}) == "y"
    assert path.find({"items": [{}]}) is ABSENT
