"""Log lines: on the page, in print, and what an opened line shows."""
