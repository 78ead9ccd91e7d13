"""From the hidden cases that a source passes to its score: what a program that computes nothing passes counts as 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rao_gym.tasks.code.functions import Case


def num_free(cases: Sequence[Case]) -> int:
    """Return how many cases a program passes that returns one constant, or another if its argument is 0 or empty.

    A specification gives away the result for such an argument, and its examples may show the most common one. The
    number is that of the best choice of constants.
    """
    results: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for case in cases:
        results[bool(case.arguments and case.arguments[0])][repr(case.expected)] += 1
    return sum(max(counts.values(), default=0) for counts in results.values())


def score(passed: Sequence[bool], cases: Sequence[Case]) -> float:
    """Return the share of the cases that a source passes beyond those that are free.

    Args:
        passed: Whether it passed each case.
        cases: The hidden cases of one function.

    Returns:
        A share in [0, 1]: 1 exactly if all cases are passed.
    """
    if all(passed):
        return 1.0
    free = num_free(cases)
    return max(0.0, (sum(passed) - free) / max(1, len(cases) - free))
