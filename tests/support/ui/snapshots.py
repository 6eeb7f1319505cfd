"""Compares a picture of the screen with the one that is kept. `SNAPSHOTS=new` keeps the new one."""

import os
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "ui" / "screens" / "snapshots"


def assert_as_drawn(svg: str, name: str, tmp_path: Path) -> None:
    # The font that it would be fetched from elsewhere, and names that change with what is drawn.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    path = FOLDER / f"{name}.svg"
    if os.environ.get("SNAPSHOTS") == "new":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(svg)
    drawn = tmp_path / path.name
    drawn.write_text(svg)
    assert svg == path.read_text(), f"{drawn} is not {path}"
