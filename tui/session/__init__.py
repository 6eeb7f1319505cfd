"""One session with one environment: sources in, store kept, actions out, everything cleaned up.

What lives here: `Session`, which owns every task, and its parts. Nothing here draws, prints or speaks HTTP. Importing
this room loads neither httpx nor pydantic: `Session.start` does, in a thread, after the first paint.
"""

from tui.session.session import Session

__all__ = ["Session"]
