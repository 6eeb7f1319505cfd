"""The confirmation of actions, and the dialogs for filters, copying and quitting."""
