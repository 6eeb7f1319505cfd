"""Texts about actions on runs, for a row, the footer and the messages; and the actions of Enter on a row."""
