"""Models and tokenizers from folders, and the tiny ones that are built on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_train.config import Recipe, WarmStartStage
from rao_train.seeds import Purpose, seed_of
from rao_train.tiny_model import build_model, build_tokenizer
from rao_train.warmstart import demonstrate

_TOKENIZER_TREES = 200
"""Demonstrations of each warm-start stage that a tiny model's tokenizer is trained on."""


def check_device(device: str) -> torch.device:
    """Return a device that is there.

    Raises:
        InvalidValueError: It is not, or it is not the name of a device.
    """
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InvalidValueError(f"device must be cpu, cuda or cuda:N, got {device!r}.") from error
    if found.type == "cuda" and (not torch.cuda.is_available() or (found.index or 0) >= torch.cuda.device_count()):
        raise InvalidValueError(
            f"device={device!r}: this machine shows {torch.cuda.device_count()} CUDA devices. Use device=cpu."
        )
    if found.type not in ("cpu", "cuda"):
        raise InvalidValueError(f"device must be cpu, cuda or cuda:N, got {device!r}.")
    return found


def load_folder(path: str, device: str) -> tuple[Any, Any]:
    """Load a model and its tokenizer from a Hugging Face folder.

    Args:
        path: The folder.
        device: Where the model goes.

    Raises:
        MissingFileError: There is no such folder, or it holds no model.
        FileFormatError: What it holds cannot be loaded.
        InvalidValueError: The device is not there.
    """
    target = check_device(device)
    if not Path(path).is_dir():
        raise MissingFileError(f"There is no model folder {path!r}.")
    if not (Path(path) / "config.json").is_file():
        raise MissingFileError(f"{path!r} is not a model folder: it has no config.json.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(path, local_files_only=True, dtype=torch.float32)
    except Exception as error:  # whatever a damaged file makes the libraries raise
        reason = str(error).strip().splitlines()
        raise FileFormatError(
            f"{path!r} cannot be loaded as a causal language model: {reason[0] if reason else type(error).__name__}"
        ) from error
    return model.to(target), tokenizer


def model_of(recipe: Recipe) -> tuple[Any, Any]:
    """Return the model and tokenizer that a recipe starts from; tiny ones are a function of the recipe alone."""
    if recipe.model.path:
        return load_folder(recipe.model.path, recipe.model.device)
    device = check_device(recipe.model.device)
    stages = recipe.warm_start.stages or (
        WarmStartStage(name="tokenizer", steps=1, difficulties=recipe.curriculum.difficulties),
    )
    episodes = recipe.environment.episodes()
    texts = [
        message["content"]
        for place, stage in enumerate(stages)
        for tree in demonstrate(
            episodes, stage, seed_of(recipe.seed, Purpose.TOKENIZER, place), num_trees=_TOKENIZER_TREES
        )
        for node in tree.nodes
        for message in node.messages
        if message["role"] != "system"
    ]
    tokenizer = build_tokenizer(texts, recipe.model.tiny.vocabulary)
    model: Any = build_model(recipe.model.tiny, tokenizer, recipe.seed)
    return model.to(device), tokenizer
