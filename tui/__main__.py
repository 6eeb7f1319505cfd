"""Makes `python -m tui` the same as the console script `trigger-tui`."""

from tui.program import main

if __name__ == "__main__":
    main()
