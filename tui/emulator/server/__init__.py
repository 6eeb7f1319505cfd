"""The HTTP of the emulator: the application, its faults, its sockets, its clock, the port.

What lives here: what is not of Trigger.dev, but of a server. What is answered is `routes`' matter.
"""
