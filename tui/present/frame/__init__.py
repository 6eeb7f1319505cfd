"""Everything around the panes: header, footer, run summary, window title, help and messages."""
