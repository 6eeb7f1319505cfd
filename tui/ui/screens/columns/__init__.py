"""The dialogs in which columns are chosen."""
