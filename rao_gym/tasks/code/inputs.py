"""Inputs for composed functions: edge cases, values near the constants in the code, and random values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rao_gym.tasks.code.blocks import COUNTS, INT, INTS, STR, STRS

_EDGES: dict[str, tuple[Any, ...]] = {
    INT: (0, 1, -1, 10, 99, -45),
    STR: ("", "a", " ", "aab", "the end", "two  spaces", "zebra"),
    INTS: ([], [0], [3, 3], [-5, 4], [2, 4, 6], [1, 2, 3, 2, 1]),
    STRS: ([], [""], ["a"], ["ab", "ab"], ["tin", "one", "aaa"], ["b", "aa", "", "ccc d"]),
    COUNTS: ({}, {"a": 0}, {"b": 2, "a": 2}, {"zz": 1, "a": 5, "mm": 1}, {"one": -1, "two": 4}),
}
_LETTERS = "aaaeeeiioonnrrssttzzlmdcbu"
_WORDS_MAX = 6
_ITEMS_MAX = 7


@dataclass(frozen=True)
class Constants:
    """The literals of a piece of code, near which inputs are drawn.

    Attributes:
        numbers: The integers.
        texts: The short strings.
    """

    numbers: Sequence[int]
    texts: Sequence[str]

    @classmethod
    def of(cls, source: str) -> Constants:
        """Collect the literals of Python source."""
        values = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
        numbers = {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
        texts = {value for value in values if isinstance(value, str) and 0 < len(value) <= 2}
        return cls(numbers=sorted(numbers), texts=sorted(texts))


def edges(kind: str) -> tuple[Any, ...]:
    """Return the edge cases of a type."""
    return _EDGES[kind]


def draw_input(kind: str, constants: Constants, rng: np.random.Generator) -> Any:
    """Draw a value of a type."""
    return _DRAW[kind](constants, rng)


def _number(constants: Constants, rng: np.random.Generator) -> int:
    """Draw a number; every third one is near a constant."""
    if constants.numbers and rng.random() < 0.35:
        return int(constants.numbers[int(rng.integers(len(constants.numbers)))] + rng.integers(-1, 2))
    return int(rng.integers(-25, 60) if rng.random() < 0.8 else rng.integers(-1500, 3000))


def _word(constants: Constants, rng: np.random.Generator) -> str:
    """Draw a word from a few letters, so that letters repeat, sometimes with a constant in it."""
    picks = rng.integers(0, len(_LETTERS), size=int(rng.integers(1, 8)))
    word = "".join(_LETTERS[index] for index in picks)
    if constants.texts and rng.random() < 0.15:
        word += constants.texts[int(rng.integers(len(constants.texts)))]
    if rng.random() < 0.1:
        word += word[-1]
    return word.title() if rng.random() < 0.05 else word


def _text(constants: Constants, rng: np.random.Generator) -> str:
    """Draw a few words, occasionally with a double space, a digit, or a leading or trailing space."""
    words = [_word(constants, rng) for _ in range(int(rng.integers(1, _WORDS_MAX)))]
    text = ("  " if rng.random() < 0.1 else " ").join(words)
    roll = rng.random()
    if roll < 0.08:
        return text + str(int(rng.integers(0, 100)))
    return text + " " if roll < 0.14 else text


def _numbers(constants: Constants, rng: np.random.Generator) -> list[int]:
    """Draw a list of numbers with some repetition."""
    items = [_number(constants, rng) for _ in range(int(rng.integers(1, _ITEMS_MAX + 1)))]
    return items + items[: int(rng.integers(0, 3))]


def _words(constants: Constants, rng: np.random.Generator) -> list[str]:
    """Draw a list of words with some repetition."""
    items = [_word(constants, rng) for _ in range(int(rng.integers(1, _ITEMS_MAX)))]
    return items + items[: int(rng.integers(0, 3))]


def _counts(constants: Constants, rng: np.random.Generator) -> dict[str, int]:
    """Draw a dictionary with short keys and small values, so that ties occur."""
    size = int(rng.integers(1, _ITEMS_MAX))
    keys = [_word(constants, rng)[: int(rng.integers(1, 5))] for _ in range(size)]
    small = rng.random() < 0.5
    return {key: int(rng.integers(-3, 5)) if small else _number(constants, rng) for key in keys}


_DRAW: dict[str, Callable[[Constants, np.random.Generator], Any]] = {
    INT: _number,
    STR: _text,
    INTS: _numbers,
    STRS: _words,
    COUNTS: _counts,
}
