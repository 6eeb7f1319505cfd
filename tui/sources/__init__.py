"""Where updates come from: each source asks the API in its own way and emits what it heard.

What lives here: the protocol of a source, the scheduler of the request budget, the reads that a user asks for,
polling. A source never touches the screen and never writes the store: it emits.
"""
