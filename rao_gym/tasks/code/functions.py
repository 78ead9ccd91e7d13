"""The parts of a code task: functions with specifications, their cases, and what a node must write."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Case:
    """One call and its expected result.

    Attributes:
        arguments: The positional arguments, plain values whose `repr` is a literal.
        expected: The reference's result.
    """

    arguments: tuple[Any, ...]
    expected: Any


@dataclass(frozen=True)
class Cases:
    """The cases of one function.

    Attributes:
        examples: The public cases, shown in the specification.
        hidden: The hidden cases, by which a source is judged; none of them is public.
    """

    examples: tuple[Case, ...]
    hidden: tuple[Case, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """A function that an agent may be asked to write.

    Attributes:
        name: Its name.
        signature: Its head in Python, without ``def``.
        description: What it must do, in English.
        helpers: The functions of the same module that it builds on.
        reference: The source of a solution, without its helpers.
        draw_cases: Computes the cases; called once, on first use.
    """

    name: str
    signature: str
    description: str
    helpers: tuple[str, ...]
    reference: str = field(repr=False)
    draw_cases: Callable[[], Cases] = field(repr=False)

    @cached_property
    def cases(self) -> Cases:
        """The public and the hidden cases."""
        return self.draw_cases()

    @property
    def content(self) -> tuple[Any, ...]:
        """The function's content, including its cases, for the hash of its task."""
        return (self.name, self.signature, self.description, self.helpers, self.reference, self.cases)


@dataclass(frozen=True, eq=False)
class CodeContext:
    """A node's context: a module's functions, and those of them that it must write.

    Attributes:
        functions: Every function of the module by name.
        wanted: The functions that the node must write.
    """

    functions: Mapping[str, Function]
    wanted: tuple[str, ...]

    @cached_property
    def visible(self) -> tuple[str, ...]:
        """The wanted functions and all that they build on; each comes before its helpers."""
        return closure(self.functions, self.wanted)


def closure(functions: Mapping[str, Function], names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` and everything that they build on, breadth first and without repetition."""
    found = dict.fromkeys(names)
    queue = list(found)
    for name in queue:
        for helper in functions[name].helpers:
            if helper not in found:
                found[helper] = None
                queue.append(helper)
    return tuple(found)


def reference_source(functions: Mapping[str, Function], names: Iterable[str]) -> str:
    """Return a self-contained solution of `names`, helpers first."""
    return join_sources(functions[name].reference for name in reversed(closure(functions, names)))


def join_sources(sources: Iterable[str]) -> str:
    """Join sources into one module."""
    return "\n\n\n".join(source.strip("\n") for source in sources) + "\n"


_RELATIVE_TOLERANCE = 1e-9
_ABSOLUTE_TOLERANCE = 1e-12


def same_value(expected: Any, got: Any) -> bool:
    """Tell whether `got` equals the expected value, with the same types throughout and floats within 1e-9.

    The order of a dictionary's keys does not matter. `got` is only inspected as deep as `expected` goes.
    """
    if type(expected) is not type(got):
        return False
    if isinstance(expected, float):
        both_nan = math.isnan(expected) and math.isnan(got)
        return both_nan or math.isclose(expected, got, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_ABSOLUTE_TOLERANCE)
    if isinstance(expected, list | tuple):
        return len(expected) == len(got) and all(map(same_value, expected, got))
    if isinstance(expected, dict):
        return same_keys(expected, got) and all(same_value(item, got[key]) for key, item in expected.items())
    return bool(expected == got)


def same_keys(expected: dict[Any, Any], got: dict[Any, Any]) -> bool:
    """Tell whether two dictionaries have equal keys of equal types."""
    return expected.keys() == got.keys() and {type(key) for key in expected} == {type(key) for key in got}


def call_text(name: str, arguments: tuple[Any, ...]) -> str:
    """Return a call in Python."""
    return f"{name}({', '.join(map(repr, arguments))})"
