"""The widgets of panes and screens. Almost all draw line by line, without Textual's layout and markup."""
