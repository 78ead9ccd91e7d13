"""Arithmetic expressions: parsed, rendered and evaluated exactly.

Goals come from policies, so they may be deep, long or hostile. Nothing here therefore recurses over the nesting of an
expression or passes text to Python's `eval`.

The syntax is ``+ - * /`` with Python's precedence, parentheses, whole numbers and the minus sign of a number. A negated
parenthesis ``-(3+8)`` is read as ``(0-(3+8))``. A run of more than two operands without parentheses is split into
halves: ``a-b-c+d`` is ``(a-b)-(c-d)``; the first half takes the odd operand. A run with a division is read from left to
right instead. Outside modular arithmetic, a fraction in lowest terms, such as ``(3/4)``, is a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd
from typing import Final, TypeAlias

MAX_CHARS: Final = 50_000
"""Longest text that is read as an expression, in characters."""

MAX_DIGITS: Final = 3_000
"""Most digits of the numerator or denominator of any value."""

_LIMIT: Final = 10**MAX_DIGITS
_TOKEN = re.compile(r"[ \t]*(?:([0-9]+)|([-+*/()]))")
_INVERSE = {"+": "-", "-": "+"}

Value: TypeAlias = int | Fraction
"""An exact number; a Fraction only if its denominator is not 1."""


class ExpressionError(Exception):
    """A text that is not an expression, or an expression without a value; agents see the message."""


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number.

    Attributes:
        value: Its value.
    """

    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation on two operands.

    Attributes:
        operator: One of ``+ - * /``.
        left: The first operand.
        right: The second operand. If it is an operation of the same precedence without parentheses, it is the second
            half of a run.
        grouped: Whether the operation is in parentheses when it is an operand.
    """

    operator: str
    left: Expression = field(repr=False)
    right: Expression = field(repr=False)
    grouped: bool = False


Expression: TypeAlias = Number | Operation


def grouped(expression: Expression) -> Expression:
    """Return the expression with parentheses; a number is unchanged."""
    if isinstance(expression, Number) or expression.grouped:
        return expression
    return replace(expression, grouped=True)


def simplest(value: Value) -> Value:
    """Return a whole number as an int, and any other as it is."""
    return value.numerator if value.denominator == 1 else value


def too_large(value: Value) -> bool:
    """Tell whether a value has more than `MAX_DIGITS` digits."""
    return abs(value.numerator) >= _LIMIT or value.denominator >= _LIMIT


def apply(operator: str, left: Value, right: Value, modulus: int | None = None) -> Value:
    """Return the result of one operation, modulo `modulus` if given.

    Args:
        operator: One of ``+ - * /``.
        left: The first number.
        right: The second number.
        modulus: A prime, or None for ordinary arithmetic.

    Raises:
        ExpressionError: A division by zero, or a result that is too large.
    """
    if operator == "/":
        if (right if modulus is None else right % modulus) == 0:
            raise ExpressionError("it divides by zero.")
        result = Fraction(left) / right if modulus is None else int(left) * pow(int(right), -1, modulus)
    elif operator == "*":
        result = left * right
    else:
        result = left + right if operator == "+" else left - right
    result = simplest(result) if modulus is None else result % modulus
    if too_large(result):
        raise ExpressionError(f"its value has more than {MAX_DIGITS:,} digits.")
    return result


def evaluate(expression: Expression, modulus: int | None = None) -> Value:
    """Return the exact value of an expression, modulo `modulus` if given.

    Raises:
        ExpressionError: A division by zero, or an intermediate value that is too large.
    """
    values: list[Value] = []
    pending: list[Expression | str] = [expression]
    while pending:
        item = pending.pop()
        if isinstance(item, Number):
            values.append(item.value if modulus is None else item.value % modulus)
        elif isinstance(item, Operation):
            pending += (item.operator, item.right, item.left)
        else:
            right = values.pop()
            values.append(apply(item, values.pop(), right, modulus))
    return values.pop()


def size(expression: Expression) -> int:
    """Return the number of operations in an expression."""
    count = 0
    pending = [expression]
    while pending:
        item = pending.pop()
        if isinstance(item, Operation):
            count += 1
            pending += (item.left, item.right)
    return count


def render(expression: Expression) -> str:
    """Return the text of an expression, without spaces and without parentheses around the whole."""
    if isinstance(expression, Number):
        return str(expression.value)
    parts: list[str] = []
    # Finished text, or a part of the expression with two flags: whether its operators are inverted, and whether its
    # parentheses are already written.
    pending: list[str | tuple[Expression, bool, bool]] = [(expression, False, True)]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        part, inverted, enclosed = item
        if isinstance(part, Number):
            parts.append(_operand_text(part.value, starts=not parts or parts[-1] == "("))
        elif part.grouped and not enclosed:
            pending += (")", (part, False, True), "(")
        else:
            operator = _INVERSE[part.operator] if inverted else part.operator
            # The second half's operators are written as they act on the whole run: a-(b-c) as a-b+c.
            pending.append((part.right, operator == "-" and _is_sum(part.right), False))
            pending += (operator, (part.left, inverted and _is_sum(part.left), False))
    return "".join(parts)


def _is_sum(expression: Expression) -> bool:
    """Tell whether an operand is a sum or a difference without parentheses."""
    return isinstance(expression, Operation) and not expression.grouped and expression.operator in "+-"


def _operand_text(value: Value, *, starts: bool) -> str:
    """Return a number as an operand is written."""
    return str(value) if value.denominator == 1 and (value >= 0 or starts) else f"({value})"


def run(operands: Sequence[Expression], operators: Sequence[str], modulus: int | None = None) -> Expression:
    """Return a run of operands joined by operators of one precedence.

    Args:
        operands: At least one operand.
        operators: One operator fewer than operands.
        modulus: A prime, or None for ordinary arithmetic.
    """
    if "/" not in operators:
        return _halved(operands, operators)
    expression = operands[0]
    for operator, operand in zip(operators, operands[1:], strict=True):
        expression = _quotient(expression, operand, modulus) if operator == "/" else Operation("*", expression, operand)
    return expression


def _halved(operands: Sequence[Expression], operators: Sequence[str]) -> Expression:
    """Return a run without division as an operation on its halves, so that the depth is logarithmic."""
    if len(operands) == 1:
        return operands[0]
    middle = (len(operands) + 1) // 2
    operator = operators[middle - 1]
    rest = operators[middle:]
    if operator == "-":
        rest = [_INVERSE[later] for later in rest]
    return Operation(operator, _halved(operands[:middle], operators[: middle - 1]), _halved(operands[middle:], rest))


def _quotient(left: Expression, right: Expression, modulus: int | None) -> Expression:
    """Return a quotient; coprime whole numbers make a fraction, which is a number."""
    if modulus is None and isinstance(left, Number) and isinstance(right, Number):
        above, below = left.value, right.value
        if isinstance(above, int) and isinstance(below, int) and below > 1 and gcd(above, below) == 1:
            return Number(Fraction(above, below))
    return Operation("/", left, right)


@dataclass(slots=True)
class _Level:
    """The parser's state inside one pair of parentheses.

    Attributes:
        negative: Whether a minus sign precedes the opening parenthesis.
        terms: Operands of ``+`` and ``-``.
        signs: Operators between the terms.
        factors: Operands of ``*`` and ``/`` in the current term.
        operators: Operators between the factors.
    """

    negative: bool = False
    terms: list[Expression] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)
    factors: list[Expression] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)

    def end_term(self, modulus: int | None) -> None:
        """Combine the factors read so far into one term."""
        self.terms.append(run(self.factors, self.operators, modulus))
        self.factors, self.operators = [], []


def parse(text: str, modulus: int | None = None) -> Expression:
    """Parse an expression.

    Args:
        text: At most `MAX_CHARS` characters.
        modulus: A prime, or None for ordinary arithmetic, in which ``(3/4)`` is a number.

    Raises:
        ExpressionError: The text is too long or is not an expression.
    """
    text = text.strip()
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"it has {len(text):,} characters; the most allowed is {MAX_CHARS:,}.")
    levels = [_Level()]  # a stack rather than recursion, because hostile text may nest thousands of parentheses
    negative = False
    wants_operand = True
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ExpressionError(f"{text[position]!r} at character {position + 1} is not part of an expression.")
        position = token.end()
        digits, symbol = token.groups()
        level = levels[-1]
        if digits is not None and wants_operand:
            level.factors.append(_number(digits, negative))
            negative, wants_operand = False, False
        elif wants_operand and symbol == "-":
            negative = not negative
        elif wants_operand and symbol == "(":
            levels.append(_Level(negative))
            negative = False
        elif not wants_operand and symbol == ")" and len(levels) > 1:
            level.end_term(modulus)
            inner = grouped(run(level.terms, level.signs))
            levels.pop()
            levels[-1].factors.append(_negated(inner) if level.negative else inner)
        elif not wants_operand and symbol in ("*", "/"):
            level.operators.append(symbol)
            wants_operand = True
        elif not wants_operand and symbol in ("+", "-"):
            level.end_term(modulus)
            level.signs.append(symbol)
            wants_operand = True
        else:
            expected = "a number" if wants_operand else "an operator"
            raise ExpressionError(f"{(digits or symbol)[:20]!r} at character {token.start() + 1}, expected {expected}.")
    if wants_operand:
        raise ExpressionError("it ends where a number is expected.")
    if len(levels) > 1:
        raise ExpressionError("a parenthesis is not closed.")
    levels[0].end_term(modulus)
    return run(levels[0].terms, levels[0].signs)


def _number(digits: str, negative: bool) -> Number:
    """Read a whole number.

    Raises:
        ExpressionError: It has too many digits.
    """
    if len(digits) > MAX_DIGITS:
        raise ExpressionError(f"a number has more than {MAX_DIGITS:,} digits.")
    return Number(-int(digits) if negative else int(digits))


def _negated(inner: Expression) -> Expression:
    """Return the negation of an expression in parentheses."""
    return Number(-inner.value) if isinstance(inner, Number) else Operation("-", Number(0), inner, grouped=True)
