"""Calls the user when a finding is new: the bell, a notice on the desktop, a command of the user's own."""
