"""A model's generation settings: which tokens end a turn, and how to make invalid settings savable."""

from __future__ import annotations

import copy
from typing import Any

from transformers import GenerationConfig


def declared_end_ids(model: Any) -> list[int]:
    """Return the end tokens that the model's generation settings, or else its configuration, declare."""
    for config in (getattr(model, "generation_config", None), model.config.get_text_config()):
        ends = getattr(config, "eos_token_id", None)
        if ends is not None:
            return [int(end) for end in (ends if isinstance(ends, list | tuple) else [ends])]
    return []


def repair_generation_config(model: Any) -> None:
    """Change a model's generation settings so that the model can be saved.

    Base models often have a temperature but no `do_sample`, which `save_pretrained` refuses. Sampling settings imply
    sampling, so `do_sample` is set; if that does not help, only the special tokens are kept.
    """
    config: GenerationConfig | None = getattr(model, "generation_config", None)
    if config is None or _can_be_saved(config):
        return
    sampling = copy.deepcopy(config)
    sampling.do_sample = True
    plain = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.generation_config = sampling if _can_be_saved(sampling) else plain


def _can_be_saved(config: GenerationConfig) -> bool:
    """Tell whether `save_pretrained` accepts these settings."""
    try:
        config.validate(strict=True)
    except ValueError:
        return False
    return True
