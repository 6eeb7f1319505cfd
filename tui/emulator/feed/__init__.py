"""The realtime feed: what a shape of runs is, how its rows look, and when a held request is answered.

What lives here: the rules of wire/README.md §8, in the world's time and without any HTTP. Holding a request open is
`server.feeds`' matter, understanding it `routes.feeds`'.
"""
