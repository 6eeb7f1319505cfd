"""The realtime feed: the sets of runs that a client can subscribe to, their rows, and when a poll is answered.

It uses the world's time and no HTTP. `routes.feeds` reads the requests, `server.feeds` holds them open. Source:
tests/wire/recordings/README.md §8.
"""
