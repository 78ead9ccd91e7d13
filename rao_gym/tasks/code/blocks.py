"""The building blocks of composed functions: each is a step in English and the same step in Python.

A step turns the current result, called `value` in the code, into the next one. It never changes a list in place: a
mutant with a statement removed could otherwise extend the very list that it iterates over. The scripted policies use
the blocks to read specifications: `read_step` and `read_call` turn a step's English back into its code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

INT, STR, INTS, STRS, COUNTS = "int", "str", "list[int]", "list[str]", "dict[str, int]"
TYPES = (INT, STR, INTS, STRS, COUNTS)

Choices = tuple[Any, ...] | range
"""The values that a parameter of a block is drawn from."""


@dataclass(frozen=True)
class Block:
    """A step.

    Attributes:
        takes: Type of the result before the step.
        gives: Type of the result after the step.
        english: The step in English, with parameters in braces.
        code: The step in Python, with the same parameters; it reads and assigns `value`.
        choices: The values of each parameter; the caller fills in ``helper`` and ``argument``.
    """

    takes: str
    gives: str
    english: str
    code: str
    choices: Mapping[str, Choices] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the parameters."""
        return {name: choices[int(rng.integers(len(choices)))] for name, choices in self.choices.items()}

    def fill(self, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Return the English and the code of the step."""
        return _fill(self.english, parameters), _fill(self.code, parameters)

    def read(self, english: str) -> dict[str, Any] | None:
        """Return the parameters of a step written with this block; None if another block wrote it."""
        match = self._pattern.fullmatch(english)
        if match is None:
            return None
        return {name: text if name in _NAMES else ast.literal_eval(text) for name, text in match.groupdict().items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The English as a pattern with one group for each parameter."""
        seen: set[str] = set()
        parts = []
        for part in re.split(r"(\{\w+\})", self.english):
            name = part[1:-1]
            if not part.startswith("{"):
                parts.append(re.escape(part))
            elif name in seen:
                parts.append(f"(?P={name})")
            else:
                seen.add(name)
                parts.append(rf"(?P<{name}>\w+)" if name in _NAMES else rf"(?P<{name}>-?\d+|'[^']*')")
        return re.compile("".join(parts))


_NAMES = ("helper", "argument")


def _fill(template: str, parameters: Mapping[str, Any]) -> str:
    """Substitute parameters: values as literals, names unchanged."""
    for name, value in parameters.items():
        template = template.replace("{" + name + "}", value if name in _NAMES else repr(value))
    return template


_SMALL = range(2, 8)
_CUT = range(-9, 30)
_LENGTH = range(2, 6)
_LETTERS = tuple("abcdeilmnorst")
_MARKS = tuple("-+*#=/.")

NUMBER_BLOCKS = (
    Block(INT, INT, "Add {a} to it.", "value = value + {a}", {"a": range(2, 60)}),
    Block(INT, INT, "Multiply it by {a}.", "value = value * {a}", {"a": range(2, 10)}),
    Block(INT, INT, "Subtract it from {a}.", "value = {a} - value", {"a": range(5, 90)}),
    Block(
        INT,
        INT,
        "If it is below {low}, take {low} instead; if it is above {high}, take {high} instead.",
        "value = min(max(value, {low}), {high})",
        {"low": range(-40, 0), "high": range(60, 200)},
    ),
    Block(
        INT,
        INT,
        "If it is even, halve it; if it is odd, multiply it by 3 and add {a}.",
        "value = value // 2 if value % 2 == 0 else value * 3 + {a}",
        {"a": range(1, 20)},
    ),
    Block(
        INT,
        INT,
        "If it is greater than {cut}, subtract {a} from it; otherwise add {b} to it.",
        "if value > {cut}:\n    value = value - {a}\nelse:\n    value = value + {b}",
        {"cut": _CUT, "a": range(2, 30), "b": range(2, 30)},
    ),
    Block(
        INT,
        INT,
        "If it is divisible by {k}, divide it by {k}; otherwise add {a} to it.",
        "value = value // {k} if value % {k} == 0 else value + {a}",
        {"k": range(3, 8), "a": range(2, 30)},
    ),
    Block(
        INT,
        INT,
        "Add the sum of the decimal digits of its absolute value to it.",
        "value = value + sum(int(digit) for digit in str(abs(value)))",
    ),
    Block(
        INT,
        INT,
        "Square it and take the remainder of dividing the square by {m}.",
        "value = value ** 2 % {m}",
        {"m": range(97, 900)},
    ),
    Block(
        INT,
        STR,
        "Write it in decimal, with {mark} put in front until it has at least {n} characters.",
        "value = str(value).rjust({n}, {mark})",
        {"mark": _MARKS[1:4], "n": range(3, 7)},
    ),
    Block(INT, STR, "Write its absolute value in binary digits.", "value = bin(abs(value))[2:]"),
    Block(
        INT,
        INTS,
        "Make the list of the decimal digits of its absolute value, from the first digit to the last.",
        "value = [int(digit) for digit in str(abs(value))]",
    ),
    Block(
        INT,
        INTS,
        "Make the list of {n} numbers that starts with it and in which each further number is {a} more.",
        "value = [value + {a} * index for index in range({n})]",
        {"n": range(3, 6), "a": range(2, 12)},
    ),
    Block(
        INT,
        STRS,
        "Make the list of two texts: it in decimal, and its absolute value in binary digits.",
        "value = [str(value), bin(abs(value))[2:]]",
    ),
    Block(
        INT,
        COUNTS,
        "Count how often each decimal digit occurs in its absolute value; the keys are the digits as text.",
        "digits = str(abs(value))\nvalue = {digit: digits.count(digit) for digit in digits}",
    ),
)

TEXT_BLOCKS = (
    Block(
        STR,
        STR,
        "Reverse every word longer than {n} characters; words are what lies between single spaces.",
        "value = ' '.join(word[::-1] if len(word) > {n} else word for word in value.split(' '))",
        {"n": range(2, 5)},
    ),
    Block(
        STR,
        STR,
        "Put every character whose position, counted from 0, is divisible by {n} in upper case.",
        "value = ''.join(c.upper() if index % {n} == 0 else c for index, c in enumerate(value))",
        {"n": _LENGTH},
    ),
    Block(
        STR,
        STR,
        "Move the first {n} characters to the end; leave it as it is if there are no more than {n}.",
        "value = value[{n}:] + value[:{n}]",
        {"n": _LENGTH},
    ),
    Block(
        STR,
        STR,
        "Replace every {old} by {new}.",
        "value = value.replace({old}, {new})",
        {"old": tuple("aeio"), "new": ("u", "yy", "-", "ez")},
    ),
    Block(
        STR,
        STR,
        "Shorten every run of the same character to one character.",
        "kept = ''\nfor c in value:\n    if kept[-1:] != c:\n        kept = kept + c\nvalue = kept",
    ),
    Block(
        STR,
        STR,
        "Shift every letter from a to z by {k} places in the alphabet, going on at a after z; leave everything else.",
        "letters = 'abcdefghijklmnopqrstuvwxyz'\n"
        "value = ''.join(letters[(letters.index(c) + {k}) % 26] if c in letters else c for c in value)",
        {"k": range(1, 26)},
    ),
    Block(
        STR,
        STR,
        "If it is longer than {n} characters, keep the first {n} and put {mark} after them.",
        "if len(value) > {n}:\n    value = value[:{n}] + {mark}",
        {"n": range(6, 14), "mark": _MARKS},
    ),
    Block(
        STR,
        STR,
        "Swap its two halves; if its length is odd, the first half is the shorter one.",
        "middle = len(value) // 2\nvalue = value[middle:] + value[:middle]",
    ),
    Block(
        STR,
        INT,
        "Count the characters that are a, e, i, o or u, and multiply the count by {a}.",
        "value = sum(c in 'aeiou' for c in value) * {a}",
        {"a": range(1, 9)},
    ),
    Block(
        STR,
        INT,
        "Add up the places in the alphabet (a is 1, z is 26) of its letters from a to z.",
        "value = sum('abcdefghijklmnopqrstuvwxyz'.find(c) + 1 for c in value)",
    ),
    Block(
        STR,
        INT,
        "Take the position, counted from 0, of the first {letter}; take {default} if there is none.",
        "value = value.find({letter}) if {letter} in value else {default}",
        {"letter": tuple("aeinrt"), "default": range(20, 60)},
    ),
    Block(STR, STRS, "Split it at spaces into words; there are no empty words.", "value = value.split()"),
    Block(
        STR,
        STRS,
        "Cut it from the left into pieces of {n} characters; the last piece may be shorter.",
        "value = [value[start:start + {n}] for start in range(0, len(value), {n})]",
        {"n": _LENGTH},
    ),
    Block(
        STR,
        INTS,
        "Make the list of the lengths of its words; words are what lies between spaces, and are never empty.",
        "value = [len(word) for word in value.split()]",
    ),
    Block(
        STR,
        COUNTS,
        "Count how often each character other than the space occurs.",
        "text = value.replace(' ', '')\nvalue = {c: text.count(c) for c in text}",
    ),
)

NUMBERS_BLOCKS = (
    Block(
        INTS,
        INTS,
        "Keep only the elements that are divisible by {k}.",
        "value = [item for item in value if item % {k} == 0]",
        {"k": (2, 3)},
    ),
    Block(
        INTS,
        INTS,
        "Drop the elements that are less than {cut}.",
        "value = [item for item in value if not item < {cut}]",
        {"cut": range(-20, 4)},
    ),
    Block(
        INTS,
        INTS,
        "Sort the elements by their last decimal digit, smallest first; ties keep their order.",
        "value = sorted(value, key=lambda item: abs(item) % 10)",
    ),
    Block(INTS, INTS, "Sort the elements, largest first.", "value = sorted(value, reverse=True)"),
    Block(
        INTS,
        INTS,
        "Replace each element by the sum of it and all elements before it.",
        "value = [sum(value[:index + 1]) for index in range(len(value))]",
    ),
    Block(
        INTS,
        INTS,
        "Make the list of the differences between neighbours, each the right one minus the left one.",
        "value = [value[index + 1] - value[index] for index in range(len(value) - 1)]",
    ),
    Block(
        INTS,
        INTS,
        "Keep only the first occurrence of every element.",
        "value = [item for index, item in enumerate(value) if item not in value[:index]]",
    ),
    Block(
        INTS,
        INTS,
        "Keep only the elements at positions divisible by {n}, counted from 0, then put the list in reverse order.",
        "value = value[::{n}][::-1]",
        {"n": (2, 3)},
    ),
    Block(
        INTS,
        INTS,
        "Put the even elements first and the odd ones after them; both keep their order.",
        "value = [item for item in value if item % 2 == 0] + [item for item in value if item % 2 != 0]",
    ),
    Block(
        INTS,
        INTS,
        "Add to each element its position, counted from {start}.",
        "value = [item + index for index, item in enumerate(value, {start})]",
        {"start": range(9)},
    ),
    Block(
        INTS,
        INT,
        "Add up the elements, counting those greater than {cut} twice.",
        "value = sum(item * 2 if item > {cut} else item for item in value)",
        {"cut": range(25)},
    ),
    Block(
        INTS,
        INT,
        "Take the largest element minus the smallest; take {default} if there are no elements.",
        "value = max(value) - min(value) if value else {default}",
        {"default": range(30, 90)},
    ),
    Block(
        INTS,
        INT,
        "Add up the elements at even positions, counted from 0, and subtract those at odd positions.",
        "value = sum(value[::2]) - sum(value[1::2])",
    ),
    Block(
        INTS,
        INT,
        "Take the element that occurs most often, the smallest of them in a tie; take {default} if there are none.",
        "value = min(value, key=lambda item: (-value.count(item), item)) if value else {default}",
        {"default": range(30, 90)},
    ),
    Block(
        INTS,
        STR,
        "Write the elements in decimal, with {mark} between them.",
        "value = {mark}.join(str(item) for item in value)",
        {"mark": _MARKS[1:]},
    ),
    Block(
        INTS,
        STRS,
        "Write each element in decimal, with {mark} after it if it is odd.",
        "value = [str(item) + {mark} if item % 2 == 1 else str(item) for item in value]",
        {"mark": _MARKS[1:]},
    ),
    Block(
        INTS,
        COUNTS,
        "Count how often each element occurs; the keys are the elements in decimal, as text.",
        "value = {str(item): value.count(item) for item in value}",
    ),
)

WORDS_BLOCKS = (
    Block(
        STRS,
        STRS,
        "Sort the elements by length, shortest first, and those of equal length as Python compares text.",
        "value = sorted(value, key=lambda item: (len(item), item))",
    ),
    Block(
        STRS,
        STRS,
        "Drop the elements that are shorter than {n} characters.",
        "value = [item for item in value if not len(item) < {n}]",
        {"n": (2, 3)},
    ),
    Block(
        STRS,
        STRS,
        "Keep only the first occurrence of every element.",
        "value = [item for index, item in enumerate(value) if item not in value[:index]]",
    ),
    Block(
        STRS,
        STRS,
        "Write every element backwards if its position, counted from 0, is odd.",
        "value = [item[::-1] if index % 2 == 1 else item for index, item in enumerate(value)]",
    ),
    Block(
        STRS,
        STRS,
        "Put {mark} and the position, counted from {start}, after each element.",
        "value = [item + {mark} + str(index) for index, item in enumerate(value, {start})]",
        {"mark": _MARKS, "start": range(6)},
    ),
    Block(
        STRS,
        STRS,
        "Put each element that contains {letter} in upper case.",
        "value = [item.upper() if {letter} in item else item for item in value]",
        {"letter": _LETTERS},
    ),
    Block(
        STRS,
        STR,
        "Join the elements with {mark} between them.",
        "value = {mark}.join(value)",
        {"mark": (*_MARKS, " ", " ", " ")},
    ),
    Block(
        STRS,
        STR,
        "Join the last characters of the elements that are not empty.",
        "value = ''.join(item[-1:] for item in value)",
    ),
    Block(
        STRS,
        INT,
        "Add up the lengths of the elements, counting those longer than {n} characters twice.",
        "value = sum(len(item) * 2 if len(item) > {n} else len(item) for item in value)",
        {"n": range(2, 6)},
    ),
    Block(
        STRS,
        INT,
        "Add up, over the elements, the position (counted from 1) multiplied by the length.",
        "value = sum(index * len(item) for index, item in enumerate(value, 1))",
    ),
    Block(STRS, INTS, "Replace each element by its length.", "value = [len(item) for item in value]"),
    Block(
        STRS,
        INTS,
        "Replace each element by how often {letter} occurs in it, times {a}, plus its length.",
        "value = [item.count({letter}) * {a} + len(item) for item in value]",
        {"letter": _LETTERS[:6], "a": range(2, 9)},
    ),
    Block(
        STRS,
        COUNTS,
        "Count how many elements start with each first character; elements that are empty do not count.",
        "firsts = [item[0] for item in value if item]\nvalue = {c: firsts.count(c) for c in firsts}",
    ),
    Block(
        STRS,
        COUNTS,
        "Make a dictionary from each element to its last position, counted from {start}.",
        "value = {item: index for index, item in enumerate(value, {start})}",
        {"start": range(6)},
    ),
)

COUNTS_BLOCKS = (
    Block(
        COUNTS,
        COUNTS,
        "Keep only the entries whose value is at least {cut}.",
        "value = {key: item for key, item in value.items() if item >= {cut}}",
        {"cut": range(-3, 4)},
    ),
    Block(
        COUNTS,
        COUNTS,
        "Multiply by {a} the values of the keys that are longer than one character, and add {b} to the others.",
        "value = {key: item * {a} if len(key) > 1 else item + {b} for key, item in value.items()}",
        {"a": range(2, 8), "b": range(2, 20)},
    ),
    Block(
        COUNTS,
        COUNTS,
        "Subtract {a} from every value that is odd, or whose key is {n} characters long.",
        "value = {key: item - {a} if item % 2 == 1 or len(key) == {n} else item for key, item in value.items()}",
        {"a": range(2, 20), "n": range(1, 4)},
    ),
    Block(
        COUNTS,
        INT,
        "Add up the values, and add the number of entries times {a}.",
        "value = sum(value.values()) + len(value) * {a}",
        {"a": range(2, 12)},
    ),
    Block(
        COUNTS,
        INT,
        "Add up, over the entries, the value times the length of the key.",
        "value = sum(item * len(key) for key, item in value.items())",
    ),
    Block(
        COUNTS,
        STR,
        "Take the key with the largest value, the first as Python compares text in a tie; take {text} if empty.",
        "value = min(value, key=lambda key: (-value[key], key)) if value else {text}",
        {"text": ("nothing", "none left", "no entry")},
    ),
    Block(
        COUNTS,
        STR,
        "Join the entries, sorted by key, each written as the key, {mark} and the value, with a space between them.",
        "value = ' '.join(key + {mark} + str(value[key]) for key in sorted(value))",
        {"mark": ("=", ":", "-")},
    ),
    Block(
        COUNTS,
        STRS,
        "List the keys by their values, largest first, and those of equal value as Python compares text.",
        "value = sorted(value, key=lambda key: (-value[key], key))",
    ),
    Block(
        COUNTS,
        INTS,
        "List the values in the order of their keys as Python compares text.",
        "value = [value[key] for key in sorted(value)]",
    ),
    Block(
        COUNTS,
        INTS,
        "List the values in ascending order, each with the length of the longest key added.",
        "longest = max((len(key) for key in value), default=0)\n"
        "value = [item + longest for item in sorted(value.values())]",
    ),
)

BLOCKS: tuple[Block, ...] = (*NUMBER_BLOCKS, *TEXT_BLOCKS, *NUMBERS_BLOCKS, *WORDS_BLOCKS, *COUNTS_BLOCKS)

CALLS_ANYWHERE = (
    "Call `{helper}` with it; what that returns is the new result.",
    "value = {helper}(value)",
)
CALLS_MAP = (
    "Replace each element by what `{helper}` returns for it.",
    "value = [{helper}(item) for item in value]",
)
CALLS_MAP_VALUES = (
    "Replace the value of each key by what `{helper}` returns for the value.",
    "value = {key: {helper}(item) for key, item in value.items()}",
)
CALLS_ADD = (
    "Add what `{helper}` returns for `{argument}` to it.",
    "value = value + {helper}({argument})",
)
CALLS_APPEND = (
    "Append what `{helper}` returns for `{argument}` at its end.",
    "value = value + {helper}({argument})",
)
CALLS_IF_ODD = (
    "If `{helper}` returns an odd number for `{argument}`, leave the result so far as it is; otherwise {change}.",
    "if {helper}({argument}) % 2 == 0:\n    value = {changed}",
)
CALLS_SORT = (
    "Sort the elements by what `{helper}` returns for them, smallest first; ties keep their order.",
    "value = sorted(value, key=lambda item: {helper}(item))",
)
CALLS_MERGE = (
    "Put in the entries of the dictionary that `{helper}` returns for `{argument}`; they replace those of equal keys.",
    "value = {**value, **{helper}({argument})}",
)

_LIST_OF = {INT: INTS, STR: STRS}
_CHANGES = {
    INT: ("multiply it by 7", "value * 7"),
    STR: ("reverse it", "value[::-1]"),
    INTS: ("reverse its order", "value[::-1]"),
    STRS: ("reverse its order", "value[::-1]"),
}


def calls(helper_takes: str, helper_gives: str, argument: str) -> tuple[Block, ...]:
    """Return the steps that can call a helper of the given type in a function with the given argument type."""
    found = [Block(helper_takes, helper_gives, *CALLS_ANYWHERE)]
    if helper_takes in _LIST_OF and helper_gives in _LIST_OF:
        found.append(Block(_LIST_OF[helper_takes], _LIST_OF[helper_gives], *CALLS_MAP))
    if helper_takes in _LIST_OF and helper_gives == INT:
        found.append(Block(_LIST_OF[helper_takes], _LIST_OF[helper_takes], *CALLS_SORT))
    if helper_takes == helper_gives == INT:
        found.append(Block(COUNTS, COUNTS, *CALLS_MAP_VALUES))
    if helper_takes == argument:
        template = CALLS_ADD if helper_gives == INT else CALLS_MERGE if helper_gives == COUNTS else CALLS_APPEND
        found.append(Block(helper_gives, helper_gives, *template))
        if helper_gives == INT:
            found += [_if_odd(kind) for kind in _CHANGES]
    return tuple(found)


def _if_odd(kind: str) -> Block:
    """Return the step that changes a result of type `kind` unless a helper returns an odd number."""
    change, changed = _CHANGES[kind]
    english, code = CALLS_IF_ODD
    return Block(kind, kind, english.replace("{change}", change), code.replace("{changed}", changed))


def read_step(english: str, takes: str) -> tuple[str, str] | None:
    """Read a step that calls nothing.

    The type is needed because blocks of different types may have the same English.

    Args:
        english: The step.
        takes: Type of the result before the step.

    Returns:
        The code and the type of the result after the step; None if no block matches.
    """
    return _read(english, [block for block in BLOCKS if block.takes == takes])


def read_call(english: str, takes: str, helper_takes: str, helper_gives: str, argument: str) -> tuple[str, str] | None:
    """Like `read_step`, for a step that calls a helper; `argument` is the type of the function's argument."""
    return _read(english, [block for block in calls(helper_takes, helper_gives, argument) if block.takes == takes])


def _read(english: str, blocks: Sequence[Block]) -> tuple[str, str] | None:
    """Return the code and the result type of the first block that matches a step."""
    for block in blocks:
        parameters = block.read(english)
        if parameters is not None:
            return block.fill(parameters)[1], block.gives
    return None
