"""Measures the branch coverage of every room of `tui/`: `python -m tests.coverage [pytest arguments]`.

Subprocesses count too: each measures itself and writes a data file of its own. Exits with 1 if the tests fail, or if a
room is below the least share.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MIN_SHARE: Final = 0.9
COUNTED: Final = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def main(arguments: list[str]) -> int:
    """Run the tests under coverage and print a line for each room."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COVERAGE_FILE"] = f"{folder}/data"
        tests = _coverage("run", "-m", "pytest", "-q", "--numprocesses", "2", "--timeout", "600", *arguments)
        _coverage("combine", "--quiet", folder)
        _coverage("json", "--quiet", "-o", f"{folder}/report.json")
        rooms = rooms_of(json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))["files"])
    print(f"{'room':32}{'lines':>8}{'branches':>10}{'both':>8}")
    for room, count in sorted(rooms.items()):
        print(
            f"{room:32}{share(count['covered_lines'], count['num_statements']):>8.1%}"
            f"{share(count['covered_branches'], count['num_branches']):>10.1%}{both(count):>8.1%}"
        )
    low = [room for room, count in rooms.items() if both(count) < MIN_SHARE]
    print(f"below {MIN_SHARE:.0%}: {', '.join(low) or 'no room'}")
    return 1 if tests or low else 0


def rooms_of(files: dict[str, dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """The counts of coverage's report, added up for each folder."""
    rooms: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTED, 0))
    for path, file in files.items():
        room = Path(path).parent.as_posix()
        for name in COUNTED:
            rooms[room][name] += file["summary"][name]
    return rooms


def share(part: int, whole: int) -> float:
    """A part of a whole; nothing to cover is covered."""
    return part / whole if whole else 1.0


def both(count: dict[str, int]) -> float:
    """The share of lines and branches together, as coverage's own total."""
    return share(count["covered_lines"] + count["covered_branches"], count["num_statements"] + count["num_branches"])


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
