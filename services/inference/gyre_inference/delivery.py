"""Text as people want to see it, out of pieces as an engine makes them."""


class Trim:
    """Drops white space around an answer that arrives in pieces."""

    def __init__(self) -> None:
        self.text = ""  # all that was passed on
        self._held = ""

    def push(self, piece: str) -> str:
        """Return what may be shown now.

        >>> trim = Trim()
        >>> [trim.push(piece) for piece in (" Blue", " ", "sky ", "")]
        ['Blue', '', ' sky', '']
        """
        text = self._held + piece
        if not self.text:
            text = text.lstrip()
        shown = text.rstrip()
        self._held = text[len(shown) :]
        self.text += shown
        return shown
