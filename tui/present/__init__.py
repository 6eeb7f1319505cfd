"""Turns runs, errors, trees and numbers into styled text for the command line and for the screen.

Everything here is pure: no IO, no Textual, no clock (`now` is an argument). Every function returns lines of
`styled.Piece`; `output` prints them with escape codes, and `ui` paints them with a theme. Source: tui/ui/README.md.
"""
