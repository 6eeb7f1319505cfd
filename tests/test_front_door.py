"""The README and the pages that it links: short, complete, and true about the files of this repository."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_README_WORDS = 900
MAX_STORY_BYTES = 500_000
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
MODULE = re.compile(
    r"(?<![\w/.*])((?:tui|tests|domain|store|api|text|sync|kit|features|commands|settings|terminal|program|relay|emulator)"
    r"/[\w/]+\.\w+)"
)


@cache
def pages() -> list[Path]:
    """The Markdown files of the top level, of `tui/` and of `tests/`."""
    return [*ROOT.glob("*.md"), *(ROOT / "tui").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]


def links(page: Path) -> list[Path]:
    """The files that a page links or shows."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [(page.parent / link).resolve() for link in found if "://" not in link]


def test_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= MAX_README_WORDS


def test_every_link_leads_to_a_file() -> None:
    missing = [(page.name, link) for page in pages() for link in links(page) if not link.exists()]
    assert missing == []


def test_every_picture_is_shown_by_a_readme() -> None:
    shown = {link for page in pages() for link in links(page) if link.parent == ROOT / "screenshots"}
    assert {path.resolve() for path in (ROOT / "screenshots").iterdir()} == shown


def test_the_animated_picture_is_small_and_moves() -> None:
    story = (ROOT / "screenshots" / "story.svg").read_text(encoding="utf-8")
    assert len(story.encode()) <= MAX_STORY_BYTES
    assert story.count("<use ") > story.count('<g id="r') > 0
    assert "@keyframes" in story


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_module_that_a_page_names_exists(page: str) -> None:
    named = set(MODULE.findall((ROOT / page).read_text(encoding="utf-8")))
    missing = {name for name in named if not (ROOT / name).exists() and not (ROOT / "tui" / name).exists()}
    assert named
    assert missing == set()
