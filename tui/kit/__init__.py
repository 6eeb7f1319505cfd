"""What every part of the screen is made of: the interface of the app, screens, panes, pages, tables, colours, keys."""
