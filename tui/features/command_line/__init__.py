"""The command line behind `:`."""
