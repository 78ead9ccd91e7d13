"""The weights that the learner trains: adapters around a model, their optimizer, and a model without dropout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from rao_gym.errors import InvalidValueError
from rao_train.learning.settings import ALL_LINEAR, LearnerSettings, LoraSettings


def with_adapters(
    model: PreTrainedModel | PeftModel, lora: LoraSettings | None, seed: int
) -> PreTrainedModel | PeftModel:
    """Put adapters around the model, unless it has some or none are wanted.

    PEFT draws their weights from the global generators, which are seeded for it and then put back.

    Raises:
        InvalidValueError: The model has none of the modules that the settings name.
    """
    if lora is None or isinstance(model, PeftModel):
        return model
    targets = list(lora.target_modules)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        target_modules=ALL_LINEAR if targets == [ALL_LINEAR] else targets,
    )
    devices = {weights.device for weights in model.parameters() if weights.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=list(devices)):
            torch.manual_seed(seed)
            return get_peft_model(model, config)
    except ValueError as error:
        raise InvalidValueError(f"LoRA cannot be added to {type(model).__name__}: {error}") from error


def check_trained(trained: Sequence[nn.Parameter]) -> None:
    """Check that there are weights to train, in a precision that small updates do not vanish in.

    Raises:
        InvalidValueError: There are none, or they are too coarse.
    """
    if not trained:
        raise InvalidValueError("The model has no weights that require a gradient.")
    coarse = {weights.dtype for weights in trained} - {torch.float32, torch.float64}
    if coarse:
        raise InvalidValueError(
            f"Trained weights must be float32, got {', '.join(sorted(map(str, coarse)))}: load the model with "
            "dtype=torch.float32 and set bf16=true."
        )


def adamw(trained: Sequence[nn.Parameter], settings: LearnerSettings) -> torch.optim.AdamW:
    """Return the optimizer; only matrices decay."""
    matrices = [weights for weights in trained if weights.ndim >= 2]
    others = [weights for weights in trained if weights.ndim < 2]
    groups = [
        {"params": weights, "weight_decay": decay}
        for weights, decay in ((matrices, settings.weight_decay), (others, 0.0))
        if weights
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)


@contextmanager
def without_dropout(model: nn.Module, *, checkpointing: bool) -> Iterator[None]:
    """Put the model in evaluation mode for a while.

    Layers checkpoint their activations only in training mode, so with `checkpointing` the layers themselves, but
    nothing in them, are put in training mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    if checkpointing:
        for module, _ in modes:
            if isinstance(module, GradientCheckpointingLayer):
                module.training = True
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
