"""Draws that are the same on every Python and every platform, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import shake_256
from typing import TypeVar

ValueT = TypeVar("ValueT")

_BYTES_PER_DRAW = 4
_FIRST_BYTES = 4096


class Dice:
    """Draws from the SHAKE-256 hash of a key.

    NumPy and `random` promise the same bits for a seed, but not the same draws in later versions. A hash never changes.

    Args:
        key: Equal keys give equal draws.
    """

    def __init__(self, key: str) -> None:
        self._hash = shake_256(key.encode())
        self._bytes = self._hash.digest(_FIRST_BYTES)
        self._at = 0

    def below(self, end: int) -> int:
        """Return an integer in 0..end-1."""
        if self._at == len(self._bytes):
            self._bytes = self._hash.digest(2 * len(self._bytes))  # begins with the bytes that are used up
        drawn = int.from_bytes(self._bytes[self._at : self._at + _BYTES_PER_DRAW], "big")
        self._at += _BYTES_PER_DRAW
        return drawn * end >> 8 * _BYTES_PER_DRAW

    def choice(self, values: Sequence[ValueT]) -> ValueT:
        """Return one of the values."""
        return values[self.below(len(values))]

    def shuffled(self, values: Sequence[ValueT]) -> list[ValueT]:
        """Return the values in another order."""
        order = list(values)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
