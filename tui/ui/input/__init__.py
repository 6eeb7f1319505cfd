"""Keys, commands, menus and the clipboard."""
