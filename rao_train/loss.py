"""The loss of RAO: the policy gradient of Eq. 5 (arXiv:2605.06639) with the importance ratio of CISPO.

    loss = − 1/Z · Σ_τ w(τ) · A(τ) · Σ_{t generated} sg[clip(π_t / μ_t, low, high)] · log π_t

Here μ is the policy that sampled the token, π the one that is trained, and sg stops the gradient. The clip bounds
how much a token counts; since only the detached ratio is clipped, no token loses its gradient (CISPO,
arXiv:2506.13585). The paper does not give the bounds; its official configurations use [0, 5].

Z is the choice of normalization. The weights of Eq. 4 sum to the number of trajectories, so dividing by that gives
the mean of Eq. 5 over the trajectories, whose gradient grows with their length. By default Z is the number of
generated tokens of the optimizer batch instead: tokens weigh the same against each other in both cases, but the
gradient keeps its scale when trajectories get longer or shorter, and with it what gradient clipping does. Either
Z belongs to the whole optimizer batch, not to a micro-batch, so that splitting it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.plugins import check_part

CISPO = "cispo"


class Normalization(StrEnum):
    """What the summed loss of an optimizer batch is divided by."""

    TOKENS = "tokens"
    TRAJECTORIES = "trajectories"


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """How Eq. 5 is computed.

    Attributes:
        name: ``cispo``, or ``module:name`` for a loss of your own; see `Loss`.
        options: Keyword arguments of a loss that is a class.
        min_ratio: Lower bound of the importance ratio.
        max_ratio: Upper bound of the importance ratio.
        normalization: What the sum is divided by: the batch's generated ``tokens`` or its ``trajectories``.
    """

    name: str = CISPO
    options: Mapping[str, Any] = field(default_factory=dict)
    min_ratio: float = 0.0
    max_ratio: float = 5.0
    normalization: Normalization = Normalization.TOKENS

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: The bounds do not hold 0 ≤ min_ratio ≤ 1 ≤ max_ratio < ∞.
            UnknownNameError: The loss or the normalization does not exist.
        """
        check_part("loss", self.name, (CISPO,), self.options)
        if not 0 <= self.min_ratio <= 1 <= self.max_ratio < float("inf"):
            raise InvalidValueError(
                f"The ratio's bounds must hold 0 <= min_ratio <= 1 <= max_ratio, got {self.min_ratio!r} "
                f"and {self.max_ratio!r}."
            )
        if self.normalization not in list(Normalization):
            raise unknown_name("normalization", self.normalization, [choice.value for choice in Normalization])
        object.__setattr__(self, "normalization", Normalization(self.normalization))

    def denominator(self, num_tokens: int, num_trajectories: int) -> int:
        """Return Z for an optimizer batch of so many generated tokens and trajectories."""
        return num_tokens if self.normalization is Normalization.TOKENS else num_trajectories


@dataclass(frozen=True, kw_only=True)
class RatioStatistics:
    """How far the trained policy π is from the policy μ that sampled, over the generated tokens of a batch.

    Attributes:
        ratio_mean: Mean of π/μ before the clip.
        ratio_max: Largest of them.
        clipped: Share of them outside the bounds.
        kl: Mean k3 estimate of KL(μ‖π), π/μ − 1 − log π/μ, which is never negative.
    """

    ratio_mean: float
    ratio_max: float
    clipped: float
    kl: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LossTokens:
    """The P generated tokens of whole trajectories, one trajectory after the other.

    Tokens that were not generated are not among them: the mask is applied by leaving them out.

    Attributes:
        logprobs_P: log π, [P], with gradient.
        old_logprobs_P: log μ of the same tokens, [P].
        coefficients_P: w · A of the trajectory that each token belongs to, [P].
        trajectories_P: Index of that trajectory among those given, ascending, [P].
    """

    logprobs_P: Tensor
    old_logprobs_P: Tensor
    coefficients_P: Tensor
    trajectories_P: Tensor


Loss = Callable[[LossTokens, LossSettings], Tensor]
"""Returns the loss of each token, [P]. The learner adds them up and divides by Z, over all micro-batches alike."""


def cispo_loss(tokens: LossTokens, settings: LossSettings) -> Tensor:
    """Return the loss of Eq. 5 of each token, before the division by Z.

    Args:
        tokens: Generated tokens.
        settings: The bounds.

    Returns:
        The losses, [P].
    """
    ratios_P = (tokens.logprobs_P.detach() - tokens.old_logprobs_P).exp()
    clipped_P = ratios_P.clamp(settings.min_ratio, settings.max_ratio)
    return -clipped_P * tokens.coefficients_P * tokens.logprobs_P


@dataclass(frozen=True, kw_only=True, eq=False)
class RatioSums:
    """What `RatioStatistics` averages, as 0-dimensional tensors that add up over micro-batches."""

    ratio: Tensor
    max_ratio: Tensor
    num_clipped: Tensor
    kl: Tensor

    @classmethod
    def of(cls, tokens: LossTokens, settings: LossSettings) -> RatioSums:
        """Return the sums over some tokens."""
        log_ratios_P = tokens.logprobs_P.detach() - tokens.old_logprobs_P
        ratios_P = log_ratios_P.exp()
        outside_P = (ratios_P < settings.min_ratio) | (ratios_P > settings.max_ratio)
        return cls(
            ratio=ratios_P.sum(),
            max_ratio=ratios_P.max(),
            num_clipped=outside_P.sum(),
            kl=(ratios_P - 1 - log_ratios_P).sum(),
        )

    def statistics(self, num_tokens: int) -> RatioStatistics:
        """Return the statistics over so many generated tokens."""
        sums = [self.ratio, self.max_ratio, self.num_clipped, self.kl]
        ratio, max_ratio, num_clipped, kl = torch.stack([value.double() for value in sums]).tolist()
        return RatioStatistics(
            ratio_mean=ratio / num_tokens, ratio_max=max_ratio, clipped=num_clipped / num_tokens, kl=kl / num_tokens
        )

    def __add__(self, other: RatioSums) -> RatioSums:
        """Return the sums of both batches together."""
        return RatioSums(
            ratio=self.ratio + other.ratio,
            max_ratio=torch.maximum(self.max_ratio, other.max_ratio),
            num_clipped=self.num_clipped + other.num_clipped,
            kl=self.kl + other.kl,
        )
