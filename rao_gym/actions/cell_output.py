"""What a cell shows: printed text and text of tools, up to what the window can hold."""

from __future__ import annotations

from rao_gym.actions.base import TRUNCATED


class OutputFullError(Exception):
    """The cell's output exceeds the window."""


class CellOutput:
    """The output of a cell: printed text and text shown by tools, in order.

    Args:
        max_chars: Room for text; printing beyond it cuts the output there.
    """

    __slots__ = ("_parts", "_room")

    def __init__(self, max_chars: int) -> None:
        self._parts: list[str] = []
        self._room = max_chars

    @property
    def full(self) -> bool:
        """Whether more was printed than there is room for."""
        return self._room < 0

    def on_print(self, _stream: str, text: str) -> None:
        """Add printed text; once the output is full, further text is dropped."""
        if self._room >= 0:
            self._room -= len(text)
            self._parts.append(text if self._room >= 0 else text[: self._room] + TRUNCATED)

    def show(self, text: str) -> None:
        """Add a block of text on lines of its own."""
        if text:
            self.on_print("stdout", text if text.endswith("\n") else text + "\n")

    def text(self) -> str:
        """Return the whole output, without the final newline."""
        return "".join(self._parts).rstrip("\n")
