"""Makes `python -m tui` the same as the console script `trigger-tui`."""

from tui.cli import main

if __name__ == "__main__":
    main()
