"""The loss, against a derivation in NumPy and by its properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_train.loss import LossSettings, LossTokens, Normalization, RatioStatistics, RatioSums, cispo_loss

FloatArray = NDArray[np.float64]


def tensors(*arrays: FloatArray) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def loss_of(
    logprobs_P: Tensor, old_P: Tensor, coefficients_P: Tensor, settings: LossSettings, denominator: int
) -> tuple[Tensor, RatioSums]:
    """Return the loss of a batch with a single trajectory, and the sums for its statistics."""
    tokens = LossTokens(
        logprobs_P=logprobs_P,
        old_logprobs_P=old_P,
        coefficients_P=coefficients_P,
        trajectories_P=torch.zeros(len(logprobs_P), dtype=torch.int64),
    )
    return cispo_loss(tokens, settings).sum() / denominator, RatioSums.of(tokens, settings)


def run(
    logprobs: FloatArray, old: FloatArray, coefficients: FloatArray, denominator: int = 1, **options: Any
) -> tuple[float, FloatArray, RatioStatistics]:
    """Return loss, gradient by log π, and statistics."""
    logprobs_P, old_P, coefficients_P = tensors(logprobs, old, coefficients)
    logprobs_P.requires_grad_()
    loss, sums = loss_of(logprobs_P, old_P, coefficients_P, LossSettings(**options), denominator)
    (gradient,) = torch.autograd.grad(loss, logprobs_P)
    return loss.item(), gradient.numpy(), sums.statistics(len(logprobs))


def test_by_hand() -> None:
    logprobs = np.log([0.5, 0.8, 0.1])
    old = np.log([0.5, 0.1, 0.2])  # ratios 1, 8 (clipped to 5), 0.5
    loss, gradient, statistics = run(logprobs, old, np.array([2.0, 1.0, -1.0]), denominator=3)
    assert loss == pytest.approx(-(1 * 2 * np.log(0.5) + 5 * 1 * np.log(0.8) + 0.5 * -1 * np.log(0.1)) / 3)
    np.testing.assert_allclose(gradient, [-2 / 3, -5 / 3, 0.5 / 3])
    assert statistics.ratio_mean == pytest.approx(9.5 / 3)
    assert statistics.ratio_max == pytest.approx(8)
    assert statistics.clipped == pytest.approx(1 / 3)
    assert statistics.kl == pytest.approx((0 + (8 - 1 - np.log(8)) + (0.5 - 1 - np.log(0.5))) / 3)


numbers = st.floats(-12, 0)


@settings(deadline=None)
@given(
    st.lists(st.tuples(numbers, numbers, st.floats(-5, 5)), min_size=1, max_size=30),
    st.floats(0, 1),
    st.floats(1, 20),
    st.integers(1, 100),
)
def test_agrees_with_numpy(rows: list[tuple[float, float, float]], low: float, high: float, denominator: int) -> None:
    logprobs, old, coefficients = np.array(rows).T.copy()
    loss, gradient, statistics = run(logprobs, old, coefficients, denominator, min_ratio=low, max_ratio=high)
    ratios = np.exp(logprobs) / np.exp(old)
    bounded = np.minimum(np.maximum(ratios, low), high)
    np.testing.assert_allclose(loss, -np.sum(bounded * coefficients * logprobs) / denominator, atol=1e-9)
    # The ratio is detached: the gradient of log π is the clipped ratio times the coefficient, and nothing else.
    np.testing.assert_allclose(gradient, -bounded * coefficients / denominator, atol=1e-9)
    np.testing.assert_allclose(statistics.kl, np.mean(ratios - 1 - np.log(ratios)), rtol=1e-6, atol=1e-9)
    assert statistics.kl >= -1e-9
    assert statistics.ratio_max == pytest.approx(ratios.max())


def test_no_token_loses_its_gradient_to_the_clip() -> None:
    _, gradient, statistics = run(np.log([0.9, 0.001]), np.log([0.001, 0.9]), np.array([1.0, 1.0]), min_ratio=0.5)
    np.testing.assert_allclose(gradient, [-5, -0.5])
    assert statistics.clipped == 1.0


def test_a_ratio_too_large_for_a_float_is_clipped() -> None:
    loss, gradient, _ = run(np.array([-0.1]), np.array([-2000.0]), np.array([1.0]))
    assert loss == pytest.approx(0.5)
    assert gradient.tolist() == [-5.0]


def test_sums_of_parts_are_those_of_the_whole() -> None:
    generator = np.random.default_rng(0)
    arrays = [-generator.random(20), -generator.random(20), generator.normal(size=20)]

    def part(chosen: slice) -> tuple[Tensor, RatioSums]:
        logprobs_P, old_P, coefficients_P = tensors(*(array[chosen] for array in arrays))
        return loss_of(logprobs_P, old_P, coefficients_P, LossSettings(max_ratio=1.2), 20)

    loss, sums = part(slice(None))
    first, first_sums = part(slice(7))
    second, second_sums = part(slice(7, None))
    assert (first + second).item() == pytest.approx(loss.item())
    assert vars((first_sums + second_sums).statistics(20)) == pytest.approx(vars(sums.statistics(20)))


def test_normalization() -> None:
    assert LossSettings().denominator(num_tokens=300, num_trajectories=4) == 300
    chosen = LossSettings(normalization="trajectories")  # type: ignore[arg-type]
    assert chosen.normalization is Normalization.TRAJECTORIES
    assert chosen.denominator(num_tokens=300, num_trajectories=4) == 4
    with pytest.raises(UnknownNameError, match=r"Unknown normalization 'token'\. Did you mean 'tokens'"):
        LossSettings(normalization="token")  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high"), [(-0.1, 5), (1.5, 5), (0, 0.5), (0, float("inf")), (0, float("nan"))])
def test_bounds_that_make_no_sense_are_refused(low: float, high: float) -> None:
    with pytest.raises(InvalidValueError, match="0 <= min_ratio <= 1 <= max_ratio"):
        LossSettings(min_ratio=low, max_ratio=high)
