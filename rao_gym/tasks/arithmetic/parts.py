"""Which expressions are a part of another, compared by structure and not by text or value.

A sum is the bag of its signed terms, and a product that of its factors: ``a-b-c+d`` is {+a, -b, -c, +d}. Order and
parentheses within a run therefore make no difference. Some but not all of a run's terms are a part of it, with all
their signs or all of them inverted, and so are the runs inside its terms. ``x+0`` and ``1*x`` are no parts of ``x``:
they are the same work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from rao_gym.tasks.arithmetic.expressions import Expression, Number, Operation, size
from rao_gym.tasks.arithmetic.operands import columns

Item: TypeAlias = tuple[int, int]
"""A sign, 1 or -1, and the number of a term's structure. In a product, -1 stands for a divisor."""

_SUM: Final = "+-"
_PRODUCT: Final = "*/"
_IDENTITY: Final = {_SUM: 0, _PRODUCT: 1}


def same_work(one: Expression, other: Expression) -> bool:
    """Tell whether two expressions differ at most in order, in parentheses, and in terms 0 and factors 1."""
    structures = _Structures(simplify=True)
    return structures.number_of(one) == structures.number_of(other)


def is_part(part: Expression, whole: Expression, *, digits: bool = False) -> bool:
    """Tell whether an expression occurs within another, and is smaller.

    Args:
        part: The expression.
        whole: The expression that it may be a part of.
        digits: Whether an operation on some digits of two numbers is a part of that on the numbers.
    """
    if isinstance(part, Number) or isinstance(whole, Number):
        return False
    structures = _Structures(simplify=False)
    outermost = structures.runs[structures.number_of(whole)]
    runs = list(structures.runs.values())
    run = structures.runs[structures.number_of(part)]
    forms = (run.items, Counter({(-sign, number): count for (sign, number), count in run.items.items()}))
    if any(each.kind == run.kind and any(map(each.holds, forms)) for each in runs):
        whole_again = outermost.kind == run.kind and any(map(outermost.holds, forms))
        return not whole_again or run.items.total() < outermost.items.total()
    return digits and any(_on_digits(structures.numbers_in(run), structures.numbers_in(each)) for each in runs)


def share_of(part: Expression, whole: Expression) -> float:
    """Return which share of an expression's work is done by a part: of its operations, but for the last one.

    A single operation on long numbers is work on pairs of digits.
    """
    num_operations = size(whole)
    if num_operations == 1:
        return min(1.0, (columns(part) or 1) / max(1, columns(whole) or 1))
    return min(1.0, size(part) / (num_operations - 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A sum or a product as a bag.

    Attributes:
        kind: `_SUM` or `_PRODUCT`.
        items: How often each term occurs.
    """

    kind: str
    items: Counter[Item]

    def holds(self, items: Counter[Item]) -> bool:
        """Tell whether some terms are among these."""
        return all(self.items[item] >= count for item, count in items.items())


class _Structures:
    """Numbers structures, so that equal ones have equal numbers.

    Args:
        simplify: Whether terms 0 and factors 1 are left out.

    Attributes:
        runs: The runs met so far, by their number.
    """

    def __init__(self, *, simplify: bool) -> None:
        self.runs: dict[int, _Run] = {}
        self._simplify = simplify
        self._numbers: dict[object, int] = {}
        self._values: dict[int, object] = {}

    def number_of(self, expression: Expression) -> int:
        """Return the number of an expression's structure."""
        if isinstance(expression, Number):
            return self._number_of_value(expression.value)
        found: dict[int, int] = {}
        for run in reversed(list(_runs_of(expression))):  # each comes after the run that holds it
            kind, terms = _terms_of(run)
            items: Counter[Item] = Counter()
            for sign, term in terms:
                if isinstance(term, Number):
                    negative = kind == _SUM and term.value < 0
                    number = self._number_of_value(abs(term.value) if negative else term.value)
                    items.update(self._items(kind, -sign if negative else sign, number))
                else:
                    items.update(self._items(kind, sign, found[id(term)]))
            found[id(run)] = self._number_of_run(kind, items)
        return found[id(expression)]

    def numbers_in(self, run: _Run) -> tuple[str, list[int]]:
        """Return a run's kind and its terms; none if one of them is anything but a whole number of at least 0."""
        values = [self._values.get(number) for _, number in run.items.elements()]
        whole = [value for value in values if isinstance(value, int) and value >= 0]
        positive = all(sign == 1 for sign, _ in run.items)
        return run.kind, whole if positive and len(whole) == len(values) else []

    def _items(self, kind: str, sign: int, number: int) -> Counter[Item]:
        """Return what a term adds to a run: itself, or nothing or its own terms if that is simpler."""
        if self._simplify and number == self._number_of_value(_IDENTITY[kind]):
            return Counter()
        inner = self.runs.get(number)
        if inner is None or inner.kind != kind:
            return Counter([(sign, number)])
        return Counter({(sign * own, each): count for (own, each), count in inner.items.items()})

    def _number_of_run(self, kind: str, items: Counter[Item]) -> int:
        """Return a run's number: that of its only term, if nothing else is left."""
        if not items:
            return self._number_of_value(_IDENTITY[kind])
        if items.total() == 1 and (1, lone := next(iter(items))[1]) in items:
            return lone
        number = self._numbers.setdefault((kind, frozenset(items.items())), len(self._numbers))
        self.runs[number] = _Run(kind, items)
        return number

    def _number_of_value(self, value: object) -> int:
        """Return the number of a number."""
        number = self._numbers.setdefault(value, len(self._numbers))
        self._values[number] = value
        return number


def _runs_of(expression: Operation) -> Iterator[Operation]:
    """Yield the outermost operation of each run, before those of the runs inside; expressions may be deep."""
    pending = [expression]
    while pending:
        run = pending.pop()
        yield run
        pending += [term for _, term in _terms_of(run)[1] if isinstance(term, Operation)]


def _terms_of(run: Operation) -> tuple[str, list[tuple[int, Expression]]]:
    """Return a run's kind and its terms with their signs."""
    kind = _SUM if run.operator in _SUM else _PRODUCT
    terms: list[tuple[int, Expression]] = []
    pending: list[tuple[int, Expression]] = [(1, run)]
    while pending:
        sign, term = pending.pop()
        if isinstance(term, Operation) and term.operator in kind:
            pending += [(sign, term.left), (-sign if term.operator in "-/" else sign, term.right)]
        else:
            terms.append((sign, term))
    return kind, terms


def _on_digits(part: tuple[str, list[int]], whole: tuple[str, list[int]]) -> bool:
    """Tell whether an operation on two numbers takes some digits of those of another, and zeros for the rest."""
    (kind, numbers), (kind_of_whole, own) = part, whole
    if kind != kind_of_whole or len(numbers) != 2 or len(own) != 2 or 0 in numbers:
        return False
    (first, second), pairs = numbers, (own, own[::-1])
    if kind == _PRODUCT:
        return any(_digits(x, first) == first and _digits(y, second) == second for x, y in pairs)
    return any(_digits(x, *numbers) == first and _digits(y, *numbers) == second for x, y in pairs)


def _digits(number: int, *like: int) -> int:
    """Return a number with zeros in all columns but those that some others above 0 use."""
    low: int = 10 ** min(len(text) - len(text.rstrip("0")) for text in map(str, like))
    high: int = 10 ** max(map(len, map(str, like)))
    return number % high - number % low
