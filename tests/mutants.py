"""Measures the strength of the tests: how many small mistakes in `tui/` they find.

    python -m tests.mutants draw --seed 20 --count 60   draws mutants at random, and stores them in `mutants.json`
    python -m tests.mutants cover [pytest arguments]    runs all tests, and stores which reach the mutated lines
    python -m tests.mutants run [--only 3 7]            makes each mistake, and runs these tests until one fails

`--tests-of TREE` measures another checkout. A mutant is found again by its function and its lines, although the module
has another name; one whose lines no longer exist is gone. What is measured is kept in a temporary folder of the tree's
contents: `run` begins with `cover` where there is none, and goes on where it was ended.

At commit 04755d85, before tests were deleted, 46 of the 60 died. Of the others two change nothing that anybody can see.
"""

import argparse
import ast
import builtins
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import venv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

import pytest

ROOT: Final = Path(__file__).parents[1]
STORED: Final = Path(__file__).with_suffix(".json")
WORKERS: Final = 2
BATCHES_S: Final = (10.0, 120.0)
"""The measured seconds of the tests that run first, and of each later run."""

RUN_LIMIT_S: Final = 600
"""A mutant on which a run of tests takes longer is dead."""

TEST_LIMIT_S: Final = 60
SLOW_S: Final = 10.0
"""Slower tests run only where no other reaches the line."""

FOLDER: Final = "MUTANTS_FOLDER"
TEST: Final = "MUTANTS_TEST"
FIELD: Final = "\t"

PROBE: Final = """
import builtins, os
def reached(mutant, seen=set()):
    key = (mutant, reached.test or os.environ.get("MUTANTS_TEST", ""))
    if key not in seen:
        seen.add(key)
        with open({path!r}, "a") as file:
            file.write("%s\\t%s\\n" % key)
reached.test = ""
builtins.reached = reached
"""
"""Every process of a measured copy has this function, which writes that a test reaches a mutant."""


# Mutants: how they are drawn, stored, and found again.


