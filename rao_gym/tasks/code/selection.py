"""The cases of composed functions: chosen from a pool so that small errors in the code do not go unnoticed.

The reference is run on edge cases, on inputs near the constants of the code, and on random inputs. Cases with
different results come first; then, for every small error that the chosen cases do not catch, one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rao_gym.tasks.code.functions import Case, Cases, same_value
from rao_gym.tasks.code.inputs import Constants, draw_input, edges
from rao_gym.tasks.code.mutation import mutants

NUM_EXAMPLES = 3
MIN_HIDDEN = 32
MAX_HIDDEN = 48
_POOL = 100
_MAX_TRIES = 24
SELECTION_KINDS = ("boundary", "branch", "constant plus one", "slice bound", "missing statement", "missing helper")
"""The kinds of error that cases are chosen against; the other kinds of `mutation.KINDS` are left to chance."""

Namespace = dict[str, Any]


def compile_function(source: str, name: str, namespace: Namespace) -> Callable[..., Any]:
    """Define a function of this package's own making in a namespace and return it."""
    exec(compile(source, "<composed>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def select_cases(source: str, name: str, kind: str, seed: int) -> Cases:
    """Choose the cases of a composed function.

    Args:
        source: The reference, with all helpers.
        name: The function.
        kind: Type of its argument.
        seed: Seed of the inputs.
    """
    rng = np.random.default_rng(seed)
    constants = Constants.of(source)
    namespace: Namespace = {}
    function = compile_function(source, name, namespace)
    inputs = [*edges(kind), *(draw_input(kind, constants, rng) for _ in range(_POOL))]
    unique = {repr(value): value for value in inputs}
    pool = [Case((value,), function(value)) for value in unique.values()]
    examples = _different(pool[len(edges(kind)) :], NUM_EXAMPLES)
    others = [case for case in pool if case not in examples]
    hidden = _different(others, MIN_HIDDEN)
    spare = [case for case in others if case not in hidden][:_MAX_TRIES]
    for mutant in mutants(source, SELECTION_KINDS, {name}):
        changed = compile_function(mutant.source, name, namespace)
        if len(hidden) < MAX_HIDDEN and all(_passes(changed, case) for case in hidden):
            hidden += [case for case in spare if not _passes(changed, case)][:1]
    return Cases(examples=tuple(examples), hidden=tuple(hidden))


def _different(cases: Iterable[Case], count: int) -> list[Case]:
    """Return `count` cases, those whose results have not been seen before first."""
    seen: dict[str, Case] = {}
    others = []
    for case in cases:
        if seen.setdefault(repr(case.expected), case) is not case:
            others.append(case)
    return [*seen.values(), *others][:count]


def _passes(function: Callable[..., Any], case: Case) -> bool:
    """Tell whether a function gives a case's result."""
    try:
        return same_value(case.expected, function(*case.arguments))
    except Exception:
        return False
