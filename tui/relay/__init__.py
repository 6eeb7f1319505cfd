"""The relay: one session with the API, any number of read-only screens over WebSockets.

What lives here: who may connect, what each screen is told, and the questions that it may ask. How a message is written
is `wire`'s, the screen's side is `sources.relay`. Nothing here draws, prints or speaks HTTP. Source: DESIGN §6.
"""

from tui.relay.server import Relay, RelayOptions
from tui.relay.tokens import Tokens, TokensError, read_tokens

__all__ = ["Relay", "RelayOptions", "Tokens", "TokensError", "read_tokens"]
