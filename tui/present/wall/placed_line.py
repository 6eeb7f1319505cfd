"""`PlacedLine`: a line whose parts have fixed places, from left to right."""

from tui.present.styled import Line, Piece, Token, cut, fit, line_width, pad


class PlacedLine:
    """Collects parts of a line. The gaps between them are filled with one character."""

    def __init__(self, fill: str = " ", token: Token = Token.TEXT) -> None:
        self._pieces: Line = ()
        self._width = 0
        self._fill, self._token = fill, token

    @property
    def width(self) -> int:
        """The cells that are taken so far."""
        return self._width

    def put(self, x: int, line: Line, room: int | None = None) -> None:
        """Put a part at cell `x`, cut to `room` cells. A part that reaches beyond `x` is cut before it."""
        if room is not None:
            line = cut(line, max(0, room))
        if self._width > x:
            self._pieces = pad(cut(self._pieces, max(0, x - 1)), x)
        elif self._width < x:
            self._pieces = (*self._pieces, Piece(self._fill * (x - self._width), self._token))
        self._pieces = (*self._pieces, *line)
        self._width = x + line_width(line)

    def right(self, end: int, line: Line) -> None:
        """Put a part so that it ends before cell `end`."""
        self.put(max(0, end - line_width(line)), line)

    def line(self, width: int) -> Line:
        """Return the line in exactly `width` cells."""
        if self._width < width:
            self.put(width, ())
        return fit(self._pieces, width)