@dataclass(frozen=True)
class Mutant:
    """A mistake: these lines of a function replace its original ones. Without a function they stand in a module."""

    module: str
    function: str
    kind: str
    original: tuple[str, ...]
    mutated: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where the original lines of a mutant are now."""

    module: str
    line: int


FLIPPED: Final[dict[type[ast.AST], type[Any]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}  # fmt: skip

DEFINITION: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTION: Final = DEFINITION[:2]

EMPTY: Final = {"str": '""', "int": "0", "float": "0.0", "bool": "False", "list": "[]", "dict": "{}", "tuple": "()"}
"""What is returned instead, by the annotated type. A function of another type returns None."""

LOGGING: Final = re.compile(r"(LOG|logging|logger)\.")
FOR_TOOLS: Final = re.compile(r"TYPE_CHECKING|__debug__")


class Finder(ast.NodeVisitor):
    """Finds all mutants of a module. Texts, annotations, decorators, assertions and logging stay as they are."""

    def __init__(self, module: str, source: str) -> None:
        self.module = module
        self.lines = source.splitlines()
        self.found: list[Mutant] = []
        self._names: list[str] = []
        self._returns = "None"
        self.visit(ast.parse(source))

    def visit(self, node: ast.AST) -> None:
        for kind, replaced, text in self._mutations(node):
            self._add(kind, replaced, text)
        super().visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node.name, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self._returns = self._returns, ast.unparse(node.returns) if node.returns else "None"
        defaults = [each for each in node.args.kw_defaults if each is not None]
        self._enter(node.name, [*node.args.defaults, *defaults, *node.body])
        self._returns = outer

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        """An assertion states what always holds."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Python 3.11 does not know where the parts of a text stand."""

    def _enter(self, name: str, parts: Iterable[ast.AST]) -> None:
        self._names.append(name)
        for part in parts:
            self.visit(part)
        self._names.pop()

    def _mutations(self, node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
        """Yield the kind, the node that is replaced, and its new text."""
        match node:
            case ast.Return(value=ast.expr() as value):
                empty = EMPTY.get(self._returns.partition("[")[0], "None")
                if ast.unparse(value) != empty and self._returns != "None":
                    yield "return", value, empty
            case ast.Expr(value=ast.Call(func=func) | ast.Await(value=ast.Call(func=func))):
                if not LOGGING.match(ast.unparse(func)):
                    yield "deletion", node, "pass"
            case ast.AugAssign() | ast.Assign(targets=[ast.Attribute()]):
                yield "deletion", node, "pass"
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                if not FOR_TOOLS.search(ast.unparse(test)):
                    yield "negation", test, f"not ({ast.unparse(test)})"
            case ast.comprehension(ifs=ifs):
                yield from (("negation", test, f"not ({ast.unparse(test)})") for test in ifs)
            case ast.expr():
                yield from _changed(node)
            case _:
                pass

    def _add(self, kind: str, node: Any, text: str) -> None:
        original = self.lines[node.lineno - 1 : node.end_lineno]
        # The columns of a node count bytes.
        before = original[0].encode()[: node.col_offset].decode()
        after = original[-1].encode()[node.end_col_offset :].decode()
        original_lines, mutated_lines = (
            tuple(textwrap.dedent("\n".join(lines)).split("\n")) for lines in (original, [before + text + after])
        )
        self.found.append(Mutant(self.module, ".".join(self._names), kind, original_lines, mutated_lines))


def _changed(node: ast.expr) -> Iterator[tuple[str, ast.AST, str]]:
    match node:
        case ast.Compare(ops=[op, *others]) if type(op) in FLIPPED:
            yield "comparison", node, _with(node, ops=[FLIPPED[type(op)](), *others])
        case ast.BoolOp(op=op):
            yield "and/or", node, _with(node, op=FLIPPED[type(op)]())
        case ast.BinOp(op=op) if type(op) in FLIPPED:
            yield "arithmetic", node, _with(node, op=FLIPPED[type(op)]())
        case ast.Constant(value=bool(value)):
            yield "boolean", node, str(not value)
        case ast.Constant(value=int() | float() as number):
            yield "number", node, str(number + 1)
        case _:
            pass


def _with(node: ast.AST, **fields: Any) -> str:
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return ast.unparse(changed)


def modules_of(tree: Path) -> dict[str, str]:
    """Return the source of each module of the program, by its path in the tree."""
    paths = sorted((tree / "tui").rglob("*.py"))
    return {path.relative_to(tree).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def code_lines(source: str) -> int:
    """Count the lines on which something begins, without docstrings."""
    nodes = [node for node in ast.walk(ast.parse(source)) if not isinstance(node, ast.Constant)]
    return len({node.lineno for node in nodes if isinstance(node, ast.expr | ast.stmt) and not _is_text(node)})


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def draw(seed: int, count: int) -> list[Mutant]:
    """Draw mutants of this tree: a module by its code lines, then one of its mutants."""
    random, modules, drawn = Random(seed), modules_of(ROOT), list[Mutant]()
    weights = [code_lines(source) for source in modules.values()]
    while len(drawn) < count:
        (module,) = random.choices(list(modules), weights)
        found = Finder(module, modules[module]).found
        if found and (mutant := random.choice(found)) not in drawn and len(places(mutant, modules)) == 1:
            drawn.append(mutant)
    return drawn


def places(mutant: Mutant, modules: Mapping[str, str]) -> list[Place]:
    """Return where the lines of a mutant stand: in its own module or, if they are not there, in any."""
    own = _places_in(mutant.module, modules.get(mutant.module, ""), mutant)
    return own or [place for module, source in modules.items() for place in _places_in(module, source, mutant)]


def _places_in(module: str, source: str, mutant: Mutant) -> list[Place]:
    name = mutant.function.rpartition(".")[2]
    lines, wanted = ([line.strip() for line in text] for text in (source.splitlines(), mutant.original))
    if wanted[0] not in lines:
        return []
    nodes = ast.walk(ast.parse(source))
    scopes = [_range(node) for node in nodes if isinstance(node, DEFINITION) and node.name == name]
    return [
        Place(module, line)
        for scope in (scopes if name else [range(1, len(lines) + 1)])
        for line in scope
        if lines[line - 1 : line - 1 + len(wanted)] == wanted
    ]


def mutated(source: str, place: Place, mutant: Mutant) -> str:
    """Return the source with the mistake in it."""
    lines = source.splitlines()
    indent = _indent(lines[place.line - 1])
    lines[place.line - 1 : place.line - 1 + len(mutant.original)] = [indent + line for line in mutant.mutated]
    return "\n".join(lines) + "\n"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def stored() -> list[Mutant]:
    """Read the mutants that were drawn."""
    fields = json.loads(STORED.read_text(encoding="utf-8"))
    return [Mutant(**each | {name: tuple(each[name]) for name in ("original", "mutated")}) for each in fields]


# Probes: statements that show which tests reach a mutant.


class Module:
    """A module whose statements can be found by a line."""

    def __init__(self, source: str) -> None:
        self.lines = source.splitlines()
        self.tree = ast.parse(source)
        self._parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def statement(self, line: int) -> ast.stmt:
        """Return the innermost statement of a line."""
        around = [node for node in ast.walk(self.tree) if isinstance(node, ast.stmt) and line in _range(node)]
        return min(around, key=lambda node: len(_range(node)))

    def probe(self, statement: ast.stmt) -> int | None:
        """Return the line before which a probe sees that a statement runs; None if importing the module runs it."""
        if isinstance(statement, FUNCTION):
            return statement.body[len(statement.body) > 1 and _is_text(statement.body[0])].lineno
        node: ast.AST = statement
        line = 0
        while node is not self.tree:
            # A probe fits before the `if`, not before its `elif`.
            if not line and isinstance(node, ast.stmt) and not self.lines[node.lineno - 1].lstrip().startswith("elif"):
                line = node.lineno
            node = self._parents[node]
            if isinstance(node, FUNCTION):
                return line
        return None

    def functions(self) -> set[int]:
        """Return the probes of all functions."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, FUNCTION)]
        return {line for node in nodes if (line := self.probe(node))}


def _range(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or 0) + 1)


def probed(modules: Mapping[str, Module], places: Mapping[int, Place]) -> dict[str, str]:
    """Return the modules with the probes of all mutants in them.

    A mistake in what importing a module makes is reached by all functions of the module.
    """
    at = defaultdict[str, dict[int, list[int]]](lambda: defaultdict(list))
    for number, place in places.items():
        own = modules[place.module]
        line = own.probe(own.statement(place.line))
        for each in [line] if line else own.functions():
            at[place.module][each].append(number)
    changed = {}
    for module, numbers in at.items():
        source = modules[module].lines.copy()
        for line in sorted(numbers, reverse=True):
            calls = [f"{_indent(source[line - 1])}reached({number})" for number in numbers[line]]
            source[line - 1 : line - 1] = calls
        changed[module] = "\n".join(source) + "\n"
    return changed


# The plugin of the tests that run in a copy. The measured run also knows which test runs.


def pytest_configure() -> None:
    """Let the programs that tests start know the test: they inherit few variables."""
    if not (probe := getattr(builtins, "reached", None)):
        return
    start: Any = subprocess.Popen.__init__

    def with_test(self: Any, *args: Any, env: Mapping[str, str] | None = None, **options: Any) -> None:
        start(self, *args, env={**(os.environ if env is None else env), TEST: probe.test}, **options)

    patch.object(subprocess.Popen, "__init__", with_test).start()


def pytest_runtest_logstart(nodeid: str) -> None:
    _report("begun", nodeid)
    if probe := getattr(builtins, "reached", None):
        probe.test = nodeid


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """What a fixture of a whole file reaches, all tests of the file reach."""
    probe = getattr(builtins, "reached", None)
    if probe is None or fixturedef.scope == "function":
        return (yield)
    test, probe.test = probe.test, request.node.nodeid.partition("::")[0]
    try:
        return (yield)
    finally:
        probe.test = test


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _report("seconds", f"{report.nodeid}{FIELD}{report.duration}")
    if report.failed:
        _report("failed", report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _report("failed", report.nodeid)


def _report(name: str, line: str) -> None:
    if (folder := os.environ.get(FOLDER)) and "PYTEST_XDIST_WORKER" not in os.environ:
        _write(Path(folder, name), line)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _write(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


class Copy:
    """A copy of the tracked files of a tree, with an environment that imports the copy in every process."""

    def __init__(self, tree: Path, folder: Path, at_start: str = "") -> None:
        self.folder = folder
        for name in _tracked(tree):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree / name, folder / name)
        shutil.copyfile(__file__, folder / "tests" / "mutants.py")
        venv.create(folder / ".venv", symlinks=True)
        self.python = folder / ".venv" / "bin" / "python"
        (packages,) = (folder / ".venv" / "lib").glob("python*/site-packages")
        installed = [path for path in sys.path if "site-packages" in path]
        (packages / "copy.pth").write_text("\n".join([str(folder), *installed, at_start]))
        imported = subprocess.check_output([self.python, "-c", "import tui; print(tui.__file__)"], cwd="/", text=True)
        assert Path(imported).is_relative_to(folder), f"the tests would run {imported}"

    def write(self, module: str, source: str) -> None:
        """Change a module. One that was compiled in the same second may seem to be the same."""
        path = self.folder / module
        path.write_text(source, encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()

    def pytest(self, results: Path, *arguments: str, limit_s: float | None = None) -> int | None:
        """Run tests, and return the exit code; None if they take too long."""
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(
            ["nice", self.python, "-m", "pytest", "-q", "-p", "tests.mutants", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env=env | {FOLDER: str(results)},
            stdout=(results / "output").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None

    def failure(self, tests: list[str]) -> str | None:
        """Return the first of these tests that fails, or None. A run that does not end fails the test it is at."""
        with tempfile.TemporaryDirectory() as name:
            options = ("-x", "-n", "0", "--timeout", str(TEST_LIMIT_S))
            limit_s = RUN_LIMIT_S if len(tests) > 1 else 2 * TEST_LIMIT_S
            code = self.pytest(Path(name), *options, *tests, limit_s=limit_s)
            if code == 0:
                return None
            failed, begun = _lines(Path(name, "failed")), _lines(Path(name, "begun"))
        files = sorted({test.partition("::")[0] for test in tests})
        if code == pytest.ExitCode.USAGE_ERROR and not failed and files != tests:
            return self.failure(files)  # a mutant can change the names of tests, which do not run then
        return (failed or begun[-1:] or tests)[0]


def _tracked(tree: Path) -> list[str]:
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=tree, text=True).split("\0")
    return [name for name in names if (tree / name).is_file()]


class Tree:
    """A tree with its mutants, and a folder with what was measured for exactly these."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = modules_of(folder)
        self.mutants = stored()
        found = {number: places(mutant, self.sources) for number, mutant in enumerate(self.mutants)}
        self.places = {number: each[0] for number, each in found.items() if each}
        names = [name for name in _tracked(folder) if name.startswith(("tui/", "tests/")) and "/mutants." not in name]
        contents = [STORED.read_bytes(), *(name.encode() + (folder / name).read_bytes() for name in names)]
        self.data = Path(tempfile.gettempdir(), f"mutants-{hashlib.sha256(b''.join(contents)).hexdigest()[:8]}")
        self.data.mkdir(exist_ok=True)

    def cover(self, arguments: list[str]) -> None:
        """Run the tests, and write which of them reach which mutants."""
        with tempfile.TemporaryDirectory() as name:
            at_start = f"import os; exec({PROBE.format(path=str(self.data / 'reached'))!r})"
            measured = Copy(self.folder, Path(name), at_start)
            modules = {module: Module(source) for module, source in self.sources.items()}
            for module, source in probed(modules, self.places).items():
                measured.write(module, source)
            measured.pytest(self.data, "--numprocesses", str(WORKERS), "--dist", "worksteal", *arguments)

    def tests(self) -> dict[int, dict[str, float]]:
        """Return the tests that reach each mutant, with their seconds: first quick ones, and those that reach few."""
        seconds = defaultdict[str, float](float)
        for test, duration in self.read("seconds"):
            seconds[test] += float(duration)
        of_file = defaultdict[str, set[str]](set)
        for test in seconds:
            of_file[test.partition("::")[0]].add(test)
        reaching = defaultdict[int, set[str]](set)
        for number, test in self.read("reached"):
            reaching[int(number)] |= of_file.get(test) or {test} & seconds.keys()
        reached = Counter(test for tests in reaching.values() for test in tests)
        ordered = sorted(seconds, key=lambda test: (seconds[test] + 0.01) * reached[test])
        chosen = {
            number: {test: seconds[test] for test in ordered if test in reaching[number]} for number in self.places
        }
        quick = {number: {test: s for test, s in tests.items() if s <= SLOW_S} for number, tests in chosen.items()}
        return {number: quick[number] or tests for number, tests in chosen.items()}

    def read(self, name: str) -> list[tuple[str, str]]:
        """Read lines of two fields."""
        return [(first, last) for first, _, last in (line.partition(FIELD) for line in _lines(self.data / name))]

    def run(self, only: list[int]) -> None:
        """Judge each mutant, and print how many die. Those that have died before do not run again."""
        if not (self.data / "seconds").exists():
            self.cover([])
        tests, killers = self.tests(), {int(number): killer for number, killer in self.read("killers")}
        numbers = only or range(len(self.mutants))
        with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(WORKERS) as pool:
            copies = [Copy(self.folder, Path(name, str(worker))) for worker in range(WORKERS)]

            def judge(number: int) -> None:
                if number not in self.places:
                    return
                if number not in killers:
                    each = copies.pop()
                    killer = self.killer(number, tests[number], each)
                    copies.append(each)
                    if killer:
                        killers[number] = killer
                        _write(self.data / "killers", f"{number}{FIELD}{killer}")
                end = f"dies by {killers[number]}" if number in killers else f"survives {len(tests[number])} tests"
                mutant = self.mutants[number]
                print(number, mutant.module, mutant.function, mutant.kind, end, flush=True)

            list(pool.map(judge, numbers))
        gone = set(numbers) - self.places.keys()
        print(f"{len(killers.keys() & set(numbers))} of {len(numbers)} die, {len(gone)} are gone: {sorted(gone)}")

    def killer(self, number: int, tests: Mapping[str, float], each: Copy) -> str | None:
        """Return a test that fails on a mutant twice, and passes on the original."""
        place = self.places[number]
        source = self.sources[place.module]
        waiting = batches(tests)
        while waiting:
            each.write(place.module, mutated(source, place, self.mutants[number]))
            failed = each.failure(waiting[0])
            fails_again = failed and each.failure([failed])
            each.write(place.module, source)
            if failed and fails_again and not each.failure([failed]):
                return failed
            rest = [test for test in waiting[0] if failed and test != failed]
            waiting[:1] = [rest] if rest else []
        return None


def batches(tests: Mapping[str, float]) -> list[list[str]]:
    """Divide tests into a short run, and longer ones."""
    found, left_s = list[list[str]](), 0.0
    for test, seconds in tests.items():
        if left_s <= 0:
            left_s = BATCHES_S[bool(found)]
            found.append([])
        found[-1].append(test)
        left_s -= seconds
    return found


def main() -> None:
    """Draw mutants, measure which tests reach them, or run these tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("draw", "cover", "run"))
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", type=int, nargs="*", default=[])
    parser.add_argument("--tests-of", type=Path, default=ROOT)
    options, arguments = parser.parse_known_args()
    if options.command == "draw":
        fields = [asdict(mutant) for mutant in draw(options.seed, options.count)]
        STORED.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    elif options.command == "cover":
        Tree(options.tests_of.resolve()).cover(arguments)
    else:
        Tree(options.tests_of.resolve()).run(options.only)


if __name__ == "__main__":
    main()
