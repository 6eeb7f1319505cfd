"""Cancel and replay."""
