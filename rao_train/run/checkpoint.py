"""Checkpoints: everything that a run needs to go on exactly, and nothing half-written.

A checkpoint is one folder:

    model/          the policy as a Hugging Face folder, tokenizer included; under LoRA, the adapters
    learner.pt      optimizer and counters of the learner
    random.pt       generators of Python, NumPy, torch and CUDA
    state.json      what the trainer adds: sampler, curriculum, counters
    extra/          files that the trainer adds
    manifest.json   the step, and size and SHA-256 of every other file; written last

It is written to a hidden folder, forced to disk, and renamed into place; only then is the pointer `latest` replaced,
also by a rename. A run killed at any moment leaves either the old or the new checkpoint, and a folder that does
not match its manifest is never loaded: the newest one that does is taken instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel, load_peft_weights, set_peft_model_state_dict
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerBase

from rao_gym.errors import RaoError, reason_of
from rao_gym.jsonable import JSON
from rao_gym.limits import check_count
from rao_train.learning.learner import Learner

LATEST = "latest"
MANIFEST = "manifest.json"
_NAME = re.compile(r"step-(\d+)(?:\.(\d+))?")


class CheckpointError(RaoError, OSError):
    """A checkpoint that could not be written or read."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was loaded beside the learner and the generators, which are restored in place.

    Attributes:
        path: The checkpoint's folder.
        step: Step of the run at which it was saved.
        state: What the trainer added.
        files: Contents of the files that the trainer added, by name.
    """

    path: Path
    step: int
    state: Mapping[str, JSON]
    files: Mapping[str, bytes]


def save_checkpoint(
    folder: Path,
    learner: Learner,
    tokenizer: PreTrainedTokenizerBase,
    *,
    step: int,
    state: Mapping[str, JSON],
    files: Mapping[str, bytes] | None = None,
    keep: int = 2,
) -> Path:
    """Save a checkpoint, make it the latest one, and delete the oldest.

    Args:
        folder: Holds the checkpoints of one run; made if it is missing.
        learner: Its weights, optimizer and counters are saved.
        tokenizer: Goes into the model's folder.
        step: Step of the run.
        state: What the trainer needs to go on, in JSON form.
        files: Contents of further files, by plain name.
        keep: Checkpoints to keep, this one included.

    Returns:
        The checkpoint's folder.

    Raises:
        CheckpointError: It could not be written, for example because the disk is full; those saved before are
            intact.
    """
    check_count("keep", keep)
    hidden = folder / f".saving-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(hidden, ignore_errors=True)
        _write(hidden, learner, tokenizer, step, state, files or {})
        path = _free_name(folder, step)
        hidden.rename(path)
        _replace_text(folder / LATEST, path.name)
        _sync(folder)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors have their own kinds
        shutil.rmtree(hidden, ignore_errors=True)
        last = _newest(folder)
        kept = f"the last good one is {last}" if last else "there is none yet"
        raise CheckpointError(f"Cannot save a checkpoint in {folder}: {reason_of(error)}; {kept}.") from error
    _delete_old(folder, keep)
    return path


def load_checkpoint(folder: Path, learner: Learner) -> Checkpoint | None:
    """Restore the latest good checkpoint: weights, optimizer and counters of the learner, and all generators.

    Args:
        folder: Holds the checkpoints of one run.
        learner: A learner with the model and the settings of the one that was saved.

    Returns:
        The rest of the checkpoint, or None if there is none.

    Raises:
        CheckpointError: There are checkpoints, but none is whole, or the latest does not fit the learner.
    """
    path = _newest(folder)
    if path is None:
        torn = [candidate.name for candidate in _candidates(folder)]
        if torn:
            raise CheckpointError(f"No checkpoint in {folder} is whole: {', '.join(torn)} do not match their manifest.")
        return None
    try:
        _load_weights(path / "model", learner)
        learner.load_state_dict(torch.load(path / "learner.pt", map_location=learner.device, weights_only=True))
        _set_random_state(torch.load(path / "random.pt", map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"Cannot load the checkpoint {path}: {reason_of(error)}.") from error
    return Checkpoint(
        path=path,
        step=json.loads((path / MANIFEST).read_text())["step"],
        state=json.loads((path / "state.json").read_text()),
        files={file.name: file.read_bytes() for file in sorted((path / "extra").iterdir())},
    )


def is_whole(path: Path) -> bool:
    """Tell whether a checkpoint's files are all there and match its manifest."""
    try:
        recorded = json.loads((path / MANIFEST).read_text())["files"]
        return bool(recorded == _fingerprints(path))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(
    hidden: Path,
    learner: Learner,
    tokenizer: PreTrainedTokenizerBase,
    step: int,
    state: Mapping[str, JSON],
    files: Mapping[str, bytes],
) -> None:
    """Write a checkpoint's files and force them to disk, the manifest last."""
    (hidden / "extra").mkdir(parents=True)
    learner.save_model(hidden / "model")
    tokenizer.save_pretrained(hidden / "model")
    torch.save(learner.state_dict(), hidden / "learner.pt")
    torch.save(_random_state(), hidden / "random.pt")
    (hidden / "state.json").write_text(json.dumps(state))
    for name, contents in files.items():
        (hidden / "extra" / name).write_bytes(contents)
    manifest = {"step": step, "files": _fingerprints(hidden)}
    for path in hidden.rglob("*"):
        _sync(path)
    (hidden / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _sync(hidden / MANIFEST)
    _sync(hidden)


def _files(path: Path) -> list[Path]:
    """Return all files of a checkpoint but the manifest, sorted."""
    return sorted(file for file in path.rglob("*") if file.is_file() and file != path / MANIFEST)


def _fingerprints(path: Path) -> dict[str, list[int | str]]:
    """Return size and SHA-256 of each file of a checkpoint, by its path in it."""
    fingerprints: dict[str, list[int | str]] = {}
    for file in _files(path):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        fingerprints[file.relative_to(path).as_posix()] = [file.stat().st_size, digest]
    return fingerprints


def _sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace_text(path: Path, text: str) -> None:
    """Replace a small file's contents at once."""
    hidden = path.with_name(f".{path.name}-{os.getpid()}")
    hidden.write_text(text)
    _sync(hidden)
    hidden.replace(path)


def _free_name(folder: Path, step: int) -> Path:
    """Return a new name for a step's checkpoint: a resumed run may save a step again."""
    path = folder / f"step-{step:08d}"
    attempt = 1
    while path.exists():
        path = folder / f"step-{step:08d}.{attempt}"
        attempt += 1
    return path


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield the checkpoints in the order in which they are tried: the pointer's, then the newest first."""
    try:
        names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        pointed = (folder / LATEST).read_text().strip() if (folder / LATEST).exists() else ""
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise CheckpointError(f"Cannot read the checkpoints in {folder}: {reason_of(error)}.") from error
    for name in sorted(names, key=lambda name: (name == pointed, _age(name)), reverse=True):
        yield folder / name


def _age(name: str) -> tuple[int, int]:
    """Return step and attempt of a checkpoint's name."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2] or 0)) if match else (-1, 0)


def _newest(folder: Path) -> Path | None:
    """Return the checkpoint to load, if there is one."""
    return next((path for path in _candidates(folder) if is_whole(path)), None)


def _delete_old(folder: Path, keep: int) -> None:
    """Delete all but the first `keep` checkpoints, and what killed runs left behind."""
    for path in [*list(_candidates(folder))[keep:], *folder.glob(".saving-*"), *folder.glob(f".{LATEST}-*")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # what is left of it does not match its manifest
        else:
            path.unlink(missing_ok=True)


def _load_weights(path: Path, learner: Learner) -> None:
    """Copy the saved weights into the learner's model, in place: the optimizer holds on to its tensors."""
    model = learner.model
    if isinstance(model, PeftModel):
        set_peft_model_state_dict(model, load_peft_weights(str(path), device=str(learner.device)))
        return
    saved: Any = type(model).from_pretrained(path, dtype=model.dtype)
    model.load_state_dict(saved.state_dict())


def _random_state() -> dict[str, Any]:
    """Return the state of every global generator, in types that load without running code."""
    version, numbers, gauss = random.getstate()
    name, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, np.asarray(keys).tolist(), place, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_state(state: Mapping[str, Any]) -> None:
    """Restore what `_random_state` returned."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, place, has_gauss, cached = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), place, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
