"""Functions of the standard library: the library is the oracle, and the sandbox cannot import it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.code import solutions
from rao_gym.tasks.code.functions import reference_source, same_value
from rao_gym.tasks.code.judge import Judge
from rao_gym.tasks.code.library import ENTRIES, Entry, draw_case, library_functions, name_of, names_by_size, plain

ALL = [(split, entry) for split in SPLITS for entry in ENTRIES[split]]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.close()


def test_there_are_at_least_forty_functions_and_no_module_is_in_two_splits() -> None:
    assert len({entry.path for _, entry in ALL}) == len(ALL) >= 40
    modules = [{entry.module for entry in ENTRIES[split]} for split in SPLITS]
    assert not modules[0] & modules[1] | modules[1] & modules[2] | modules[0] & modules[2]
    for split in SPLITS:
        names = {entry.name for entry in ENTRIES[split]}
        assert all(name_of(helper) in names for entry in ENTRIES[split] for helper in entry.helpers)


@pytest.mark.parametrize("module", sorted({entry.module for _, entry in ALL}))
def test_the_sandbox_cannot_import_the_answer(judge: Judge, module: str) -> None:
    function = next(entry for _, entry in ALL if entry.module == module)
    source = f"import {module}\n\n\ndef {function.name}(*arguments):\n    return {function.path}(*arguments)\n"
    hidden = library_functions(next(split for split, entry in ALL if entry is function))[function.name].cases.hidden
    outcomes = judge.run(source, {function.name: hidden[:3]})[function.name]
    assert [outcome.passed for outcome in outcomes] == [False] * 3
    assert "ModuleNotFoundError" in outcomes[0].got


@pytest.mark.parametrize(("split", "entry"), ALL, ids=lambda value: value.path if isinstance(value, Entry) else "")
def test_our_solution_does_what_the_library_does(judge: Judge, split: str, entry: Entry) -> None:
    generator = np.random.default_rng(11)
    solution = getattr(solutions, entry.name)
    for _ in range(150):
        case = draw_case(entry, generator)
        assert same_value(case.expected, solution(*case.arguments)), case
    functions = library_functions(split)
    source = reference_source(functions, [entry.name])
    hidden = functions[entry.name].cases.hidden
    assert len(hidden) >= 24
    assert all(outcome.passed for outcome in judge.run(source, {entry.name: hidden})[entry.name])


class Day(IntEnum):
    MONDAY = 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Day.MONDAY, 0), ((Day.MONDAY, 31), (0, 31)), ([(Day.MONDAY,), True], [(0,), True]), ({"a": [1]}, {"a": [1]})],
)
def test_results_of_the_library_hold_no_enumerations(value: Any, expected: Any) -> None:
    assert same_value(expected, plain(value))


@pytest.mark.parametrize(
    ("path", "arguments", "expected"),
    [
        ("html.escape", ("\"'",), "&quot;&#x27;"),
        ("statistics.mean", ([1, 3],), 2),
        ("statistics.mean", ([1, 2],), 1.5),
        ("statistics.mean", ([1.0, 3.0],), 2.0),
        ("statistics.quantiles", ([1.0, 2.0], 4), [0.75, 1.5, 2.25]),
        ("textwrap.wrap", (" aa   bb   cc", 8), [" aa   bb", "cc"]),
        ("email.utils.formataddr", (("a (b)", "x@y.z"),), '"a (b)" <x@y.z>'),
        ("email.utils.formataddr", (('"\\', "x@y.z"),), '"\\"\\\\" <x@y.z>'),
        ("xml.sax.saxutils.quoteattr", ("\n\r\t",), '"&#10;&#13;&#9;"'),
        ("xml.sax.saxutils.quoteattr", ('"',), "'\"'"),
        ("xml.sax.saxutils.quoteattr", ("\"'",), '"&quot;\'"'),
    ],
)
def test_rules_that_specifications_add_are_those_of_the_library(path: str, arguments: Any, expected: Any) -> None:
    entry = next(entry for _, entry in ALL if entry.path == path)
    assert same_value(expected, entry.call(arguments))


@pytest.mark.parametrize("name", '()<>@,:;".[]\\')
def test_names_with_these_characters_are_quoted(name: str) -> None:
    entry = next(entry for _, entry in ALL if entry.path == "email.utils.formataddr")
    assert name in entry.domain
    assert entry.call(((name, "x@y.z"),)).startswith('"')


@pytest.mark.parametrize("split", SPLITS)
def test_specifications_carry_the_librarys_own_words(split: str) -> None:
    functions = library_functions(split)
    for entry in ENTRIES[split]:
        function = functions[entry.name]
        assert function.signature.startswith(f"{entry.name}(")
        assert f"Does what {entry.path} of Python's standard library does:\n" in function.description
        documentation, _, domain = function.description.partition("does:\n")[2].rpartition("\nIt is called with: ")
        assert documentation.strip(), entry.path
        assert domain == f"{entry.domain}."


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_no_hidden_cases(split: str) -> None:
    for function in library_functions(split).values():
        examples = {repr(case.arguments) for case in function.cases.examples}
        hidden = {repr(case.arguments) for case in function.cases.hidden}
        assert len(examples) == 3
        assert not examples & hidden


@pytest.mark.parametrize("split", SPLITS)
def test_functions_are_sorted_by_the_size_of_their_solutions(split: str) -> None:
    functions = library_functions(split)
    sizes = [reference_source(functions, [name]).count("\n") for name in names_by_size(split)]
    assert len(sizes) == len(functions)
    assert sizes[0] < sizes[len(sizes) // 2] < sizes[-1]
