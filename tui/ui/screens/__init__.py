"""The screens: the monitor itself, and what is laid over it."""
