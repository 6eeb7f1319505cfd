"""What leaves the monitor: to the clipboard, the pager, the editor."""
