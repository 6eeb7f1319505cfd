"""The relay: one session with the API that serves any number of read-only screens over WebSockets.

README.md describes how to use it. The screen's side is `tui.sources.relay`, the messages are `tui.wire.relay`.
"""

from tui.relay.server import Relay, RelayOptions
from tui.relay.tokens import Tokens, TokensError, read_tokens

__all__ = ["Relay", "RelayOptions", "Tokens", "TokensError", "read_tokens"]
