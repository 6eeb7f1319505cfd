"""The session: it follows one environment, keeps the store up to date, and sends actions.

This package draws and prints nothing and speaks no HTTP. Importing it loads neither httpcore nor pydantic:
`Session.start` imports them in a thread, after the first paint.
"""

from tui.session.session import Session

__all__ = ["Session"]
