"""Pictures of the program for the README: `python -m tests.screenshots` makes them anew from the running program.

What lives here: a terminal, the recordings as its API, and rich's export of what was drawn. Never drawn by hand.
"""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.cli.running import Terminal, environment
from tests.recording_server import RecordingsApi

FOLDER = Path(__file__).parents[1] / "screenshots"
FAILED = "run_cmwuqwphl00009f7de45f6e3t"
ROOT = "run_cmwur0a5o002h9f7dcmx6srqz"
PICTURES = {
    "ls": (["ls", "--limit", "12"], 100),
    "show": (["show", FAILED], 80),
    "tree": (["tree", ROOT], 100),
}
THEME = TerminalTheme(
    (15, 17, 21),
    (204, 210, 220),
    [
        *[(15, 17, 21), (255, 113, 135), (99, 173, 121), (238, 181, 92)],
        *[(109, 184, 255), (181, 161, 255), (109, 184, 255), (204, 210, 220)],
    ],
)


def picture(arguments: list[str], columns: int, url: str) -> str:
    """What a command drew on a terminal of so many columns, as SVG."""
    terminal = Terminal(*arguments, env=environment(url), columns=columns)
    terminal.end()
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(terminal.screen.decode().replace("\r\n", "\n").rstrip("\n")), no_wrap=True)
    svg = console.export_svg(title=f"trigger-tui {' '.join(arguments)}", theme=THEME, unique_id="trigger-tui")
    # The font that rich would fetch from elsewhere: any monospace will do.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    with RecordingsApi() as api:
        api.answer("011", path="/api/v1/runs")
        api.answer("021", path="/api/v1/runs")
        api.answer("141", path=f"/api/v3/runs/{ROOT}")
        api.answer("834", method="POST", path="/api/v1/query")
        api.answer("241", path=f"/api/v1/runs/{FAILED}/trace")
        for name, (arguments, columns) in PICTURES.items():
            (FOLDER / f"{name}.svg").write_text(picture(arguments, columns, api.url))


if __name__ == "__main__":
    main()
