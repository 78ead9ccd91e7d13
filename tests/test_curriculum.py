from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.curriculum import AdaptiveDifficulty, FixedMixture
from rao_gym.errors import InvalidValueError, UnknownNameError


def test_a_mixture_draws_in_proportion_to_its_weights() -> None:
    mixture = FixedMixture({3: 3.0, 1: 1.0, 7: 0.0})
    rng = np.random.default_rng(0)
    counts = Counter(mixture.draw(rng) for _ in range(4000))
    assert set(counts) == {1, 3}
    assert counts[3] / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_mixture_does_not_depend_on_the_order_of_its_weights() -> None:
    one, other = FixedMixture({1: 1.0, 2: 2.0}), FixedMixture({2: 2.0, 1: 1.0})
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    assert [one.draw(first) for _ in range(50)] == [other.draw(second) for _ in range(50)]


@pytest.mark.parametrize("weights", [{}, {1: 0.0}, {1: -1.0, 2: 2.0}, {0: 1.0}, {1: float("nan")}])
def test_a_mixture_refuses_bad_weights(weights: dict[int, float]) -> None:
    with pytest.raises(InvalidValueError):
        FixedMixture(weights)


def test_difficulty_rises_and_falls_by_hand() -> None:
    schedule = AdaptiveDifficulty(target=0.5, tolerance=0.25, window=4, start=2)
    for outcome in (1, 1, 1, 0):  # 0.75 is the upper threshold
        schedule.update(2, outcome)
    assert schedule.difficulty == 3
    for outcome in (1, 1, 0, 0):  # 0.5 is within the tolerance
        schedule.update(3, outcome)
    assert schedule.difficulty == 3
    for outcome in (0, 0, 1, 0):  # 0.25 is the lower threshold
        schedule.update(3, outcome)
    assert schedule.difficulty == 2


def test_outcomes_at_other_difficulties_do_not_count() -> None:
    schedule = AdaptiveDifficulty(window=2, start=2)
    for _ in range(10):
        schedule.update(1, 1.0)
        schedule.update(3, 1.0)
    assert schedule.difficulty == 2


def test_review_draws_easier_difficulties() -> None:
    schedule = AdaptiveDifficulty(start=4, minimum=2, review_share=0.5)
    rng = np.random.default_rng(1)
    counts = Counter(schedule.draw(rng) for _ in range(2000))
    assert set(counts) == {2, 3, 4}
    assert counts[4] / 2000 == pytest.approx(0.5, abs=0.05)


@given(outcomes=st.lists(st.floats(0, 1), max_size=60), maximum=st.integers(3, 6))
def test_difficulty_stays_in_its_bounds(outcomes: list[float], maximum: int) -> None:
    schedule = AdaptiveDifficulty(window=2, start=3, minimum=2, maximum=maximum)
    for outcome in outcomes:
        schedule.update(schedule.difficulty, outcome)
        assert 2 <= schedule.difficulty <= maximum


def test_the_success_rate_settles_near_the_target() -> None:
    schedule = AdaptiveDifficulty(target=0.6, window=20)
    rng = np.random.default_rng(0)
    outcomes = []
    for _ in range(4000):  # success falls with the difficulty: 0.9, 0.8, 0.7, 0.6, ...
        difficulty = schedule.draw(rng)
        outcomes.append(float(rng.random() < 1 - difficulty / 10))
        schedule.update(difficulty, outcomes[-1])
    assert np.mean(outcomes[1000:]) == pytest.approx(0.6, abs=0.06)


@given(before=st.lists(st.booleans(), max_size=30), after=st.lists(st.booleans(), max_size=30))
def test_a_restored_schedule_goes_on_as_if_never_stopped(before: list[bool], after: list[bool]) -> None:
    unbroken = AdaptiveDifficulty(window=3, review_share=0.3)
    for outcome in before:
        unbroken.update(unbroken.difficulty, outcome)
    resumed = AdaptiveDifficulty(window=3, review_share=0.3)
    resumed.restore(json.loads(json.dumps(unbroken.state())))
    first, second = np.random.default_rng(2), np.random.default_rng(2)
    for outcome in after:
        assert unbroken.draw(first) == resumed.draw(second)
        unbroken.update(unbroken.difficulty, outcome)
        resumed.update(resumed.difficulty, outcome)
    assert unbroken.state() == resumed.state()


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="difficulty"):
        AdaptiveDifficulty().restore({"dificulty": 3})
    with pytest.raises(InvalidValueError, match="lacks difficulty, outcomes"):
        AdaptiveDifficulty().restore({})
    with pytest.raises(UnknownNameError):
        FixedMixture({1: 1.0}).restore(AdaptiveDifficulty().state())


@pytest.mark.parametrize(
    "options", [{"target": 1.5}, {"start": 0}, {"start": 5, "maximum": 4}, {"window": 0}, {"review_share": -0.1}]
)
def test_values_out_of_range_are_named(options: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(options))):
        AdaptiveDifficulty(**options)  # type: ignore[arg-type]
