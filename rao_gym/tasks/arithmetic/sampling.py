"""Sampling of expressions.

**Splits.** A hash of its numbers decides an expression's split (`split_of`). Splits therefore never share an
expression, whatever the seeds, and rearrangements of the same numbers stay together. Eight of ten expressions are for
training, one for validation and one for testing. If there are few expressions, as at difficulty 1 modulo 13, a split
repeats its own but never takes another's.

**Operators.** They are drawn given the values of both operands, so that every value is bounded and answers stay spread
out. No divisor is 0. If any operator allows it, results have at most 12 digits, and denominators divide 12. Modulo a
prime, a product with a factor 0 is kept only half of the time, so that long products do not collapse to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final
from zlib import crc32

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.tasks.arithmetic.expressions import (
    MAX_CHARS,
    MAX_DIGITS,
    Expression,
    ExpressionError,
    Number,
    Operation,
    Value,
    apply,
    evaluate,
    grouped,
    run,
)
from rao_gym.tasks.base import SPLITS

BALANCED_DEPTH: Final = 10
"""Depth down to which balanced trees are full; each deeper level adds one operation."""

TERMS_PER_DIFFICULTY: Final = 8
"""Number of operands that each step of difficulty adds to a chain."""

BALANCED: Final = "balanced"
"""The shape of trees whose operands are equally deep."""

_BUCKETS: Final = (SPLITS[0],) * 8 + SPLITS[1:]
_MAX_TRIES: Final = 10_000
_WANTED_SIZE: Final = 10**12
_WANTED_DENOMINATORS: Final = 12


def split_of(numbers: Sequence[int]) -> str:
    """Return the split of the expressions built from these numbers, in any order.

    Their count, sum and maximum decide; for two numbers, these determine the numbers.
    """
    return _BUCKETS[crc32(f"{len(numbers)} {sum(numbers)} {max(numbers)}".encode()) % len(_BUCKETS)]


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The operators and numbers that expressions are built from.

    Attributes:
        operators: Some of ``+ - * /``, each once.
        operand_min: Smallest operand.
        operand_max: Largest operand.
        modulus: A prime, or None for ordinary arithmetic.
    """

    operators: str
    operand_min: int
    operand_max: int
    modulus: int | None = None


