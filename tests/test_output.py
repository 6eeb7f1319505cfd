import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.present.samples import HOSTILE, NOW, full, texts
from tui.commands.output import DEFAULT_WIDTH, Output
from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.domain.tree import RunTree, TreeNode
from tui.features.detail.words import Relatives
from tui.features.runs.columns import PRINTED_TABLE
from tui.features.runs.command import run_page, tree_lines
from tui.features.runs.printed import transition_line
from tui.text.styled import Piece, Token
from tui.text.table import Print

SGR = re.compile(rb"\x1b\[(?:0|1|3[1-6]|1;3[1-6])m")


class Streams:
    """An output over two streams in memory, which keep the written bytes."""

    def __init__(self, encoding: str = "utf-8", **options: Any) -> None:
        self._out, self._err = io.BytesIO(), io.BytesIO()
        out = io.TextIOWrapper(self._out, encoding=encoding, newline="")
        err = io.TextIOWrapper(self._err, encoding=encoding, newline="")
        self._kept = (out, err)  # a collected wrapper would close its buffer
        chosen: dict[str, Any] = {"is_terminal": True, "width": 80, "color": True, "ascii_only": False}
        self.output = Output(out, err, **(chosen | options))

    @property
    def out(self) -> bytes:
        return self._out.getvalue()

    @property
    def err(self) -> bytes:
        return self._err.getvalue()


def print_all(output: Output, text: str) -> None:
    """Print everything that the commands print, for a run with this text in every field."""
    run = full(text)
    output.lines(Print(PRINTED_TABLE, output.width).page([run], NOW))
    output.lines(run_page(run, Relatives(children=[run]), now=NOW, width=output.reading_width))
    node = TreeNode(RunId(f"run_{text}"), 0, run.fixed.task, None, run)
    output.lines(tree_lines(RunTree(node, node.id, (text,)), now=NOW, width=output.width))
    output.lines([transition_line(None, run, NOW)])
    output.print(Raw(text))
    output.say(Raw(text))


def controls_in(shown: bytes, encoding: str = "utf-8") -> set[str]:
    """Return the characters that control a terminal."""
    text = shown.decode(encoding)
    acting = {character for character in text if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0}
    return (acting | ({*text} & {*"\u202a\u202b\u202d\u202e\u2066\u2067\u200b\u200d\u2028\u2029\ufeff"})) - {"\n"}


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_foreign_text_never_controls_the_terminal(is_terminal: bool, ascii_only: bool) -> None:
    streams = Streams(is_terminal=is_terminal, ascii_only=ascii_only)
    print_all(streams.output, HOSTILE)
    assert controls_in(SGR.sub(b"", streams.out)) == set()
    assert controls_in(streams.err) == set()
    assert streams.err.count(b"\n") == 1


@given(texts)
@settings(max_examples=40)
def test_no_text_reaches_the_terminal_as_a_control_sequence(text: str) -> None:
    streams = Streams()
    print_all(streams.output, text)
    assert controls_in(SGR.sub(b"", streams.out)) == set()
    assert controls_in(streams.err) == set()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "shift_jis", "utf-16"])
def test_unencodable_character_never_stops_the_output(encoding: str) -> None:
    streams = Streams(encoding)
    print_all(streams.output, HOSTILE)
    streams.output.json_line({"a": HOSTILE})
    assert b"" not in {streams.out, streams.err}


def test_closed_stderr_is_ignored() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as err:
        output = Output(io.StringIO(), err, is_terminal=False, width=80, color=False, ascii_only=False)
        output.say("x" * 10_000)
        output.say("again")


def test_non_blocking_stdout_gets_every_line() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    rows = [{"n": number, "text": "é" * 100} for number in range(1_000)]

    def write() -> None:
        with os.fdopen(writing, "w", encoding="utf-8") as out:
            output = Output(out, out, is_terminal=False, width=80, color=False, ascii_only=False)
            for row in rows:
                output.json_line(row)
            output.say("é" * 3)

    writer = Thread(target=write, daemon=True)
    writer.start()
    with os.fdopen(reading, encoding="utf-8") as lines:
        *got, last = lines
    assert [json.loads(line) for line in got] == rows
    assert last == "ééé\n"


def test_process_without_stdout_prints_nothing_and_succeeds() -> None:
    code = (
        "import os; from tui.commands.output import Output; output = Output.for_process(os.environ); "
        "output.print('x'); output.say('y')"
    )
    command = ["/bin/sh", "-c", '"$0" -c "$1" >&- 2>&-', sys.executable, code]
    assert subprocess.run(command, check=False, timeout=100).returncode == 0


def run_process(code: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    prologue = "import os, sys\nfrom tui.commands.output import Output\noutput = Output.for_process(os.environ)\n"
    return subprocess.run([sys.executable, "-c", prologue + code], check=False, timeout=100, **streams)


@contextmanager
def on_a_terminal(environ: dict[str, str]) -> Iterator[tuple[Output, int]]:
    """Return an output on a terminal of 97 columns, and the other end of that terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 97))
    with (
        os.fdopen(theirs, "w", encoding="utf-8") as out,
        os.fdopen(os.dup(theirs), encoding="utf-8") as keys,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", out)
        patch.setattr(sys, "stdin", keys)
        yield Output.for_process(environ), ours
    os.close(ours)


def test_forced_colours_reach_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "dumb"}
    for environ, is_coloured in (({}, False), (forced, True), (forced | {"NO_COLOR": "1"}, False)):
        monkeypatch.setattr(sys, "stdout", out := io.StringIO())
        Output.for_process(environ).lines([(Piece("x", Token.ROSE),)])
        assert ("\x1b" in out.getvalue()) == is_coloured


def test_variables_of_a_terminal_turn_colours_off() -> None:
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb", "COLUMNS": "wide"}):
        with on_a_terminal(environ) as (output, _):
            assert (output.has_color, output.width) == (False, 97)


@contextmanager
def answering_user(screen: int, keys: bytes) -> Iterator[list[bytes]]:
    """Type at the other end once the question is shown. Return the screen at that time."""
    shown: list[bytes] = []

    def answer_the_question() -> None:
        while b"?" not in b"".join(shown):
            shown.append(os.read(screen, 200))
        os.write(screen, keys)

    person = Thread(target=answer_the_question, daemon=True)
    person.start()
    yield shown
    person.join(10)


def test_question_is_asked_and_answered_on_the_terminal() -> None:
    with on_a_terminal({}) as (output, screen), answering_user(screen, b"y\n") as shown:
        assert output.ask("Cancel 1 run\x1b[2J?") == "y"
    assert b"".join(shown) == "Cancel 1 run␛[2J?".encode()


def test_end_of_input_is_an_empty_answer() -> None:
    with on_a_terminal({}) as (output, screen), answering_user(screen, b"\x04"):
        assert output.ask("Cancel 1 run?") == ""


def test_output_without_a_terminal_cannot_ask() -> None:
    streams = Streams()
    assert (streams.output.keyboard is not None, streams.output.ask("Cancel? "), streams.err) == (False, "", b"")
    code = "print(output.width, output.reading_width, output.keyboard is not None, file=sys.stderr)"
    environ = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    ended = run_process(code, capture_output=True, stdin=subprocess.DEVNULL, env=environ)
    assert ended.stderr == f"None {DEFAULT_WIDTH} False\n".encode()
