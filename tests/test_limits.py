from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError
from rao_gym.limits import Limits, TurnBudget, check_count, count_tokens_approximately, left, min_limit


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("max_turns", 0, "max_turns must be at least 1, got 0."),
        ("max_depth", -1, "max_depth must be at least 0, got -1."),
        ("window", 2.5, "window must be an integer or None, got 2.5."),
        ("max_nodes", True, "max_nodes must be an integer or None, got True."),
        ("max_tree_tokens", "9", "max_tree_tokens must be an integer or None, got '9'."),
    ],
)
def test_limits_out_of_range_are_named(name: str, value: Any, complaint: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Limits(**{name: value})
    assert str(caught.value) == complaint


def test_integers_of_numpy_are_integers() -> None:
    given: dict[str, Any] = {"max_turns": np.int64(3), "window": np.uint16(300)}
    limits = Limits(**given)
    assert limits == Limits(max_turns=3, window=300)
    assert (type(limits.max_turns), type(limits.window)) == (int, int)
    assert check_count("seed", np.int32(0), minimum=0) == 0


@pytest.mark.parametrize("value", [None, 1.0, "3", True, np.float64(2), np.bool_(True), [1]])
def test_a_count_that_must_be_there_is_an_integer(value: Any) -> None:
    with pytest.raises(InvalidValueError, match="episodes must be an integer of at least 1, got"):
        check_count("episodes", value)


def test_no_limit_is_none() -> None:
    limits = Limits(max_depth=None, max_turns=None, max_children=None, max_nodes=None, window=None)
    assert limits.max_depth is limits.window is None
    assert left(None, 10) is None
    assert left(3, 10) == 0
    assert min_limit(None, 4) == min_limit(4, None) == min_limit(4, 9) == 4


def test_tokens_are_four_characters_rounded_up() -> None:
    assert [count_tokens_approximately("x" * n) for n in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]


@given(st.integers(0, 1000), st.integers(1, 50))
def test_shares_of_a_wave_never_exceed_what_is_left(shared: int, num_launches: int) -> None:
    budget = TurnBudget(own=None, shared=shared)
    share = budget.share(num_launches)
    assert share is not None
    for _ in range(num_launches):
        budget.reserve(share)
    assert budget.left is not None
    assert budget.left >= share
    for _ in range(num_launches):
        budget.release(share)
    assert budget.left == shared


def test_a_turn_is_taken_from_both_budgets() -> None:
    budget = TurnBudget(own=2, shared=5)
    budget.spend()
    assert (budget.own, budget.shared, budget.left) == (1, 4, 1)
    unlimited = TurnBudget(own=None, shared=None)
    unlimited.spend()
    unlimited.reserve(unlimited.share(3))
    assert unlimited.left is None