def largest_difficulty(kind: str, shape: str, ranges: Ranges) -> int:
    """Return the largest difficulty at which every expression can be written and has a value.

    Texts have at most `MAX_CHARS` characters, and values at most `MAX_DIGITS` digits.

    Args:
        kind: One of the family's kinds.
        shape: ``"balanced"``, or any shape that may be ragged.
        ranges: The operators and numbers that expressions are built from.
    """
    if kind == "digits":
        return MAX_DIGITS // 2 if "*" in ranges.operators else MAX_DIGITS - 1
    bounds = (ranges.operand_min, ranges.operand_max)
    number = max(len(f"({value})" if value < 0 else str(value)) for value in bounds)
    num_operands = MAX_CHARS
    if ranges.operators == "*" and ranges.modulus is None:  # only the number of factors keeps products small
        num_operands = MAX_DIGITS // max(len(str(abs(value))) for value in bounds)
    if kind == "chain":
        return min(MAX_CHARS // (number + len("+")), num_operands) // TERMS_PER_DIFFICULTY
    level = number + len("+()")
    if shape != BALANCED:
        return min(MAX_CHARS // (level + number + len("+()")), num_operands // 2)
    num_operands = min(MAX_CHARS // level, num_operands)
    num_full = 2**BALANCED_DEPTH
    return num_operands.bit_length() - 1 if num_operands < num_full else BALANCED_DEPTH + num_operands - num_full


Part = tuple[Expression, Value]
"""A part of an expression, with its value."""


class Sampler:
    """Draws the expressions of one task.

    Args:
        ranges: The operators and numbers that expressions are built from.
        split: The split that the expression must belong to.
        generator: The source of randomness.
    """

    def __init__(self, ranges: Ranges, split: str, generator: np.random.Generator) -> None:
        self._ranges = ranges
        self._split = split
        self._generator = generator

    def tree(self, depth: int, shape: str) -> Part:
        """Draw a nested expression.

        Args:
            depth: Number of operations from the top to the deepest one.
            shape: ``"balanced"``: both operands of an operation are equally deep. ``"ragged"``: one operand continues
                to the bottom, the other is a number or a single operation.
        """
        full = min(depth, BALANCED_DEPTH) if shape == BALANCED else 1
        # Number of operations in the other operand of each level above the full part.
        beside = [0] * (depth - full) if shape == BALANCED else self._bits(depth - full)
        leaves = self._numbers(2**full + sum(beside) + len(beside))
        parts = [self._leaf(value) for value in leaves[: 2**full]]
        while len(parts) > 1:
            parts = [self._join(parts[i], parts[i + 1]) for i in range(0, len(parts), 2)]
        spine = parts[0]
        others = iter(leaves[2**full :])
        for has_operation, on_the_right in zip(beside, self._bits(len(beside)), strict=True):
            other = self._leaf(next(others))
            if has_operation:
                other = self._join(other, self._leaf(next(others)))
            spine = self._join(spine, other) if on_the_right else self._join(other, spine)
        return spine

    def chain(self, num_operands: int) -> Part:
        """Draw an expression without parentheses."""
        operands = self._numbers(num_operands)
        modulus = self._ranges.modulus
        terms: list[Expression] = []
        signs: list[str] = []
        factors, operators = [self._leaf(operands[0])], list[str]()
        term = factors[0]
        for operand in operands[1:]:
            leaf = self._leaf(operand)
            operator = self._operator(term, leaf)
            if operator in "*/":
                operators.append(operator)
                factors.append(leaf)
                # Any operation can stand for the term; it only matters that it is no longer a number.
                term = (Operation(operator, term[0], leaf[0]), apply(operator, term[1], leaf[1], modulus))
            else:
                terms.append(run([part for part, _ in factors], operators, modulus))
                signs.append(operator)
                factors, operators, term = [leaf], [], leaf
        terms.append(run([part for part, _ in factors], operators, modulus))
        expression = run(terms, signs)
        return expression, evaluate(expression, modulus)

    def pair(self, num_digits: int) -> Part:
        """Draw a single operation on two numbers of `num_digits` digits; a single digit may be 0.

        Raises:
            ExpressionError: A value may not have that many digits.
        """
        if num_digits > MAX_DIGITS:
            raise ExpressionError(f"a number has more than {MAX_DIGITS:,} digits.")

        def draw() -> list[int]:
            digits = self._generator.integers(0, 10, (2, num_digits))
            if num_digits > 1:
                digits[:, 0] = self._generator.integers(1, 10, 2)
            return [int("".join(map(str, row))) for row in digits.tolist()]

        first, second = self._in_split(draw)
        operator = self._ranges.operators[int(self._generator.integers(len(self._ranges.operators)))]
        expression = Operation(operator, Number(first), Number(second))
        return expression, evaluate(expression)

    def _bits(self, count: int) -> list[int]:
        """Draw `count` zeros and ones, without a call to the generator if `count` is 0."""
        bits: list[int] = self._generator.integers(0, 2, count).tolist() if count else []
        return bits

    def _numbers(self, count: int) -> list[int]:
        """Draw operands."""
        ranges = self._ranges

        def draw() -> list[int]:
            numbers: list[int] = self._generator.integers(ranges.operand_min, ranges.operand_max + 1, count).tolist()
            return numbers

        if set(ranges.operators) & {"+", "-"}:
            return self._in_split(draw)
        # With products alone, a single 0 would decide the whole answer, so its neighbour replaces it.
        return self._in_split(lambda: [self._nonzero(value) for value in draw()])

    def _nonzero(self, value: int) -> int:
        """Return a number in the range that is not 0, modulo the modulus if there is one."""
        ranges = self._ranges
        if (value if ranges.modulus is None else value % ranges.modulus) or ranges.operand_min == ranges.operand_max:
            return value
        return value + 1 if value < ranges.operand_max else value - 1

    def _in_split(self, draw: Callable[[], list[int]]) -> list[int]:
        """Draw numbers until they belong to the split.

        Raises:
            InvalidValueError: There are too few numbers for the split to have any.
        """
        for _ in range(_MAX_TRIES):
            numbers = draw()
            if split_of(numbers) == self._split:
                return numbers
        ranges = self._ranges
        raise InvalidValueError(
            f"operand_min={ranges.operand_min} and operand_max={ranges.operand_max} leave no {self._split} task "
            f"of this difficulty; widen the range."
        )

    def _leaf(self, operand: int) -> Part:
        """Return an operand as a part."""
        modulus = self._ranges.modulus
        return Number(operand), operand if modulus is None else operand % modulus

    def _join(self, left: Part, right: Part) -> Part:
        """Return two parts under an operator, in parentheses."""
        operator = self._operator(left, right)
        expression = Operation(operator, grouped(left[0]), grouped(right[0]), grouped=True)
        return expression, apply(operator, left[1], right[1], self._ranges.modulus)

    def _operator(self, left: Part, right: Part) -> str:
        """Draw an operator that suits both parts, or take the one with the smallest result if none does."""
        operators = self._ranges.operators
        first = int(self._generator.random() * len(operators))
        rotated = operators[first:] + operators[:first]
        for operator in rotated:
            if self._suits(operator, left, right):
                return operator
        results = [
            (_magnitude(apply(operator, left[1], right[1], self._ranges.modulus)), operator)
            for operator in rotated
            if operator != "/"
        ]
        return min(results)[1]

    def _suits(self, operator: str, left: Part, right: Part) -> bool:
        """Tell whether an operator keeps within the bounds in the module's docstring."""
        first, second, modulus = left[1], right[1], self._ranges.modulus
        if operator == "/" and (second == 0 or (modulus is None and _is_fraction(left[0], right[0]))):
            return False
        if modulus is not None:
            return operator != "*" or bool(first and second) or self._generator.random() < 0.5
        result = apply(operator, first, second)
        return -_WANTED_SIZE < result < _WANTED_SIZE and _WANTED_DENOMINATORS % result.denominator == 0


def _magnitude(value: Value) -> int:
    """Return the larger of a value's numerator and denominator."""
    return max(abs(value.numerator), value.denominator)


def _is_fraction(left: Expression, right: Expression) -> bool:
    """Tell whether a quotient would be a fraction in lowest terms, which is a number rather than an operation."""
    return isinstance(left, Number) and isinstance(right, Number) and gcd(int(left.value), int(right.value)) == 1
