"""Stack traces are parsed: all forms of V8's frames, recorded stacks, and any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sure import sure
from tui.domain.error import FrameKind, StackFrame, first_own_frame, parse_stack
from tui.domain.text import Raw

OWN, DEPENDENCY, NODE, NOTE = FrameKind.OWN, FrameKind.DEPENDENCY, FrameKind.NODE, FrameKind.NOTE


def frame(line: str) -> StackFrame:
    (found,) = parse_stack(Raw(f"Error: m\n    {line}"))
    assert found.text == line
    return found


def functions(stack: str, message: str | None = None) -> list[str | None]:
    return [each.function for each in parse_stack(Raw(stack), None if message is None else Raw(message))]


# Lines as Node 22 and Bun print them, with other paths.
@pytest.mark.parametrize(
    ("line", "function", "file", "position"),
    [
        ("at new Cls (/app/a.js:2:37)", "new Cls", "/app/a.js", (2, 37)),
        ("at Object.<anonymous> [as g] (/app/a.js:3:23)", "Object.g", "/app/a.js", (3, 23)),
        ("at weird (name) (/app/my (old)/a.js:10:33)", "weird (name)", "/app/my (old)/a.js", (10, 33)),
        ("at /app/my (old)/a.js:5:26", None, "/app/my (old)/a.js", (5, 26)),
        ("at Array.map (<anonymous>)", "Array.map", None, (None, None)),
        (
            "at eval (eval at <anonymous> (/app/my (old)/a.js:7:13), <anonymous>:1:1)",
            "eval",
            "/app/my (old)/a.js",
            (7, 13),
        ),
        ("at evalmachine.<anonymous>:1:1", None, "evalmachine.<anonymous>", (1, 1)),
        ("at wasm://wasm/1234:wasm-function[12]:0x3e8", None, "wasm://wasm/1234:wasm-function[12]:0x3e8", (None, None)),
        ("at f (/app/a.js:12)", "f", "/app/a.js", (12, None)),
        ("at f (file:///app/src/cut-in-the-midd", "f", "file:///app/src/cut-in-the-midd", (None, None)),
        ("at (", "(", None, (None, None)),
    ],
)
def test_frame_is_parsed_in_every_form(
    line: str, function: str | None, file: str | None, position: tuple[int | None, int | None]
) -> None:
    found = frame(line)

    assert (found.function, found.file, (found.line, found.column)) == (function, file, position)
    assert not found.is_async


def test_async_frames_are_marked() -> None:
    for place, file in (("(index 0)", None), ("(node:internal/fs/promises:637:25)", "node:internal/fs/promises")):
        found = frame(f"at async Promise.all {place}")
        assert (found.is_async, found.function, found.file) == (True, "Promise.all", file)


@pytest.mark.parametrize(
    ("file", "kind", "package"),
    [
        ("/app/src/a.ts", OWN, None),
        ("/app/node_modules/undici/index.js", DEPENDENCY, "undici"),
        ("/app/node_modules/@scope/name/a.js", DEPENDENCY, "@scope/name"),
        ("/app/node_modules/.pnpm/@s+x@1/node_modules/@s/x/a.js", DEPENDENCY, "@s/x"),
        ("/app/node_modules/a/node_modules/b/c.js", DEPENDENCY, "b"),
        ("/app/src/node_modules.ts", OWN, None),
        ("node:internal/timers", NODE, None),
    ],
)
def test_file_has_the_kind_of_its_owner(file: str, kind: FrameKind, package: str | None) -> None:
    found = frame(f"at f ({file}:1:2)")

    assert (found.file, found.kind, found.package) == (file, kind, package)


F, G = "    at f (/app/a.js:1:2)", "    at g (/app/a.js:3:4)"
WRAPPED = "wrapped: Error: inner\n    at inner (/app/x.js:1:2)"
CRASHED = "Worker 'pdf-1' crashed: Error: x\n    at loadFont (/app/src/fonts.ts:1:2)"
STDERR = "/app/src/a.ts:1\nthrow new Error('x')\n      ^\n\nError: x\n    at f (/app/src/a.ts:1:7)\n    at node:x:2:4"


@pytest.mark.parametrize(
    ("stack", "message", "found"),
    [
        (f"Error: first\nat noon we failed\n  at least twice\n{F}\n{G}", None, ["f", "g"]),
        (f"Error: {WRAPPED}\n{F}", WRAPPED, ["f"]),
        (f"Error: {WRAPPED}\n{F}", None, ["inner", "f"]),  # the text does not show where the message ends
        (f"Error\n{F}\nCaused by: after\n{G}", "after", ["g"]),
        (f"Error\n{F}", "", ["f"]),
        (f"Error: a\n{F}\nCaused by: Error: b\n{G}", "a", ["f"]),
        (f"Error: a\n{F}\nCaused by: Error: b\n{G}", None, ["g"]),
        (STDERR, None, ["f", None]),
        (CRASHED.replace("    ", "") + "\nat run (/app/src/pool.ts:1:2)", CRASHED, ["run"]),
        ("Error: at noon\nat f (/app/a.js:1:2)\nat Array.map (<anonymous>)", None, ["f", "Array.map"]),
        ("a plain string was thrown", None, []),
    ],
)
def test_frames_are_those_of_the_stack_alone(stack: str, message: str | None, found: list[str | None]) -> None:
    assert functions(stack, message) == found


def test_omitted_frames_do_not_end_a_stack() -> None:
    stack = "E: m\n    at f (/a.js:1:2)\n    ... 40 frames omitted ...\n    at g (/a.js:1:2)"
    for message in (None, Raw("m")):
        first, note, last = parse_stack(Raw(stack), message)
        assert (first.function, note.kind, note.text, last.function) == ("f", NOTE, "... 40 frames omitted ...", "g")


@pytest.mark.parametrize("indentation", ["    ", ""])
@pytest.mark.parametrize("message", [None, Raw("No such customer: 'cus_1'")])
def test_notes_between_frames_are_kept(indentation: str, message: Raw | None) -> None:
    lines = ["at a (/app/node_modules/stripe/a.js:1:2)", "Originating from:", "at charge (/app/src/charge.ts:3:4)"]
    stack = "\n".join(
        ["Error: No such customer: 'cus_1'", *(lines[1] if line is lines[1] else indentation + line for line in lines)]
    )
    frames = parse_stack(Raw(stack), message)
    assert [each.text for each in frames] == lines
    own = sure(first_own_frame(Raw(stack), message))
    assert own.function == "charge"


pieces = st.sampled_from(["    at ", "async ", "eval at ", "(", ":1", "/app/", "node_modules/", "[as x]", "\n", "C:\\"])


@given(st.lists(pieces | st.text(max_size=3), max_size=40).map("".join), st.none() | st.text(max_size=3))
def test_any_text_is_parsed_line_by_line(text: str, message: Raw | None) -> None:
    lines = [line.strip() for line in text.split("\n")]
    for found in parse_stack(Raw(text), None if message is None else Raw(message)):
        assert found.text in lines
        assert found.file != ""
        assert found.short_file or found.file is None
        assert (found.package is None) or found.kind is DEPENDENCY


STACK_LINES = [
    "Error: m",
    "m",
    "    at f (/app/src/a.ts:1:2)",
    "at g (/app/node_modules/x/a.js:1:2)",
    "    at h (node:fs:1:2)",
    "Originating from:",
    "    ... 3 frames omitted ...",
    "Caused by: Error: n",
    "",
    "at async Promise.all (index 3)",
]


@given(
    st.lists(st.sampled_from(STACK_LINES), max_size=8),
    st.sampled_from([None, "m", "m\n    at f (/app/src/a.ts:1:2)", "other"]),
)
def test_first_own_frame_is_that_of_the_parsed_stack(lines: list[str], message: str | None) -> None:
    stack, text = Raw("\n".join(lines)), None if message is None else Raw(message)
    own = [each for each in parse_stack(stack, text) if each.kind is OWN]
    assert first_own_frame(stack, text) == (own[0] if own else None)
