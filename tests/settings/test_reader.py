"""The config file: every document gives values, and a wrong value costs only itself."""

# ruff: noqa: E501  the lines are those that the program prints

import re
import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.domain.own_commands import PLACEHOLDERS
from tui.features import key_table
from tui.kit.colors import PALETTES, ColorMode
from tui.settings.description import commented_file, config_schema
from tui.settings.reader import MAX_PROBLEMS, MAX_SHOWN_CHARS, read_document
from tui.settings.schema import FileSettings
from tui.settings.settings import ConfigFile

DEFAULTS = FileSettings()


def read(text: str) -> ConfigFile:
    return read_document(tomllib.loads(text))


WRONG = [
    ('theme = "drak"', 'theme: expected "auto", "dark", "light" or "16", got "drak"'),
    ("interval = 0.1", "interval: expected a number of seconds from 0.5 to 3600, got 0.1"),
    ("interval = nan", "interval: expected a number of seconds from 0.5 to 3600, got nan"),
    ('timezone = "../etc"', 'timezone: expected "UTC", "local" or a time zone such as "Europe/Berlin", got "../etc"'),
    ('editor = "vi"', "editor: unknown key; did you mean programs.editor?"),
    (f'[programs]\npager = ["{"a" * 1001}"]', f'programs.pager[0]: expected a text of at most 1,000 characters without a null character, got "{"a" * 39}…"'),
    ('[keys]\n"A b" = "x"', 'keys."A b": unknown key: expected the id of a binding, such as next-error'),
    ('[bell]\nquiet_hours = ["25:00-01:00"]', 'bell.quiet_hours[0]: expected a time of day such as 22:00-07:00, got "25:00-01:00"'),
    ('[bell]\non_alert = "notify-send"', 'bell.on_alert: expected a list of a program and its arguments, such as ["less", "-R"], got "notify-send"'),
    ('[dashboard]\nurl = "file:///etc"', 'dashboard.url: expected an address such as https://cloud.trigger.dev, got "file:///etc"'),
    ("[link]\nslow = true", 'link.slow: expected "auto", "always" or "never", got true'),
    ('[[commands]]\nname = "n"\nkey = "X"\ncommand = []', 'commands[0].command: expected a list such as ["sentry-open", "{run.id}"], got an empty list; this entry is ignored'),
    ('[[commands]]\nname = "n"\nkey = "X"\ncommand = ["a"]\nconfrm = true', "commands[0].confrm: unknown key; did you mean commands[0].confirm?; this entry is ignored"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), WRONG, ids=[text.replace("\n", " ")[:40] for text, _ in WRONG])
def test_wrong_value_is_one_line_and_its_default(text: str, line: str) -> None:
    assert [f"{problem.where}: {problem.text}" for problem in read(text).complaints] == [line]
    assert read(text).values == DEFAULTS
    assert not read(text).is_locked


@pytest.mark.parametrize(
    "text", ["read_only = true", "[read_only]\nprodution = true", "readonly = true", '[read_only]\neverywhere = "yes"']
)
def test_wrong_read_only_forbids_writing(text: str) -> None:
    document = read(text)
    assert document.is_locked
    assert document.complaints[0].text.endswith("; until this is right, everything is read-only")


def test_complaints_are_bounded() -> None:
    text = "[keys]\n" + "\n".join(f'"{number} {"x" * 500}" = 3' for number in range(1_000))
    problems = read(text).complaints
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].text == f"{1_000 - MAX_PROBLEMS} more values are wrong"
    assert all(len(problem.where) < 10 + MAX_SHOWN_CHARS for problem in problems)


def test_lock_behind_many_problems_forbids_writing() -> None:
    wrong = "".join(f"x{number} = 1\n" for number in range(MAX_PROBLEMS))
    for line in ("read_onyl = true", "[read_only]\nx = 1"):
        document = read(f"{wrong}{line}\n")
        assert document.is_locked
        assert document.complaints[-1].text == "1 more values are wrong; until this is right, everything is read-only"
    assert not read(f"{wrong}[colors]\nx = 1\n").is_locked


