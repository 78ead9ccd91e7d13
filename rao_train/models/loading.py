"""Load models and tokenizers from Hugging Face folders."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import snapshot_download
from transformers import AutoModelForCausalLM, AutoTokenizer

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError, reason_of, unknown_name

DTYPES = ("auto", "float32", "bfloat16", "float16")
"""Precisions to load weights in; ``auto`` is the precision that they are stored in."""


_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
_NOT_NEEDED: Final = ("*.pth", "*.gguf", "*.onnx", "*.h5", "*.msgpack", "original/*")
"""What a repository may hold beside what `transformers` reads."""


def check_device(device: str) -> torch.device:
    """Return a device after checking that it exists.

    Raises:
        InvalidValueError: It does not exist, or is not the name of a device.
    """
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InvalidValueError(f"device must be cpu, cuda or cuda:N, got {device!r}.") from error
    if found.type == "cuda" and (not torch.cuda.is_available() or (found.index or 0) >= torch.cuda.device_count()):
        raise InvalidValueError(
            f"device={device!r} does not exist: there are {torch.cuda.device_count()} CUDA devices. Use device=cpu."
        )
    if found.type not in ("cpu", "cuda"):
        raise InvalidValueError(f"device must be cpu, cuda or cuda:N, got {device!r}.")
    return found


def check_dtype(dtype: str) -> str:
    """Return the name of a precision after checking it.

    Raises:
        UnknownNameError: There is no such precision.
    """
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    return dtype


def model_folder(path: str) -> Path:
    """Return the folder of a model.

    Args:
        path: A folder, or ``organization/name`` on the Hugging Face hub, which is fetched unless it is in the cache.

    Raises:
        MissingFileError: There is no such folder, and none on the hub that can be reached.
    """
    folder = Path(path)
    if folder.is_dir() or not _HUB_ID.fullmatch(path):
        return folder
    try:
        return Path(snapshot_download(path, ignore_patterns=list(_NOT_NEEDED)))
    except Exception as error:  # whatever the network, the hub or the cache say
        raise MissingFileError(
            f"There is no model folder {path!r}, and the Hugging Face hub does not give it: {reason_of(error)}."
        ) from error


def folder_content(path: str) -> str:
    """Return a hash of what a model's folder holds: weights, configuration, tokenizer and chat template.

    Every file that lies directly in the folder counts, except hidden and Markdown files, which no loader reads.
    """
    digest = hashlib.sha256()
    files = [file for file in model_folder(path).iterdir() if file.is_file() and file.suffix != ".md"]
    for file in sorted(file for file in files if not file.name.startswith(".")):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name}\0{content}\n".encode())
    return digest.hexdigest()


def load_folder(path: str, device: str, dtype: str = "float32") -> tuple[Any, Any]:
    """Load a model and its tokenizer from a Hugging Face folder or from the hub.

    Args:
        path: The folder, or a name on the hub; see `model_folder`.
        device: Where the model goes.
        dtype: Precision of the weights; ``"auto"`` for that in which they are stored. Weights that are trained must
            be float32.

    Raises:
        MissingFileError: There is no such folder, or it holds no model.
        FileFormatError: The model cannot be loaded.
        InvalidValueError: There is no such device.
        UnknownNameError: There is no such precision.
    """
    target = check_device(device)
    check_dtype(dtype)
    folder = model_folder(path)
    if not folder.is_dir():
        raise MissingFileError(f"There is no model folder {path!r}.")
    if not (folder / "config.json").is_file():
        raise MissingFileError(f"{path!r} is not a model folder: it has no config.json.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype="auto" if dtype == "auto" else getattr(torch, dtype)
        )
    except Exception as error:  # on a damaged file, the libraries may raise anything
        reason = str(error).strip().splitlines()
        raise FileFormatError(
            f"{path!r} cannot be loaded as a causal language model: {reason[0] if reason else type(error).__name__}"
        ) from error
    return model.to(target), tokenizer
