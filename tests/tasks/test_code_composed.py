"""Composed modules: building blocks, specifications and the power of their tests."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.tasks.base import rng
from rao_gym.tasks.code import Code, composed
from rao_gym.tasks.code.blocks import BLOCKS, Block, read_step
from rao_gym.tasks.code.composed import Shape, compose
from rao_gym.tasks.code.functions import Case, join_sources, reference_source, same_value
from rao_gym.tasks.code.inputs import Constants, draw_input, edges
from rao_gym.tasks.code.judge import Judge
from rao_gym.tasks.code.mutation import KINDS, mutants
from rao_gym.tasks.code.selection import select_cases
from rao_gym.tasks.code.skill import read_specifications, write_function

NO_CONSTANTS = Constants(numbers=(), texts=())
PYTHON_TYPES: dict[str, Any] = {"int": int, "str": str, "list[int]": list, "list[str]": list, "dict[str, int]": dict}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.close()


def run_block(block: Block, seed: int, value: Any) -> Any:
    _, code = block.fill(block.draw(np.random.default_rng(seed)))
    namespace = {"value": value}
    exec(code, namespace)
    return namespace["value"]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.takes}: {block.english[:40]}")
def test_a_block_does_what_its_types_say_and_reads_back(block: Block) -> None:
    generator = np.random.default_rng(4)
    for value in [*edges(block.takes), *(draw_input(block.takes, NO_CONSTANTS, generator) for _ in range(30))]:
        before = repr(value)
        result = run_block(block, 1, value)
        assert isinstance(result, PYTHON_TYPES[block.gives])
        assert repr(value) == before, "a step must not change what it is given"
    for seed in range(5):
        english, code = block.fill(block.draw(np.random.default_rng(seed)))
        assert read_step(english, block.takes) == (code, block.gives)


@pytest.mark.parametrize(
    ("english", "takes", "value", "expected"),
    [
        ("Keep only the elements that are divisible by 3.", "list[int]", [3, 4, -6, 0], [3, -6, 0]),
        ("If it is even, halve it; if it is odd, multiply it by 3 and add 5.", "int", -7, -16),
        ("Sort the elements by their last decimal digit, smallest first; ties keep their order.", "list[int]",
         [19, 30, -12, 9, 2], [30, -12, 2, 19, 9]),
        ("Shorten every run of the same character to one character.", "str", "aabbba", "aba"),
        ("Reverse every word longer than 2 characters; words are what lies between single spaces.", "str",
         "abc  de fgh", "cba  de hgf"),
        ("Shift every letter from a to z by 3 places in the alphabet, going on at a after z; leave everything else.",
         "str", "xyz A!", "abc A!"),
        ("Take the element that occurs most often, the smallest of them in a tie; take 40 if there are none.",
         "list[int]", [5, 2, 5, 2, 9], 2),
        ("Take the largest element minus the smallest; take 40 if there are no elements.", "list[int]", [], 40),
        ("List the keys by their values, largest first, and those of equal value as Python compares text.",
         "dict[str, int]", {"b": 1, "a": 1, "c": 4}, ["c", "a", "b"]),
        ("Cut it from the left into pieces of 2 characters; the last piece may be shorter.", "str", "abcde",
         ["ab", "cd", "e"]),
        ("Keep only the elements at positions divisible by 2, counted from 0, then put the list in reverse order.",
         "list[int]", [1, 2, 3, 4, 5], [5, 3, 1]),
    ],
)  # fmt: skip
def test_blocks_by_hand(english: str, takes: str, value: Any, expected: Any) -> None:
    read = read_step(english, takes)
    assert read is not None
    namespace = {"value": value}
    exec(read[0], namespace)
    assert namespace["value"] == expected


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.takes}: {block.english[:40]}")
def test_no_block_changes_a_list_in_place(block: Block) -> None:
    """Two such steps in a row, one of them without a statement, append without end to the list that they walk along."""
    _, code = block.fill(block.draw(np.random.default_rng(0)))
    for node in ast.walk(ast.parse(code)):
        assert not isinstance(node, ast.AugAssign | ast.Delete)
        assert not (isinstance(node, ast.Attribute) and node.attr in ("append", "extend", "insert", "pop", "update"))


def test_mutants_of_two_running_sums_in_a_row_come_to_an_end() -> None:
    english = "Replace each element by the sum of it and all elements before it."
    read = read_step(english, "list[int]")
    assert read is not None
    steps = "".join(f"    {line}\n" for line in ["value = numbers", *read[0].splitlines() * 2, "return value"])
    cases = select_cases(f"def f(numbers: list[int]) -> list[int]:\n{steps}", "f", "list[int]", 0)
    assert all(same_value(case.expected, twice_summed(*case.arguments)) for case in cases.hidden)


def twice_summed(numbers: list[int]) -> list[int]:
    return list(accumulate(accumulate(numbers)))


def test_there_are_many_blocks_for_every_type() -> None:
    assert len(BLOCKS) >= 60
    for takes in PYTHON_TYPES:
        assert {block.gives for block in BLOCKS if block.takes == takes} == set(PYTHON_TYPES)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), num_helpers=st.integers(1, 9), depth=st.integers(1, 5))
def test_the_english_alone_gives_the_reference_back(seed: int, num_helpers: int, depth: int) -> None:
    shape = Shape(num_helpers=num_helpers, depth=min(depth, num_helpers), num_steps=2)
    _, functions = compose(shape, np.random.default_rng(seed))
    for function in functions.values():
        heads = "; ".join(f"`{functions[name].signature}`" for name in function.helpers)
        text = f"def {function.signature}\n{function.description}\nHelpers: {heads}\n"
        written = write_function(read_specifications(text)[function.name])
        assert written.strip() == function.reference.strip()


@pytest.mark.parametrize("difficulty", [2, 4, 6, 8, 10])
def test_one_result_for_all_inputs_scores_little(difficulty: int) -> None:
    family = Code()
    for index in range(6):
        context = family.sample(0, "train", index, difficulty).context
        cases = context.functions[context.wanted[0]].cases
        (common, _), *_ = Counter(repr(case.expected) for case in cases.examples).most_common(1)
        passed = [not case.arguments[0] or repr(case.expected) == common for case in cases.hidden]
        assert sum(passed) < 0.5 * len(passed)


@pytest.mark.parametrize("lively", [True, False])
def test_every_function_of_a_module_has_manifold_results_or_the_module_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, lively: bool
) -> None:
    if not lively:
        monkeypatch.setattr(composed, "_MAX_SHARE_OF_ONE_RESULT", 0.0)
    _, functions = compose(Shape(num_helpers=4, depth=2, num_steps=2), np.random.default_rng(3))
    assert len(functions) == 5
    for function in functions.values():
        results = Counter(repr(case.expected) for case in function.cases.hidden)
        assert not lively or max(results.values()) <= 0.5 * results.total()


def test_what_is_beyond_the_skill_gives_a_function_that_returns_nothing() -> None:
    text = "def bavor(number: int) -> int\nIf `number` is 0, return 3 at once.\n1. Do something clever.\n"
    assert write_function(read_specifications(text)["bavor"]).endswith("return None\n")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), difficulty=st.integers(1, 5))
def test_the_verifier_agrees_with_running_the_reference_here(judge: Judge, seed: int, difficulty: int) -> None:
    context = Code().sample(seed, "train", 0, difficulty).context
    generator = rng(seed, "train", 1, difficulty)
    name = context.visible[int(generator.integers(len(context.visible)))]
    source = reference_source(context.functions, [name])
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    kind = context.functions[name].signature.partition(": ")[2].rpartition(") -> ")[0]
    inputs = [draw_input(kind, Constants.of(source), generator) for _ in range(20)]
    cases = [Case((value,), namespace[name](value)) for value in inputs]
    assert all(outcome.passed for outcome in judge.run(source, {name: cases})[name])
    wrong = [Case(case.arguments, off_by_one(case.expected)) for case in cases]
    assert not any(outcome.passed for outcome in judge.run(source, {name: wrong})[name])


def off_by_one(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {**value, "extra": 1}
    return value + ("x" if isinstance(value, str) else [1])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), difficulty=st.integers(1, 4))
def test_near_misses_are_rejected(judge: Judge, seed: int, difficulty: int) -> None:
    context = Code().sample(seed, "train", 0, difficulty).context
    name = context.wanted[0]
    function = context.functions[name]
    reference = reference_source(context.functions, [name])
    hidden = function.cases.hidden
    off = f"\n\n_right = {name}\n\n\ndef {name}(value):\n    return _off(_right(value))\n"
    change = (
        "\n\n\ndef _off(value):\n    if isinstance(value, int):\n        return value + 1\n"
        "    if isinstance(value, dict):\n        return {**value, 'extra': 1}\n"
        "    return value + ('x' if isinstance(value, str) else [1])\n"
    )
    assert not any(outcome.passed for outcome in judge.run(reference + change + off, {name: hidden})[name])
    swapped = next(mutants(function.reference, ["branch"]))
    outcomes = judge.run(join_sources([reference, swapped.source]), {name: hidden})[name]
    assert not all(outcome.passed for outcome in outcomes)
    without_helper = judge.run(function.reference, {name: hidden})[name]
    assert not all(outcome.passed for outcome in without_helper)


def test_examples_and_hidden_cases_do_not_overlap_and_hold_the_edges() -> None:
    for difficulty in (1, 4):
        context = Code().sample(2, "train", 0, difficulty).context
        for name in context.visible:
            cases = context.functions[name].cases
            examples = {repr(case.arguments) for case in cases.examples}
            hidden = [repr(case.arguments) for case in cases.hidden]
            assert len(examples) == 3
            assert len(hidden) == len(set(hidden)) >= 24
            assert not examples & set(hidden)


def test_most_mutants_of_a_function_are_rejected(judge: Judge) -> None:
    """The command `python benchmarks/mutants.py` measures this at large, with equivalent mutants left out."""
    rejected = total = 0
    for index in range(3):
        context = Code().sample(5, "train", index, 2).context
        name = context.wanted[0]
        reference = reference_source(context.functions, [name])
        for mutant in mutants(reference, list(KINDS), {name}):
            source = join_sources([reference, mutant.source])
            outcomes = judge.run(source, {name: context.functions[name].cases.hidden})[name]
            is_rejected = not all(outcome.passed for outcome in outcomes)
            assert is_rejected or mutant.kind != "return value"
            rejected += is_rejected
            total += 1
    assert total > 30
    assert rejected / total > 0.7


def test_there_are_at_least_ten_kinds_of_mutation_and_each_makes_another_function() -> None:
    source = (
        "def f(a, b):\n    kept = []\n    for x in sorted(a):\n        if x < b and not x == 3 or x > 9:\n"
        "            continue\n        kept.append(g(x) + 1)\n    return min(kept[1:]) if kept else 'none'\n"
    )
    assert len(KINDS) >= 10
    for kind in KINDS:
        changed = list(mutants(source, [kind]))
        assert changed, kind
        assert all(compile(mutant.source, kind, "exec") for mutant in changed)
        assert len({mutant.source for mutant in changed}) == len(changed)
        assert all(mutant.source.strip() != source.strip() for mutant in changed)
    assert list(mutants(source, list(KINDS), {"g"})) == []
