"""What a model's folder says about generation: which tokens end a turn, and settings that cannot be saved."""

from __future__ import annotations

import copy
from typing import Any

from transformers import GenerationConfig


def declared_end_ids(model: Any) -> list[int]:
    """Return the tokens that the model's generation settings, or else its configuration, name as ends."""
    for config in (getattr(model, "generation_config", None), model.config.get_text_config()):
        ends = getattr(config, "eos_token_id", None)
        if ends is not None:
            return [int(end) for end in (ends if isinstance(ends, list | tuple) else [ends])]
    return []


def repair_generation_config(model: Any) -> None:
    """Make a model's generation settings such that the model can be saved.

    Folders of base models often hold a temperature without `do_sample`, which `save_pretrained` refuses. Settings of
    sampling mean sampling; if that does not mend them, only the special tokens are left.
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
    """Tell whether `save_pretrained` takes these settings."""
    try:
        config.validate(strict=True)
    except ValueError:
        return False
    return True
