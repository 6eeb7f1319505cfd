"""The shell command of a view is equal to it, or it is the view's address."""

import shlex

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tui.features.runs.command import DEFAULT_LIMIT, ls
from tui.store.addresses import AddressError, parse_words
from tui.store.command_line import LS_LIMIT, LoadedNames, shell_command

NAMES = LoadedNames(
    {"task": ["charge-card", "charge-refund", "Send Email", "sync"], "tag": ["order:1", "a,b"], "queue": ["mail"]}, True
)


def command(words: str, found: int | None = None, names: LoadedNames = NAMES) -> str:
    return shell_command(parse_words(words), names, found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("runs", "trigger-tui ls"),
        ("runs sort:age", "trigger-tui ls"),
        (
            "runs task:charge-* status:failed since:2h",
            "trigger-tui ls --task charge-card --task charge-refund --status failed --period 2h",
        ),
        ("runs task:CHARGE-CARD", "trigger-tui ls --task charge-card"),
        ('runs task:"send email"', "trigger-tui ls --task 'Send Email'"),
        ("runs task:unknown", "trigger-tui ls --task unknown"),
        (
            "runs tag:order:1 version:20261126.3 queue:mail",
            "trigger-tui ls --tag order:1 --version 20261126.3 --queue mail",
        ),
        ("runs status:timed-out,crashed", "trigger-tui ls --status crashed --status timed-out"),
        ("runs server-task:sync", "trigger-tui ls --task sync"),
        ("runs since:02:50-03:20", "trigger-tui ls --period 02:50-03:20"),
        ("runs status:", "trigger-tui ls"),
        ("run run_1", "trigger-tui show run_1"),
        ("run run_1 pane:logs", "trigger-tui logs run_1"),
        ("errors", "trigger-tui errors --since 24h"),
    ],
)
def test_view_has_an_equal_command(words: str, expected: str) -> None:
    assert command(words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "runs charge",
        "runs -tag:x",
        "runs task:nothing-*",
        "runs tag:order:1 tag:order:2",
        "runs task:sync server-task:sync",
        "runs took:>10s",
        "runs sort:took",
        "runs error:boom",
        "runs status:failed-to-run",
        "runs tag:a*",
        "runs since:2h",
        "runs status:executing since:2h",
        "errors No such since:7d",
    ],
)
def test_view_without_an_equal_command_is_an_address(words: str) -> None:
    program, address = shlex.split(command(words))
    assert program == "trigger-tui"
    assert "?" in address


def test_glob_is_not_expanded_before_all_runs_are_counted() -> None:
    assert "?" in command("runs task:charge-*", names=LoadedNames(NAMES.values, are_all=False))
    assert "?" not in command("runs task:charge-card", names=LoadedNames(NAMES.values, are_all=False))


def test_limit_prints_all_runs_that_were_found() -> None:
    assert LS_LIMIT == DEFAULT_LIMIT
    assert command("runs", 50) == "trigger-tui ls"
    assert command("runs", 51) == "trigger-tui ls --limit 100"


@given(st.text(max_size=30), st.sampled_from(["task", "tag", "queue", "version"]))
def test_hostile_values_are_one_shell_word_each(value: str, field: str) -> None:
    try:
        address = parse_words(f'runs {field}:"{value.replace(chr(34), "")}"')
    except AddressError:
        return
    parts = shlex.split(shell_command(address, NAMES))
    assert parts[0] == "trigger-tui"
    assert len(parts) == 2 or parts[1:2] == ["ls"]


@pytest.mark.parametrize("words", ["runs task:charge-* status:failures since:2h", "runs tag:order:1 status:failed"])
def test_options_are_those_of_the_command(words: str) -> None:
    arguments = shlex.split(command(words, 120))[2:]
    result = CliRunner().invoke(ls, [*arguments, "--nonsense"])
    assert "No such option" in result.output
    assert "--nonsense" in result.output
