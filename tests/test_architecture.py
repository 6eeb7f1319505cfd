"""The rooms keep apart: who imports whom, what is loaded when, and the few calls that are never made."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "tui").rglob("*.py"))}
ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "httpx": "tui/wire/",
    "pydantic": "tui/wire/",
    "pydantic_core": "tui/wire/",
    "click": "tui/cli/",
    "rich": ("tui/present/", "tui/ui/"),
    "textual": "tui/ui/",
    "websockets": ("tui/relay/", "tui/sources/relay/handshake.py", "tui/sources/relay/connection.py"),
    "starlette": "tui/emulator/",
    "uvicorn": "tui/emulator/",
    "sqlite3": "tui/emulator/",
    "jwt": "tui/emulator/",
    "anyio": "tui/emulator/",
}
"""Third-party packages (and one of the standard library), and the room, or rooms, that may import each."""

PURE = (
    "tui/domain/",
    "tui/store/",
    "tui/present/",
    "tui/emulator/world.py",
    "tui/emulator/simulation/",
    "tui/emulator/demo_tasks/",
    "tui/emulator/recorded_tasks/",
    "tui/emulator/traces/",
)
"""Where nothing is but values and functions of them."""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"), module)


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


def imported(module: str) -> Iterator[tuple[int, str]]:
    """Every module that is imported anywhere in it, by name or by `import_module`, with the line."""
    for node in nodes(module):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield node.lineno, name
            case ast.ImportFrom():
                yield node.lineno, "a relative import"
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if called(func) == "import_module":
                yield node.lineno, name
            case _:
                pass


def called(func: ast.expr) -> str:
    """The last part of what is called: `create_task` of `asyncio.create_task`."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def calls(module: str) -> Iterator[tuple[int, ast.expr]]:
    return ((node.lineno, node.func) for node in nodes(module) if isinstance(node, ast.Call))


def test_there_are_modules_to_look_at() -> None:
    assert {"tui/__init__.py", "tui/wire/client.py", "tui/session/session.py"} <= MODULES.keys()


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_module_opens_with_what_lives_there() -> None:
    first_lines = {module: (ast.get_docstring(tree(module)) or "").partition("\n")[0] for module in MODULES}
    assert [module for module, line in first_lines.items() if len(line) < 10] == []


def test_a_package_is_imported_by_the_room_that_owns_it_only() -> None:
    strays = [
        f"{module}:{line} imports {name}"
        for module in MODULES
        for line, name in imported(module)
        if (room := ONLY_IN.get(name.split(".")[0])) is not None and not module.startswith(room)
    ]
    assert strays == []


def test_imports_say_in_full_whom_they_mean() -> None:
    relative = [(module, line) for module in MODULES for line, name in imported(module) if name == "a relative import"]
    assert relative == []


def test_every_task_is_born_in_the_task_group_of_the_session() -> None:
    births = [
        (module, ast.unparse(func))
        for module in MODULES
        for _, func in calls(module)
        if called(func) in {"create_task", "ensure_future", "run_coroutine_threadsafe"}
    ]
    assert births == [("tui/session/session.py", "self._tasks.create_task")]


def test_only_output_writes_to_stdout() -> None:
    prints = [
        f"{module}:{line}"
        for module in MODULES
        for line, func in calls(module)
        if isinstance(func, ast.Name) and func.id in {"print", "input", "breakpoint"}
    ]
    stdouts = {
        module
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr in {"stdout", "__stdout__"}
    }
    assert prints == []
    assert stdouts <= {"tui/output.py", "tui/ui/driver.py"} | {
        module for module in MODULES if module.startswith("tui/cli/")
    }


def test_a_pure_room_asks_no_clock_and_opens_nothing() -> None:
    impure = {"open", "now", "today", "utcnow", "sleep", "getenv", "monotonic", "perf_counter"}
    strays = [
        f"{module}:{line} {ast.unparse(func)}"
        for module in MODULES
        if module.startswith(PURE)
        for line, func in calls(module)
        if called(func) in impure
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("room", "unwanted"),
    [
        ("tui.session", {"httpx", "pydantic", "textual", "rich", "click"}),
        ("tui.sources.base", {"httpx", "pydantic", "textual"}),
        ("tui.sources.registry", {"websockets", "textual"}),
        ("tui.relay", {"textual", "rich", "click", "starlette", "tui.ui", "tui.emulator", "tui.cli"}),
        ("tui.cli", {"websockets", "httpx", "pydantic", "textual", "rich", "starlette", "uvicorn", "sqlite3", "jwt"}),
        ("tui.wire.client", {"rich", "pygments", "click", "textual", "anyio"}),
        ("tui.ui.screens.main", {"httpx", "pydantic", "click", "anyio", "starlette", "uvicorn", "tui.emulator"}),
        ("tui.emulator.server.child", {"httpx", "textual", "click", "starlette", "uvicorn", "anyio", "asyncio"}),
        ("tui.store.store", {"httpx", "pydantic", "textual", "asyncio", "click"}),
        ("tui.output", {"httpx", "pydantic", "textual", "click"}),
        ("tui.emulator.world", {"httpx", "pydantic", "textual", "click", "starlette", "uvicorn", "sqlite3", "asyncio"}),
        ("tui.emulator.demo_tasks", {"httpx", "pydantic", "textual", "click", "starlette", "uvicorn", "asyncio"}),
        (
            "tui.emulator.server.application",
            {"httpx", "pydantic", "textual", "rich", "tui.session", "tui.wire", "tui.cli"},
        ),
    ],
)
def test_importing_a_room_loads_no_more_than_it_needs(room: str, unwanted: set[str]) -> None:
    code = f"import sys, {room}; print(sorted({unwanted} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
