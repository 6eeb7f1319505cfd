"""The screen: the only room that loads Textual.

What lives here: widgets, panes, screens, the theme. What a run looks like in text is `present`'s, what is known of it
`store`'s; nothing here asks the network but through the session.
"""
