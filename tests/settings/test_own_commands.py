"""Commands of one's own are checked when the file is read: a wrong one is left out as a whole."""

import tomllib

import pytest

from tui.settings.reader import read_document

HEAD = "[[commands]]\n"
HINT = "readonly = true says that it changes nothing"
SCRIPT = (
    "expected no placeholder: a shell or an interpreter runs this argument; pass values behind a script, "
    'which has them as "$1"'
)
WRONG = [
    ("command = ['p', '{run.idd}']", "command[1]: unknown placeholder {run.idd}; did you mean {run.id}?"),
    ("command = ['p', '{run.id}']\nscope = 'marks'", 'command[1]: {run.id} needs scope = "run"'),
    ("command = ['{run.task}']", "command[0]: expected the name of a program: a value of the selection cannot be one"),
    ("command = ['sh', '-c', 'x {run.id}']", f"command[2]: {SCRIPT}"),
    ("command = ['p']\nkey = 'k'", f'key: what writes takes only a capital such as K, got "k" ({HINT})'),
    ("command = ['p']\nkey = 'ctrl-g'", f'key: what writes takes only a capital such as K, got "ctrl-g" ({HINT})'),
]


@pytest.mark.parametrize(("text", "line"), WRONG, ids=["unknown", "scope", "program", "script", "letter", "ctrl"])
def test_wrong_command_is_left_out(text: str, line: str) -> None:
    document = read_document(
        tomllib.loads(f"{HEAD}name = 'n'\n{text}\n\n[[commands]]\nname = 'good'\ncommand = ['p']\n")
    )
    assert [f"{each.where}: {each.text}" for each in document.complaints] == [
        f"commands[0].{line}; this entry is left out"
    ]
    assert [each.name for each in document.values.commands] == ["good"]
