"""The wall: `screen` shows it, `entrance` opens it and leads to runs and back, `keys` has its keys."""
