"""The score of a source: the share of hidden cases beyond those that a constant passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.tasks.code.functions import Case
from rao_gym.tasks.code.scoring import num_free, score


def cases_of(*results: object, arguments: tuple[object, ...] = (1,)) -> list[Case]:
    return [Case(arguments, result) for result in results]


def test_scores_by_hand() -> None:
    cases = [*cases_of("a", "a", "b", "c"), *cases_of("none", arguments=(0,))]
    assert num_free(cases) == 3  # "a" twice, and what is returned for 0
    assert score([True, True, False, False, True], cases) == 0.0
    assert score([True, True, True, False, True], cases) == 0.5
    assert score([True] * 5, cases) == 1.0
    assert score([False] * 5, cases) == 0.0


@pytest.mark.parametrize("results", [(True, 1, 1.0), ("1", 1, [1])])
def test_results_of_other_types_are_not_the_same(results: tuple[object, ...]) -> None:
    assert num_free(cases_of(*results)) == 1


def test_a_function_with_a_single_result_can_be_written() -> None:
    assert score([True, True], cases_of(3, 3)) == 1.0
    assert score([True, False], cases_of(3, 3)) == 0.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=20))
def test_only_sources_that_pass_every_case_score_1_and_no_constant_scores(rows: list[tuple[int, int, bool]]) -> None:
    cases = [Case((argument,), result) for argument, result, _ in rows]
    passed = [each for _, _, each in rows]
    assert 0 <= score(passed, cases) <= 1
    assert (score(passed, cases) == 1.0) == all(passed)
    for constant in range(4):
        hits = [case.expected == constant for case in cases]
        assert score(hits, cases) == float(all(hits))
