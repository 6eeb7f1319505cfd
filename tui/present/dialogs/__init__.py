"""The questions before an action, and the dialogs in which something is chosen."""
