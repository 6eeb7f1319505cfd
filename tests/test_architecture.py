"""Architecture rules: which room may import which library, what an import loads, and which calls are banned.

`.importlinter` has the rules between our own rooms, pyproject.toml the calls that are banned everywhere. The rules
about libraries stand here: a test also sees imports inside functions. Rooms are named by their folders, so a new module
needs no entry. Each failure names the file, the line, and what to do.
"""

import ast
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "tui").rglob("*.py"))}
ONLY_IN: dict[str, tuple[str, ...]] = {
    "httpx2": ("tui/api/client.py", "tui/api/connection.py"),
    "httpcore2": (),
    "pydantic": ("tui/api/",),
    "pydantic_core": ("tui/api/", "tui/settings/reader.py"),
    "click": ("tui/commands/", "tui/program/", "tui/features/"),
    "cronsim": ("tui/store/findings/", "tui/emulator/"),
    "rich": ("tui/text/", "tui/kit/", "tui/features/", "tui/program/", "tui/terminal/"),
    "textual": ("tui/kit/", "tui/features/", "tui/program/"),
    "websockets": ("tui/relay/", "tui/sync/relay.py"),
    "starlette": ("tui/emulator/",),
    "uvicorn": ("tui/emulator/",),
    "sqlite3": ("tui/emulator/",),
    "jwt": ("tui/emulator/",),
    "anyio": ("tui/emulator/", "tui/api/connection.py"),
}
"""Each library, and the rooms that may import it."""

PURE = (
    "tui/domain/",
    "tui/store/",
    "tui/text/",
    "tui/emulator/world.py",
    "tui/emulator/simulation/",
    "tui/emulator/demo_tasks/",
    "tui/emulator/recorded_tasks.py",
    "tui/emulator/traces.py",
    "tui/emulator/routes/traces.py",
)
"""Rooms of values and pure functions: no IO, no clock, no tasks."""

NEVER_IN: dict[tuple[str, ...], frozenset[str]] = {
    PURE: frozenset({"asyncio", "anyio", "os", "pathlib", "socket", "time", "starlette", "uvicorn", "sqlite3"}),
    ("tui/domain/", "tui/store/", "tui/text/"): frozenset({"random", "sys"}),
}
"""Groups of rooms, and what they may not import although others may."""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"), module)


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


