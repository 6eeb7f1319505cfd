"""Other programs: in the foreground with the screen suspended, and a browser beside it."""
