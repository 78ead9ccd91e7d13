"""The learner: from one optimizer batch to one optimizer step.

A step that would do harm is skipped, leaves weights and optimizer as they are, and says so in its metrics:
an empty batch; a batch whose advantages are all 0, where AdamW would still move the weights by its moments; and a
loss or a gradient that is not finite.

The policy is trained without dropout: with it, π would differ from μ on every token for no reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rao_gym.errors import InvalidValueError
from rao_train.credit import CreditedTrajectory
from rao_train.learning.batching import input_length
from rao_train.learning.export import export_model
from rao_train.learning.logprobs import split_model
from rao_train.learning.scoring import Passes, Scored, ScoredModel
from rao_train.learning.settings import LearnerSettings
from rao_train.learning.tree_scoring import scorer_of
from rao_train.learning.weights import adamw, check_trained, with_adapters, without_dropout
from rao_train.loss import Loss, LossTokens, RatioStatistics, RatioSums, cispo_loss
from rao_train.models.generation_config import repair_generation_config
from rao_train.rollout.trajectory import TokenSequence, Trajectory

LossFunction = Callable[[Scored], tuple[Tensor, RatioSums | None]]
"""Returns the loss of one pass, and statistics where there are some."""

LAST_RATE = 0.1
"""Share of the learning rate that is left after `LearnerSettings.decay_steps`."""


class SkipReason(StrEnum):
    """Why a step left the weights as they were."""

    EMPTY_BATCH = "empty_batch"
    NO_ADVANTAGE = "no_advantage"
    NOT_FINITE = "not_finite"


@dataclass(frozen=True, kw_only=True)
class UpdateMetrics:
    """What an update did; the values of a pass that was not made are NaN.

    Attributes:
        skipped: Why the weights were left as they were; None if they were updated.
        num_sequences: Sequences of the optimizer batch.
        num_tokens: Tokens of those that were read, up to the last one that predicts another.
        num_learned_tokens: Tokens under their masks.
        sharing: These tokens over the positions that the model computed for them; 1 where it shares no prefix.
        padding: Share of what the model read that was padding.
        loss: The loss.
        entropy: Mean entropy in nats over the learned tokens.
        gradient_norm: Norm of the gradient before clipping.
        learning_rate: Learning rate of the step.
    """

    skipped: SkipReason | None
    num_sequences: int
    num_tokens: int
    num_learned_tokens: int
    sharing: float
    padding: float
    loss: float
    entropy: float
    gradient_norm: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class LearnerMetrics(UpdateMetrics, RatioStatistics):
    """What a step of RAO did: the update, and how far the policy was from the one that sampled.

    Attributes:
        entropy_by_depth: Mean entropy in nats over the learned tokens of the nodes at each depth.
    """

    entropy_by_depth: Mapping[int, float]


_NO_RATIOS = RatioStatistics(ratio_mean=math.nan, ratio_max=math.nan, clipped=math.nan, kl=math.nan)


class Learner:
    """Trains a causal language model on trajectories.

    Args:
        model: A model of `transformers`, on the device where it is trained; its trained weights are float32.
        settings: How.
        temperature: Temperature at which the trajectories are sampled.
        adapter_seed: Seeds the first weights of new adapters.
        loss: Computes Eq. 5.

    Attributes:
        model: The model to generate with: the given one, or the PEFT model around it.
        num_steps: Optimizer steps taken.
        num_skipped: Updates skipped because a loss or gradient was not finite.

    Raises:
        InvalidValueError: The model cannot be trained by this learner, or the temperature is not positive.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        settings: LearnerSettings,
        *,
        temperature: float = 1.0,
        adapter_seed: int = 0,
        loss: Loss = cispo_loss,
    ) -> None:
        if not 0 < temperature < math.inf:
            raise InvalidValueError(f"The temperature of training must be above 0, got {temperature!r}.")
        self.settings = settings
        self.temperature = temperature
        repair_generation_config(model.get_base_model() if isinstance(model, PeftModel) else model)
        self.model = with_adapters(model, settings.lora, adapter_seed)
        self.num_steps = 0
        self.num_skipped = 0
        self._loss = loss
        self._trained = [weights for weights in self.model.parameters() if weights.requires_grad]
        check_trained(self._trained)
        self._optimizer = adamw(self._trained, settings)
        if settings.gradient_checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        scored = ScoredModel(
            parts=split_model(self.model), device=self.device, settings=settings, temperature=temperature
        )
        base = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        with without_dropout(self.model, checkpointing=False):
            self._scorer = scorer_of(scored, type(base).__name__)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._trained[0].device

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next optimizer step."""
        warmup, decay = self.settings.warmup_steps, self.settings.decay_steps
        risen = min(1.0, (self.num_steps + 1) / warmup) if warmup else 1.0
        fallen = min(1.0, max(0, self.num_steps - warmup) / decay) if decay else 0.0
        return self.settings.learning_rate * risen * (1 - (1 - LAST_RATE) * fallen)

    def step(self, batch: Sequence[CreditedTrajectory]) -> LearnerMetrics:
        """Take one optimizer step on one optimizer batch (Eq. 5).

        Trajectories whose advantage is 0 have no gradient, so they are not read; Z counts them nevertheless.

        Args:
            batch: The trajectories that enter the loss, with their weights.
        """
        num_learned = sum(credited.trajectory.num_learned for credited in batch)
        denominator = self.settings.loss.denominator(num_learned, len(batch))
        heard = [credited for credited in batch if credited.weight * credited.advantage] or batch
        trajectories = [credited.trajectory for credited in heard]
        coefficients_B = np.array([credited.weight * credited.advantage for credited in heard], dtype=np.float64)
        read: list[Trajectory] = []
        entropies: list[Tensor] = []

        def loss_of(scored: Scored) -> tuple[Tensor, RatioSums]:
            logprobs_P, places = scored.scores.logprobs_P, scored.places
            old_logprobs = np.concatenate([trajectories[place].old_logprobs for place in places])
            tokens = LossTokens(
                logprobs_P=logprobs_P,
                old_logprobs_P=torch.from_numpy(old_logprobs).to(logprobs_P),
                coefficients_P=torch.from_numpy(coefficients_B[places]).to(logprobs_P)[scored.sequences_P],
                trajectories_P=scored.sequences_P,
            )
            losses_P = _checked(self._loss(tokens, self.settings.loss), tokens)
            read.extend(trajectories[place] for place in places)
            entropies.append(scored.scores.entropies_P.detach())
            return losses_P.sum() / denominator, RatioSums.of(tokens, self.settings.loss)

        skip = SkipReason.NO_ADVANTAGE if len(batch) and not coefficients_B.any() else None
        update, sums = self._update(trajectories, loss_of, skip)
        ratios = _NO_RATIOS if sums is None else sums.statistics(update.num_learned_tokens)
        return LearnerMetrics(
            **(vars(update) | {"num_sequences": len(batch)}),
            **vars(ratios),
            entropy_by_depth=_entropy_by_depth(read, entropies),
        )

    def supervised_step(self, batch: Sequence[TokenSequence]) -> UpdateMetrics:
        """Take one optimizer step on the mean cross-entropy of the tokens under the masks."""
        denominator = sum(sequence.num_learned for sequence in batch)

        def loss_of(scored: Scored) -> tuple[Tensor, None]:
            return -scored.scores.logprobs_P.sum() / denominator, None

        return self._update(batch, loss_of, None)[0]

    def logprobs(self, sequences: Sequence[TokenSequence]) -> list[NDArray[np.float32]]:
        """Return log π of the tokens under each sequence's mask, with the weights as they are."""
        found: dict[int, NDArray[np.float32]] = {}
        with (
            torch.no_grad(),
            without_dropout(self.model, checkpointing=False),
            self._scorer.passes(sequences) as passes,
        ):
            for forward in passes.forward:
                scored = forward()
                logprobs_P = scored.scores.logprobs_P.float().cpu().numpy()
                ends = np.cumsum([sequences[place].num_learned for place in scored.places])
                found.update(zip(scored.places, np.split(logprobs_P, ends[:-1]), strict=True))
        return [found[place] for place in range(len(sequences))]

    def _update(
        self, sequences: Sequence[TokenSequence], loss_of: LossFunction, skip: SkipReason | None
    ) -> tuple[UpdateMetrics, RatioSums | None]:
        """Accumulate the gradient over the passes and take the optimizer step, unless it must be skipped."""
        num_tokens = sum(map(input_length, sequences))
        num_learned = sum(sequence.num_learned for sequence in sequences)
        loss = entropy = gradient_norm = sharing = padding = math.nan
        sums: RatioSums | None = None
        learning_rate = self.learning_rate
        if not sequences:
            skip = SkipReason.EMPTY_BATCH
        if skip is None:
            with (
                without_dropout(self.model, checkpointing=self.settings.gradient_checkpointing),
                self._scorer.passes(sequences) as passes,
            ):
                totals, sums = self._accumulate(passes, loss_of)
            sharing, padding = num_tokens / passes.num_positions, 1 - passes.num_positions / passes.num_read
            loss, entropy, gradient_norm = totals
            entropy /= num_learned
            skip = self._apply(loss, gradient_norm, learning_rate)
        update = UpdateMetrics(
            skipped=skip,
            num_sequences=len(sequences),
            num_tokens=num_tokens,
            num_learned_tokens=num_learned,
            sharing=sharing,
            padding=padding,
            loss=loss,
            entropy=entropy,
            gradient_norm=gradient_norm,
            learning_rate=learning_rate,
        )
        return update, sums

    def _accumulate(self, passes: Passes, loss_of: LossFunction) -> tuple[list[float], RatioSums | None]:
        """Run the passes; return loss, summed entropy and gradient norm, and the statistics."""
        losses: list[Tensor] = []
        entropies: list[Tensor] = []
        sums: RatioSums | None = None
        for forward in passes.forward:
            scored = forward()
            loss, more = loss_of(scored)
            loss.backward()
            losses.append(loss.detach())
            entropies.append(scored.scores.entropies_P.sum())
            if more is not None:
                sums = more if sums is None else sums + more
        max_norm = self.settings.max_gradient_norm
        norm = nn.utils.clip_grad_norm_(self._trained, math.inf if max_norm is None else max_norm)
        totals = [torch.stack(losses).sum(), torch.stack(entropies).sum(), norm]
        return torch.stack([total.double() for total in totals]).tolist(), sums  # one wait for the device

    def _apply(self, loss: float, gradient_norm: float, learning_rate: float) -> SkipReason | None:
        """Take the optimizer step, unless loss or gradient is not finite."""
        finite = math.isfinite(loss) and math.isfinite(gradient_norm)
        if finite:
            for group in self._optimizer.param_groups:
                group["lr"] = learning_rate
            self._optimizer.step()
            self.num_steps += 1
        else:
            self.num_skipped += 1
        self._optimizer.zero_grad(set_to_none=True)
        return None if finite else SkipReason.NOT_FINITE

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the weights that the next step depends on."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "num_steps": self.num_steps,
            "num_skipped": self.num_skipped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._optimizer.load_state_dict(state["optimizer"])
        self.num_steps = state["num_steps"]
        self.num_skipped = state["num_skipped"]

    def save_model(self, folder: Path) -> None:
        """Write the trained weights as a Hugging Face folder; under LoRA, the adapters alone."""
        if isinstance(self.model, PeftModel):
            # Left to itself, PEFT would look up the base model's embeddings on the network.
            self.model.save_pretrained(str(folder), save_embedding_layers=False)
        else:
            self.model.save_pretrained(folder)

    def export(self, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
        """Write a plain Hugging Face folder, adapters merged into the weights, in place of what is there.

        It is written beside the folder and renamed into place, so that the folder is never half a model.

        Raises:
            ExportError: It could not be written, for example because the disk is full; what was there is intact.
        """
        export_model(self.model, tokenizer, folder)


def _entropy_by_depth(read: Sequence[Trajectory], entropies: Sequence[Tensor]) -> dict[int, float]:
    """Return the mean entropy at each depth, from trajectories in the order in which their tokens were scored."""
    if not read:
        return {}
    entropies_P = torch.cat(list(entropies)).double().cpu().numpy()
    depths_P = np.repeat([trajectory.depth for trajectory in read], [trajectory.num_learned for trajectory in read])
    return {int(depth): float(entropies_P[depths_P == depth].mean()) for depth in np.unique(depths_P)}


def _checked(losses_P: object, tokens: LossTokens) -> Tensor:
    """Return the losses of the tokens, unless a user's loss returned something else.

    Raises:
        InvalidValueError: It did.
    """
    shape = tuple(tokens.logprobs_P.shape)
    if isinstance(losses_P, Tensor) and tuple(losses_P.shape) == shape:
        return losses_P
    got = f"a tensor of shape {tuple(losses_P.shape)}" if isinstance(losses_P, Tensor) else repr(losses_P)
    raise InvalidValueError(f"A loss returns one number for each token, of shape {shape}; got {got}.")
