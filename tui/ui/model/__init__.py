"""State of the screen that needs no Textual: the list, its views and marks, the layout, the selection, the tree."""
