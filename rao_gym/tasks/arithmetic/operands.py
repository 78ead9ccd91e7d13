"""Operands: the parts of an expression that an agent can name, and how their results are substituted.

The operands of an expression are those of its last operation, ``left`` and ``right``. If long numbers are to be split
into partial results (`split`), a single operation on whole numbers is rewritten as operations on high and low digits:

- ``4821*37`` is ``(4800*37)+(21*37)``: the factor with more significant digits is split;
- ``4821+937`` is ``(4820+930)+(1+7)``: both numbers are split at the same column.

Significant digits are those before any trailing zeros; ``4800`` has two.
"""

from __future__ import annotations

from typing import Final

from rao_gym.tasks.arithmetic.expressions import Expression, Number, Operation, Value, grouped

LEFT: Final = "left"
RIGHT: Final = "right"
SIDES: Final = (LEFT, RIGHT)
"""The names of the operands."""


def operand(expression: Operation, side: str) -> Expression:
    """Return an operand by name."""
    return expression.left if side == LEFT else expression.right


def substitute(expression: Operation, side: str, value: Value) -> Operation:
    """Return the expression with a number in place of one operand; the other gets parentheses.

    The parentheses keep the other operand's name valid: if 5 is the result of ``a+b``, the right operand of ``5+c+d``
    would be ``d``, but that of ``5+(c+d)`` is still ``c+d``.
    """
    if side == LEFT:
        return Operation(expression.operator, Number(value), grouped(expression.right))
    return Operation(expression.operator, grouped(expression.left), Number(value))


def reducible(expression: Expression) -> bool:
    """Tell whether an expression is a single operation on two numbers."""
    return (
        isinstance(expression, Operation)
        and isinstance(expression.left, Number)
        and isinstance(expression.right, Number)
    )


def split(expression: Expression) -> Operation | None:
    """Return a single operation on whole numbers as an operation on its partial results.

    Returns:
        The new expression; None if the expression is anything else, or if its numbers are too short to split.
    """
    if not isinstance(expression, Operation):
        return None
    pair = _whole_pair(expression)
    if pair is None:
        return None
    return _split_sum(*pair) if expression.operator == "+" else _split_product(expression.operator, *pair)


def columns(expression: Expression) -> int | None:
    """Return the amount of work in a single operation on whole numbers; None for anything else.

    For a sum, this is the number of columns in which both numbers have significant digits; for a product, the number
    of pairs of significant digits.
    """
    pair = _whole_pair(expression) if isinstance(expression, Operation) else None
    if pair is None or not isinstance(expression, Operation):
        return None
    if expression.operator == "*":
        return _significant(pair[0]) * _significant(pair[1])
    low, high = _overlap(*pair)
    return max(0, high - low)


def _whole_pair(expression: Operation) -> tuple[int, int] | None:
    """Return the operands of a sum or product of two whole numbers of at least 0."""
    left, right = expression.left, expression.right
    if expression.operator in "+*" and isinstance(left, Number) and isinstance(right, Number):
        first, second = left.value, right.value
        if isinstance(first, int) and isinstance(second, int) and first >= 0 and second >= 0:
            return first, second
    return None


def _split_sum(first: int, second: int) -> Operation | None:
    """Split a sum in the middle of the columns that both numbers use."""
    low, high = _overlap(first, second)
    if high - low < 2:
        return None
    unit = 10 ** ((low + high) // 2)
    lows = Operation("+", Number(first % unit), Number(second % unit), grouped=True)
    highs = Operation("+", Number(first - first % unit), Number(second - second % unit), grouped=True)
    return Operation("+", highs, lows)


def _split_product(operator: str, first: int, second: int) -> Operation | None:
    """Split the longer factor in the middle of its significant digits, or the second one if both are equally long."""
    splits_first = _significant(first) > _significant(second)
    longer, other = (first, second) if splits_first else (second, first)
    if _significant(longer) < 2:
        return None
    unit = 10 ** (_zeros(longer) + _significant(longer) // 2)
    parts = []
    for part in (longer - longer % unit, longer % unit):
        pair = (part, other) if splits_first else (other, part)
        parts.append(Operation(operator, Number(pair[0]), Number(pair[1]), grouped=True))
    return Operation("+", parts[0], parts[1])


def _zeros(number: int) -> int:
    """Return the number of trailing zeros; 0 for 0."""
    text = str(number)
    return 0 if number == 0 else len(text) - len(text.rstrip("0"))


def _significant(number: int) -> int:
    """Return the number of digits before any trailing zeros."""
    return len(str(number)) - _zeros(number)


def _overlap(first: int, second: int) -> tuple[int, int]:
    """Return the start and end of the columns, from the units, in which both numbers have significant digits."""
    low = max(_zeros(first), _zeros(second))
    return low, min(len(str(first)), len(str(second)))
