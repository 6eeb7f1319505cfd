"""The HTTP server of the emulator: the application, its faults and sockets, the clock and the port.

The handlers of the API are in `routes`.
"""
