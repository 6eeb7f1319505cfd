"""What prose refers to exists: files, sections, links, pictures. One name means one class.

Each failure names the file, the line, and what to do.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.test_architecture import check

ROOT: Final = Path(__file__).parents[1]
TUI: Final = sorted((ROOT / "tui").rglob("*.py"))
MODULES: Final = [*TUI, *sorted((ROOT / "tests").rglob("*.py"))]
PAGES: Final = [*ROOT.glob("*.md"), *(ROOT / "tui").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]

_CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)
_DOCUMENT: Final = re.compile(r"(?<![\w/.-])[\w./-]+/[\w.-]+\.md\b|\bSource:\s[#\s]*([\w./-]+\.\w+)")
"""A document with its folder, or what a docstring or comment names as its source."""

_SECTIONS: Final = re.compile(r"([\w./-]+\.md)((?:,?\s+§[0-9]+(?:-§?[0-9]+)?)+)")
_NUMBERS: Final = re.compile(r"§?([0-9]+)(?:-§?([0-9]+))?")
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
_MODULE: Final = re.compile(
    r"(?<![\w/.*])((?:tui|tests|domain|store|api|text|sync|kit|features|commands|settings|terminal|program|relay|emulator)"
    r"/[\w/]+\.\w+)"
)


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def having(*words: str) -> list[Path]:
    """Return the modules with one of the words, as the patterns are slow."""
    return [path for path in MODULES if any(word in source_of(path) for word in words)]


def found(pattern: re.Pattern[str], paths: list[Path]) -> Iterator[tuple[str, Path, re.Match[str]]]:
    """Yield each match with its place, as a person looks for it, and its file."""
    for path in paths:
        for match in pattern.finditer(source_of(path)):
            line = source_of(path).count("\n", 0, match.start()) + 1
            yield f"{path.relative_to(ROOT).as_posix()}:{line}: {match[0]}", path, match


def test_documents_of_docstrings_exist() -> None:
    """A document outside of this repository cannot be read where the program is."""
    documents = ((place, match[1] or match[0]) for place, _, match in found(_DOCUMENT, having(".md", "Source:")))
    wrong = (place for place, name in documents if ".." in name or not (ROOT / name).is_file())
    check(wrong, "Name a file of this repository, by its path from the top:")


def test_sections_of_docstrings_exist() -> None:
    wrong = []
    for place, _, match in found(_SECTIONS, having("§")):
        page = source_of(ROOT / match[1]) if (ROOT / match[1]).is_file() else ""
        known = set(re.findall(r"^## ([0-9]+)\.", page, re.MULTILINE))
        for first, last in _NUMBERS.findall(match[2]):
            wrong += [place for number in range(int(first), int(last or first) + 1) if str(number) not in known]
    check(wrong, "Name a section that the page has, as in `## 8. Pages`:")


def test_links_of_pages_lead_to_files() -> None:
    links = [(place, path.parent / match[1]) for place, path, match in found(_LINK, PAGES) if "://" not in match[1]]
    check((place for place, link in links if not link.exists()), "Link a file that exists:")
    shown = {link.resolve() for _, link in links}
    unseen = (path.name for path in (ROOT / "screenshots").iterdir() if path.resolve() not in shown)
    check(unseen, "No page shows these pictures. Delete them, and their scenes in tests/screenshots.py:")


def test_modules_of_pages_exist() -> None:
    pages = [ROOT / page for page in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
    named = ((place, match[1]) for place, _, match in found(_MODULE, pages))
    wrong = (place for place, name in named if not ((ROOT / name).exists() or (ROOT / "tui" / name).exists()))
    check(wrong, "Name a module that exists:")


def test_no_two_classes_share_a_name() -> None:
    ours = [path for path in TUI if "emulator" not in path.parts]
    classes = sorted((match[1], place) for place, _, match in found(_CLASS, ours))
    wrong = (f"{one} and {other}" for (name, one), (again, other) in pairwise(classes) if name == again)
    check(wrong, "Give one of these classes another name, so that a reader finds the one that is meant:")
