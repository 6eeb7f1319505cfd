"""Names of Textual's own: no class of ours takes one by accident.

Textual's classes keep most of their state in private attributes. A subclass that uses the same name for something else
replaces it, and fails only when Textual reads it: neither Python nor mypy objects if the types agree.
"""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.test_architecture import MODULES, nodes

INTENDED = {
    "AppBase._disable_notifications",
    "AppBase._disable_tooltips",
    "AppBase._display",
    "AppBase._filters",
    "AppBase.theme",
    "CommandField._suggestion",
    "LineCompositor._full_map",
    "LineCompositor._render_chops",
    "PaintedScreen._compositor",
    "PaintedScreen._compositor_refresh",
    "PaintedScreen._layout_required",
    "PaintedScreen._repaint_required",
    "PaintedScreen._screen_resized",
    "TerminalDriver._size",
    "TextInput.cursor_blink",
    "TriggerApp._fatal_error",
    "TriggerApp._register_child",
    "TriggerApp._set_pointer_shape",
    "TriggerApp.theme",
    "ValueInput.cursor_position",
    "ValueInput.value",
    "Workspace._bindings",
}
"""What our classes replace or set on purpose, because Textual has no other way to do it."""
ROOMS = ("tui/kit/", "tui/features/", "tui/program/")


def classes_of(nodes_of_modules: Iterator[ast.AST]) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in nodes_of_modules if isinstance(node, ast.ClassDef)}


def classes_with(names: set[str], texts: list[str]) -> dict[str, ast.ClassDef]:
    """Return the classes of all texts that have one of the names, or what these are based on."""
    found: dict[str, ast.ClassDef] = {}
    while new := [text for text in texts if names & {*re.findall(r"^class (\w+)", text, re.MULTILINE)}]:
        found |= classes_of(node for text in new for node in ast.parse(text).body)
        names = {base for node in found.values() for base in bases(node)}
        texts = [text for text in texts if text not in new]
    return found


def bases(node: ast.ClassDef) -> list[str]:
    return [each.id for base in node.bases for each in ast.walk(base) if isinstance(each, ast.Name)]


def all_bases(name: str, known: dict[str, ast.ClassDef]) -> set[str]:
    """Return the class and the classes above it, of which `known` has the sources."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each in known and each not in found:
            found.add(each)
            waiting += bases(known[each])
    return found


def attributes(node: ast.ClassDef) -> set[str]:
    """Return the names that a class assigns to itself."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
        if isinstance(each.value, ast.Name) and each.value.id == "self"
    }


def members(node: ast.ClassDef) -> set[str]:
    """Return the names in the body of a class: its methods, and the attributes that it declares."""
    found = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    for each in node.body:
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_no_class_takes_a_name_of_textual() -> None:
    spec = find_spec("textual")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    texts = [path.read_text(encoding="utf-8") for path in (*folder.glob("*.py"), *folder.glob("widgets/_*.py"))]
    used = {base for module in MODULES if module.startswith(ROOMS) for base in bases_in(module)}
    theirs = classes_with(used, texts)
    ours = classes_of(node for module in MODULES if module.startswith(ROOMS) for node in nodes(module))
    assert {"App", "Screen", "Widget", "Input", "Driver", "Compositor"} <= used & {*theirs}
    both = {**theirs, **ours}
    above = {name: all_bases(name, both) & {*theirs} - {name} for name in ours}
    names = {name: attributes(theirs[name]) | members(theirs[name]) for name in set().union(*above.values())}
    taken = {
        f"{name}.{each}"
        for name, node in ours.items()
        for base in above[name]
        for each in names[base] & (attributes(node) | {member for member in members(node) if member.startswith("_")})
        if not each.startswith("__")
    }
    assert sorted(taken) == sorted(INTENDED)


def bases_in(module: str) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.ClassDef):
            yield from bases(node)