def imported(module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every import, of those inside functions too."""
    for node in nodes(module):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield node.lineno, name
            case _:
                pass


def called(func: ast.expr) -> str:
    """Return the last part of a called name: `create_task` for `asyncio.create_task`."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def calls(module: str) -> Iterator[tuple[int, ast.expr]]:
    return ((node.lineno, node.func) for node in nodes(module) if isinstance(node, ast.Call))


def check(wrong: Iterable[str], remedy: str) -> None:
    """Fail with the remedy and each place, one a line."""
    lines = [*wrong]
    assert not lines, "\n".join([remedy, *lines])


def test_libraries_are_imported_only_in_their_rooms() -> None:
    strays = [
        f"{module}:{line} imports {name}"
        for module in MODULES
        for line, name in imported(module)
        if (rooms := ONLY_IN.get(name.split(".")[0])) is not None and not module.startswith(rooms)
    ]
    check(strays, "Use a room of ONLY_IN that has this library, or add the room there with a reason:")


def test_pure_rooms_import_no_io() -> None:
    strays = [
        f"{module}:{line} imports {name}"
        for rooms, unwanted in NEVER_IN.items()
        for module in MODULES
        if module.startswith(rooms)
        for line, name in imported(module)
        if name.split(".")[0] in unwanted
    ]
    check(strays, "These rooms are pure. Let the caller hand in the time, the text or the value:")
    rooms = {room for rule in (*ONLY_IN.values(), *NEVER_IN) for room in rule}
    gone = sorted(room for room in rooms if not any(module.startswith(room) for module in MODULES))
    check(gone, "ONLY_IN, PURE or NEVER_IN names rooms that do not exist:")


def test_dataclasses_are_compiled_later() -> None:
    """The standard decorator takes half a millisecond of each start for each class."""
    standard = {
        module
        for module in MODULES
        if not module.startswith(("tui/emulator/", "tui/terminal/", "tui/lazy_dataclass.py"))
        for node in nodes(module)
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        if any(alias.name == "dataclass" for alias in node.names)
    }
    # It extends a dataclass of Textual.
    check(sorted(standard - {"tui/kit/keys.py"}), "Import `dataclass` from tui.lazy_dataclass:")


BUDGETS = {
    "api": 3_000,
    "commands": 530,
    "domain": 3_810,
    "features": 18_600,
    "kit": 8_150,
    "program": 1_100,
    "relay": 600,
    "settings": 1_470,
    "store": 4_550,
    "sync": 5_250,
    "terminal": 600,
    "text": 1_450,
    "files": 190,
    "folders": 34,
}
"""Code lines of each room: no blank lines, comments and docstrings. A change that needs more says so, and raises it.
At the end are the files with code, and their folders. The emulator has no budget.
"""

OURS = {module: path for module, path in MODULES.items() if not module.startswith("tui/emulator/")}


def code_lines(module: str) -> int:
    """Count the lines of a module that have code, without those of docstrings and the blank ones of other texts."""
    documented: set[int] = set()
    for node in nodes(module):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                for part in node.body:
                    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                        documented.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
            case _:
                pass
    lines = enumerate(OURS[module].read_text(encoding="utf-8").splitlines(), 1)
    return sum(number not in documented and line.strip()[:1] not in {"", "#"} for number, line in lines)


def test_no_room_outgrows_its_budget() -> None:
    sizes = Counter[str]()
    files: set[Path] = set()
    for module, path in OURS.items():
        count = code_lines(module)
        if module.count("/") > 1:
            sizes[module.split("/")[1]] += count
        if count or path.name != "__init__.py":
            files.add(path)
    sizes |= {"files": len(files), "folders": len({path.parent for path in files})}
    over = [
        f"{room}: {size}, at most {BUDGETS.get(room, 0)}" for room, size in sizes.items() if size > BUDGETS.get(room, 0)
    ]
    check(over, "Make it smaller, or raise the number in BUDGETS and say in the commit for which feature:")


def test_no_modules_import_each_other_in_a_circle() -> None:
    """An import inside a function or for types counts, too."""
    names = {module.removesuffix(".py").removesuffix("/__init__").replace("/", "."): module for module in MODULES}
    uses: dict[str, set[str]] = {}
    for name, module in names.items():
        imports = [
            f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in names else str(node.module)
            for node in nodes(module)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]
        uses[name] = {each for each in imports if each in names} - {name}
    # Modules that use nothing any more are taken out, until only circles and what uses them are left.
    while free := {name for name, used in uses.items() if not used}:
        uses = {name: used - free for name, used in uses.items() if name not in free}
    check(sorted(uses), "These import each other in a circle, or use ones that do. Move what both need below both:")


def test_only_the_session_creates_tasks() -> None:
    created = [
        f"{module}:{line} {ast.unparse(func)}"
        for module in MODULES
        for line, func in calls(module)
        if called(func) in {"create_task", "ensure_future", "run_coroutine_threadsafe"}
        if module != "tui/sync/session.py"
    ]
    check(created, "Start tasks by `Session.spawn`, which ends them with the session and reports what they raise:")


def test_only_output_writes_to_stdout() -> None:
    """The monitor owns the terminal, and a closed stdout must not raise."""
    rooms = ("tui/commands/output.py", "tui/kit/driver.py", "tui/program/")
    strays = [
        f"{module}:{node.lineno}"
        for module in MODULES
        if not module.startswith(rooms)
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr in {"stdout", "__stdout__"}
    ]
    check(strays, "Print by an `Output` (tui/commands/output.py):")


def test_pure_rooms_call_no_clock_and_no_io() -> None:
    impure = {"open", "now", "today", "utcnow", "sleep", "getenv", "monotonic", "perf_counter"}
    strays = [
        f"{module}:{line} {ast.unparse(func)}"
        for module in MODULES
        if module.startswith(PURE)
        for line, func in calls(module)
        if called(func) in impure
    ]
    check(strays, "These rooms are pure. Let the caller hand in the time, the text or the value:")


def test_handlers_of_messages_call_no_inherited_ones() -> None:
    """Textual calls the handler of each class itself. `on_event` and the subscribers of our signals are no handlers."""
    others = {"on_event", "on_changes"}
    twice = [
        f"{module}:{line} {ast.unparse(func)}"
        for module in MODULES
        if module.startswith(("tui/kit/", "tui/features/", "tui/program/"))
        for line, func in calls(module)
        if ast.unparse(func).startswith("super().on_") and called(func) not in others
    ]
    check(twice, "Delete the call: Textual calls the handler of each class itself:")


def test_no_attribute_has_the_name_of_a_key_handler() -> None:
    """Textual calls `key_s` and `_key_s` of a widget when `s` is pressed, whatever they are."""
    from textual.keys import Keys

    keys = {*string.printable, *(key.value.replace("+", "_").replace("-", "_") for key in Keys)}
    handlers = [
        f"{module}:{node.lineno} {node.attr}"
        for module in MODULES
        if module.startswith(("tui/kit/", "tui/features/", "tui/program/"))
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr.lstrip("_").removeprefix("key_") in keys
        if node.attr.lstrip("_").startswith("key_")
    ]
    check(handlers, "Use another name: Textual calls this when the key is pressed:")


@pytest.mark.parametrize(
    ("room", "unwanted"),
    [
        # The first frame, and every command, wait for these.
        (
            "tui.program",
            {"websockets", "httpx2", "pydantic", "textual", "rich", "starlette", "uvicorn", "sqlite3", "jwt"},
        ),
        (
            "tui.settings.settings",
            {"pydantic_core", "tomllib", "zoneinfo", "difflib", "httpx2", "textual", "rich", "click"},
        ),
        ("tui.features.runs.screen", {"httpx2", "pydantic", "click", "anyio", "starlette", "uvicorn", "tui.emulator"}),
        ("tui.sync.session", {"httpx2", "pydantic", "textual", "rich", "click"}),
        # These processes live as long as a monitor.
        ("tui.relay.server", {"textual", "rich", "click", "starlette", "tui.emulator", "tui.program"}),
        ("tui.emulator.server.child", {"httpx2", "textual", "click", "starlette", "uvicorn", "anyio", "asyncio"}),
    ],
)
def test_importing_a_room_loads_only_what_it_needs(room: str, unwanted: set[str]) -> None:
    code = f"import sys, {room}; print(sorted({unwanted} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    remedy = f"import {room} loads these. `python -X importtime` says by which module; import them where they are used"
    assert (done.stdout.strip(), done.stderr) == ("[]", ""), remedy
