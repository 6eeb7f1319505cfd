"""Keys, commands, menus, type-ahead and the clipboard."""
