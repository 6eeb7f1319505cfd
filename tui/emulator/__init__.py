"""An HTTP server that answers like Trigger.dev, with the simulated runs of a company that does not exist.

`world` is the pure simulation; `server` and `routes` serve it. Only `program` starts it. It imports nothing else of
this project, so that it cannot share a mistake with the code that it tests.
"""
