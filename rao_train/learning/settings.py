"""How the learner updates the weights, as validated data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.limits import check_count
from rao_train.learning.logprobs import DEFAULT_MAX_LOGITS
from rao_train.loss import LossSettings

ALL_LINEAR = "all-linear"


class Packing(StrEnum):
    """How the trajectories of a batch are put together."""

    TREE = "tree"
    PADDED = "padded"


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters, trained in place of the weights. They have no dropout: it would blur the ratio π/μ.

    Attributes:
        rank: Rank of the adapters.
        alpha: Scale of the adapters, divided by the rank.
        target_modules: Names of the modules that get one; ``("all-linear",)`` for every linear layer but the head.
    """

    rank: int = 32
    alpha: int = 64
    target_modules: tuple[str, ...] = (ALL_LINEAR,)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        check_count("rank", self.rank)
        check_count("alpha", self.alpha)
        object.__setattr__(self, "target_modules", tuple(self.target_modules))
        if not self.target_modules or (ALL_LINEAR in self.target_modules and len(self.target_modules) > 1):
            raise InvalidValueError(
                f"target_modules must name modules, or be ('{ALL_LINEAR}',), got {self.target_modules!r}."
            )


@dataclass(frozen=True, kw_only=True)
class LearnerSettings:
    """How the learner updates the weights.

    Attributes:
        learning_rate: Learning rate of AdamW after the warm-up.
        warmup_steps: Optimizer steps over which the learning rate rises linearly to its value; 0 for none.
        decay_steps: Optimizer steps after the warm-up over which the learning rate falls linearly to a tenth of its
            value, where it stays; 0 for none.
        betas: Decay rates of AdamW's moments.
        epsilon: AdamW's ε.
        weight_decay: AdamW's weight decay, for weight matrices; norms and biases have none.
        max_gradient_norm: The gradient is scaled down to this norm; None leaves it as it is.
        packing: ``tree`` computes every prefix that trajectories share once; ``padded`` reads each trajectory whole.
            The result is the same. Models for which it would not be are padded, and the log says so.
        max_batch_tokens: Positions that one forward and backward pass computes, padding included. What does not fit is
            accumulated over several passes, with the same result.
        max_logits: Logits that live at once.
        bf16: Whether the passes run in bfloat16 (autocast); weights and optimizer stay in float32.
        gradient_checkpointing: Whether each layer's activations are computed again in the backward pass.
        lora: Adapters to train in place of the weights; None trains the weights.
        loss: How Eq. 5 is computed.
    """

    learning_rate: float = 3e-6
    warmup_steps: int = 0
    decay_steps: int = 0
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_gradient_norm: float | None = 1.0
    packing: Packing = Packing.TREE
    max_batch_tokens: int = 16_384
    max_logits: int = DEFAULT_MAX_LOGITS
    bf16: bool = False
    gradient_checkpointing: bool = False
    lora: LoraSettings | None = None
    loss: LossSettings = field(default_factory=LossSettings)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
            UnknownNameError: There is no such packing.
        """
        check_positive("learning_rate", self.learning_rate)
        check_positive("epsilon", self.epsilon)
        if self.max_gradient_norm is not None:
            check_positive("max_gradient_norm", self.max_gradient_norm)
        if not 0 <= self.weight_decay < float("inf"):
            raise InvalidValueError(f"weight_decay must be at least 0, got {self.weight_decay!r}.")
        object.__setattr__(self, "betas", tuple(self.betas))
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidValueError(f"betas must be two numbers of at least 0 and below 1, got {self.betas!r}.")
        if self.packing not in list(Packing):
            raise unknown_name("packing", self.packing, [choice.value for choice in Packing])
        object.__setattr__(self, "packing", Packing(self.packing))
        check_count("warmup_steps", self.warmup_steps, minimum=0)
        check_count("decay_steps", self.decay_steps, minimum=0)
        check_count("max_batch_tokens", self.max_batch_tokens)
        check_count("max_logits", self.max_logits)


def check_positive(name: str, value: float) -> None:
    """Check that `value` is positive and finite.

    Raises:
        InvalidValueError: It is not.
    """
    if not 0 < value < float("inf"):
        raise InvalidValueError(f"{name} must be above 0, got {value!r}.")
