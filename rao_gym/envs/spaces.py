"""Spaces of text: any Unicode, of any length up to a generous maximum.

`UnicodeText` is a `gymnasium.spaces.Text`, so that batching and vector environments know what to do with it. What
they do by a table of the alphabet, which any Unicode cannot have, is registered here with code points instead.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from multiprocessing.sharedctypes import SynchronizedArray
from types import ModuleType
from typing import Any, overload

import numpy as np
from gymnasium.spaces import Box, Text
from gymnasium.spaces.utils import flatdim, flatten, flatten_space, unflatten
from gymnasium.vector.utils.shared_memory import (
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)
from numpy.typing import NDArray

MAX_TEXT_CHARS = 2**20
"""Characters of the longest text that an action space contains."""

SAMPLE_CHARS = 64
"""Characters of the longest text that is sampled."""

ALPHABET = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    " .,:;!?'\"()[]{}<>=+-*/\\_#\n\t"
    "äößéñçøłžα βλπΩЖяא\u05d1\u0639\u0631क한字语のア"
    "\u0301\u200d🙂🌳🏽∑√≠→€½"
)
"""What sampled texts are made of: several scripts, both writing directions, combining marks and emoji."""


class UnicodeText(Text):
    """Every string of a length between two bounds, whatever its characters.

    Samples are short and mix scripts. They are plain text, not actions that an environment would understand.

    Args:
        max_length: Characters of the longest text.
        min_length: Characters of the shortest text.
        seed: Seed for samples.
    """

    def __init__(
        self,
        max_length: int = MAX_TEXT_CHARS,
        *,
        min_length: int = 0,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(max_length, min_length=min_length, charset=ALPHABET, seed=seed)

    def sample(
        self,
        mask: tuple[int | None, NDArray[np.int8] | None] | None = None,
        probability: tuple[int | None, NDArray[np.float64] | None] | None = None,
    ) -> str:
        """Return a random text of at most 64 characters, unless the space wants longer ones.

        Args:
            mask: As for `gymnasium.spaces.Text`, over `ALPHABET`.
            probability: As for `gymnasium.spaces.Text`, over `ALPHABET`.
        """
        if mask is None and probability is None:
            longest = max(self.min_length, min(self.max_length, SAMPLE_CHARS))
            mask = (int(self.np_random.integers(self.min_length, longest + 1)), None)
        return super().sample(mask=mask, probability=probability)

    def contains(self, x: Any) -> bool:
        """Tell whether `x` is a string of a length within the bounds."""
        return isinstance(x, str) and self.min_length <= len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        """Compare the bounds."""
        return (
            isinstance(other, UnicodeText)
            and self.min_length == other.min_length
            and self.max_length == other.max_length
        )

    def __repr__(self) -> str:
        """Show the bounds, not the alphabet."""
        return f"UnicodeText({self.max_length}, min_length={self.min_length})"


def _code_points(text: str) -> NDArray[np.int32]:
    """Return the code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<i4").astype(np.int32)


def _text_of(code_points: NDArray[np.int32]) -> str:
    """Return the text of code points."""
    return code_points.astype("<i4").tobytes().decode("utf-32-le", "surrogatepass")


_PADDING = sys.maxunicode + 1


@flatdim.register(UnicodeText)
def _flatdim(space: UnicodeText) -> int:
    """Return the length of a flattened text."""
    return space.max_length


@flatten_space.register(UnicodeText)
def _flatten_space(space: UnicodeText) -> Box:
    """Return the space of flattened texts: code points, padded with one that no character has."""
    return Box(low=0, high=_PADDING, shape=(space.max_length,), dtype=np.int32)


@flatten.register(UnicodeText)
def _flatten(space: UnicodeText, x: str) -> NDArray[np.int32]:  # type: ignore[misc]  # the fallback is generic
    """Return the code points of a text, padded to the space's length."""
    flat = np.full(space.max_length, _PADDING, dtype=np.int32)
    flat[: len(x)] = _code_points(x)
    return flat


@unflatten.register(UnicodeText)
def _unflatten(space: UnicodeText, x: NDArray[Any]) -> str:  # type: ignore[misc]  # the fallback is generic
    """Return the text of padded code points."""
    return _text_of(x[x != _PADDING].astype(np.int32))


class SharedTexts(Sequence[str]):
    """The present texts of several environments, decoded from their shared memory when they are looked at.

    Gymnasium reads a shared `Text` only once, when the vector environment is built; this view is always current.
    A deep copy, which is what a vector environment hands out, is a plain tuple of strings.

    Args:
        rows: One row for each environment: the text's length, then its code points.
    """

    def __init__(self, rows: NDArray[np.int32]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return the number of environments."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """Return the text of one environment, or of several."""
        if isinstance(index, slice):
            return tuple(self)[index]
        row = self._rows[index]
        return _text_of(row[1 : 1 + row[0]])

    def __eq__(self, other: object) -> bool:
        """Compare the present texts."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __deepcopy__(self, _memo: dict[int, Any]) -> tuple[str, ...]:
        """Return the present texts."""
        return tuple(self)

    def __repr__(self) -> str:
        """Show the present texts."""
        return f"SharedTexts({tuple(self)!r})"


def _rows_of(space: UnicodeText, memory: SynchronizedArray[Any]) -> NDArray[np.int32]:
    """Return shared memory as one row for each environment."""
    values = np.frombuffer(memoryview(memory.get_obj()).cast("B"), dtype=np.int32)
    return values.reshape(-1, space.max_length + 1)


@create_shared_memory.register(UnicodeText)
def _create(space: UnicodeText, n: int = 1, ctx: ModuleType = multiprocessing) -> SynchronizedArray[Any]:
    """Return shared memory for the texts of `n` environments, all empty."""
    memory: SynchronizedArray[Any] = ctx.Array(np.dtype(np.int32).char, n * (space.max_length + 1))
    return memory


@read_from_shared_memory.register(UnicodeText)
def _read(space: UnicodeText, shared_memory: SynchronizedArray[Any], n: int = 1) -> SharedTexts:
    """Return a view of the texts of `n` environments."""
    return SharedTexts(_rows_of(space, shared_memory)[:n])


@write_to_shared_memory.register(UnicodeText)
def _write(space: UnicodeText, index: int, value: str, shared_memory: SynchronizedArray[Any]) -> None:
    """Write the text of one environment."""
    row = _rows_of(space, shared_memory)[index]
    row[0] = len(value)
    row[1 : 1 + len(value)] = _code_points(value)