KNOWN = st.sampled_from(
    ["theme", "interval", "timezone", "read_only", "colors", "rose", "bg", "link", "slow", "keys", "columns", "runs",
     "views", "commands", "name", "key", "command", "address", "letter", "scope", "everywhere", "production", "programs",
     "editor", "bell", "ring", "quiet_hours", "dashboard", "url", "column", "width"]
)  # fmt: skip
SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["dark", "UTC", "#aabbcc", "task", "G", "always", "runs?", "run", "local", 2, 3.5])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KNOWN | st.text(max_size=5), inner, max_size=5)
)
DOCUMENTS = st.dictionaries(KNOWN | st.text(max_size=5), VALUES, max_size=8)


@settings(max_examples=40)
@given(DOCUMENTS)
def test_every_document_gives_values_and_no_key_changes_another(table: dict[str, Any]) -> None:
    """Whether a value is right is judged alone. `test_json_schema.py` compares that with the schema."""
    document = read_document(table)
    assert all("\n" not in f"{problem.where}{problem.text}" for problem in document.complaints)
    for key, value in table.items():
        alone = read_document({key: value})
        if key in FileSettings.__annotations__:
            assert getattr(document.values, key) == getattr(alone.values, key)
        assert alone.keys <= document.keys
        assert {(each.where, each.text) for each in alone.complaints} <= {
            (each.where, each.text) for each in document.complaints
        }


def uncommented(text: str) -> str:
    return "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.split("\n")
    )


TEXT = commented_file(
    PALETTES[ColorMode.DARK], {"runs": ("task", "took"), "errors": ("runs",)}, key_table().rows.values()
)


def test_new_file_changes_nothing_until_it_is_edited() -> None:
    assert tomllib.loads(TEXT) == {}
    document = read(uncommented(TEXT))
    assert document.complaints == ()
    assert [view.letter for view in document.values.views] == ["c"]
    assert replace(document.values, views=(), commands=(), keys={}, colors=DEFAULTS.colors) == DEFAULTS
    assert max(map(len, TEXT.split("\n"))) <= 102


def test_new_file_names_and_explains_every_setting() -> None:
    tables = config_schema()["$defs"]
    for entry in ("ViewEntry", "CommandEntry", "ColumnEntry"):
        assert all(f"\n# {name} " in TEXT for name in tables[entry]["properties"])
    assert all(f"{{{name}}}" in TEXT for name in PLACEHOLDERS)
    assert re.search(r"\n# runs +task, took\n", TEXT)
    words = " ".join(TEXT.replace("\n# ", " ").split())
    for words_of in (tables["Bell"]["properties"]["ring"], tables["ColumnEntry"]["properties"]["type"]):
        assert all(f'"{word}"' in words for word in words_of["enum"])
    table = tomllib.loads(uncommented(TEXT))
    for name, field in tables["FileSettings"]["properties"].items():
        inner = tables[field["$ref"].rpartition("/")[2]]["properties"] if "$ref" in field else {}
        assert set(inner) <= set(table[name] if inner else ()), name
        assert name in table


HEAD = "[[commands]]\n"
HINT = "set readonly = true if it changes nothing"
SCRIPT = (
    "expected no placeholder: a shell or an interpreter runs this argument as code; pass values as arguments after it, "
    'and read them as "$1"'
)
WRONG_COMMANDS = [
    ("command = ['p', '{run.idd}']", "command[1]: unknown placeholder {run.idd}; did you mean {run.id}?"),
    ("command = ['p', '{run.id}']\nscope = 'marks'", 'command[1]: {run.id} needs scope = "run"'),
    ("command = ['{run.task}']", "command[0]: expected the name of a program, not a placeholder"),
    ("command = ['sh', '-c', 'x {run.id}']", f"command[2]: {SCRIPT}"),
    ("command = ['p']\nkey = 'k'", f'key: an action needs a capital letter such as K, got "k" ({HINT})'),
    ("command = ['p']\nkey = 'ctrl-g'", f'key: an action needs a capital letter such as K, got "ctrl-g" ({HINT})'),
]


@pytest.mark.parametrize(
    ("text", "line"), WRONG_COMMANDS, ids=["unknown", "scope", "program", "script", "letter", "ctrl"]
)
def test_wrong_command_is_left_out(text: str, line: str) -> None:
    document = read_document(
        tomllib.loads(f"{HEAD}name = 'n'\n{text}\n\n[[commands]]\nname = 'good'\ncommand = ['p']\n")
    )
    assert [f"{each.where}: {each.text}" for each in document.complaints] == [
        f"commands[0].{line}; this entry is ignored"
    ]
    assert [each.name for each in document.values.commands] == ["good"]
