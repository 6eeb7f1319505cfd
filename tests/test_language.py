"""Rules for prose and names: sources that exist, plain words, unique class names, short test names."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

from tests.language import GOALS, ROOT, counted, per_thousand, prose

TUI: Final = sorted((ROOT / "tui").rglob("*.py"))
MODULES: Final = [*TUI, *sorted((ROOT / "tests").rglob("*.py"))]
MAX_TEST_NAME_CHARS: Final = 60

_CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)
_TEST: Final = re.compile(r"^\s*(?:async )?def (test_\w+)\(", re.MULTILINE)
_SOURCE: Final = re.compile(r"\bSource:\s(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_FILE: Final = re.compile(r"[\w./-]+\.(?:md|py|json|jsonl|mjs|toml|tcss)\b")
_SECTION: Final = re.compile(r"([\w./-]+\.md)((?:,?\s+§[0-9]+(?:-§?[0-9]+)?)+)")
_NUMBER: Final = re.compile(r"§?([0-9]+)(?:-§?([0-9]+))?")
_REFERENCE: Final = re.compile(r"Source:|\.md\b|DESIGN|LOOKS|shared")
_OUTSIDE: Final = re.compile(r"\b(?:DESIGN|LOOKS)\b(?:\.md)?|\.\./shared|/work/")


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def prose_of(path: Path) -> tuple[str, ...]:
    """The docstrings of a module, and its comments joined to one text."""
    texts = list(prose(source_of(path)))
    comments = [text.lstrip("# ") for text in texts if text.startswith("#")]
    return (*(text for text in texts if not text.startswith("#")), "\n".join(comments))


@cache
def references() -> tuple[tuple[str, str], ...]:
    """Docstrings and comments that may name a document, each with the path of its module."""
    return tuple(
        (path.relative_to(ROOT).as_posix(), text)
        for path in MODULES
        if path != Path(__file__) and _REFERENCE.search(source_of(path))
        for text in prose_of(path)
    )


@cache
def sections(path: str) -> frozenset[int]:
    """The numbers of the sections of a README."""
    return frozenset(map(int, re.findall(r"^## ([0-9]+)\.", source_of(ROOT / path), re.MULTILINE)))


def test_every_source_names_an_existing_file() -> None:
    wrong = [
        f"{module}: {source.strip()[:80]}"
        for module, text in references()
        for source in _SOURCE.findall(text)
        if not (files := _FILE.findall(source)) or not all((ROOT / file).is_file() for file in files)
    ]
    assert wrong == []


def test_prose_names_no_document_outside_the_repository() -> None:
    wrong = [f"{module}: {found}" for module, text in references() for found in _OUTSIDE.findall(text)]
    wrong += [
        f"{module}: {file}"
        for module, text in references()
        for file in _FILE.findall(text)
        if file.endswith(".md") and not (ROOT / file).is_file()
    ]
    assert wrong == []


def test_every_section_exists_in_its_readme() -> None:
    wrong = []
    for module, text in references():
        for file, found in _SECTION.findall(text):
            for first, last in _NUMBER.findall(found):
                numbers = set(range(int(first), int(last or first) + 1))
                if (ROOT / file).is_file() and not numbers <= sections(file):
                    wrong.append(f"{module}: {file} §{first}")
    assert wrong == []


def test_prose_uses_plain_words() -> None:
    counts = counted(text for path in TUI for text in prose_of(path))
    figures = {name: per_thousand(counts, name) for name in GOALS}
    assert {name: figure for name, figure in figures.items() if figure > GOALS[name][1]} == {}


def test_class_names_are_unique() -> None:
    names = Counter(name for path in TUI if "emulator" not in path.parts for name in _CLASS.findall(source_of(path)))
    assert [name for name, count in names.items() if count > 1] == []


def test_names_of_tests_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path in MODULES
        for name in _TEST.findall(source_of(path))
        if len(name) > MAX_TEST_NAME_CHARS
    ]
    assert long == []
