"""The HTTP server of the emulator: the application, its faults and sockets, the clock and the port.

Nothing here is specific to Trigger.dev. The API itself is in `routes`.
"""
