"""Text of every part of the screen: styled lines, formats, statuses, JSON. Pure functions."""
