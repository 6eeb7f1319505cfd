"""Columns that the user chooses, also for values out of metadata, payload and output: paths, formats, widths."""
