"""Header, footer, strip, title, help and messages: all that stands around the panes."""
