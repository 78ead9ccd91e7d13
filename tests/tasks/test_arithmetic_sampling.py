"""How arithmetic tasks are drawn: splits, sizes, and answers that stay spread out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.tasks.arithmetic import Arithmetic
from rao_gym.tasks.arithmetic.expressions import MAX_CHARS, Expression, Operation, evaluate, parse, render
from rao_gym.tasks.base import SPLITS

KINDS = ("tree", "chain", "digits", "modular")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"kind": "chain"},
    {"kind": "digits"},
    {"kind": "modular"},
    {"operators": "+-*/"},
    {"kind": "chain", "operators": "+/"},
    {"kind": "chain", "operators": "*"},
    {"operators": "*", "shape": "balanced"},
    {"operand_min": -9, "operand_max": 9},
    {"kind": "modular", "modulus": 5},
    {"kind": "modular", "operators": "*", "operand_min": 0, "operand_max": 40},
    {"kind": "modular", "operators": "-*/", "shape": "balanced"},
]


def depth(expression: Expression) -> int:
    """Return the number of operations on the longest way down."""
    if not isinstance(expression, Operation):
        return 0
    return 1 + max(depth(expression.left), depth(expression.right))


def is_full(expression: Expression, levels: int) -> bool:
    """Tell whether every way down has so many operations."""
    if not isinstance(expression, Operation):
        return levels == 0
    return is_full(expression.left, levels - 1) and is_full(expression.right, levels - 1)


def is_ragged(expression: Expression) -> bool:
    """Tell whether one operand of each operation is at most a single operation."""
    if not isinstance(expression, Operation):
        return True
    return min(depth(expression.left), depth(expression.right)) <= 1 and all(
        map(is_ragged, (expression.left, expression.right))
    )


@settings(max_examples=60)
@given(
    st.sampled_from(OPTIONS),
    st.integers(0, 10**6),
    st.sampled_from(SPLITS),
    st.integers(0, 10**6),
    st.integers(1, 7),
)
def test_goals_read_back_as_what_was_drawn(
    options: dict[str, Any], seed: int, split: str, index: int, difficulty: int
) -> None:
    family = Arithmetic(**options)
    task = family.sample(seed, split, index, difficulty)
    expression = parse(task.goal, family.modulus)
    assert render(expression) == task.goal
    assert evaluate(expression, family.modulus) == task.context.value
    again = family.sample(seed, split, index, difficulty)
    assert (again.record, render(again.context.expression)) == (task.record, task.goal)


@pytest.mark.parametrize("kind", KINDS)
def test_splits_share_no_expression(kind: str) -> None:
    family = Arithmetic(kind=kind)
    goals = {
        split: {family.sample(seed, split, index, d).goal for seed in (0, 1) for d in (1, 3) for index in range(250)}
        for split in SPLITS
    }
    assert not goals["train"] & goals["validation"]
    assert not goals["train"] & goals["test"]
    assert not goals["validation"] & goals["test"]
    assert all(len(found) > 100 for found in goals.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_tasks_share_nothing_between_splits(kind: str) -> None:
    family = Arithmetic(kind=kind)
    owner: dict[str, str] = {}
    for index in range(10_000):
        split = SPLITS[index % 3]
        goal = family.sample(0, split, index, 1 + index % 10).goal
        assert owner.setdefault(goal, split) == split


@pytest.mark.parametrize("shape", ["balanced", "ragged"])
@pytest.mark.parametrize("difficulty", [1, 2, 3, 4, 5, 6])
def test_no_answer_modulo_a_prime_is_far_more_frequent_than_chance(shape: str, difficulty: int) -> None:
    family = Arithmetic(kind="modular", shape=shape)
    counts = Counter(family.sample(0, "train", index, difficulty).record.answer for index in range(800))
    assert set(counts) == set(range(13))
    assert max(counts.values()) < 800 * 1.6 / 13
    assert min(counts.values()) > 800 * 0.5 / 13


def test_products_alone_do_not_collapse_to_zero() -> None:
    family = Arithmetic(kind="modular", operators="*", shape="balanced")
    counts = Counter(family.sample(0, "train", index, 5).record.answer for index in range(400))
    assert set(counts) == set(range(1, 13))


@pytest.mark.parametrize("difficulty", range(1, 9))
def test_the_difficulty_of_a_tree_is_its_depth(difficulty: int) -> None:
    balanced = Arithmetic(shape="balanced").sample(0, "train", 0, difficulty)
    ragged = Arithmetic(shape="ragged").sample(0, "train", 0, difficulty)
    assert is_full(balanced.context.expression, difficulty)
    assert depth(ragged.context.expression) == difficulty
    assert is_ragged(ragged.context.expression)
    assert balanced.record.parameters["operations"] == 2**difficulty - 1


def test_mixed_shapes_are_both() -> None:
    family = Arithmetic()
    assert {family.sample(0, "train", index, 3).record.parameters["shape"] for index in range(20)} == {
        "balanced",
        "ragged",
    }


def test_beyond_ten_levels_a_balanced_tree_grows_by_one_operation_a_level() -> None:
    task = Arithmetic(shape="balanced").sample(0, "train", 0, 14)
    assert depth(task.context.expression) == 14
    assert task.record.parameters["operations"] == 2**10 - 1 + 4


def test_very_deep_trees_are_drawn_without_recursion() -> None:
    task = Arithmetic(shape="ragged").sample(0, "train", 0, 3_000)
    assert abs(int(task.context.value)) < 10**13


@pytest.mark.parametrize("difficulty", [1, 4, 9])
def test_the_difficulty_of_a_chain_is_its_length(difficulty: int) -> None:
    task = Arithmetic(kind="chain").sample(0, "test", 5, difficulty)
    assert task.record.parameters["operations"] == 8 * difficulty - 1
    assert "(" not in task.goal


@pytest.mark.parametrize("difficulty", [1, 2, 10, 30])
def test_the_difficulty_of_digits_is_their_number(difficulty: int) -> None:
    for index in range(20):
        expression = Arithmetic(kind="digits").sample(0, "train", index, difficulty).context.expression
        assert isinstance(expression, Operation)
        assert [len(render(part)) for part in (expression.left, expression.right)] == [difficulty] * 2


@pytest.mark.parametrize(
    ("options", "largest"),
    [
        ({"kind": "digits"}, 1_500),
        ({"kind": "digits", "operators": "+"}, 2_999),
        ({"operators": "*"}, 750),
        ({"operators": "*", "shape": "balanced", "operand_max": 999}, 9),
        ({"kind": "chain", "operators": "*"}, 187),
        ({"kind": "tree"}, 5_000),
        ({"kind": "tree", "shape": "balanced"}, 8_986),
        ({"kind": "chain"}, 2_083),
        ({"kind": "modular", "operand_max": 10**9}, 1_923),
    ],
)
def test_the_largest_difficulty_is_named_and_works(options: dict[str, Any], largest: int) -> None:
    family = Arithmetic(**options)
    for difficulty in (largest + 1, 10**6, 10**30):
        with pytest.raises(InvalidValueError, match=f"difficulty must be at most {largest} .*got {difficulty}"):
            family.sample(0, "train", 0, difficulty)
    assert len(family.sample(0, "train", 0, largest).goal) <= MAX_CHARS


def test_operands_and_operators_keep_to_their_options() -> None:
    family = Arithmetic(operators="-*", operand_min=-5, operand_max=-2)
    for index in range(50):
        goal = family.sample(0, "train", index, 3).goal
        assert set(goal) <= set("-*()2345")


def test_quotients_keep_denominators_small() -> None:
    family = Arithmetic(operators="+-*/", shape="balanced")
    values = [family.sample(0, "train", index, 5).context.value for index in range(60)]
    assert all(12 % value.denominator == 0 for value in values)
    assert any(value.denominator > 1 for value in values)


@pytest.mark.parametrize("split", SPLITS[1:])
def test_a_range_too_narrow_for_a_split_is_explained(split: str) -> None:
    family = Arithmetic(operand_min=7, operand_max=7)
    with pytest.raises(InvalidValueError, match=f"operand_min=7 and operand_max=7 leave no {split} task"):
        family.sample(0, split, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0, "train", 0, 0), InvalidValueError),
        ((-1, "train", 0, 1), InvalidValueError),
        ((0, "trial", 0, 1), UnknownNameError),
    ],
)
def test_what_cannot_be_sampled_is_explained(arguments: tuple[int, str, int, int], error: type[Exception]) -> None:
    with pytest.raises(error):
        Arithmetic().sample(*arguments)
