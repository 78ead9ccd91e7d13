"""The model and tokenizer that a run starts from."""

from __future__ import annotations

from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.limits import TextCounter
from rao_train.models.loading import check_device, load_folder
from rao_train.models.tiny import build_model, build_tokenizer
from rao_train.recipes.settings import Recipe
from rao_train.recipes.warm_start import WarmStartStage
from rao_train.run.warm_start import demonstrate
from rao_train.seeds import Purpose, seed_of

_TOKENIZER_TREES = 200
"""Demonstrations of each warm-start stage that a tiny model's tokenizer is trained on."""


def model_of(recipe: Recipe) -> tuple[Any, Any]:
    """Return the model and tokenizer that a recipe starts from; tiny ones are a function of the recipe alone.

    Raises:
        InvalidValueError: The recipe names no model and builds none, or its device is not there.
        MissingFileError: There is no such model.
        FileFormatError: It cannot be loaded.
    """
    if recipe.model.path:
        # Without adapters every weight is trained, and small updates vanish in less than 32 bits.
        dtype = recipe.model.dtype if recipe.learner.lora else "float32"
        return load_folder(recipe.model.path, recipe.model.device, dtype)
    tiny = recipe.model.tiny
    if tiny is None:
        raise InvalidValueError(
            f"The recipe {recipe.name!r} trains a model of yours: set model.path to its folder, or to its name on the "
            "Hugging Face hub."
        )
    device = check_device(recipe.model.device)
    stages = recipe.warm_start.stages or (
        WarmStartStage(name="tokenizer", steps=1, difficulties=recipe.curriculum.difficulties),
    )
    setup = recipe.environment.setup()
    texts = [
        message["content"]
        for place, stage in enumerate(stages)
        for tree in demonstrate(
            setup,
            stage,
            seed_of(recipe.seed, Purpose.TOKENIZER, place),
            num_trees=_TOKENIZER_TREES,
            counter=TextCounter(_no_tokens),
        )
        for node in tree.nodes
        for message in node.messages
        if message["role"] != "system"
    ]
    tokenizer = build_tokenizer(texts, tiny.vocabulary)
    model: Any = build_model(tiny, tokenizer, recipe.seed)
    return model.to(device), tokenizer


def _no_tokens(text: str) -> int:
    """Count nothing: without a tokenizer nobody knows yet what fits in the window."""
    return 0
