"""The columns that the user chose, kept over restarts, and the values that they show, read from the API."""
