"""Domain to styled text: how runs, errors, trees and numbers look, for the command line and the screen alike.

Pure: no IO, no clock (`now` is an argument), no Textual. Everything ends in `styled.Line`; who paints one (escape
codes in `output`, a theme in `ui`) is not known here. Source of all words, glyphs and colours: the looks page.
"""
