"""Models and tokenizers from Hugging Face folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError


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
