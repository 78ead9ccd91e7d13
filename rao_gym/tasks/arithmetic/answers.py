"""Answers: how a value is written, and which other forms are accepted.

An answer is a whole number or a fraction in lowest terms: ``7``, ``-3/4``. The same number is also accepted as a JSON
number, as text, as a fraction not in lowest terms or with spaces around the slash, as a decimal such as ``2.5``
(exactly 5/2), and in one pair of parentheses, because expressions show fractions that way. Modulo a prime, the answer
is the remainder itself, from 0 to one less than the modulus.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from rao_gym.tasks.arithmetic.expressions import MAX_DIGITS, Value, simplest

_DIGITS = f"[0-9]{{1,{MAX_DIGITS}}}"
_MAX_WHOLE = 10**MAX_DIGITS
_WRITTEN = re.compile(rf"[+-]?{_DIGITS}(?: */ *(?=0*[1-9]){_DIGITS}|\.[0-9]{{1,100}})?")
_MAX_CHARS = 3 * MAX_DIGITS
"""Longer than any answer with its slash and parentheses; what is longer still is not read."""

_IN_PARENTHESES = re.compile(r"\((.*)\)")


def number_of(answer: Any) -> Value | None:
    """Return the number that an answer stands for; None if it is not a number or has too many digits."""
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if abs(answer) < _MAX_WHOLE else None
    if isinstance(answer, float):
        # Assume that the writer meant the shortest text that reads back as this float.
        return simplest(Fraction(repr(answer))) if answer - answer == 0 else None
    if not isinstance(answer, str) or len(answer) > _MAX_CHARS:
        return None
    text = answer.strip()
    enclosed = _IN_PARENTHESES.fullmatch(text)
    text = enclosed[1].strip() if enclosed else text
    return simplest(Fraction(text.replace(" ", ""))) if _WRITTEN.fullmatch(text) else None


def written(value: Value) -> int | str:
    """Return a value as an answer: an int, or a fraction as text."""
    value = simplest(value)
    return value if isinstance(value, int) else str(value)
