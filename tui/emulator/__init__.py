"""A real HTTP server that answers like Trigger.dev, over a company at work that does not exist.

What lives here: the simulated world (pure: `world` and what it is made of) and the server over it (`server`,
`routes`). Only `cli` starts it; it imports nothing of this project but `domain`, so that it cannot share a mistake
with the code that it is there to test.
"""
