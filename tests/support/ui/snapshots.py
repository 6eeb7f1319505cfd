"""Compares a picture of the screen with the one that is kept. `SNAPSHOTS=new` keeps the new one."""

import io
import os
import re
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from textual.app import App

FOLDER = Path(__file__).parents[2] / "ui" / "screens" / "snapshots"

MAX_SHOWN = 20
"""Lines of a difference that a failure shows."""


def assert_as_drawn(app: App[int], name: str, tmp_path: Path) -> None:
    """Compare the cells of the screen with a picture of them."""
    svg = _svg(app, name)
    path = FOLDER / f"{name}.svg"
    if os.environ.get("SNAPSHOTS") == "new":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(svg)
    drawn = tmp_path / path.name
    drawn.write_text(svg)
    kept = path.read_text()
    if svg != kept:
        lines = list(unified_diff(kept.splitlines(), svg.splitlines(), lineterm="", n=0))[2:]
        raise AssertionError("\n".join([f"{drawn} is not {path}", *lines[:MAX_SHOWN]]))


def _svg(app: App[int], name: str) -> str:
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True
    )
    screen = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert screen is not None
    lines = Segment.split_lines(each for each in console.render(screen) if not each.control)
    console.print(Segments([piece for line in lines for piece in (*_pieces(line), Segment.line())]))
    svg = console.export_svg(title=name)
    # The font that it would be fetched from elsewhere, and names that change with what is drawn.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    return re.sub(r"terminal-\d+-", "terminal-", svg).replace("><", ">\n<")


def _pieces(line: Iterable[Segment]) -> Iterator[Segment]:
    """Yield the longest texts of one look. What a widget paints again decides into how many parts it divides them.

    A blank has the look of the text before it if it stands on the same background.
    """
    text, current = "", Style.null()
    for segment in line:
        look = _look(segment.style or Style.null())
        for character in segment.text:
            style = look
            if character == " " and not _is_drawn_on_blanks(look):
                is_same = look.bgcolor == current.bgcolor and not _is_drawn_on_blanks(current)
                style = current if is_same else Style(bgcolor=look.bgcolor)
            if style != current and text:
                yield Segment(text, current)
                text = ""
            text, current = text + character, style
    yield Segment(text, current)


def _is_drawn_on_blanks(style: Style) -> bool:
    return bool(style.underline or style.strike or style.reverse)


def _look(style: Style) -> Style:
    """Return a style without what is not visible: a part that is not bold is like one that says nothing about it."""
    return Style(
        color=style.color,
        bgcolor=style.bgcolor,
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        strike=style.strike or None,
        reverse=style.reverse or None,
    )
